"""A snapshot on its way to the Hugging Face hub: the files that go, and the commit that takes them there."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge._version import __version__
from ganforge.base.errors import UserError
from ganforge.base.files import write_text_atomically
from ganforge.base.tensorfile import read_tensorfile, write_tensorfile
from ganforge.base.wording import as_typed
from ganforge.data.catalog import short_name
from ganforge.data.shards.pattern import is_remote
from ganforge.export.card import GRID, README, write_card
from ganforge.run.folder import RunFolder
from ganforge.run.hub_snapshot import FILE, HubName
from ganforge.run.snapshot import KIND, find_snapshot
from ganforge.sampling.model import load

PLACES = ("data", "test_data", "data_dir", "init_from")
"""The settings that may hold a path of this machine."""


@dataclass(frozen=True)
class Parcel:
    """files: by their names on the hub. left_out: the settings whose folders are not told. complaints: what is missing
    in the card."""

    files: dict[str, Path]
    left_out: list[str]
    complaints: list[str]


def snapshot_to_push(source: Path, *, newest: bool) -> Path:
    """A run's best snapshot, or its newest; or the file itself. Raises UserError where there is none."""
    if newest or not source.is_dir():
        if newest and source.exists() and not source.is_dir():
            raise UserError(f"{source} is not a run folder, so it has no newest snapshot; leave --newest out.")
        return find_snapshot(source)
    find_snapshot(source)
    try:
        return find_snapshot(source, best=True)
    except UserError:
        raise UserError(f"{source} has no snapshot with a figure, so none is known to be best; add --newest.") from None


def pack(source: Path, snapshot: Path, folder: Path, license: str | None) -> Parcel:
    """Write what goes to the hub into an empty folder. Raises UserError for what is no snapshot."""
    tensors, facts = read_tensorfile(snapshot.resolve(), KIND)
    settings, left_out = without_places(facts["settings"])
    files = {name: folder / name for name in (FILE, "config.json", README, GRID)}
    if left_out:
        write_tensorfile(files[FILE], KIND, tensors, facts | {"settings": settings})
    else:
        files[FILE].write_bytes(snapshot.read_bytes())
    run = run_of(source)
    complaints = write_card(load(files[FILE], "cpu"), run, folder, license)
    told: dict[str, Any] = {"library_name": "ganforge", "ganforge": __version__}
    told |= {name: facts[name] for name in ("nimg", "shape", "num_classes", "class_names", "mended") if name in facts}
    told |= {"settings": settings, "data": data_told(run)}
    write_text_atomically(files["config.json"], json.dumps(told, indent=2) + "\n")
    return Parcel(files, left_out, complaints)


def without_places(settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The settings with the last name alone of each path of this machine, and of each URL of shards, which may hold a
    key; and which settings that were."""
    kept = dict(settings)
    texts = {name: kept[name] for name in PLACES if isinstance(kept.get(name), str)}
    found = [name for name, text in texts.items() if is_remote(text) or Path(text).is_absolute()]
    for name in found:
        kept[name] = short_name(kept[name])
    return kept, found


def run_of(source: Path) -> RunFolder | None:
    """The run that a source is, or that a snapshot lies in; None for one by itself."""
    folder = RunFolder(source if source.is_dir() else source.absolute().parent.parent)
    return folder if folder.exists() else None


def data_told(run: RunFolder | None) -> dict[str, Any]:
    """What a run tells of its data, but not where they lie; nothing without a run."""
    data = {} if run is None else run.read_config()["data"]
    return {name: data[name] for name in ("name", "count", "shape", "num_classes", "fingerprint") if name in data}


def commit(name: HubName, files: Mapping[str, Path], *, public: bool, message: str) -> tuple[str, bool]:
    """Put the files there in one commit; makes the repository, private unless ``public``, where there is none. Returns
    the commit, and whether the repository is private.

    Raises UserError for a repository that others can see unless ``public``, and for one that holds files of these names
    which ganforge did not bring; and what the hub's library raises.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import RepositoryNotFoundError
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    disable_progress_bars()
    api = HfApi(library_name="ganforge", library_version=__version__)
    try:
        info = api.model_info(name.repo)
    except RepositoryNotFoundError:
        api.create_repo(name.repo, private=not public)
        info = api.model_info(name.repo)
    else:
        refuse_others(name, info, files)
    if not info.private and not public:
        raise UserError(f"{name} is there already, and everybody can see it; add --public, or choose another name.")
    additions = [CommitOperationAdd(path, os.fspath(file)) for path, file in files.items()]
    made = api.create_commit(name.repo, additions, commit_message=message, parent_commit=info.sha)
    return made.oid, bool(info.private)


def refuse_others(name: HubName, info: Any, files: Mapping[str, Path]) -> None:
    """Raise UserError where files of these names are there, and the repository is not of ganforge's making."""
    there = {each.rfilename for each in info.siblings or ()}
    if info.library_name != "ganforge" and (others := sorted(there & files.keys())):
        raise UserError(
            f"{name} holds {as_typed(others)}, which ganforge did not bring there (its card does not name ganforge); "
            "choose another name."
        )
