import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_files import save, shade

from ganforge.base.errors import UserError
from ganforge.data.sources.open import open_source, picture_at
from ganforge.data.sources.pixel_kinds import Unreadable

datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.filterwarnings("ignore")  # the library's own


def rows(**columns: Any) -> Any:
    features: dict[str, Any] = {"image": datasets.Image()}
    if "label" in columns:
        features["label"] = datasets.ClassLabel(names=["no", "yes"])
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def cells(*shades: int) -> list[dict[str, object]]:
    return [{"bytes": shade(value), "path": None} for value in shades]


@pytest.fixture(autouse=True)
def quiet() -> None:
    datasets.disable_progress_bars()


def test_a_saved_data_set(tmp_path: Path) -> None:
    rows(image=cells(3, 4, 5), label=[1, 0, 1]).save_to_disk(tmp_path / "saved")
    source = open_source(tmp_path / "saved")
    assert [entry.label for entry in source.entries] == ["yes", "no", "yes"]
    assert (source.kind, source.labels_from, source.entries[2].name) == ("hub", "column 'label'", "row 2")
    assert [np.asarray(picture_at(source, index))[0, 0] for index in (2, 0, 1)] == [5, 3, 4]
    assert source.fingerprint() == open_source(tmp_path / "saved").fingerprint()
    source.close()


@pytest.mark.parametrize(
    ("kind", "values", "why"),
    [
        ("float32", [0.5, 1.0], r"column 'label' holds numbers that are not whole \(0\.5 for row 0\)"),
        ("list", [[0, 1], [1]], "column 'label' holds several values for one picture"),
        ("int64", [3, -1], r"column 'label' gives no class to 1 of 2 pictures, such as row 1"),
    ],
)
def test_columns_that_are_no_classes(tmp_path: Path, kind: str, values: list[Any], why: str) -> None:
    value = datasets.Sequence(datasets.Value("int64")) if kind == "list" else datasets.Value(kind)
    features = datasets.Features({"image": datasets.Image(), "label": value})
    held = datasets.Dataset.from_dict({"image": cells(1, 2), "label": values}, features=features)
    held.save_to_disk(tmp_path / "saved")
    source = open_source(tmp_path / "saved")
    assert ({entry.label for entry in source.entries}, source.labels_from) == ({None}, "")
    assert re.search(why, source.no_labels)
    source.close()


def test_of_several_splits_train_counts(tmp_path: Path) -> None:
    held = {"test": rows(image=cells(1)), "train": rows(image=cells(2, 3))}
    datasets.DatasetDict(held).save_to_disk(tmp_path / "saved")
    source = open_source(tmp_path / "saved")
    assert (len(source.entries), source.labels_from) == (2, "")
    assert source.skipped == [("test", "another split than 'train'")]
    source.close()
    datasets.DatasetDict({"a": held["test"], "b": held["train"]}).save_to_disk(tmp_path / "other")
    with pytest.raises(UserError, match="has the splits a, b and no 'train'; save one of them on its own"):
        open_source(tmp_path / "other")


def test_pictures_that_are_files_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "1.png", np.full((2, 2), 9, np.uint8))
    monkeypatch.setattr(datasets, "load_dataset", lambda name: rows(image=[{"bytes": None, "path": str(path)}]))
    source = open_source("hub:owner/name")
    with pytest.raises(Unreadable, match="its bytes are not in the file, only a path"):
        source.read(0)  # somebody's file, and not one that the library has downloaded
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    source = open_source("hub:owner/name")
    assert np.asarray(picture_at(source, 0)).max() == 9
    path.unlink()
    with pytest.raises(Unreadable, match="not there any more"):
        source.read(0)
    source.close()


def test_a_saved_data_set_that_is_damaged_or_holds_no_pictures(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(tmp_path / "text")
    with pytest.raises(UserError, match="has no column of pictures among text; name another data set"):
        open_source(tmp_path / "text")
    (tmp_path / "text" / "state.json").write_text("{}")
    with pytest.raises(UserError, match=r"text cannot be loaded \(.*\); save it again with save_to_disk"):
        open_source(tmp_path / "text")


def test_names_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def load(name: str) -> Any:
        asked.append(name)
        if name == "owner/none":
            raise FileNotFoundError("Couldn't find\nit")
        return datasets.DatasetDict({"train": rows(image=cells(7), label=[1])})

    monkeypatch.setattr(datasets, "load_dataset", load)
    source = open_source("hub:owner/some-name")
    assert (source.name, source.entries[0].label, asked) == ("hub:owner/some-name", "yes", ["owner/some-name"])
    assert np.asarray(picture_at(source, 0))[0, 0] == 7
    source.close()
    with pytest.raises(
        UserError, match=r"hub:owner/none cannot be loaded \(Couldn't find it\); check the name and the net"
    ):
        open_source("hub:owner/none")
    with pytest.raises(UserError, match=r"hub:\.\./x y is not a name on the Hugging Face hub; write hub:OWNER/NAME"):
        open_source("hub:../x y")


def test_without_the_library_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        UserError, match=r"hub:a/b is a Hugging Face data set, and reading it needs datasets; install it"
    ):
        open_source("hub:a/b")


