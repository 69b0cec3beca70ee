"""Which class a picture has: what may be a class, and what the files say that lie among pictures to tell their classes.

A file of labels decides, or stops the run: nothing is guessed where it is wrong. Its bytes are untrusted and bounded.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import (
    MAX_ENTRIES,
    MAX_JSON_BYTES,
    MAX_JSON_MARKS,
    MAX_LABEL,
    MAX_NOTE_MARKS,
    brief,
    read_json,
)
from ganforge.data.sources.entries import LABEL_COLUMNS, is_label
from ganforge.data.sources.pixel_kinds import Unreadable

DATASET_JSON = "dataset.json"
LABEL_FILES = (DATASET_JSON, "metadata.jsonl", "metadata.csv", "labels.csv")
"""StyleGAN's, Hugging Face's (ImageFolder), and what people call their own."""
NAME_COLUMNS = ("file_name", "filename", "file", "path", "image")
FEW_VALUES = 100
"""Up to so many different values may be classes even where nearly every picture has its own."""
Pairs = list[tuple[str, Any]]
NUMBER = re.compile(r"[-+]?(?:[0-9]{1,18}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Table:
    """What a file of labels says. path: its own, within the source. labels: picture, as it is called there -> class, or
    None for no class. no_labels: why they are no classes, "" if they are."""

    path: str
    labels: Mapping[str, str | None]
    no_labels: str = ""

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


def is_label_file(path: str) -> bool:
    return path.rpartition("/")[2] in LABEL_FILES


def read_tables(paths: Iterable[str], read: Callable[[str], bytes], where: Callable[[str], str]) -> list[Table]:
    """Files of labels, read. where: what a file is called in messages. Raises UserError for what is none, for two in
    one folder, and for more than ``MAX_JSON_BYTES`` together."""
    tables: dict[str, Table] = {}
    left = MAX_JSON_BYTES
    for path in sorted(paths):
        try:
            content = read(path)
            left -= len(content)
            if left < 0:
                raise ValueError(f"all such files together take more than {MAX_JSON_BYTES >> 20} MiB")
            table = read_table(path, content)
        except (ValueError, Unreadable) as error:
            raise UserError(f"{where(path)} cannot be used: {error}; correct it or remove it.") from None
        if (other := tables.setdefault(table.folder, table)) is not table:
            raise UserError(
                f"{where(path)} and {brief(other.path)} both give the classes of the same pictures; keep one."
            )
    return list(tables.values())


def read_table(path: str, content: bytes) -> Table:
    """What the file says. Raises ValueError, its text for people, for another form, or two classes of one picture."""
    name = path.rpartition("/")[2]
    forms = {DATASET_JSON: _json_pairs, "metadata.jsonl": _jsonl_pairs}
    pairs, why = forms.get(name, _csv_pairs)(content)
    shown = brief(path)
    if why:
        return Table(path, {}, f"{shown} {why}")
    labels, why = as_classes([value for _, value in pairs], shown, lambda at: brief(pairs[at][0]))
    if why:
        return Table(path, {}, why)
    told: dict[str, str | None] = {}
    for (picture, _), label in zip(pairs, labels, strict=True):
        key = picture.replace("\\", "/").removeprefix("./")
        if told.setdefault(key, label) != label:
            held = " and ".join("none" if one is None else brief(one) for one in (told[key], label))
            raise ValueError(f"it gives {brief(picture)} two classes, {held}")
    return Table(path, told, "" if set(told.values()) != {None} else f"{shown} gives no picture a class")


def _json_pairs(content: bytes) -> tuple[Pairs, str]:
    """StyleGAN's form, ``{"labels": [["path", 3], ...]}``, or null where there are no classes. Source: dataset_tool.py
    of github.com/NVlabs/stylegan3."""
    held = read_json(content)
    if not isinstance(held, dict) or "labels" not in held:
        raise ValueError('it has no "labels"')
    pairs = held["labels"]
    if pairs is None or pairs == []:
        return [], f'says that there are none ("labels": {json.dumps(pairs)})'
    if not isinstance(pairs, list):
        raise ValueError('its "labels" is not a list of pairs ["path", class]')
    for at, pair in enumerate(pairs):
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            shown = brief(json.dumps(pair)[:200])
            raise ValueError(f'entry {at:,} of its "labels" is {shown}, and not a pair ["path", class]')
    return list(
        zip([picture for picture, _ in pairs], class_names_of(held, [value for _, value in pairs]), strict=True)
    ), ""


def class_names_of(held: Mapping[str, Any], values: Sequence[Any]) -> list[Any]:
    """The values by the names that stand in ``class_names``, as ganforge writes it beside StyleGAN's "labels"; as they
    are where that is not there, or names not all of them."""
    names = held.get("class_names")
    if not isinstance(names, list) or not all(map(is_label, names)) or len(set(names)) < len(names):
        return list(values)
    fit = all(type(value) is int and 0 <= value < len(names) for value in values)
    return [names[value] for value in values] if fit else list(values)


def _text_of(content: bytes) -> str:
    if content.count(b"\n") > 2 * MAX_ENTRIES or sum(map(content.count, (b",", b";", b"\t"))) > MAX_JSON_MARKS:
        raise ValueError(f"it holds more than {2 * MAX_ENTRIES:,} lines, or {MAX_JSON_MARKS:,} cells")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not a text in UTF-8") from None


def _jsonl_pairs(content: bytes) -> tuple[Pairs, str]:
    """Lines of JSON, an object each; empty lines are passed over."""
    rows = [read_json(line.encode(), MAX_NOTE_MARKS) for line in _text_of(content).split("\n") if line.strip()]
    for at, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ValueError(f"line {at + 1:,} is no JSON object")
    name, label, why = _columns(list(dict.fromkeys(title for row in rows for title in row)))
    return _checked([(row.get(name), row.get(label)) for row in rows], name), why


def _csv_pairs(content: bytes) -> tuple[Pairs, str]:
    """Lines of cells between commas (or semicolons, or tabs), below one with the columns' names."""
    text = _text_of(content)
    separator = next((one for one in ",;\t" if one in text.partition("\n")[0]), ",")
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if line]
    except csv.Error as error:
        raise ValueError(f"it is not CSV ({brief(str(error))})") from None
    titles = [title.strip() for title in lines[0]] if lines else []
    for at, line in enumerate(lines):
        if len(line) != len(titles):
            raise ValueError(f"row {at:,} has {len(line):,} cells, and there are {len(titles):,} columns")
    name, label, why = _columns(titles)
    names = [line[titles.index(name)].strip() for line in lines[1:]]
    cells = [] if why else cells_in([line[titles.index(label)] for line in lines[1:]])
    return _checked(list(zip(names, cells, strict=not why)), name), why


