"""`ganforge evaluate`: runs, snapshots and folders of pictures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import ganforge
from ganforge.base.images import GAP
from ganforge.cli.main import main
from ganforge.data.load import load
from ganforge.judging.against import Against
from ganforge.judging.evaluation import Wanted, evaluate
from ganforge.run.folder import RunFolder
from ganforge.viewer.report.write_report import render_report

SMALL = {"data": "digits", "g_hidden": [8], "d_hidden": [8], "z_dim": 4, "batch_size": 64, "device": "cpu"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return ganforge.train(
        "note", out=tmp_path_factory.mktemp("run") / "run", total_nimg=1_280, snapshot_nimg=320, **SMALL
    )


def save(pictures: Tensor, folder: Path) -> Path:
    folder.mkdir()
    for index, picture in enumerate(pictures):
        array = picture.permute(1, 2, 0).numpy()
        Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(folder / f"{index:04d}.png")
    return folder


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 training pictures, in a folder."""
    return save(load("digits").items[:600], tmp_path_factory.mktemp("pictures") / "copies")


def test_a_run(run: RunFolder) -> None:
    done = evaluate(run.path)
    record = done.record
    assert record["nimg"] == 1_280
    assert record["protocol"]["data"] == "digits"
    assert done.written == [run.evaluation(1_280, record["protocol"]["id"]), run.nearest(1_280)]
    assert json.loads(done.written[0].read_text()) == record
    assert run.all_evaluations() == [done.written[0]]
    with Image.open(done.written[1]) as picture:
        assert picture.size[0] == picture.size[1] > 8 * 8  # 32 pairs, in eight rows of four
    assert evaluate(run.path).record["figures"] == record["figures"]


def test_the_nearest_training_pictures_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By their files, also where the run mirrored them and took the first ones only; the report says it, too."""
    digits = load("digits")
    for number, name in enumerate(("train/a", "train/b", "test/a", "test/b")):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        save(digits.items[200 * number : 200 * number + 200], tmp_path / "p" / name)
    settings = SMALL | {"data": str(tmp_path / "p"), "mirror": True, "max_images": 300, "report_nimg": 64}
    trained = ganforge.train("note", out=tmp_path / "run", total_nimg=64, metric_samples=0, **settings)
    done = evaluate(trained.path, wanted=Wanted(samples=50))
    dataset, nearest = load(str(tmp_path / "p")), done.record["nearest"]
    assert len(nearest) == 32
    assert sorted(distance for _, distance in nearest) == [distance for _, distance in nearest]
    with Image.open(done.written[1]) as picture:  # pairs lie in cells of 8 x 8 pixels, enlarged, with a gap
        cells = torch.from_numpy(np.asarray(picture.convert("L")).copy())
    scale = next(scale for scale in range(1, 20) if 8 * (8 * scale + GAP) - GAP == cells.shape[1])
    step = 8 * scale + GAP
    for pair, (name, distance) in enumerate(nearest):
        row, column = divmod(2 * pair, 8)
        corners = (cells[row * step :, (column + at) * step :] for at in (0, 1))
        sample, real = (corner[: 8 * scale : scale, : 8 * scale : scale] for corner in corners)
        where = ("a", "b").index(name.split("/")[1]) * 200 + int(name[-8:-4])
        assert where < 300
        assert torch.equal(real, dataset.items[where, 0])
        assert (sample.float() - real.float()).square().mean().sqrt().item() == pytest.approx(distance)
    assert main(["evaluate", str(trained.path), "--samples=50"]) == 0
    said = f"nearest to a judged one, with the distance in grey levels: {nearest[0][0]} ({nearest[0][1]:.4g}), "
    assert said in capsys.readouterr().out
    assert f"are, with their distances in grey levels: {nearest[0][0]} ({nearest[0][1]:.1f})," in render_report(trained)


def test_the_best_snapshot_is_judged_when_asked_for(run: RunFolder, tmp_path: Path) -> None:
    """The one before the newest, by figures that are made up."""
    folder = RunFolder(shutil.copytree(run.path, tmp_path / "run"))
    rows = list(folder.metrics_rows())
    assert [row["nimg"] for row in rows] == [320, 640, 960, 1_280]
    for row, value in zip(rows, (3.0, 2.0, 1.0, 1.5), strict=True):
        row["figures"]["FD/random"]["value"] = value
    folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert evaluate(folder.path, best=True).record["nimg"] == 960
    assert evaluate(folder.path).record["nimg"] == 1_280


def test_a_snapshot_alone(run: RunFolder, tmp_path: Path) -> None:
    snapshot = tmp_path / "mine.safetensors"
    snapshot.write_bytes(run.snapshot(1_280).read_bytes())
    done = evaluate(snapshot, out=tmp_path / "here")
    assert [path.parent for path in done.written] == [tmp_path / "here"] * 2
    assert done.record["figures"] == evaluate(run.path).record["figures"]


def test_a_folder_of_pictures(copies: Path, tmp_path: Path) -> None:
    record = evaluate(copies, Against("digits"), out=tmp_path).record
    assert record["figures"]["copies/pixels"]["value"] == 1.0
    assert record["subject"]["kind"] == "pictures"
    assert record["protocol"]["num_fakes"] == 499


def test_fewer_pictures_are_judged_by_a_floor_of_as_many(copies: Path, tmp_path: Path) -> None:
    few = save(load("digits", split="test").items[:270], tmp_path / "few")
    record = evaluate(few, Against("digits"), out=tmp_path).record
    assert (record["protocol"]["num_fakes"], record["protocol"]["num_floor"]) == (270, 270)


def test_grey_pictures_saved_in_colour_are_taken_as_grey(copies: Path, tmp_path: Path) -> None:
    colour = save(load("digits").items[:600].expand(-1, 3, -1, -1), tmp_path / "colour")
    assert (
        evaluate(colour, Against("digits"), out=tmp_path).record["figures"]
        == (evaluate(copies, Against("digits"), out=tmp_path).record["figures"])
    )


def test_an_array_of_pictures(copies: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", images=load("digits").items[:600].permute(0, 2, 3, 1).numpy())
    record = evaluate(tmp_path / "all.npz", Against("digits"), out=tmp_path).record
    assert record["figures"]["copies/pixels"]["value"] == 1.0


def test_the_record_of_something_else_is_not_replaced(
    copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is its picture, whatever it was judged by; what is judged again replaces its own."""
    monkeypatch.chdir(tmp_path)
    first = evaluate(copies, Against("digits"), Wanted(samples=200)).written
    assert [path.name for path in first][1:] == ["nearest-copies.png"]
    before = [path.read_bytes() for path in first]
    assert capsys.readouterr().err == ""
    shutil.copytree(copies, "other/copies")
    for samples in (200, 200, 300):
        second = evaluate("other/copies", Against("digits"), Wanted(samples=samples)).written
        assert (second[0].name[:20], second[1].name) == ("evaluation-copies-2-", "nearest-copies-2.png")
        said = f"{first[0]} is of something else and stays; what is written is called copies-2."
        assert capsys.readouterr().err.strip() == said
    assert [path.read_bytes() for path in first] == before
    assert evaluate(copies, Against("digits"), Wanted(samples=300)).written[1] == first[1]
    assert len([*Path().glob("*.json")]) == 4


