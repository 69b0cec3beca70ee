import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_files import shade

from ganforge.base.errors import UserError
from ganforge.data.sources.entries import Entry, class_names
from ganforge.data.sources.open import open_source, picture_at
from ganforge.data.sources.pixel_kinds import Unreadable

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

NAMES = {"huggingface": json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}})}


def make(path: Path, columns: dict[str, Any], metadata: dict[str, str] | None = None, **options: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, **options)
    return path


def structs(*shades: int) -> list[dict[str, object]]:
    """Cells as Hugging Face writes them."""
    return [{"bytes": shade(value), "path": f"{value}.png"} for value in shades]


def test_hugging_faces_form_with_its_class_names(tmp_path: Path) -> None:
    path = make(tmp_path / "a.parquet", {"label": [1, 0, 1], "image": structs(5, 6, 7)}, NAMES)
    source = open_source(path)
    assert source.entries == [Entry(f"a.parquet, row {row}", label) for row, label in enumerate(["dog", "cat", "dog"])]
    assert (source.kind, source.labels_from) == ("parquet", "column 'label'")
    assert source.read(1) == shade(6)
    source.close()


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([3, 0, 3], ["0", "3"]),
        ([3.0, 0.0, 3.0], ["0", "3"]),
        (["b", "a", "b"], ["a", "b"]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y"]),
    ],
)
def test_plain_bytes_and_other_labels(tmp_path: Path, labels: Any, names: list[str]) -> None:
    path = make(
        tmp_path / "a.parquet", {"jpg": [shade(0), shade(1), shade(2)], "class": labels, "more": [1.0, 2.0, 3.0]}
    )
    source = open_source(path)
    assert (class_names(source.entries), source.labels_from) == (names, "column 'class'")
    assert np.asarray(picture_at(source, 2))[0, 0] == 2
    source.close()


def test_rows_in_any_order_from_many_files_and_groups(tmp_path: Path) -> None:
    for number, (count, group) in enumerate([(50, 7), (33, 100), (40, 1)]):
        cells = structs(*(100 * (number % 2) + row for row in range(count)))
        make(tmp_path / "d" / f"train-{number}.parquet", {"image": cells}, row_group_size=group)
    make(tmp_path / "d" / "test-0.parquet", {"image": structs(1)})
    source = open_source(tmp_path / "d")
    assert source.skipped == [("test-0.parquet", "another split than train")]
    wanted = [*range(50), *range(100, 133), *range(40)]
    order = [*range(123), 5, 4, 60, 122, 50, 49, 0, 8, 90]
    assert [np.asarray(picture_at(source, index))[0, 0] for index in order] == [wanted[index] for index in order]
    source.close()


@pytest.mark.parametrize(
    ("train", "held"),
    [
        ("train.parquet", "test.parquet"),
        ("Training/0.parquet", "val/0.parquet"),
        ("a-train-0.parquet", "a-dev-0.parquet"),
    ],
)
def test_shards_that_are_held_out_are_not_learned_from(tmp_path: Path, train: str, held: str) -> None:
    for name in (train, held):
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        make(tmp_path / "d" / name, {"image": structs(len(name))})
    source = open_source(tmp_path / "d")
    assert source.read(0) == shade(len(train))
    assert len(source.entries) == 1
    assert source.skipped == [(Path(held).name, "another split than train")]
    source.close()


def test_rows_without_a_picture_or_class(tmp_path: Path) -> None:
    cells = [{"bytes": None, "path": "x.png"}, None, {"bytes": b"", "path": None}]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    path = make(tmp_path / "a.parquet", {"image": pa.array(cells, kind), "label": [1, None, -1]})
    source = open_source(path)
    assert source.labels_from == ""
    assert source.no_labels == "column 'label' gives no class to 2 of 3 pictures, such as a.parquet, row 1"
    for index, reason in enumerate(
        ["its bytes are not in the file, only a path", "no picture in this row", "empty file"]
    ):
        with pytest.raises(Unreadable, match=reason):
            picture_at(source, index)
    source.close()


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"label": [0.5, 1.0]}, r"column 'label' holds numbers that are not whole \(0\.5 for a\.parquet, row 0\)"),
        ({"label": [[0, 1], [1]]}, "column 'label' holds several values for one picture"),
        ({"label": [True, False]}, "column 'label' holds bool"),
        ({"age": [1, 2], "text": ["a", "b"]}, "no column is called label, labels or class, only age, text"),
        ({}, "^$"),
    ],
)
def test_columns_that_are_no_classes(tmp_path: Path, columns: dict[str, Any], why: str) -> None:
    source = open_source(make(tmp_path / "a.parquet", {"image": structs(1, 2)} | columns))
    assert ({entry.label for entry in source.entries}, source.labels_from) == ({None}, "")
    assert re.search(why, source.no_labels)
    source.close()


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"text": ["a"], "n": [1]}, r"has no column of picture files among its columns \(text, n\)"),
        ({"a": [b"x"], "b": [b"y"]}, r"has several columns of bytes \(a, b\); name the pictures' one 'image'"),
        ({"image": pa.array([], pa.binary())}, "holds no rows; check the file"),
    ],
)
def test_tables_without_pictures(tmp_path: Path, columns: dict[str, Any], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        open_source(make(tmp_path / "a.parquet", columns))


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    make(tmp_path / "d" / "a.parquet", {"image": [b"x"]})
    make(tmp_path / "d" / "b.parquet", {"img": [b"x"]})
    with pytest.raises(UserError, match="have different columns; keep files of one kind together"):
        open_source(tmp_path / "d")


def test_damaged_files(tmp_path: Path) -> None:
    content = make(tmp_path / "a.parquet", {"image": structs(*range(50))}, compression="none").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[:-30])
    with pytest.raises(UserError, match=r"a\.parquet cannot be read as a Parquet file \(.*\); get it again"):
        open_source(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes(content[:4] + bytes(200) + content[204:])
    source = open_source(tmp_path / "a.parquet")
    with pytest.raises(Unreadable, match=r"cannot be read from the file \("):
        source.read(3)
    before = source.fingerprint()
    (tmp_path / "a.parquet").write_bytes(content)
    assert source.fingerprint() != before
    source.close()


def test_without_pyarrow_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "a.parquet", {"image": [b"x"]})
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UserError, match=r"needs pyarrow; install it with pip install 'ganforge\[hub\]'"):
        open_source(path)
