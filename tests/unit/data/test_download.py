import threading
import time
from pathlib import Path

import pytest
from mirror_server import Answer, Server, breaks_off, fails, sends

from ganforge.base.stopping import Stopped, polled_by
from ganforge.data.download import OFFLINE, NoMirror, download

CONTENT = bytes(range(256)) * 2000  # several pieces


def is_right(path: Path) -> bool:
    return path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [(fails(500), 3), (fails(404), 1), (breaks_off(CONTENT), 3), (sends(CONTENT[::-1]), 1), (sends(b""), 1)],
)
def test_falls_back_to_the_second_mirror(server: Server, tmp_path: Path, answer: Answer, attempts: int) -> None:
    server.answers = {"/bad/file.gz": answer, "/good/file.gz": sends(CONTENT)}
    mirrors = [f"{server.url}bad/", f"{server.url}good/"]
    target = tmp_path / "cache" / "file.gz"
    assert download(mirrors, "file.gz", target, is_right) == f"{server.url}good/file.gz"
    assert target.read_bytes() == CONTENT
    assert server.asked == ["/bad/file.gz"] * attempts + ["/good/file.gz"]
    assert list(target.parent.iterdir()) == [target]


def test_falls_back_when_nobody_listens(server: Server, refused_url: str, tmp_path: Path) -> None:
    server.answers = {"/file": sends(CONTENT)}
    download([refused_url, server.url], "file", tmp_path / "file", is_right)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_offline_nobody_is_asked(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OFFLINE, "1")
    server.answers = {"/file": sends(CONTENT)}
    with pytest.raises(NoMirror, match=r"^nowhere, since GANFORGE_OFFLINE is set$"):
        download([server.url], "file", tmp_path / "file", is_right)
    assert server.asked == []
    monkeypatch.setenv(OFFLINE, "")
    assert download([server.url], "file", tmp_path / "file", is_right) == f"{server.url}file"


def test_tries_again_after_a_passing_fault(server: Server, tmp_path: Path) -> None:
    def once_broken(handler: object) -> None:
        (breaks_off(CONTENT) if len(server.asked) == 1 else sends(CONTENT))(handler)  # type: ignore[arg-type]

    server.answers = {"/file": once_broken}
    download([server.url], "file", tmp_path / "file", is_right)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_says_why_each_mirror_failed_and_leaves_nothing(server: Server, refused_url: str, tmp_path: Path) -> None:
    server.answers = {
        "/a/file": fails(503),
        "/b/file": breaks_off(CONTENT),
        "/c/file": sends(b"a log-in page"),
    }
    mirrors = [*(f"{server.url}{letter}/" for letter in "abc"), refused_url]
    with pytest.raises(NoMirror) as error:
        download(mirrors, "file", tmp_path / "file", is_right)
    reasons = [failure.split(": ")[1] for failure in error.value.failures]
    assert reasons == [
        "answered HTTP 503",
        "broke off before the end",
        "sent something else than the file",
        "no connection",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_silent_server_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.data.download.TIMEOUT_S", (1.0, 0.05))
    done = threading.Event()
    server.answers = {"/file": lambda handler: done.wait(10) and None}
    with pytest.raises(NoMirror, match="no answer in time"):
        download([server.url], "file", tmp_path / "file", is_right)
    done.set()


def test_stopping_in_the_middle_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    server.answers = {"/file": sends(CONTENT)}
    sizes = []

    def poll() -> None:
        sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
        if 0 < sizes[-1] < len(CONTENT):
            raise Stopped("SIGINT")

    with polled_by(poll), pytest.raises(Stopped):
        download([server.url, server.url], "file", tmp_path / "file", is_right)
    assert sizes[-1] > 0
    assert server.asked == ["/file"]
    assert list(tmp_path.iterdir()) == []


def test_stopping_while_waiting_to_try_again(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.data.download.RETRY_AFTER_S", (60.0,))
    server.answers = {"/file": fails(500)}

    def poll() -> None:
        if server.asked:
            raise Stopped("SIGTERM")

    started = time.monotonic()
    with polled_by(poll), pytest.raises(Stopped):
        download([server.url], "file", tmp_path / "file", is_right)
    assert time.monotonic() - started < 30
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_if_no_mirror_answers(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(NoMirror, match="HTTP 404"):
        download([server.url], "file", target, is_right)
    assert target.read_bytes() == b"old"


def test_progress_goes_to_stderr_only(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers = {"/file": sends(CONTENT)}
    download([server.url], "file", tmp_path / "file", is_right)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"fetching {server.url}file\n"