def test_a_file_is_what_it_holds_and_not_what_its_name_ends_in(copies: Path, tmp_path: Path) -> None:
    """Any kind of file that can be learned from can be judged, too."""
    pictures = load("digits").items[:600].squeeze(1).numpy()
    header = b"".join(number.to_bytes(4, "big") for number in (0x0803, *pictures.shape))
    (tmp_path / "pictures.idx").write_bytes(header + pictures.tobytes())
    record = evaluate(tmp_path / "pictures.idx", Against("digits"), out=tmp_path).record
    assert record["figures"] == evaluate(copies, Against("digits"), out=tmp_path).record["figures"]


def test_the_command_prints_the_table(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run.path)]) == 0
    shown = capsys.readouterr().out
    assert "FD " in shown and "fresh reals" in shown and "Protocol" in shown and "Written:" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "There is no run, snapshot, folder or file of pictures at nowhere; check the path."),
        (["PICTURES"], "Give --against, with one of: mnist"),
        (["PICTURES", "--against", "mist"], "did you mean 'mnist'"),
        (["PICTURES", "--against", "ring"], "judge them against data of their own size"),
        (["PICTURES", "--against", "digits", "--best"], "leave --best out"),
        (["PICTURES", "--against", "digits", "--features", "classifier"], "needs 28 x 28 grey pictures"),
        (["PICTURES", "--against", "digits", "--features", "nonsense"], "There is no feature extractor 'nonsense'"),
        (["PICTURES", "--against", "digits", "--samples", "0"], "--samples is 0"),
        (["TEXT", "--against", "digits"], "is not of a kind that can be read"),
        (["RUN", "--against", "ring"], "makes items of"),
        (["EMPTY", "--against", "digits"], "EMPTY"),
        (["SMALL", "--against", "digits"], "too few"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], said: str, run: RunFolder, copies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "TEXT").write_text("no pictures")
    save(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), tmp_path / "SMALL")
    before = sorted(tmp_path.rglob("*"))
    places = {"PICTURES": str(copies), "RUN": str(run.path)}
    assert main(["evaluate", *(places.get(word, word) for word in arguments)]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
