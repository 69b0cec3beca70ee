"""`ganforge watch` and `train --watch` as one types them."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pages import ENVIRONMENT

from ganforge.cli.main import main
from ganforge.run.folder import RunFolder

TRAIN = ("train", "note", "--data", "digits", "--threads", "1", "--total-nimg", "600", "--metric-samples", "0")


@pytest.mark.skipif(find_spec("nicegui") is None, reason="the page needs nicegui: pip install .[view]")
def test_the_address_comes_before_the_training_and_the_way_back_after_it(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "ganforge", *TRAIN, "--watch", "--out", str(out)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=True)
    lines = done.stdout.splitlines()
    assert re.fullmatch(rf"Watching {re.escape(str(out))}: http://127\.0\.0\.1:\d+/", lines[0])
    assert lines[-1].startswith(f"The page has ended with the training; look again: `ganforge watch {out}`")
    assert "Finished." in done.stdout
    assert done.stderr == ""


def test_an_occupied_folder_is_refused_before_there_is_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "something").touch()
    assert main([*TRAIN, "--watch", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert "is not empty" in said.err
    assert "Watching" not in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-folder"], "no-such-folder is no folder"),
        ([".", "--port", "70000"], "a port is between 1 and 65535"),
        ([".", "--port", "x"], "is no whole number"),
        ([".", "--port", "0", "--host", "192.0.2.1"], "choose another with --port, or another --host"),
        ([".", "extra"], "'extra' is one argument too many"),
        ([".", "--token", ""], "with an empty one anybody could look"),
        ([".", "--token-file", "none"], "The token cannot be read: none: No such file"),
        ([".", "--data", "no-such-place"], "There is no data set 'no-such-place', and no file or folder of that name"),
    ],
)
def test_what_cannot_be_watched_is_one_sentence(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["watch", *arguments]) == 2
    assert words in capsys.readouterr().err


Process = subprocess.Popen[str]
needs_page = pytest.mark.skipif(find_spec("nicegui") is None, reason="the page needs nicegui: pip install .[view]")
needs_posix = pytest.mark.skipif(os.name == "nt", reason="pipes, links and signals are others on Windows")


@contextlib.contextmanager
def watching(root: Path, *options: str, wait: bool = True, **environment: str) -> Iterator[tuple[Process, int]]:
    """The page's process, and its port."""
    command = [sys.executable, "-m", "ganforge", "watch", str(root), "--port", "0", *options]
    environment = ENVIRONMENT | environment
    with subprocess.Popen(command, env=environment, text=True, stdout=-1, stderr=-1) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://[^/]+:([0-9]+)/", process.stdout.readline()) if wait else None
            yield process, int(found[1]) if found else 0
        finally:
            process.kill()


