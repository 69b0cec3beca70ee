"""Hugging Face data sets: from the hub, or saved by ``save_to_disk``; all through their library."""

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.files import open_plain, read_plain, reason
from ganforge.data.sources.budget import MAX_ENTRIES, MAX_JSON_BYTES, brief, read_json, words
from ganforge.data.sources.columns import label_column, label_fault, named, other_columns
from ganforge.data.sources.entries import PICTURE_COLUMNS, digest_of_files, make_entries
from ganforge.data.sources.labels import all_classes
from ganforge.data.sources.parquet_rows import HUB_EXTRA, LABEL_ROWS, picture_bytes, short_values
from ganforge.data.sources.picture_folder import read_file
from ganforge.data.sources.pixel_kinds import Unreadable


class HubSource:
    """See ``Source``. The rows stay in the library's memory-mapped files.

    homes: folders from which pictures may be read that are files of their own.
    """

    kind = "hub"

    def __init__(self, name: str, held: Any, skipped: list[tuple[str, str]], homes: Sequence[Path]) -> None:
        import datasets

        self.name, self.skipped, self._homes = name, skipped, homes
        if len(held) > MAX_ENTRIES:
            raise UserError(f"{name} holds more than {MAX_ENTRIES:,} rows; save a part of it with save_to_disk.")
        pictures = [key for key, feature in held.features.items() if isinstance(feature, datasets.Image)]
        usual = [key for key in PICTURE_COLUMNS if key in pictures]
        if not pictures:
            raise UserError(
                f"{name} has no column of pictures among {brief(', '.join(held.features))}; name another data set."
            )
        if not usual and len(pictures) > 1:
            raise UserError(f"{name} has several columns of pictures ({brief(', '.join(pictures))}); keep one of them.")
        self._column = (usual or pictures)[0]
        skipped += other_columns(pictures, self._column)
        schema, labels = held.features.arrow_schema, None
        label = label_column(schema)
        self.no_labels = label_fault(schema, self._column)
        if label is not None:
            values = named(_values(name, held, label), list(getattr(held.features[label], "names", None) or []))
            labels, self.no_labels = all_classes(values, f"column '{label}'", lambda row: f"row {row}")
        if not len(held):
            raise UserError(f"{name} holds no rows; name another data set.")
        self.labels_from = f"column '{label}'" if labels is not None else ""
        rows = [f"row {row}" for row in range(len(held))]
        self.entries = make_entries(rows, labels)
        self._rows = held.select_columns([self._column]).cast_column(self._column, datasets.Image(decode=False))
        self._files = [Path(file["filename"]) for file in held.cache_files]

    def fingerprint(self) -> str:
        return digest_of_files(self._files)

    def read(self, index: int) -> bytes:
        try:
            held = self._rows[index][self._column]
        except Exception as error:  # the library's, pyarrow's, and those of the file system
            raise Unreadable(f"cannot be read ({words(error)})") from None
        if isinstance(held, dict) and held.get("bytes") is None and held.get("path"):
            path = Path(held["path"]).resolve()
            if any(path.is_relative_to(home) for home in self._homes):
                return read_file(path)
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
        _refuse_outside(folder)
        held = datasets.load_from_disk(str(folder))
    except Exception as error:  # a library's way of saying that a file is missing or damaged may be anything
        raise UserError(f"{folder} cannot be loaded ({words(error)}); save it again with save_to_disk.") from None
    return _one_split(str(folder), held, [])


def _refuse_outside(folder: Path) -> None:
    """The library opens whatever files the folder's JSON files name. Raises ValueError for one that lies elsewhere."""
    try:
        if (folder / "dataset_dict.json").exists():
            splits = _json(folder / "dataset_dict.json")["splits"]
            for split in splits:
                if _inside(folder, split).is_symlink():
                    raise ValueError(f"{brief(split)} is a link")
                _refuse_outside(folder / split)
            return
        _json(folder / "dataset_info.json")
        state = _json(folder / "state.json")
        for file in (*state["_data_files"], *(state.get("_indices_data_files") or ())):
            open_plain(_inside(folder, file["filename"])).close()
    except OSError as error:
        raise ValueError(reason(error)) from None
    except (AttributeError, KeyError, TypeError):
        raise ValueError("its JSON files are not those that save_to_disk writes") from None


def _json(path: Path) -> Any:
    return read_json(read_plain(path, MAX_JSON_BYTES))


def _inside(folder: Path, name: str) -> Path:
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise ValueError(f"it names a file elsewhere: {brief(name)}")
    return folder / name


def open_hub(name: str) -> HubSource:
    """``hub:OWNER/NAME``, downloaded to the library's cache or found there; its "train" split. Raises UserError."""
    datasets = _library(name)
    try:
        # In the current folder, one of that name would be loaded instead.
        with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
            held = datasets.load_dataset(name.removeprefix("hub:"))
    except Exception as error:  # no network, no such name, no permission, a script: the library names them all
        raise UserError(f"{name} cannot be loaded ({words(error)}); check the name and the network.") from None
    return _one_split(name, held, [Path(home).resolve() for home in _caches()])


def _caches() -> list[str]:
    """Where the library puts the files that it downloads and unpacks."""
    import datasets
    from huggingface_hub import constants

    config = datasets.config
    return [config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH, constants.HF_HUB_CACHE]


def _values(name: str, held: Any, label: str) -> list[Any]:
    """A column of classes. Raises UserError."""
    try:
        tables = held.select_columns([label]).with_format("arrow").iter(LABEL_ROWS)
        return [value for table in tables for chunk in table.column(0).chunks for value in short_values(chunk)]
    except Exception as error:  # the library's, and pyarrow's
        raise UserError(f"The column '{label}' of {name} cannot be read ({words(error)}); get it again.") from None


def _library(name: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise UserError(f"{name} is a Hugging Face data set, and reading it needs datasets; {HUB_EXTRA}.") from None
    datasets.disable_progress_bars()
    return datasets


def _one_split(name: str, held: Any, homes: Sequence[Path]) -> HubSource:
    import datasets

    if not isinstance(held, dict):
        return HubSource(name, held, [], homes)
    splits = list(held)
    if "train" not in splits and len(splits) != 1:
        raise UserError(
            f"{name} has the splits {brief(', '.join(splits))} and no 'train'; save one of them on its own."
        )
    chosen = "train" if "train" in splits else splits[0]
    others = [(brief(split), "another split than 'train'") for split in splits if split != chosen]
    if not isinstance(held[chosen], datasets.Dataset):
        raise UserError(f"{name} is not a data set of rows; name another.")
    return HubSource(name, held[chosen], others, homes)
