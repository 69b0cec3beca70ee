"""Promise 3: SIGINT and SIGTERM, in whichever phase, save what there is and stop with the documented exit status."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from pages import patience

import ganforge
from ganforge.run.folder import RunFolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

SPEC = importlib.util.spec_from_file_location("crash", Path(__file__).parents[2] / "benchmarks" / "crash.py")
assert SPEC is not None and SPEC.loader is not None
crash = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(crash)

BOTH = pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
STEP = "ganforge.training.loop:Loop.step"
SOON_S = 5.0 * patience()
"""From the signal to the end of the process, on a slow and busy machine."""

CHILD = """
import os, sys
home, name, nth, times, signum = sys.argv[1:6]
import importlib
module = importlib.import_module(home.partition(":")[0])
owner = getattr(module, home.partition(":")[2]) if ":" in home else module
call, calls = getattr(owner, name), []
def signalled(*args, **kwargs):
    calls.append(name)
    if len(calls) == int(nth):
        for _ in range(int(times)):
            os.kill(os.getpid(), int(signum))
    return call(*args, **kwargs)
setattr(owner, name, signalled)
from ganforge.cli.main import main
sys.exit(main(sys.argv[6:]))
"""
"""ganforge's command line, in which the n-th call of one function is preceded by signals to the process itself."""

