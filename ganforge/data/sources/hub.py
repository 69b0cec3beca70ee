"""Hugging Face data sets: from the hub, or saved by ``save_to_disk``; all through their library."""

from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.sources.decode import Unreadable
from ganforge.data.sources.entries import LABEL_COLUMNS, PICTURE_COLUMNS, make_entries
from ganforge.data.sources.folder import digest_of, read_file
from ganforge.data.sources.parquet import HUB_EXTRA, label_name, picture_bytes


class HubSource:
    """See ``Source``. The rows stay in the library's memory-mapped files."""

    kind = "hub"

    def __init__(self, name: str, held: Any, skipped: list[tuple[str, str]]) -> None:
        import datasets

        self.name, self.skipped = name, skipped
        pictures = [key for key, feature in held.features.items() if isinstance(feature, datasets.Image)]
        usual = [key for key in PICTURE_COLUMNS if key in pictures]
        if not pictures:
            raise UserError(
                f"{name} has no column of pictures among {', '.join(held.features)}; name another data set."
            )
        if not usual and len(pictures) > 1:
            raise UserError(f"{name} has several columns of pictures ({', '.join(pictures)}); keep one of them.")
        self._column = (usual or pictures)[0]
        label = next((key for key in LABEL_COLUMNS if key in held.features), None)
        labels = None
        if label is not None:
            names = list(getattr(held.features[label], "names", None) or [])
            labels = [label_name(value, names) for value in held[label]]
            if None in labels:
                skipped.append((f"column '{label}'", f"not used: no class in {labels.count(None):,} rows"))
                labels = None
        if not len(held):
            raise UserError(f"{name} holds no rows; name another data set.")
        self.labels_from = f"column '{label}'" if labels is not None else ""
        rows = [f"row {row}" for row in range(len(held))]
        self.entries = make_entries(rows, None if labels is None else [str(one) for one in labels])
        self._rows = held.select_columns([self._column]).cast_column(self._column, datasets.Image(decode=False))
        self._files = [Path(file["filename"]) for file in held.cache_files]

    def fingerprint(self) -> str:
        try:
            states = [(path.name, path.stat()) for path in self._files]
        except OSError as error:
            raise UserError(f"{error.filename} is not there any more ({error.strerror}).") from None
        return digest_of([(name, state.st_size, state.st_mtime_ns) for name, state in states])

    def read(self, index: int) -> bytes:
        try:
            held = self._rows[index][self._column]
        except Exception as error:  # the library's, pyarrow's, and those of the file system
            raise Unreadable(f"cannot be read ({' '.join(str(error).split())[:100]})") from None
        if isinstance(held, dict) and held.get("bytes") is None and held.get("path"):
            return read_file(Path(held["path"]))
        return picture_bytes(held)

    def close(self) -> None:
        del self._rows


def is_saved(folder: Path) -> bool:
    """Was the folder written by ``save_to_disk``?"""
    return (folder / "dataset_dict.json").is_file() or (
        (folder / "dataset_info.json").is_file() and (folder / "state.json").is_file()
    )


def open_saved(folder: Path) -> HubSource:
    """A data set that ``save_to_disk`` has written; of several splits, "train". Raises UserError."""
    datasets = _library(str(folder))
    try:
        held = datasets.load_from_disk(str(folder))
    except Exception as error:  # a library's way of saying that a file is missing or damaged may be anything
        raise UserError(f"{folder} cannot be loaded ({_reason(error)}); save it again with save_to_disk.") from None
    return _one_split(str(folder), held)


def open_hub(name: str) -> HubSource:
    """``hub:OWNER/NAME``, downloaded to the library's cache or found there; its "train" split. Raises UserError."""
    datasets = _library(name)
    try:
        held = datasets.load_dataset(name.removeprefix("hub:"))
    except Exception as error:  # no network, no such name, no permission, a script: the library names them all
        raise UserError(f"{name} cannot be loaded ({_reason(error)}); check the name and the network.") from None
    return _one_split(name, held)


def _library(name: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise UserError(f"{name} is a Hugging Face data set, and reading it needs datasets; {HUB_EXTRA}.") from None
    datasets.disable_progress_bars()
    return datasets


def _one_split(name: str, held: Any) -> HubSource:
    import datasets

    if not isinstance(held, dict):
        return HubSource(name, held, [])
    splits = list(held)
    if "train" not in splits and len(splits) != 1:
        raise UserError(f"{name} has the splits {', '.join(splits)} and no 'train'; save one of them on its own.")
    chosen = "train" if "train" in splits else splits[0]
    others = [(split, "another split than 'train'") for split in splits if split != chosen]
    if not isinstance(held[chosen], datasets.Dataset):
        raise UserError(f"{name} is not a data set of rows; name another.")
    return HubSource(name, held[chosen], others)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
