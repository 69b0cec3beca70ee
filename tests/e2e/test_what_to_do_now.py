"""Where there is no run, or not enough of one, the sentence says which of these it is, and what is left to do."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

import ganforge
from ganforge.cli.main import main
from ganforge.config import MAY_CHANGE, Config

TINY = {"z_dim": 4, "g_hidden": (8,), "d_hidden": (8,), "batch_size": 8, "total_nimg": 64, "snapshot_nimg": 32,
        "device": "cpu", "metric_samples": 0}  # fmt: skip
OF_A_RUN = (["resume"], ["sample"], ["evaluate"], ["compare"], ["report"], ["train", "note", "--init-from"])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with pictures, and a run that learned from them."""
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    for shade in range(40):
        Image.new("L", (8, 8), 6 * shade).save(f"pictures/{shade}.png")
    return tmp_path


def complaint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    return capsys.readouterr().err.removeprefix("ganforge: ").removesuffix("\n")


@pytest.mark.parametrize("verb", OF_A_RUN, ids=" ".join)
def test_no_run_a_folder_that_is_none_and_a_run_without_a_snapshot(
    verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def said_of(name: str) -> str:  # what a run starts from is made absolute
        return complaint([*verb, name], capsys).replace(f"{Path.cwd()}/", "")

    said = [complaint([*verb, "missing"], capsys)]
    assert re.fullmatch(r"There is no (folder|run or snapshot|run, snapshot, .* at) missing; check the path\.", said[0])
    ganforge.train("note", data="pictures", out="runs/a", **TINY)
    said.append(said_of("runs"))
    assert said[1] == "runs is not a run folder: it has no config.json. It holds runs; give one, such as runs/a."
    Path("empty").mkdir()
    said.append(said_of("empty"))
    if verb != ["evaluate"]:  # for which a folder is one of pictures
        assert said[2] == "empty is not a run folder: it has no config.json."
    shutil.rmtree("runs/a/snapshots")
    for checkpoint in Path("runs/a/checkpoints").iterdir():
        if checkpoint.name != f"{0:09d}.safetensors":  # whose weights have learned nothing
            checkpoint.unlink()
    if verb in (["sample"], ["evaluate"]):
        said.append(complaint([*verb, "runs/a"], capsys))
        assert said[3].startswith("runs/a has no snapshot yet: wait for the first one")
    assert len(set(said)) == len(said)


def test_a_file_where_a_run_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("resume", "compare", "report"):
        text = "pictures/0.png is a file, not a run folder; give the folder that a run is in."
        assert complaint([verb, "pictures/0.png"], capsys) == text


def test_what_is_advised_without_a_whole_checkpoint_works(capsys: pytest.CaptureFixture[str]) -> None:
    run = ganforge.train("note", data="digits", out="run", **TINY)
    for _, path in run.all_checkpoints():
        path.write_bytes(b"x")
    for verb in (["resume", "run"], ["train", "note", "--init-from", "run"]):
        said = complaint(verb, capsys)
        [advised] = re.findall(r"by `(--init-from \S+)`; nothing was changed\.$", said)
    settings = ["--data=digits", "--z-dim=4", "--g-hidden=8", "--d-hidden=8", "--total-nimg=64", "--metric-samples=0"]
    assert main(["train", "note", *settings, *advised.split(), "--device=cpu"]) == 0


def test_evaluating_a_run_whose_pictures_have_moved(capsys: pytest.CaptureFixture[str]) -> None:
    ganforge.train("note", data="pictures", test_data="digits", size="4x6", fit="pad", out="run", **TINY)
    assert main(["evaluate", "run", "--samples=20"]) == 0
    before = capsys.readouterr().out
    Path("pictures").rename("moved")
    said = complaint(["evaluate", "run"], capsys)
    path = Path("run/snapshots/000000064.safetensors")
    assert said == (
        f"{path} learned from {Path('pictures').absolute()}, and nothing is there; where the pictures are now says "
        f"--against: `ganforge evaluate {path} --against PLACE`."
    )
    assert main(["evaluate", "run", "--samples=20", "--against", "moved"]) == 0
    after = capsys.readouterr().out
    figures = [
        [line.split() for line in text.splitlines() if line.split()[1:2] == ["random"]] for text in (before, after)
    ]
    assert figures[0] == figures[1]
    assert len(figures[0]) > 3


def test_evaluating_a_run_whose_held_out_pictures_have_moved(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree("pictures", "held")
    ganforge.train("note", data="digits", test_data="held", out="run", **TINY)
    Path("held").rename("moved")
    assert complaint(["evaluate", "run"], capsys).endswith(
        f"were in {Path('held').absolute()}, and nothing is there; say --test-data."
    )
    assert main(["evaluate", "run", "--samples=20", "--test-data", "moved"]) == 0


def test_the_help_of_resume_lists_what_it_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["resume", "--help"])
    settings = capsys.readouterr().out.partition("settings (")[2]
    listed = set(re.findall(r"^  --([a-z-]+)", settings, re.MULTILINE))
    assert listed == {name.replace("_", "-") for name in MAY_CHANGE | {"data"}}
    ganforge.train("note", data="pictures", out="run", **TINY)
    Path("pictures").rename("moved")
    values: dict[str, object] = {"data": "moved", "data_dir": ".", "device": "cpu", "total_nimg": 128}
    for name in sorted(listed):
        field = name.replace("-", "_")
        value = values.get(field, Config.model_fields[field].default or 64)
        assert main(["resume", "run", "--data", "moved", f"--{name}", str(value), "--total-nimg=128"]) in (0, 2)
        assert "cannot go on with other settings" not in capsys.readouterr().err
