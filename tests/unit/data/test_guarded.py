"""Sources that another process reads: what it does not survive, and what takes too long, costs one picture."""

import os
import resource
import signal
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from picture_files import COLOUR, GREY, header_at, save, shade

from ganforge.base.errors import UserError
from ganforge.base.stopping import Stopped, polled_by
from ganforge.data.foreign_pictures import read_pictures
from ganforge.data.prepared.prepare import prepare
from ganforge.data.prepared.prepared_files import PICTURES
from ganforge.data.prepared.request import Request
from ganforge.data.sources import guarded
from ganforge.data.sources.guarded import Guarded, SourceChanged
from ganforge.data.sources.look import looks
from ganforge.data.sources.open import open_guarded, open_source, picture_at
from ganforge.data.sources.pixel_kinds import Unreadable
from ganforge.data.sources.process import listing_seconds, start_process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are halted by signals")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for value in range(8):
        (tmp_path / "p" / f"{value // 4}").mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / f"{value // 4}" / f"{value}.png").write_bytes(shade(value))
    return tmp_path / "p"


def stopping() -> Callable[[], None]:
    """A poll that is asked to stop once it has been called a few times."""
    left = 5

    def poll() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Stopped("SIGTERM")

    return poll


def halt(source: Guarded) -> None:
    """From now on, its process does nothing: as a decoder that never comes to an end."""
    source._process.send_signal(signal.SIGSTOP)


def test_it_tells_what_the_source_tells(pictures: Path) -> None:
    save(pictures / "1" / "x.png", COLOUR)
    (pictures / "1" / "y.png").write_bytes(b"")
    with closing(open_guarded(pictures)) as source, closing(open_source(pictures)) as plain:
        assert (source.name, source.kind, source.no_labels) == (plain.name, plain.kind, plain.no_labels)
        assert source.entries == list(plain.entries)
        assert source.skipped == list(plain.skipped)
        assert source.fingerprint() == plain.fingerprint()
        for index in range(9):
            assert header_at(source, index) == header_at(plain, index)
            assert np.array_equal(picture_at(source, index), picture_at(plain, index))
        assert list(looks(source, range(10))) == list(looks(plain, range(10)))
        assert picture_at(source, 8, 3).size == picture_at(plain, 8, 3).size == (2, 3)
        for what in (header_at, picture_at):
            with pytest.raises(Unreadable, match="empty file"):
                what(source, 9)


def test_a_source_that_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\3\4")
    with pytest.raises(UserError, match="is not a whole zip file"):
        open_guarded(tmp_path / "a.zip")


def test_a_picture_that_takes_too_long_is_passed_over_once(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_guarded(pictures)) as source:
        halt(source)
        with monkeypatch.context() as patch:
            patch.setattr(guarded, "MAX_SECONDS", 0.0)
            with pytest.raises(Unreadable, match="takes longer than 0 s"):
                picture_at(source, 3)
        first = source._process.pid
        assert np.asarray(picture_at(source, 4)).min() == 4
        with pytest.raises(Unreadable, match="takes longer than 0 s"):
            header_at(source, 3)
        assert source._process.pid == first


def test_a_picture_that_the_process_does_not_survive(pictures: Path) -> None:
    with closing(open_guarded(pictures)) as source:
        source._process.kill()
        source._process.wait()
        with pytest.raises(Unreadable, match="ends the process that decodes it"):
            picture_at(source, 3)
        assert np.asarray(picture_at(source, 4)).min() == 4


def test_a_source_full_of_such_pictures_is_refused(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "MAX_ENDED", 1)
    with closing(open_guarded(pictures)) as source:
        source._process.kill()
        with pytest.raises(Unreadable):
            picture_at(source, 0)
        source._process.kill()
        with pytest.raises(UserError, match="not read any further: 2 of its pictures cannot be decoded"):
            picture_at(source, 1)


