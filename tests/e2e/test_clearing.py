"""The cache: `data clear` removes all that can be made again and says what stays; whoever finds it empty makes it anew.
And what is said of many broken pictures."""

import gc
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from PIL import Image

import ganforge
from ganforge.base.user_cache import cache_folder
from ganforge.cli.main import main
from ganforge.data.prepared import picture_dataset
from ganforge.data.prepared.cache import prepared_folder

TINY = {"batch_size": 8, "total_nimg": 16, "device": "cpu"}
NOTE = TINY | {"z_dim": 4, "g_hidden": (8,), "d_hidden": (8,)}
OPTIONS = ["--batch-size=8", "--total-nimg=16", "--device=cpu", "--metric-samples=0"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with pictures of two classes, and a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(40):
        folder = Path("pictures") / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 6 * number).save(folder / f"{number}.png")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(list(arguments)) == 0
    out = capsys.readouterr()
    return out.out + out.err


def test_clear_leaves_nothing_that_can_be_made_again(capsys: pytest.CaptureFixture[str]) -> None:
    ganforge.train("note", data="pictures", out="run", **NOTE)
    first = said(capsys, "evaluate", "run")
    kept = [path for path in Path("cache").rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} >= {".u8", ".safetensors", ".lock"}
    mine = cache_folder("statistics") / "mine.safetensors"
    mine.write_bytes(b"x")
    fetched = cache_folder("mnist")
    fetched.mkdir()
    (fetched / "train-images-idx3-ubyte.gz").write_bytes(bytes(2048))
    gc.collect()  # what this process has trained on, and mapped, counts as in use
    held = FileLock(prepared_folder() / f"{'a' * 32}.lock")
    with held:
        text = said(capsys, "data", "clear")
        assert Path(held.lock_file).exists()
    assert re.match(
        r"Removed 1 prepared data sets: [\d.]+ KiB\nRemoved \d files of statistics of real pictures: [\d.]+ [KM]iB\n"
        rf"Left, since it would have to be fetched again: 2.0 KiB in {fetched}, to be deleted by hand\n$", text
    )  # fmt: skip
    left = {path for path in Path("cache").absolute().rglob("*") if path.is_file()}
    assert left == {mine, fetched / "train-images-idx3-ubyte.gz", Path(held.lock_file)}
    again = said(capsys, "evaluate", "run")
    assert "Preparing 40 pictures" in again
    assert first.partition("Written")[0] in again


@pytest.mark.parametrize("what", ["pictures.u8", "labels.npy"])
def test_what_vanishes_in_between_is_prepared_again(what: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = picture_dataset.prepare
    lines: list[str] = []
    for times, works in ((1, True), (3, False)):
        left = times

        def and_clear(*given: Any, **named: Any) -> Any:
            nonlocal left
            folder, facts = real(*given, **named)
            if left:
                left -= 1
                (folder / what).unlink()
            return folder, facts

        monkeypatch.setattr(picture_dataset, "prepare", and_clear)
        lines.clear()
        if works:
            dataset = ganforge.load_data("pictures", say=lines.append)
            assert (len(dataset), dataset.num_classes, dataset.labels is not None) == (40, 2, True)
            assert sum("was removed meanwhile: looking again" in line for line in lines) == 1
        else:
            with pytest.raises(ganforge.UserError, match="cannot be read"):
                ganforge.load_data("pictures", say=lines.append)


def test_statistics_that_vanish_are_measured_again(capsys: pytest.CaptureFixture[str]) -> None:
    ganforge.train("note", data="digits", out="run", **NOTE)
    first = said(capsys, "evaluate", "run", "--samples=50")
    shutil.rmtree(cache_folder("statistics"))
    assert said(capsys, "evaluate", "run", "--samples=50") == first


def test_the_first_ten_of_many_broken_pictures_and_where_all_are(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(30):
        (Path("pictures/a") / f"broken{number:02}.png").write_bytes(b"x")
    capsys.readouterr()
    assert main(["data", "prepare", "pictures"]) == 2
    refused = capsys.readouterr().err
    assert re.search(r"broken04.png \(not a picture\) and 25 more \(all: (\S+facts.json)\); fix", refused)
    text = said(capsys, "data", "prepare", "pictures", "--max-broken=30")
    [line] = [line for line in text.splitlines() if line.startswith("Unreadable, and left out")]
    assert line.count("not a picture") == 10
    [path] = re.findall(r" and 20 more \(all: (\S+facts.json)\)$", line)
    assert len(json.loads(Path(path).read_text(encoding="utf-8"))["broken"]) == 30
    inspected = said(capsys, "data", "inspect", "pictures")
    assert (inspected.count("not a picture"), "and 20 more" in inspected) == (10, True)


def test_without_a_recipe_one_that_suits_the_data_is_taken_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    all_of_them = "(all of them: `ganforge recipes`)\n"
    text = said(capsys, "train", "--data=pictures", "--g-width=8", "--d-width=8", *OPTIONS)
    assert f"No recipe is named: fast, which suits small or grey pictures of your own {all_of_them}" in text
    assert text.count("Preparing") == 1 and ", into runs/fast-pictures" in text
    for number in range(40):
        Image.new("RGB", (32, 32), (6 * number, 250 - 6 * number, 9)).save(f"pictures/a/colour{number}.png")
    text = said(capsys, "train", "--data=pictures", "--g-width=8", "--d-width=8", "--size=32", *OPTIONS)
    assert f"No recipe is named: photo, which suits colour pictures of your own {all_of_them}" in text
    assert ", into runs/photo-pictures" in text
    text = said(capsys, "train", "--data", "digits", *OPTIONS)
    assert text.startswith(f"No recipe is named: note, for a data set by name {all_of_them}")
    assert "No recipe" not in said(capsys, "train", "note", "--data=pictures", *OPTIONS)
    for size, name in (("16", "fast"), ("32", "photo")):
        run = ganforge.train(data="pictures", size=size, g_width=8, d_width=8, metric_samples=0, **TINY)
        assert run.read_config()["settings"]["recipe"] == name
        assert f"No recipe is named: {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "family"),
    [(["--data=pictures"], "dcgan"), (["--data", "digits"], "mlp"), (["note", "--data=pictures"], "mlp"), ([], "mlp")],
)
def test_the_help_has_the_defaults_of_the_recipe_that_is_taken(
    arguments: list[str], family: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["train", *arguments, "--help"])
    settings = capsys.readouterr().out.partition("settings (")[2].partition("--discriminator")[0]
    assert f"(default: {family})" in " ".join(settings.partition("--generator GENERATOR")[2].split())
