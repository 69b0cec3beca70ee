"""Walks and a run's grids as films and as numbered frames."""

import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from untrained import make_run

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.film_files import save_film
from ganforge.base.images import save_png
from ganforge.base.stopping import Stopped
from ganforge.cli.main import main
from ganforge.data.draw import draw_frames
from ganforge.run.folder import RunFolder
from ganforge.sampling.film_frames import write_frames
from ganforge.sampling.model import load
from ganforge.sampling.selection import Selection, choose


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make_run(tmp_path_factory.mktemp("runs") / "run", (3, 8, 8))


def frames_of(path: Path) -> tuple[list[np.ndarray], float, str]:
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)], stream.average_rate, stream.name


@pytest.mark.parametrize(("name", "codec"), [("w.mp4", "h264"), ("w.webm", "vp9")])
def test_a_walk_as_a_film(name: str, codec: str, run: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / name
    given = ["--interpolate", "3,17", "--frames", "5", "--fps", "60", "--out", str(out), "--device", "cpu"]
    assert main(["sample", str(run.path), *given]) == 0
    frames, fps, found = frames_of(out)
    model = load(run.path, "cpu")
    drawn = [np.asarray(f) for f in draw_frames(model.pictures(*choose(model, Selection([3, 17], "walk", frames=5))))]
    assert (len(frames), fps) == (6, 60)
    assert codec in found
    for frame, wanted in zip(frames, drawn, strict=True):
        assert frame.shape == wanted.shape
        assert np.abs(frame.astype(int) - wanted).mean() < 8
    assert main(["sample", str(run.path), *given]) == 0  # ours may be overwritten


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_a_long_film_is_known_as_ours(name: str, tmp_path: Path) -> None:
    frames = (Image.new("L", (17, 9), n % 256) for n in range(700))
    assert save_film(frames, tmp_path / name, 12.5) == 700
    assert frames_of(tmp_path / name)[0][0].shape == (10, 18, 3)  # of odd sides the last is there twice
    refuse_foreign(tmp_path / name)
    (tmp_path / name).write_bytes(b"someone's")
    with pytest.raises(UserError, match="is not overwritten"):
        refuse_foreign(tmp_path / name)


def test_without_the_extra(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["sample", str(run.path), "--interpolate", "1,2", "--out", str(tmp_path / "a.mp4")]) == 2
    assert "pip install 'ganforge[film]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_numbered_frames(run: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "w"
    given = ["sample", str(run.path), "--interpolate", "3,17", "--frames", "2", "--scale", "1", "--out", f"{out}/"]
    assert main(given) == 0
    assert sorted(path.name for path in out.iterdir()) == [f"frame-0000{n}.png" for n in range(3)]
    with Image.open(out / "frame-00000.png") as frame:
        assert np.array_equal(np.asarray(frame), load(run.path, "cpu").sample([3])[0].permute(1, 2, 0))
    assert main(given) == 2  # nothing is mixed with what is there


@pytest.mark.parametrize("fault", [Stopped("SIGINT"), OSError(28, "No space left on device", "frame-00070.png")])
def test_of_frames_that_were_stopped_nothing_stays(fault: Exception, tmp_path: Path) -> None:
    """So that the same command can be given again; what others put there meanwhile does stay."""

    def frames(theirs: Path | None) -> Iterator[Image.Image]:
        yield from [Image.new("L", (2, 2))] * 70
        if theirs:
            theirs.write_bytes(b"mine")
        raise fault

    with pytest.raises(Stopped if isinstance(fault, Stopped) else UserError):
        write_frames(frames(None), tmp_path / "new" / "w", 20)
    assert not list(tmp_path.iterdir())
    (tmp_path / "w").mkdir()
    with pytest.raises(Stopped if isinstance(fault, Stopped) else UserError):
        write_frames(frames(None), tmp_path / "w", 20)
    assert [path.name for path in tmp_path.rglob("*")] == ["w"]  # a folder that was there before
    with pytest.raises(Stopped if isinstance(fault, Stopped) else UserError):
        write_frames(frames(tmp_path / "w" / "frame-00070.png"), tmp_path / "w", 20)
    assert [path.name for path in tmp_path.rglob("*")] == ["w", "frame-00070.png"]


def test_the_grids_of_a_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for nimg, grey in ((10, 0), (20, 120), (30, 250)):
        save_png(Image.new("L", (40, 40), grey), run.fakes(nimg))
    out = tmp_path / "e.mp4"
    assert main(["sample", str(run.path), "--evolution", "--fps", "5", "--out", str(out)]) == 0
    greys = [round(frame.mean()) for frame in frames_of(out)[0]]
    assert len(greys) == 3 + 2 * 5  # the last stays for two seconds
    assert np.abs(np.array(greys) - [0, 120, *[250] * 11]).max() <= 3