def saved(folder: Path, count: int = 2) -> Path:
    rows(image=cells(*range(count)), label=[0] * count).save_to_disk(folder)
    return folder


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("kind", ["_data_files", "_indices_data_files"])
@pytest.mark.parametrize("name", ["../other/data-00000-of-00001.arrow", "/etc/passwd", "..", "", "a\\b"])
def test_a_saved_data_set_names_its_own_files_only(tmp_path: Path, kind: str, name: str) -> None:
    saved(tmp_path / "other")
    change(saved(tmp_path / "saved") / "state.json", **{kind: [{"filename": name}]})
    with pytest.raises(UserError, match=r"cannot be loaded \(it names a file elsewhere:"):
        open_source(tmp_path / "saved")


def test_links_in_a_saved_data_set_are_not_followed(tmp_path: Path) -> None:
    [file] = saved(tmp_path / "saved").glob("*.arrow")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"cannot be loaded \(.*arrow: a link, which is not followed\)"):
        open_source(tmp_path / "saved")


@pytest.mark.parametrize("splits", [["../other"], [".."], ["link"], [3], None, "train"])
def test_the_splits_of_a_saved_data_set_lie_in_it(tmp_path: Path, splits: object) -> None:
    saved(tmp_path / "other")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "saved" / "dataset_dict.json").write_text(json.dumps({"splits": splits}))
    with pytest.raises(UserError, match=r"saved cannot be loaded \((it names|link is a link|its JSON|.*No such file)"):
        open_source(tmp_path / "saved")


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", '{"_data_files": 3}', '{"_data_files": [{}]}', "{"])
def test_state_that_is_none(tmp_path: Path, content: str) -> None:
    (saved(tmp_path / "saved") / "state.json").write_text(content)
    with pytest.raises(UserError, match=r"saved cannot be loaded \((it is not JSON|its JSON files are not those)"):
        open_source(tmp_path / "saved")


def test_a_saved_data_set_reads_no_pictures_by_their_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "secret.png", np.full((2, 2), 9, np.uint8))
    held = rows(image=[{"bytes": None, "path": str(path)}])
    monkeypatch.setattr(datasets, "load_from_disk", lambda _: held)  # save_to_disk itself would put the bytes in
    source = open_source(saved(tmp_path / "saved"))
    with pytest.raises(Unreadable, match="its bytes are not in the file, only a path"):
        source.read(0)


@pytest.mark.parametrize("name", ["../..", "..", ".", "./x", "a/..", "/etc", "a/b/c", "a/../b", "a b"])
def test_names_on_the_hub_are_no_folders(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load_dataset", lambda name: pytest.fail(f"loads {name}"))
    with pytest.raises(UserError, match="is not a name on the Hugging Face hub"):
        open_source(f"hub:{name}")


def test_a_folder_of_that_name_is_not_the_hubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "owner" / "name")
    monkeypatch.chdir(tmp_path)

    def load(name: str) -> Any:
        assert not Path(name).exists()
        return rows(image=cells(7))

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert len(open_source("hub:owner/name").entries) == 1
    assert Path.cwd() == tmp_path


def test_long_labels(tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    held = {"image": cells(1, 2), "label": ["a", "x" * 1_000_000]}
    datasets.Dataset.from_dict(held, features=features).save_to_disk(tmp_path / "saved")
    with pytest.raises(UserError, match=r"column 'label' of .* cannot be read \(a class whose name has 1,000,000 char"):
        open_source(tmp_path / "saved")


def test_very_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.data.sources.hub.MAX_ENTRIES", 1)
    with pytest.raises(UserError, match="holds more than 1 rows; save a part of it"):
        open_source(saved(tmp_path / "saved"))