def ask(port: int, path: str, **headers: str) -> bytes:
    """The whole answer."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        while piece := line.recv(1_000_000):
            answer += piece
    return answer


def make_run(path: Path) -> RunFolder:
    """One with all files that the page reads, and nothing to see."""
    folder = RunFolder(path)
    folder.create({"settings": {"recipe": "note", "data": "digits"}, "data": {}, "environment": [{}]})
    folder.append_row({"nimg": 1_000, "Loss/D": 1.0})
    folder.fakes(1_000).write_bytes(b"no picture")
    folder.write_status("running", 1_000, 2_000)
    return folder


def hostile(root: Path) -> list[str]:
    """Runs in which one file each is something else; their names."""
    names = ("status.json", "stats.jsonl", "metrics.jsonl", "fakes-000001000.png", "reals.png")
    made = []
    for name in names:
        for kind in ("pipe", "zero", "link", "folder"):
            folder = make_run(root / f"{name}-{kind}")
            made.append(folder.path.name)
            path = folder.path / name
            path.unlink(missing_ok=True)
            if kind == "pipe":
                os.mkfifo(path)
            elif kind == "folder":
                path.mkdir()
            else:
                path.symlink_to({"zero": "/dev/zero", "link": "/etc/passwd"}[kind])
    linked = make_run(root / "linked")
    (linked.path / "snapshots").rmdir()
    (linked.path / "snapshots").symlink_to("/")
    return [*made, "linked"]


@needs_page
@needs_posix
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_page_whatever_the_folder_holds(tmp_path: Path, signum: signal.Signals) -> None:
    """How soon is up to the machine; a reader that waits for a pipe, or reads without end, would never come back."""
    names = hostile(tmp_path)
    with watching(tmp_path) as (process, port):
        assert b"More" in ask(port, "/")
        for name in names:
            for path in (f"/run/{name}", f"/explore/{name}", f"/picture/reals?run={name}",
                         f"/picture/fakes?run={name}&nimg=1000"):  # fmt: skip
                assert ask(port, path).split(b" ", 2)[1] in (b"200", b"404"), path
        with socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(b"GET / HTTP/1.1\r\n")
            process.send_signal(signum)
            assert process.wait(30) == 128 + signum
        assert process.stderr is not None
        assert process.stderr.read() == ""


@needs_page
@needs_posix
@pytest.mark.parametrize("after_sec", [0.6, 1.2, 2.0])
def test_a_signal_ends_the_page_while_it_starts(tmp_path: Path, after_sec: float) -> None:
    make_run(tmp_path / "run")
    with watching(tmp_path, wait=False) as (process, _):
        time.sleep(after_sec)
        process.terminate()
        assert process.wait(30) in (143, -signal.SIGTERM)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@needs_page
def test_the_runs_that_are_not_shown_are_counted(tmp_path: Path) -> None:
    for number in range(2_003):
        (tmp_path / f"{number:04}").mkdir()
        (tmp_path / f"{number:04}" / "config.json").write_text("{}", encoding="utf-8")
    with watching(tmp_path) as (_, port):
        for path in ("/", "/compare"):
            assert b"Shown: 2,000 runs, the first by name. Left out: 3;" in ask(port, path)


@needs_page
def test_another_site_gets_nothing_of_the_real_socket(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    polling = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
    with watching(tmp_path) as (_, port):
        assert ask(port, polling, Origin="http://evil.example").startswith(b"HTTP/1.1 403 ")
        assert ask(port, polling, Sec_Fetch_Site="cross-site").startswith(b"HTTP/1.1 403 ")
        own = ask(port, polling, Origin=f"http://127.0.0.1:{port}")
        assert own.startswith(b"HTTP/1.1 200 ")
        assert b"access-control-" not in own.lower()


@needs_page
def test_a_token_of_the_environment_is_in_no_list_of_processes(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    with watching(tmp_path, GANFORGE_TOKEN="a-secret") as (process, port):
        assert ask(port, "/").startswith(b"HTTP/1.1 401 ")
        assert ask(port, "/?token=a-secret").startswith(b"HTTP/1.1 303 ")
        assert "a-secret" not in subprocess.list2cmdline(map(str, process.args))  # type: ignore[arg-type]


@needs_page
def test_junk_through_the_socket_is_not_printed_and_hurts_nothing(tmp_path: Path) -> None:
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    make_run(tmp_path / "run")
    junk: list[Any] = [None, 1, "x", [], {}, {"client_id": 5}, [[[]]], {"client_id": "x", "tab_id": "y" * 5_000}]
    with watching(tmp_path) as (process, port):
        page = ask(port, "/run/run").decode(errors="replace")
        client = re.search(r"client_id['\"]: ['\"]([0-9a-f-]{36})", page)
        assert client is not None
        address = f"ws://127.0.0.1:{port}/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
        own = {"client_id": client[1], "tab_id": "t", "document_id": "d", "next_message_id": 0}
        packets = ["42" + json.dumps(["handshake", own])]
        for event in ("event", "handshake", "ack", "javascript_response", "log", "connect", "disconnect", "none"):
            packets += [f"42{json.dumps([event, message])}" for message in junk]
            packets += [f'42["{event}"]', f'42["{event}",{"[" * 3_000}']
            packets.append("42" + json.dumps([event, own | {"id": event, "args": "x", "level": 3, "message": "\x1b"}]))
        for listener in range(60):
            arguments = ['{"value": {"a": 1}}', "[]", "nonsense"]
            packets.append("42" + json.dumps(["event", own | {"id": listener, "listener_id": "x", "args": arguments}]))
        packets += ["", "x", "9", "4", "42", "42[]", "2probe", "451-[1]", "40/elsewhere,", "4" + "9" * 200]
        for packet in packets:  # a line each where the server ends it, as it may
            with contextlib.suppress(OSError, EOFError, WebSocketException), connect(address) as line:
                line.recv(timeout=5)
                for text in ("40", packets[0], packet):
                    line.send(text)
                line.send(b"\x00bytes")
        assert ask(port, "/run/run").startswith(b"HTTP/1.1 200 ")
        process.terminate()
        assert process.wait(30) == 143
        assert process.stderr is not None
        assert process.stderr.read() == ""


BAD = '"\\ud800 $x^{ \\u001b[31m <b>"'
CRAFTED = {
    "status.json": [
        '{"nimg": "abc", "state": ["x"], "time": "y", "reason": BAD}', "[" * 90_000, "[]", "NaN",
        '{"nimg": 1e999, "state": "failed", "time": 1e308, "total_nimg": MANY, "reason": BAD}',
    ],
    "config.json": [
        f'{{"settings": {{"recipe": "note", "x": {"[" * 900}{"]" * 900}}}}}', "{", '{"settings": 5}',
        json.dumps({"settings": {f"s{at}": "v" * 1_000 for at in range(2_000)}, "data": {}, "environment": [{}]}),
        '{"settings": {"recipe": BAD, BAD: BAD, "data": BAD, "z_dim": NaN, "lr": Infinity}, "data": {"name": BAD, '
        '"shape": [BAD]}, "environment": [{"device": BAD}]}',
    ],
    "stats.jsonl": [
        '{"nimg": 5, "Loss/D": 1e308, "Loss/D/\\ud800$": NaN, "Timing/images_per_sec": 1e-308}\n{"nimg": true}\n'
        '{"nimg": 6, "Loss/D": -1e308, "Gradient/D": 5e-324, "Timing/images_per_sec": 1e308}\n',
    ],
    "metrics.jsonl": [
        '{"format": 2, "nimg": 9000, "protocol": {"id": BAD, "data": BAD, "split": BAD, "num_fakes": 1, "num_reals": 1,'
        '"num_floor": 1, "extractors": {BAD: BAD}}, "headline": BAD, "figures": {BAD: {"value": 1e308,'
        '"better": "lower", "floor": 5e-324}}, "notes": [BAD]}\n',
    ],
}  # fmt: skip
"""What files of a run may hold: BAD stands for a text, MANY for a number that is too large for any."""


@needs_page
def test_crafted_runs_are_shown_as_far_as_they_go(tmp_path: Path) -> None:
    names = []
    for file, contents in CRAFTED.items():
        for number, content in enumerate(contents):
            folder = make_run(tmp_path / f"{file}-{number}")
            content = content.replace("BAD", BAD).replace("MANY", "9" * 400)
            (folder.path / file).write_text(content, encoding="utf-8")
            names.append(folder.path.name)
    with watching(tmp_path) as (process, port):
        assert ask(port, "/").startswith(b"HTTP/1.1 200 ")
        for name in names:
            for path in (f"/run/{name}", f"/compare?runs={name}"):
                answer = ask(port, path)
                assert answer.startswith(b"HTTP/1.1 200 "), path
                assert b"<b>" not in answer.partition(b"elements")[2]
        assert b"1,800 more are left out." in ask(port, "/run/config.json-3")
        process.terminate()
        assert process.wait(30) == 143
        assert process.stderr is not None
        assert process.stderr.read() == ""