IMPORTING = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            os.kill(os.getpid(), int(sys.argv[1]))
sys.meta_path.insert(0, Finder())
from ganforge.cli.main import main
assert "torch" not in sys.modules
sys.exit(main(sys.argv[2:]))
"""

FROM_MIRROR = """
import sys
from ganforge.data import mnist
mnist.load_mnist.__kwdefaults__["mirrors"] = (sys.argv[1],)
from ganforge.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Training in this process sets the run's number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def hear_hangups() -> None:
    """Also where these tests were started by nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def signalled(call: str, nth: int, signum: int, arguments: list[str], times: int = 1) -> Any:
    """Run ganforge with signals before the n-th ``call``, such as ``ganforge.training.loop:Loop.step``."""
    home, _, name = call.rpartition(".")
    command = [sys.executable, "-c", CHILD, home, name, str(nth), str(times), str(int(signum)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=crash.LIMIT_S, preexec_fn=hear_hangups)


def check_stopped(done: Any, signum: int, run: RunFolder) -> int:
    """The run was stopped as it should be; returns the nimg of its newest checkpoint, which is where it stopped."""
    assert done.returncode == 128 + signum, done.stderr
    assert "Traceback" not in done.stderr
    assert f"{signal.Signals(signum).name}: stopping" in done.stderr
    newest = check_resumable(run)
    status = run.read_status()
    assert (status["state"], status["nimg"]) == ("stopped", newest)
    assert f"Saved at {newest:,} images; go on with `ganforge resume {run.path}`" in done.stdout
    return newest


def check_resumable(run: RunFolder) -> int:
    assert crash.leftovers(run) == []
    return int(crash.check_whole(run, -1))


def check_same_after_resume(run: RunFolder, total_nimg: int, tmp_path: Path) -> None:
    """Resumed to a total length, the run is the same as one in one go."""
    ganforge.resume(run.path, total_nimg=total_nimg)
    assert run.read_status()["state"] == "finished"
    settings = crash.SETTINGS | {"g_hidden": [16], "d_hidden": [16], "total_nimg": total_nimg}
    uninterrupted = ganforge.train("note", out=tmp_path / "uninterrupted", **settings)
    assert crash.run_differences(uninterrupted, run) == []


def check_nothing_saved(done: Any, signum: int) -> None:
    """Stopped before anything was worth saving, and said so."""
    assert done.returncode == 128 + signum, done.stderr
    assert "stopped before there was anything to save" in done.stderr
    assert "Traceback" not in done.stderr


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- before there is anything to save


@BOTH
def test_while_pytorch_is_imported(signum: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPORTING, str(int(signum)), *crash.train(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=crash.LIMIT_S)
    assert done.returncode == 128 + signum, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def slow_mirror() -> Iterator[tuple[str, threading.Event]]:
    """A web server that sends a few bytes now and then, and the event that somebody has asked it."""
    asked, over = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "10000000")
            self.end_headers()
            asked.set()
            while not over.wait(0.05):
                try:
                    self.wfile.write(bytes(100))
                except OSError:  # the client has gone
                    break

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}/", asked
        over.set()
        http.shutdown()
        thread.join()


@BOTH
def test_during_a_slow_download(signum: int, slow_mirror: tuple[str, threading.Event], tmp_path: Path) -> None:
    url, asked = slow_mirror
    cache = tmp_path / "cache"
    cache.mkdir()
    changed = {"XDG_CACHE_HOME": str(cache), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    environment = {name: value for name, value in os.environ.items() if name != "GANFORGE_DATA"} | changed
    command = [sys.executable, "-c", FROM_MIRROR, url, *crash.train(tmp_path / "runs" / "run", data="mnist")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert asked.wait(60)
        time.sleep(0.3)  # into the answer
        sent = time.monotonic()
        child.send_signal(signum)
        _, error = child.communicate(timeout=60)
        took = time.monotonic() - sent
    assert child.returncode == 128 + signum, error
    assert "stopped before there was anything to save" in error
    assert "Traceback" not in error
    assert took < SOON_S
    assert not (tmp_path / "runs").exists()
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_while_resuming_prepares_its_data(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    stopped = signalled(STEP, 9, signal.SIGTERM, crash.train(run.path))
    nimg = check_stopped(stopped, signal.SIGTERM, run)
    before = run.status.read_bytes()
    done = signalled("ganforge.training.start.load", 1, signal.SIGTERM, ["resume", str(run.path)])
    check_nothing_saved(done, signal.SIGTERM)
    assert (check_resumable(run), run.status.read_bytes()) == (nimg, before)
    check_same_after_resume(run, 1280, tmp_path)


# --- when there is


@BOTH
def test_from_outside_during_the_steps(signum: int, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    arguments = crash.ganforge(crash.train(run.path, total_nimg=10**12))
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(3)]  # the run, and two reports
        sent = time.monotonic()
        child.send_signal(signum)
        out, error = child.communicate(timeout=60)
        took = time.monotonic() - sent
    assert took < SOON_S
    done = subprocess.CompletedProcess(arguments, child.returncode, "".join(lines) + out, error)
    nimg = check_stopped(done, signum, run)
    check_same_after_resume(run, nimg + 640, tmp_path)


# --- while the real pictures are measured, which figures are compared with

PREPARING = {
    "reference": ("ganforge.metrics.reference.measure_reference", 1),
    "its features": ("ganforge.metrics.reference:Tally.add", 1),
}


@pytest.mark.parametrize(
    ("phase", "signum"),
    [("reference", signal.SIGTERM), ("reference", signal.SIGINT), ("its features", signal.SIGTERM)],
)
def test_while_the_reference_is_prepared(
    phase: str, signum: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = signalled(*PREPARING[phase], signum, crash.train(tmp_path / "run"))
    check_nothing_saved(done, signum)
    assert files_in(tmp_path) == {}


def test_while_resuming_prepares_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path / "run")
    check_stopped(signalled(STEP, 9, signal.SIGTERM, crash.train(run.path)), signal.SIGTERM, run)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = files_in(tmp_path)
    done = signalled(*PREPARING["reference"], signal.SIGINT, ["resume", str(run.path)])
    check_nothing_saved(done, signal.SIGINT)
    assert files_in(tmp_path) == before


PHASES = {
    "first step": (STEP, 1, 64),
    "step": (STEP, 14, 14 * 64),
    "report": ("ganforge.training.actions:Actions.draw_fakes", 2, 640),
    "row": ("ganforge.run.folder:RunFolder.append_row", 1, 640),
    "snapshot": ("ganforge.training.actions.save_snapshot", 1, 1280),
    "measuring": ("ganforge.metrics.judge.compare", 1, 1280),
    # The first file that is read is the real pictures' statistics; then come the checkpoints of 0, 256 and 512 images.
    "checkpoint's verification": ("ganforge.base.tensorfile.read_tensorfile", 4, 512),
}


@pytest.mark.parametrize(
    ("phase", "signum"),
    [
        ("first step", signal.SIGINT),
        ("step", signal.SIGTERM),
        ("step", signal.SIGHUP),
        ("report", signal.SIGTERM),
        ("report", signal.SIGINT),
        ("row", signal.SIGTERM),
        ("snapshot", signal.SIGINT),
        ("measuring", signal.SIGTERM),
        ("measuring", signal.SIGINT),
        ("checkpoint's verification", signal.SIGTERM),
        ("checkpoint's verification", signal.SIGINT),
    ],
)
def test_from_inside(phase: str, signum: int, tmp_path: Path) -> None:
    call, nth, nimg = PHASES[phase]
    run = RunFolder(tmp_path / "run")
    done = signalled(call, nth, signum, crash.train(run.path))
    assert check_stopped(done, signum, run) == nimg
    check_same_after_resume(run, 1920, tmp_path)


def test_a_signal_at_the_very_end_changes_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    done = signalled("ganforge.training.actions.animation", 1, signal.SIGTERM, crash.train(run.path, total_nimg=1280))
    assert done.returncode == 0, done.stderr
    assert run.read_status()["state"] == "finished"
    check_same_after_resume(run, 1920, tmp_path)


# --- a second Ctrl-C


def test_a_second_sigint_while_the_data_are_prepared(tmp_path: Path) -> None:
    done = signalled("ganforge.training.start.load", 1, signal.SIGINT, crash.train(tmp_path / "run"), times=2)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("ganforge: interrupted; what was saved before is whole\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("phase", ["step", "report", "row", "snapshot", "measuring", "checkpoint's verification"])
def test_a_second_sigint_ends_at_once(phase: str, tmp_path: Path) -> None:
    call, nth, nimg = PHASES[phase]
    run = RunFolder(tmp_path / "run")
    done = signalled(call, nth, signal.SIGINT, crash.train(run.path), times=2)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("ganforge: interrupted; what was saved before is whole\n")
    newest = check_resumable(run)
    assert newest == (nimg - 1) // 256 * 256  # the last that was due before; nothing more was saved
    status = run.read_status()
    assert (status["state"], status["nimg"]) == ("stopped", newest)
    check_same_after_resume(run, 1920, tmp_path)


def test_a_second_sigterm_is_no_reason_to_hurry(tmp_path: Path) -> None:
    call, nth, nimg = PHASES["step"]
    run = RunFolder(tmp_path / "run")
    done = signalled(call, nth, signal.SIGTERM, crash.train(run.path), times=3)
    assert check_stopped(done, signal.SIGTERM, run) == nimg


# --- judging a run

EVALUATING = {
    "its data": ("ganforge.judging.against.load_data", signal.SIGTERM),
    "the reference": ("ganforge.metrics.reference.measure_reference", signal.SIGINT),
    "the held-out pictures": ("ganforge.metrics.copying.measure_space", signal.SIGTERM),
    "making pictures": ("ganforge.metrics.fakes.to_uint8", signal.SIGINT),
    "the figures": ("ganforge.metrics.judge.compare", signal.SIGTERM),
    "the copies": ("ganforge.metrics.memorisation.copies", signal.SIGINT),
}


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run to be judged with an empty cache, at run/ beside cache/."""
    settings = crash.SETTINGS | {"g_hidden": [16], "d_hidden": [16], "total_nimg": 640, "metric_samples": 0}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ganforge.train("note", out=tmp_path / "run", **settings)


