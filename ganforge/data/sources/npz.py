"""Which arrays of an .npz file are pictures, which are their classes, and of which split: told by their names."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import MAX_ENTRIES, MAX_LABEL, MAX_NAMES_BYTES, brief
from ganforge.data.sources.labels import all_classes, class_names_of
from ganforge.data.sources.rows import MAX_PACKED, Rows, RowSource, npy_header, rows_in, unreadable_array
from ganforge.data.sources.zip import open_zip

PICTURES = ("images", "image", "imgs", "x", "data", "samples", "arr_0")
LABELS = ("labels", "label", "y", "targets", "arr_1")
"""``numpy.savez`` gives the names arr_0 and arr_1 on its own account."""
CLASS_NAMES = "class_names"
"""Which ganforge itself writes."""
SPLITS = {"train": "train", "test": "test", "val": "val", "valid": "val", "validation": "val"}
"""Before or behind these names, with a line between them: MedMNIST's train_images, Keras' x_train."""
MAX_ARRAYS = 1_000


@dataclass(frozen=True)
class _Found:
    """Of one split: the names of its arrays."""

    pictures: str
    labels: str | None


def open_npz(path: Path) -> RowSource:
    """The pictures in an .npz file, with their classes and splits. Raises UserError."""
    with open_zip(path) as archive:
        infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if len(infos) > MAX_ARRAYS:
            raise UserError(f"{path} holds {len(infos):,} arrays, and {MAX_ARRAYS:,} are the most; split it.")
        found = _chosen(path, archive, infos)
        rows: list[Rows] = []
        try:
            for split, names in found.items():
                rows.append(_opened(path, archive, infos[names.pictures], split))
            labels, why = _labels(path, archive, infos, found, rows)
        except BaseException:
            for one in rows:
                one.stream.close()
            raise
    told = sorted({one.labels for one in found.values() if one.labels is not None})
    others = infos.keys() - {one.pictures for one in found.values()} - {*told, *([CLASS_NAMES] if told else [])}
    skipped = [(f"array '{brief(name)}'", "neither pictures nor their classes, by its name") for name in others]
    where = f"array{'s' * (len(told) > 1)} {', '.join(map(repr, told))}"
    return RowSource(path, "array", rows, labels, where, skipped=sorted(skipped), no_labels=why)


def _chosen(path: Path, archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo]) -> dict[str, _Found]:
    """By split: the arrays with the first of the usual names, or else the only one that has the axes of pictures."""
    named = {role: _by_split(infos, names) for role, names in (("pictures", PICTURES), ("labels", LABELS))}
    if not named["pictures"]:
        likely = [name for name, info in infos.items() if len(_shape(path, archive, info)) in (3, 4)]
        if len(likely) != 1:
            held = brief(", ".join(infos)) or "none"
            raise UserError(
                f"{path} holds {len(likely)} arrays with the axes of pictures, none of them called images or "
                f"train_images; its arrays are: {held}; rename the one that holds the pictures to images."
            )
        named["pictures"] = {"": likely[0]}
    labels = named["labels"]
    if "" in labels and "train" in named["pictures"]:
        labels = {"train": labels[""]}  # as of pictures: what names no split belongs to train
    return {split: _Found(name, labels.get(split)) for split, name in named["pictures"].items()}


def _by_split(infos: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """Split -> the name of its array. Where there are splits, what names none belongs to train."""
    found: dict[str, tuple[int, str]] = {}
    for name in infos:
        first, line, last = name.lower().rpartition("_")
        words = [(SPLITS[first], last)] if first in SPLITS else [(SPLITS[last], first)] if last in SPLITS else []
        for split, word in [("", name.lower()), *words] if line else [("", name.lower())]:
            if word in names and (names.index(word), name) < found.get(split, (len(names), "")):
                found[split] = (names.index(word), name)
    if len(found) > 1 and "" in found:
        found.setdefault("train", found[""])
        del found[""]
    return {split: found[split][1] for split in sorted(found, key=["", "train", "val", "test"].index)}


def _shape(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[int, ...]:
    try:
        with archive.open(info) as file:
            return npy_header(path, file)[0]
    except UserError:
        return ()  # not an array
    except Exception as error:  # the unpackers raise almost anything on damaged bytes
        raise unreadable_array(path, error) from None


def _opened(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, split: str) -> Rows:
    try:
        stream = archive.open(info)
    except Exception as error:  # the unpackers raise almost anything on damaged bytes
        raise unreadable_array(path, error) from None
    try:
        if info.file_size > MAX_PACKED * info.compress_size:
            raise UserError(f"{path} says that it unpacks to {info.file_size:,} bytes, which cannot be true.")
        return rows_in(path, stream, info.file_size, split)
    except BaseException:
        stream.close()
        raise


def _labels(
    path: Path, archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo], found: Mapping[str, _Found],
    rows: list[Rows],
) -> tuple[list[str | None] | None, str]:  # fmt: skip
    """The classes of all pictures, None for those of splits without any; or None for all of them, and why."""
    told = [names.labels for names in found.values() if names.labels is not None]
    if not told:
        return None, ""
    values, at = list[Any](), list[str]()
    for (split, names), one in zip(found.items(), rows, strict=True):
        if names.labels is None:
            continue
        values += _by_name(path, archive, infos, npz_labels(path, archive, infos[names.labels]))
        at += [f"{split}{', ' * bool(split)}picture {row}" for row in range(one.count)]
        if len(values) != len(at):
            count = len(values) - len(at) + one.count
            raise UserError(f"{path} holds {one.count:,} pictures and {count:,} labels; save one for each.")
    origin = f"array {told[0]!r}" if len(told) == 1 else f"one of the arrays {', '.join(map(repr, told))}"
    classes, why = all_classes(values, origin, at.__getitem__)
    if classes is None:
        return None, why
    labels, left = list[str | None](), iter(classes)
    for names, one in zip(found.values(), rows, strict=True):
        labels += [None if names.labels is None else next(left) for _ in range(one.count)]
    return labels, "" if len(told) == len(found) else f"only {', '.join(map(repr, told))} tells any"


def _by_name(
    path: Path, archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo], values: list[Any]
) -> list[Any]:
    """The labels by the names of their classes, where an array class_names has one for each number."""
    if CLASS_NAMES not in infos:
        return values
    return class_names_of({CLASS_NAMES: npz_labels(path, archive, infos[CLASS_NAMES])}, values)


def npz_labels(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> list[Any]:
    """Numbers or texts, [N] or [N, 1]; of several for a picture, lists that say so. Raises UserError for others."""
    name = brief(info.filename.removesuffix(".npy"))
    try:
        with archive.open(info) as file:
            shape, dtype, _ = npy_header(path, file)
            if dtype.hasobject:
                raise ValueError("objects, which may be programs")
            if len(shape) == 2 and shape[1] > 1 and shape[0] <= MAX_ENTRIES:
                return [[f"{shape[1]:,} numbers"]] * shape[0]
            fits = shape[1:] in ((), (1,)) and shape[0] <= MAX_ENTRIES and dtype.itemsize * shape[0] <= MAX_NAMES_BYTES
            wanted = fits and dtype.kind in "iufU" and dtype.itemsize <= 4 * MAX_LABEL
            content = file.read(shape[0] * dtype.itemsize) if wanted else b""
            file.read(1)  # at the end, zipfile compares the checksum
    except UserError:
        raise
    except Exception as error:  # the unpackers raise almost anything on damaged bytes
        raise unreadable_array(path, error) from None
    if not wanted or len(content) != shape[0] * dtype.itemsize:
        raise UserError(
            f"The labels in {path} ({name}, {dtype} {list(shape)}) are not whole numbers from 0, or texts of up to "
            f"{MAX_LABEL} characters, one for each of up to {MAX_ENTRIES:,} pictures; save one class for each, or take "
            "that array away."
        )
    return list(np.frombuffer(content, dtype).tolist())
