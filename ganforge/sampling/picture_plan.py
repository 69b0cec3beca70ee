"""Which pictures are to be saved, what their files are called, and how an earlier try at the same is known again."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.files import read_plain_json, reason, write_text_atomically
from ganforge.base.picture_format import PictureFormat

INDEX, DATASET_JSON, ABOUT = "index.csv", "dataset.json", "pictures.json"
HEAD = "file,seed,class,nimg,truncation\n"
MAX_ABOUT_BYTES = 1 << 20
MAX_CLASS_CHARACTERS = 60


@dataclass(frozen=True)
class Plan:
    """One row a seed. labels: int64 [N], None for a model that is told no class. nimg: real pictures that the model's D
    had seen. about: what the bytes of the pictures depend on beside these, as plain values."""

    seeds: Sequence[int]
    labels: Tensor | None
    class_names: tuple[str, ...]
    shape: tuple[int, ...]
    nimg: int
    truncation: float
    look: PictureFormat
    about: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def what(self) -> str:
        return "pictures" if len(self.shape) == 3 else "points"

    @cached_property
    def folders(self) -> dict[int, str]:
        """The sub-folder of each class that occurs. Their order by name is that of the classes' numbers, which is what
        torchvision's ImageFolder goes by."""
        if self.labels is None:
            return {}
        numbers = self.labels.unique().tolist()
        digits = len(str(max([*numbers, len(self.class_names) - 1])))
        names = {one: _plain(self.class_names[one]) if self.class_names else "" for one in numbers}
        return {one: f"{one:0{digits}}-{name}" if name else f"{one:0{digits}}" for one, name in names.items()}

    @cached_property
    def _classes(self) -> NDArray[np.int64] | None:
        return None if self.labels is None else self.labels.numpy()

    def label(self, row: int) -> int | None:
        return None if self._classes is None else int(self._classes[row])

    def key(self, row: int) -> str:
        """The file's name without folder and ending."""
        seed, label = f"seed{self.seeds[row]:08}", self.label(row)
        return seed if label is None else f"{seed}-class{label}"

    def path(self, row: int) -> str:
        """Within the folder or the zip."""
        name, label = self.key(row) + self.look.ending, self.label(row)
        return name if label is None else f"{self.folders[label]}/{name}"

    def line(self, row: int, path: str) -> str:
        """Of index.csv. None of its cells needs quotes: see ``_plain``."""
        label = self.label(row)
        return f"{path},{self.seeds[row]},{'' if label is None else label},{self.nimg},{self.truncation!r}\n"

    def dataset_json(self) -> Iterator[str]:
        """Piece by piece: StyleGAN's form, with the names of the classes, which only ganforge reads, beside it. Source:
        dataset_tool.py of github.com/NVlabs/stylegan3."""
        yield '{"labels": [\n'
        for row in range(len(self)):
            yield json.dumps([self.path(row), self.label(row)]) + (",\n" if row + 1 < len(self) else "\n")
        yield f'], "class_names": {json.dumps(self.class_names)}}}\n' if self.class_names else "]}\n"

    def facts(self) -> dict[str, Any]:
        """By which the same pictures are known again; what differs is told by these names."""
        seeds = hashlib.sha256(",".join(map(str, self.seeds)).encode()).hexdigest()
        classes = None if self.labels is None else hashlib.sha256(self.labels.numpy().tobytes()).hexdigest()
        plain = isinstance(self.seeds, range) and self.seeds == range(len(self))
        facts = {"format": 1, "count": len(self), "seeds": f"0-{len(self) - 1}" if plain else seeds, "classes": classes}
        facts |= {"class_names": list(self.class_names), "shape": list(self.shape), "nimg": self.nimg}
        facts |= {"truncation": self.truncation, "kind": self.look.kind, "upscale": int(self.look.upscale)}
        return facts | {"quality": None if self.look.quality is None else int(self.look.quality)} | self.about

    def refuse_repeated(self) -> None:
        """Raise UserError where two rows would have one name."""
        if isinstance(self.seeds, range):
            return
        seen = set()
        for row, seed in enumerate(self.seeds):
            if (seed, self.label(row)) in seen:
                raise UserError(f"Seed {seed} is asked for twice, and its picture would be the same; give it once.")
            seen.add((seed, self.label(row)))


def is_begun(plan: Plan, about: Path, others: Sequence[str], where: str) -> bool:
    """Was this very plan begun here (``note``)? others: what lies there beside the file ``about``. Writes nothing.

    Raises UserError where others lie there and no such file, or another plan was begun, and OSError.
    """
    facts = plan.facts()
    try:
        held = read_plain_json(about, MAX_ABOUT_BYTES)
    except FileNotFoundError:
        if others:
            raise UserError(
                f"{where} holds {', '.join(others[:3])}{', ...' * (len(others) > 3)} already, and {plan.what} are "
                "not mixed with what is there; choose another --out."
            ) from None
        return False
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not JSON"
        raise UserError(f"{about} cannot be read ({why}), so it is not known what was begun; choose another.") from None
    if held != facts:
        held = held if isinstance(held, dict) else {}
        differ = [name for name in facts.keys() | held.keys() if facts.get(name) != held.get(name)]
        raise UserError(
            f"{where} holds other {plan.what}: they differ in {', '.join(sorted(differ))}; give the same options to "
            "go on with them, or choose another --out."
        )
    return True


def note(plan: Plan, about: Path) -> None:
    """That this plan is begun here now. Raises OSError."""
    write_text_atomically(about, json.dumps(plan.facts(), indent=1) + "\n")


def weights_digest(G: nn.Module) -> str:
    """SHA-256 of the names and numbers of a network's weights."""
    digest = hashlib.sha256()
    for name, tensor in G.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _plain(name: str) -> str:
    """A class's name as a part of a folder's: letters, digits, dots and lines only, on every system."""
    return re.sub(r"[^\w.-]+", "_", name)[:MAX_CLASS_CHARACTERS].strip("._ ")