@pytest.mark.parametrize("phase", EVALUATING)
def test_evaluate_is_stopped(phase: str, judged: RunFolder, tmp_path: Path) -> None:
    call, signum = EVALUATING[phase]
    before = files_in(judged.path)
    done = signalled(call, 1, signum, ["evaluate", str(judged.path)])
    check_nothing_saved(done, signum)
    assert files_in(judged.path) == before
    assert [path for path in tmp_path.rglob(".*") if path.name != ".lock"] == []


def test_a_signal_while_the_evaluation_is_written_changes_nothing(judged: RunFolder) -> None:
    done = signalled("pathlib:Path.write_text", 1, signal.SIGTERM, ["evaluate", str(judged.path)])
    assert done.returncode == 0, done.stderr
    [record] = judged.all_evaluations()
    assert json.loads(record.read_text())["nimg"] == 640
    assert judged.nearest(640).exists()


def test_a_second_sigint_while_the_evaluation_is_written(judged: RunFolder, tmp_path: Path) -> None:
    before = files_in(judged.path)
    done = signalled("pathlib:Path.write_text", 1, signal.SIGINT, ["evaluate", str(judged.path)], times=2)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert files_in(judged.path) == before
    assert [path for path in tmp_path.rglob(".*") if path.name != ".lock"] == []
