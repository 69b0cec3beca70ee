"""Pictures that some other tool has made, to be judged: a folder of picture files, or any other source of them."""

from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.sizes import size_text
from ganforge.base.stopping import poll
from ganforge.data.dataset import Dataset
from ganforge.data.sources.budget import brief
from ganforge.data.sources.depth import SAY
from ganforge.data.sources.entries import BESIDE, Array
from ganforge.data.sources.guarded import Guarded
from ganforge.data.sources.left_out import CHOICE, Tally
from ganforge.data.sources.open import open_guarded
from ganforge.data.sources.pixel_kinds import Unreadable

LISTED = 20
"""So much of what was passed over is listed."""
MAX_BYTES = 8 << 30
"""The most that is read: 43,690 pictures of 256 x 256 in colour."""


def read_pictures(path: Path) -> Dataset:
    """All pictures of a source that ``open_guarded`` opens: uint8 [N, C, H, W], without labels.

    In the order of the source's entries, decoded as ``decode`` does it; notes tell what was passed over. All must
    have one size, and all be grey (C = 1) or all in colour (C = 3); palettes and GIFs count as colour. A transparent
    picture is refused, as what is judged would depend on what lies behind it; an alpha channel that is opaque
    everywhere is dropped.

    Raises UserError as ``open_source`` does, for the first picture that cannot be read, for files of which only a part
    would be judged, for several sizes, kinds or parts, and for more than ``MAX_BYTES``.
    """
    with closing(open_guarded(path)) as source:
        parts = {entry.split for entry in source.entries if entry.split != BESIDE}
        if len(parts) > 1:
            raise UserError(
                f"{path} holds the parts {', '.join(sorted(parts))}; save those pictures that are to be judged alone."
            )
        beside = {
            brief(entry.name) for entry in source.entries if entry.split == BESIDE
        }  # not learned from, but judged
        skipped = [(name, why) for name, why in source.skipped if name not in beside]
        passed = [f"{name} ({why})" for name, why in skipped[:LISTED]]
        more = f" and {len(skipped) - LISTED:,} more" if len(skipped) > LISTED else ""
        notes = (f"Skipped: {', '.join(passed)}{more}",) if passed else ()
        items, left = _read_all(source)
        return Dataset(str(path), str(path), items, notes=(*notes, *left))


def as_grey(items: Tensor) -> Tensor:
    """Pictures uint8 [N, 3, H, W] as [N, 1, H, W] if all three channels are equal everywhere, else as they are.

    Many tools save grey pictures in colour. Pictures that have one channel already come back as they are, too.
    """
    red = items[:, :1]
    return red if items.shape[1] == 3 and bool((items == red).all()) else items


def _read_all(source: Guarded) -> tuple[Tensor, list[str]]:
    """The pictures, and what is left of their files, for people."""
    tally = Tally()
    count, first = len(source.entries), _read(source, 0, tally)
    if count * first.size > MAX_BYTES:
        held = f"{count:,} pictures, which take {count * first.size / 2**30:.1f} GiB"
        raise UserError(f"{source.name} holds {held}; at most {MAX_BYTES / 2**30:g} GiB are read, so remove some.")
    items = torch.empty(count, *first.shape, dtype=torch.uint8)
    for index in range(count):
        poll()
        picture = first if index == 0 else _read(source, index, tally)
        if picture.shape != first.shape:
            kinds = f"{_name(source, 0)} is {_kind(first)}, and {_name(source, index)} is {_kind(picture)}"
            raise UserError(f"The pictures differ: {kinds}; make them one size, and all grey or all in colour.")
        items[index] = torch.tensor(picture)
    if tally.refusals("first", None):
        raise UserError(
            f"{source.name}: no value in these pictures of 16 bits a channel is above {tally.high:,.0f} of 65,535, so "
            "that hardly any grey levels would be left; save them with 8 bits."
        )
    return items, [line.partition(CHOICE)[0] for line in tally.lines(None)]  # here, no range can be given


def _read(source: Guarded, index: int, tally: Tally) -> Array:
    """[1, H, W] or [3, H, W]."""
    try:
        picture, rest = source.take(index)
        if rest.pages or rest.bands:
            held = f"{rest.pages + 1:,} pages or frames" if rest.pages else f"{rest.of} bands"
            raise UserError(
                f"{_name(source, index)} holds {held}, of which only some would be judged; save each picture as a file."
            )
        tally.note(source.entries[index].name, rest.told())
        return _opaque(picture, _name(source, index))
    except Unreadable as reason:
        name = _name(source, index)
        why = str(reason).partition(SAY)[0]  # here, no range can be given
        raise UserError(f"{name} cannot be read as a picture ({why}); remove it or make it again.") from None


def _opaque(picture: Image.Image, name: str) -> Array:
    if picture.mode in ("LA", "RGBA"):
        if picture.getchannel("A").getextrema() != (255, 255):
            raise UserError(f"{name} is transparent in places; lay it on a background and save it again.")
        picture = picture.convert(picture.mode[:-1])
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _name(source: Guarded, index: int) -> str:
    name = brief(source.entries[index].name)
    return f"{source.name}/{name}" if source.kind == "folder" else f"{name} in {source.name}"


def _kind(picture: Array) -> str:
    channels, height, width = picture.shape
    return f"{size_text(height, width)} {'grey' if channels == 1 else 'in colour'}"