def cells_in(texts: Sequence[str]) -> list[Any]:
    """Texts that stand for classes: numbers if all are numbers and some have a point or a sign, lists where they look
    like such, else texts; "" is None."""
    cells = [text.strip() for text in texts]
    told = [cell for cell in cells if cell]
    if all(map(NUMBER.fullmatch, told)) and not all(map(str.isdigit, told)):
        return [float(cell) if cell else None for cell in cells]
    return [cell.split("|") if "|" in cell else [cell] if cell.startswith("[") else cell or None for cell in cells]


def _columns(titles: Sequence[str]) -> tuple[str, str, str]:
    """Of Hugging Face's form: the column of pictures' names, and that of classes, or why there is none. Source:
    ImageFolder in huggingface.co/docs/datasets."""
    folded = {title.lower(): title for title in reversed(titles)}
    name = next((folded[one] for one in NAME_COLUMNS if one in folded), None)
    if name is None:
        raise ValueError(f"it has no column file_name among its columns ({brief(', '.join(titles[:20])) or 'none'})")
    others = [title for title in titles if title != name]
    label = next((folded[one] for one in LABEL_COLUMNS if folded.get(one) in others), None)
    if label is None and len(others) != 1:
        held = f"several columns ({brief(', '.join(others[:20]))}) and none" if others else "no column"
        return name, "", f"has {held} called label, as the one of the classes has to be"
    return name, label or others[0], ""


def _checked(pairs: Sequence[tuple[Any, Any]], name: str) -> Pairs:
    for at, (picture, _) in enumerate(pairs):
        if not isinstance(picture, str) or not picture:
            raise ValueError(f"row {at + 1:,} names no picture in its column {brief(name)}")
    return list(pairs)


def as_classes(values: Sequence[Any], origin: str, at: Callable[[int], str]) -> tuple[list[str | None], str]:
    """What stands where classes should stand, as their names: None for a value that means none (null, an empty text,
    not a number, -1); and why they are no classes, "" if they are.

    A class is a whole number from 0 or a text. origin, at: what to call the whole, and the picture of a value.
    """
    labels, why = each_as_class(values, origin, at)
    if many := many_values(len(set(labels) - {None}), len(labels) - labels.count(None)):
        return (
            [],
            f"{origin} holds {many}, such as {brief(str(values[0]))}: names, captions or measurements, no classes",
        )
    return labels, why


def many_values(different: int, told: int) -> str:
    """So many different values that they are no classes, in words; "" if they may be some. told: of how many pictures
    there is a value."""
    few = different <= FEW_VALUES or 2 * different <= told
    return "" if few else f"{different:,} different values for {told:,} pictures"


def each_as_class(values: Sequence[Any], origin: str, at: Callable[[int], str]) -> tuple[list[str | None], str]:
    """``as_classes``, as far as each value tells by itself."""
    known: dict[tuple[type, Any], str | None] = {}
    labels = []
    for index, value in enumerate(values):
        why = ""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, list | tuple | dict):
            why = "several values for one picture ({}), and only one class for each can be told"
        elif (type(value), value) in known:
            labels.append(known[type(value), value])
            continue
        elif isinstance(value, float) and value == value:
            why = "numbers that are not whole ({}): measurements, and no classes"
        elif value is not None and value == value and value not in ("", -1) and not is_label(value):
            why = f"what is no class ({{}}): classes are whole numbers from 0, or texts of up to {MAX_LABEL} characters"
        if why:
            return [], f"{origin} holds " + why.format(f"{brief(str(value)[:80])} for {at(index)}")
        labels.append(known.setdefault((type(value), value), str(value) if is_label(value) else None))
    return labels, ""


def all_classes(values: Sequence[Any], origin: str, at: Callable[[int], str]) -> tuple[list[str] | None, str]:
    """The same for a column or an array beside the pictures: a class for each of them, or none and why."""
    labels, why = as_classes(values, origin, at)
    if why:
        return None, why
    if None in labels:
        missing = f"{labels.count(None):,} of {len(labels):,} pictures, such as {at(labels.index(None))}"
        return None, f"{origin} gives no class to {missing}"
    return [label for label in labels if label is not None], ""