DYING = """
import os
from ganforge.data.sources.paged import PagedSource
whole = PagedSource.take
PagedSource.take = lambda taken, index: os._exit(9) if index == 5 else whole(taken, index)
from ganforge.data.reader import main
main()
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_of_a_piece_the_right_picture_is_to_blame(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr("ganforge.data.sources.process.PROGRAM", ("-c", DYING))
    monkeypatch.setattr("ganforge.data.prepared.first_look.SAMPLE_PICTURES", 1)  # else it is known before
    made, facts = prepare(str(pictures), Request(), None, lambda line: None, root=tmp_path / "cache", workers=workers)
    [[name, why]] = facts["broken"]
    assert name == "1/5.png"
    assert why.startswith("ends the process that decodes it")
    assert list((made / PICTURES).read_bytes()[::20]) == [0, 1, 2, 3, 4, 6, 7]
    assert facts["class_counts"] == [4, 3]


@pytest.mark.parametrize("what", ["listing", "header", "looks", "picture", "fingerprint", "piece"])
def test_every_phase_can_be_stopped(pictures: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "POLL_EVERY_S", 0.01)
    if what == "listing":
        starting = start_process

        def started() -> object:
            process = starting()
            process.send_signal(signal.SIGSTOP)
            return process

        monkeypatch.setattr(guarded, "start_process", started)
        with polled_by(stopping()), pytest.raises(Stopped):
            open_guarded(pictures)
        return
    with closing(open_guarded(pictures)) as source:
        halt(source)
        with polled_by(stopping()), pytest.raises(Stopped):
            if what == "fingerprint":
                source.fingerprint()
            elif what == "looks":
                next(looks(source, range(9)))
            elif what == "piece":
                source.piece(0, [0], {}, "")
            else:
                {"header": header_at, "picture": picture_at}[what](source, 0)


def test_no_process_is_left(pictures: Path) -> None:
    with closing(open_guarded(pictures)) as source:
        process = source._process
    assert process.returncode == -signal.SIGKILL
    with polled_by(stopping_at_once), pytest.raises(Stopped):
        open_guarded(pictures)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_process_that_cannot_be_started(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(guarded, "start_process", full)
    with pytest.raises(UserError, match=r"No process can be started to read .* \(Too many open files\)"):
        open_guarded(pictures)


def stopping_at_once() -> None:
    raise Stopped("SIGINT")


def test_listing_that_takes_too_long(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.png", shade(1))
    monkeypatch.setattr("ganforge.data.sources.process.MAX_SECONDS", 0.0)
    monkeypatch.setattr("ganforge.data.sources.process.BYTES_A_SECOND", 1 << 60)
    with pytest.raises(UserError, match=r"Listing .*a\.zip takes longer than 0 s; get it again, or split it"):
        open_guarded(tmp_path / "a.zip")


def test_what_a_file_does_not_hold_is_no_reason_to_take_longer(tmp_path: Path) -> None:
    with (tmp_path / "a.tar").open("wb") as file:
        file.truncate(1 << 40)
    seconds = listing_seconds(str(tmp_path / "a.tar"))
    assert seconds is not None
    assert seconds < 11
    assert listing_seconds(str(tmp_path)) is listing_seconds("hub:a/b") is None


def test_another_number_of_pictures(pictures: Path) -> None:
    with closing(open_guarded(pictures)) as source:
        (pictures / "0" / "new.png").write_bytes(shade(9))
        with pytest.raises(SourceChanged, match="changed while it was read"):
            Guarded(pictures, like=source)


@pytest.mark.skipif(sys.platform != "linux", reason="where the system limits memory")
def test_memory_is_limited(tmp_path: Path) -> None:
    with closing(open_guarded(save(tmp_path / "p" / "a.png", GREY).parent)) as source:
        limit, _ = resource.prlimit(source._process.pid, resource.RLIMIT_DATA)  # type: ignore[attr-defined]
        status = Path(f"/proc/{source._process.pid}/status").read_text()
    held = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData:"))
    assert 0 < limit - held <= 1 << 30


def test_pictures_to_judge_are_read_so_too(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "MAX_SECONDS", 0.0)
    with pytest.raises(UserError, match=r"0\.png cannot be read as a picture \(takes longer than 0 s\)"):
        read_pictures(pictures)
