"""From a folder of pictures to a trained, resumed and judged run, as somebody at a command line would."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganforge
from ganforge.base.images import GAP
from ganforge.cli.main import main
from ganforge.data.prepared.cache import prepared_folder

SMALL = ["--batch-size=8", "--device=cpu", "--metric-samples=16", "--snapshot-nimg=16", "--report-nimg=16"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def photos(folder: Path, count: int, mode: str = "RGB", size: tuple[int, int] = (12, 10), seed: int = 0) -> Path:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for index in range(count):
        array = random.integers(256, size=(size[1], size[0], len(mode)), dtype=np.uint8)
        Image.fromarray(array[..., 0] if mode == "L" else array).save(folder / f"{index:03d}.png")
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    capsys.readouterr()
    assert main([*arguments]) == status, capsys.readouterr()
    written = capsys.readouterr()
    return written.out + written.err


def test_a_folder_from_inspecting_to_judging(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seed in (("cat", 1), ("dog", 2)):
        photos(place / "pets" / name, 40, seed=seed)
    (place / "pets" / "dog" / "zzz.png").write_bytes(b"")
    first = said(capsys, "data", "prepare", "pets")
    assert "80 pictures of 10x12 in colour (size: all have this size; channels: some have colours)" in first
    assert "Unreadable, and left out: dog/zzz.png (empty file)" in first
    assert "labels: found, 2 classes (sub-folders)" in first
    again = said(capsys, "train", "fast", "--data=pets", "--total-nimg=32", *SMALL)
    assert "Preparing" not in again
    assert "labels: found, 2 classes (sub-folders), not used by these settings" in again
    run = place / "runs" / "fast-pets"
    config = json.loads((run / "config.json").read_text())
    assert config["settings"]["data"] == str(place / "pets")
    monkeypatch.chdir("/")  # the data are found from any folder
    assert "Going on" in said(capsys, "resume", str(run), "--total-nimg=64")
    assert "cannot go on with other settings (mirror: False" in said(
        capsys, "resume", str(run), "--total-nimg=96", "--mirror", status=2
    )
    monkeypatch.chdir(place)
    assert "has no held-out pictures" in said(capsys, "evaluate", str(run), "--samples=20")
    photos(place / "others", 30, seed=3)
    figures = said(capsys, "evaluate", str(run), "--samples=20", "--test-data=others")
    assert "AuthPct" in figures and "has no held-out" not in figures
    assert "copies" in said(capsys, "evaluate", "others", "--against=pets", "--test-data=others", "--samples=20")
    listed = said(capsys, "data")
    assert f"80 pictures of 10x12 in colour, train, from {place / 'pets'}" in listed
    gc.collect()  # in this one process, pictures count as in use until the last run's objects are gone
    assert said(capsys, "data", "clear").startswith("Removed")
    assert not [path for path in prepared_folder().iterdir() if path.is_dir()]
    assert "Going on" in said(capsys, "resume", str(run), "--total-nimg=96")


def test_why_there_are_no_classes_is_said_everywhere(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("00000", 1), ("00001", 2)):
        photos(place / "p" / name, 20, seed=seed)
    (place / "p" / "dataset.json").write_text('{"labels": null}')
    why = 'dataset.json says that there are none ("labels": null)'
    assert f"classes     none: {why}" in said(capsys, "data", "inspect", "p")
    assert f"labels: none: {why}" in said(capsys, "data", "prepare", "p")
    assert f"labels: none: {why}" in said(capsys, "train", "fast", "--data=p", "--total-nimg=16", *SMALL)
    refused = f"p/ has no classes to tell the networks ({why}); leave conditional out."
    assert refused in said(capsys, "train", "fast", "--data=p", "--conditional", status=2)


def test_a_wrong_source_is_told_before_pictures_are_prepared(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(place / "pets", 30)
    told = said(capsys, "train", "fast", "--data=pets", "--init-from=nowhere", status=2)
    assert "There is no run or snapshot nowhere; check the path." in told
    assert "Preparing" not in told
    assert "Preparing" in said(capsys, "train", "fast", "--data=pets", "--total-nimg=32", *SMALL)


def test_pictures_that_have_moved_are_found_by_their_new_place(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(place / "pets", 30)
    photos(place / "others", 30, seed=3)
    said(capsys, "train", "fast", "--data=pets", "--out=run", "--total-nimg=32", *SMALL)
    (place / "pets").rename(place / "moved")
    told = said(capsys, "resume", "run", "--total-nimg=64", status=2)
    assert f"run learns from {place / 'pets'}, and nothing is there" in told
    assert "`ganforge resume run --data PLACE`" in told
    wrong = said(capsys, "resume", "run", "--total-nimg=64", "--data=others", status=2)
    assert "is not the one that run began with" in wrong
    assert "Going on" in said(capsys, "resume", "run", "--total-nimg=64", "--data=moved")
    assert "Going on" in said(capsys, "resume", "run", "--total-nimg=96")


def test_a_class_is_asked_for_by_the_name_of_its_folder(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("cat", 1), ("\u72d7 dog", 2)):
        photos(place / "my pets" / name, 20, seed=seed)
    ended = said(capsys, "train", "cgan", "--data=my pets", "--out=my run", "--total-nimg=32", *SMALL)
    assert "Look at it: `ganforge watch 'my run'`; one file to keep or send: `ganforge report 'my run'`" in ended
    assert json.loads((place / "my run" / "config.json").read_text())["data"]["class_names"] == ["cat", "\u72d7 dog"]
    for asked in ("\u72d7 dog", "1", "cat"):
        said(capsys, "sample", "my run", "--seeds=0-3", f"--class={asked}", f"--out={asked}.png", "--device=cpu")
    dog, one, cat = ((place / f"{name}.png").read_bytes() for name in ("\u72d7 dog", "1", "cat"))
    assert dog == one != cat
    wrong = said(capsys, "sample", "my run", "--class=cats", "--device=cpu", status=2)
    assert "There is no class 'cats'; did you mean 'cat'? (the classes: cat, \u72d7 dog)." in wrong


@pytest.mark.parametrize("recipe", ["note", "fast", "sngan", "r3gan", "cgan"])
@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_every_shape_with_every_family(
    place: Path, recipe: str, mode: str, channels: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        photos(place / "p" / name, 50, mode, (9, 14), seed)
    width = {"fast": 4, "sngan": 4, "r3gan": 16}.get(recipe)
    widths = [f"--g-width={width}", f"--d-width={width}"] if width else []
    said(
        capsys, "train", recipe, "--data=p", "--out=run", f"--channels={channels}", "--mirror", "--total-nimg=16",
        *SMALL, *widths,
    )  # fmt: skip
    for name in ("reals.png", "fakes-*.png"):
        with Image.open(next((place / "run").glob(name))) as picture:
            assert picture.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
            side = json.loads((place / "run" / "config.json").read_text())["settings"]["grid_size"]
            width, height = ((pixels + GAP) / side - GAP for pixels in picture.size)
            assert (width % 9, width / 9) == (0, height / 14)  # as many rows as columns, whatever the pictures' shape
    assert ganforge.load("run", device="cpu").sample([1, 2]).shape == (2, channels, 14, 9)
    said(capsys, "sample", "run", "--seeds=0-3", "--out=grid.png", "--device=cpu")


def test_training_from_the_file_is_training_from_memory(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same pictures, once prepared and once built in, give the same weights."""
    digits = ganforge.load_data("digits")
    np.savez(place / "digits.npz", images=digits.items.numpy())
    weights = []
    for data in ("digits", "digits.npz"):
        all_of_them = ["--hold-out=none", f"--data={data}", f"--out=run-{data}"]
        said(capsys, "train", "note", *all_of_them, "--total-nimg=256", *SMALL)
        G = ganforge.load(f"run-{data}", device="cpu").G
        weights.append(torch.cat([tensor.flatten() for tensor in G.state_dict().values()]))
    assert torch.equal(*weights)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "fast", "--data=nowhere"], "no data set 'nowhere', and no file or folder of that name"),
        (["train", "fast", "--data=p", "--size=8x"], "size cannot be '8x'"),
        (["train", "fast", "--data=p", "--channels=2"], "channels cannot be 2"),
        (["train", "fast", "--data=p", "--fit=squash"], "fit cannot be 'squash'"),
        (["train", "fast", "--data=p", "--max-broken=-1"], "max_broken cannot be '-1'"),
        (["train", "fast", "--data=p", "--test-data=nowhere"], "no data set 'nowhere'"),
        (["train", "fast", "--data=p", "--test-data=./p"], "test_data and data are both p; hold out other pictures"),
        (["train", "fast", "--data=p", "--max-broken=1"], "2 of the 12 pictures in"),
        (["train", "fast", "--data=empty"], "empty"),
        (["train", "fast", "--data=ring", "--mirror"], "Points have no mirror image"),
        (["train", "cgan", "--data=p"], "p/ has no classes to tell the networks"),
        (["data", "prepare", "mnist"], "mnist needs no preparing"),
        (["data", "prepare"], "Which data set?"),
        (["data", "prepare", "p", "--out=x"], "--out is for inspecting; leave it out"),
        (["data", "clear", "p"], "leave 'p' out"),
        (["data", "clear", "--out=x"], "--out is about one data set; leave it out"),
        (["data", "clear", "--size=8"], "--size is for `ganforge data prepare` and `ganforge train`; leave it out"),
        (["data", "inspect", "p", "--max-broken=0"], "--max-broken is for `ganforge data prepare`"),
        (["data", "inspect", "p", "--split=test"], "--split is for a data set by name"),
    ],
)
def test_bad_input_is_one_sentence(
    place: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(place / "p", 10)
    for name in ("x.png", "y.png"):
        (place / "p" / name).write_bytes(b"broken")
    (place / "empty").mkdir()
    assert main(arguments) == 2
    complaint = capsys.readouterr().err
    assert words in complaint and complaint.count("\n") == 1
    assert not (place / "runs").exists()


def test_damaged_prepared_pictures_are_noticed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(place / "pets", 30)
    said(capsys, "train", "fast", "--data=pets", "--out=run", "--total-nimg=32", *SMALL)
    [kept] = prepared_folder().glob("*/pictures.u8")
    whole = kept.read_bytes()
    kept.write_bytes(bytes(900) + whole[900:])
    told = said(capsys, "resume", "run", "--total-nimg=64")
    assert f"The prepared pictures in {kept.parent} are damaged: preparing them again." in told
    assert "Going on" in told
    assert kept.read_bytes() == whole
    kept.write_bytes(bytes(900) + whole[900:])
    (place / "pets").rename(place / "moved")
    assert "nothing is there" in said(capsys, "resume", "run", "--total-nimg=96", status=2)


@pytest.mark.parametrize("facts", ["", "null", '{"shape": "x"}', "[" * 99_999, '{"summary": "\\u001b[2J"}'])
def test_damaged_facts_in_the_cache_are_no_fault(place: Path, facts: str, capsys: pytest.CaptureFixture[str]) -> None:
    photos(place / "pets", 30)
    said(capsys, "data", "prepare", "pets")
    [kept] = prepared_folder().glob("*/facts.json")
    kept.write_text(facts)
    listed = said(capsys, "data")
    assert "unfinished" in listed
    assert "\x1b" not in listed
    assert "are damaged: preparing them again" in said(capsys, "data", "prepare", "pets")
    assert "30 pictures of 10x12 in colour" in said(capsys, "data")
