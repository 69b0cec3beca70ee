"""The process that tells a tracker of a run: order, faults, and going on with the same run of the tracker."""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_runs import NOTHING, make_run, report

from ganforge.base.errors import UserError
from ganforge.run.folder import RunFolder
from ganforge.tracking import worker
from ganforge.tracking.catalog import TRACKERS, Start, Tracker, require
from ganforge.tracking.said import bare, said
from ganforge.tracking.taken import KINDS, Taken, cut_at, newest, read_taken, write_taken
from ganforge.tracking.trackers import start_process
from ganforge.tracking.worker import follow


class Recorded:
    """A tracker that keeps what it is told, and fails as often as it is to."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.faults: list[str] = []
        self.fault: BaseException = RuntimeError("the server is away")
        self.starts: list[Start] = []
        self.run = "first"

    def begin(self, start: Start) -> Any:
        self.starts.append(start)
        return SimpleNamespace(
            run=self.run, place="there", numbers=lambda nimg, values: self.tell(("numbers", nimg)),
            picture=lambda nimg, path: self.tell(("picture", nimg)), close=lambda ending: self.tell(("close", ending)),
        )  # fmt: skip

    def tell(self, what: Any) -> None:
        if self.faults and self.faults[0] == what[0]:
            del self.faults[0]
            raise self.fault
        self.told.append(what)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    one = Recorded()
    monkeypatch.setattr(Tracker, "load", lambda record: SimpleNamespace(Target=one.begin))
    monkeypatch.setattr(worker, "RETRY_SEC", 0.01)
    monkeypatch.setattr(worker, "LOOK_SEC", 0.01)
    yield one


class Ended:
    """The training ends after so many looks, at each of which something may happen."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        self.happens = [*happens]

    def is_set(self) -> bool:
        return not self.happens

    def wait(self, _: float) -> None:
        self.happens.pop(0)()


def nothing() -> None:
    """Happens."""


def test_all_is_sent_as_it_comes_and_the_run_is_closed(tmp_path: Path, recorded: Recorded) -> None:
    folder = make_run(tmp_path / "run", (10,), state="finished")
    follow(folder, "wandb", 1, NOTHING, Ended(lambda: report(folder, 20), nothing))
    assert recorded.told == [*((what, n) for n in (10, 20) for what in ("numbers", "picture")), ("close", "finished")]
    upto = {"rows": 20, "figures": -1, "grids": 20}
    assert read_taken(folder, "wandb") == Taken(session=1, run="first", place="there", upto=upto, closed=True)
    (start,) = recorded.starts
    assert (start.name, start.run, start.take_back_after) == ("run", None, None)
    assert start.facts == {
        "data": "digits", "lr": 0.0003, "g_hidden": "[16, 8]", "dataset/name": "digits", "dataset/count": 7,
        "machine/torch": "2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "ending"), [("finished", "finished"), ("stopped", "stopped"), ("failed", "failed"), ("running", "failed")]
)
def test_it_is_closed_as_the_training_ended(state: str, ending: str, tmp_path: Path, recorded: Recorded) -> None:
    follow(make_run(tmp_path / "run", state=state), "wandb", 1, NOTHING, Ended())
    assert recorded.told == [("close", ending)]


def test_a_fault_is_noted_and_what_was_not_taken_is_sent_again(tmp_path: Path, recorded: Recorded) -> None:
    folder = make_run(tmp_path / "run", (10, 20), state="finished")
    recorded.faults = ["picture"]
    seen: list[Taken] = []
    follow(folder, "wandb", 1, NOTHING, Ended(lambda: seen.append(read_taken(folder, "wandb")), nothing))
    assert seen[0].error == "RuntimeError: the server is away"
    assert seen[0].upto == {"rows": 10, "figures": -1, "grids": -1}
    expected = [*((what, n) for n in (10, 20) for what in ("numbers", "picture")), ("close", "finished")]
    assert recorded.told == expected
    assert len(recorded.starts) == 1
    assert read_taken(folder, "wandb").error == ""


def test_a_grid_counts_as_taken_only_where_it_is_gone_itself(tmp_path: Path, recorded: Recorded) -> None:
    """And not where the tracker's library lacks a file of its own."""
    folder = make_run(tmp_path / "run", (10, 20), state="finished")
    recorded.faults, recorded.fault = ["picture"], FileNotFoundError(2, "No such file", "the library's")

    def remove() -> None:
        assert read_taken(folder, "wandb").upto["grids"] == -1
        folder.fakes(20).unlink()

    follow(folder, "wandb", 1, NOTHING, Ended(remove))
    assert [nimg for what, nimg in recorded.told if what == "picture"] == [10]
    assert (read_taken(folder, "wandb").upto["grids"], read_taken(folder, "wandb").closed) == (20, True)


def test_a_fault_at_the_end_is_noted_and_the_run_not_closed(tmp_path: Path, recorded: Recorded) -> None:
    folder = make_run(tmp_path / "run", (10,), state="finished")
    recorded.faults, recorded.fault = ["close"], SystemExit("no key")
    follow(folder, "wandb", 1, NOTHING, Ended())
    taken = read_taken(folder, "wandb")
    assert (taken.closed, taken.error) == (False, "SystemExit: no key")


def test_the_same_run_is_gone_on_with(tmp_path: Path, recorded: Recorded) -> None:
    folder = make_run(tmp_path / "run", (10, 20), state="stopped")
    follow(folder, "wandb", 1, NOTHING, Ended())
    recorded.told.clear()
    report(folder, 30)
    follow(folder, "wandb", 2, newest(folder), Ended())
    assert recorded.starts[1].run == "first"
    assert recorded.told == [("numbers", 30), ("picture", 30), ("close", "stopped")]


def test_a_tracker_that_has_lost_the_run_is_sent_all_anew(tmp_path: Path, recorded: Recorded) -> None:
    folder = make_run(tmp_path / "run", (10, 20), state="stopped")
    follow(folder, "wandb", 1, NOTHING, Ended())
    recorded.told.clear()
    recorded.run = "second"
    follow(folder, "wandb", 2, newest(folder), Ended())
    assert [what for what in recorded.told if what[0] == "numbers"] == [("numbers", 10), ("numbers", 20)]
    assert read_taken(folder, "wandb").run == "second"


@pytest.mark.parametrize(("name", "after", "sent"), [("tensorboard", 10, [20, 30, 40]), ("wandb", None, [40])])
def test_rows_that_a_resumed_run_makes_anew(
    name: str, after: int | None, sent: list[int], tmp_path: Path, recorded: Recorded
) -> None:
    """A tracker that can take rows back is told from where on, and sent the new ones; another keeps what it has."""
    assert TRACKERS[name].takes_back == (after is not None)
    folder = make_run(tmp_path / "run", (10, 20, 30), state="stopped")
    follow(folder, name, 1, NOTHING, Ended())
    recorded.told.clear()
    folder.cut_after(10, 10)
    there = newest(folder)
    for nimg in (20, 30, 40):
        report(folder, nimg)
    follow(folder, name, 2, there, Ended())
    assert recorded.starts[1].take_back_after == after
    assert [nimg for what, nimg in recorded.told if what == "numbers"] == sent


def test_what_was_sent_but_not_noted_is_taken_back_and_sent_anew(tmp_path: Path, recorded: Recorded) -> None:
    """The process was killed between the two."""
    folder = make_run(tmp_path / "run", (10, 20, 30), state="stopped")
    write_taken(folder, "tensorboard", Taken(1, "first", "there", {"rows": 20, "figures": -1, "grids": 30}))
    follow(folder, "tensorboard", 2, newest(folder), Ended())
    assert recorded.starts[0].take_back_after == 20
    assert recorded.told == [("numbers", 30), ("picture", 30), ("close", "stopped")]


def test_nothing_counts_as_sent_that_is_about_to_be_taken_back(
    tmp_path: Path, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(tmp_path / "run", (10, 20, 30), state="stopped")
    follow(folder, "tensorboard", 1, NOTHING, Ended())
    folder.cut_after(10, 10)
    noted: list[dict[str, int]] = []
    begin = recorded.begin

    def looked(start: Start) -> Any:
        noted.append(read_taken(folder, "tensorboard").upto)
        return begin(start)

    monkeypatch.setattr(Tracker, "load", lambda record: SimpleNamespace(Target=looked))
    follow(folder, "tensorboard", 2, newest(folder), Ended())
    assert noted == [{"rows": 10, "figures": -1, "grids": 10}]


def test_a_long_way_is_noted_as_it_goes(tmp_path: Path, recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be taken for hanging."""
    folder = make_run(tmp_path / "run", (10, 20, 30))
    noted: list[int] = []
    monkeypatch.setattr(worker, "LOOK_SEC", -1.0)
    tell = recorded.tell

    def looked(what: Any) -> None:
        noted.append(read_taken(folder, "wandb").upto["rows"])
        tell(what)

    monkeypatch.setattr(recorded, "tell", looked)
    follow(folder, "wandb", 1, NOTHING, Ended())
    assert noted == [-1, 10, 10, 20, 20, 30, 30]


def test_where_the_log_was_cut() -> None:
    there = dict(zip(KINDS, (30, 20, 40), strict=True))
    assert cut_at(there, there) is None
    assert cut_at(NOTHING, there) is None
    assert cut_at({**there, "figures": 25}, there) == 20
    assert cut_at({**there, "figures": 25, "rows": 31}, there) == 20


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"session": 1}', "null", '{"session": true, "run": "", "place": "", "upto": {}, "error": "", '
     '"closed": false}', '{"session": 1, "run": "", "place": "", "upto": {"rows": 1}, "error": "", "closed": false}'],
)  # fmt: skip
def test_a_state_that_is_none_is_as_if_nothing_was_taken(content: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    folder.tracker("wandb").write_text(content, encoding="utf-8")
    assert read_taken(folder, "wandb") == Taken()


def test_a_state_is_read_as_it_was_written_and_in_one_line(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    assert read_taken(folder, "wandb") == Taken()
    taken = Taken(3, "id", "there\x1b[2J", dict.fromkeys(KINDS, 5), "error", True)
    write_taken(folder, "wandb", taken)
    taken.place = "there\\x1b[2J"
    assert read_taken(folder, "wandb") == taken


def test_no_key_or_password_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "0123456789abcdef")
    monkeypatch.setenv("OTHER_TOKEN", "true")
    error = ConnectionError("no: https://me:pass@host:80/x?k=0123456789abcdef is true.\nmore")
    assert said(error) == "ConnectionError: no: https://host:80/x is true"
    assert said(ValueError("the key 0123456789abcdef is void")) == "ValueError: the key ... is void"
    assert said(ValueError("url: /db?user=u&password=s3cret1 (not found)")) == "ValueError: url: /db (not found)"
    assert said(KeyError()) == "KeyError"
    assert len(said(ValueError("x" * 1000))) == 300
    assert said(ValueError("\x1b[2J")) == "ValueError: \\x1b[2J"


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ("NewConnectionError('<HTTPConnection>: Failed to establish a new connection: [Errno 111] Connection refused')",
         "no connection to the server localhost:5999"),
        ("NameResolutionError(\"<HTTPConnection>: Failed to resolve 'localhost'\")",
         "no machine is known by the name of the server localhost:5999"),
        ("ConnectTimeoutError(<HTTPConnection>, 'timed out')", "no answer in time from the server localhost:5999"),
        ("SSLError(SSLCertVerificationError(1, 'self-signed certificate'))",
         "no trusted certificate at the server localhost:5999"),
        ("ResponseError('too many 500 error responses')", "nothing but errors from the server localhost:5999"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_asked_is_told_in_a_sentence(cause: str, told: str) -> None:
    pool = "HTTPConnectionPool(host='localhost', port=5999): Max retries exceeded with url"
    text = (
        f"API request to http://localhost:5999/api failed with exception {pool}: /api/2.0/get?x=y (Caused by {cause})"
    )
    assert said(OSError(text)) == told
    assert said(OSError(f"{pool}: /api (Caused by Something())")).startswith("OSError: HTTPConnectionPool(")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://h/db?user=u&password=s3cret1", "postgresql://h/db"),
        ("postgresql+psycopg2://u:s3cret1@h:5432/db", "postgresql+psycopg2://h:5432/db"),
        ("https://u:s3@cret1@host/x?write_token=s3cret1", "https://host/x"),
        ("https://u:s3/cret1@host", "https://host"),
        ("postgresql://u:s3?cret1@h/db", "postgresql://"), ("postgresql://h/db?password=s3@cret1", "postgresql://"),
        ("https://host/#/experiments/1", "https://host/#/experiments/1"),
        ("sqlite:////a b/c.db", "sqlite:////a b/c.db"), ("/home/me/mlruns", "/home/me/mlruns"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_what_lets_one_in(address: str, shown: str) -> None:
    assert bare(address) == shown


@pytest.mark.parametrize("package", ["wandb", "mlflow", "trackio"])
def test_the_place_of_a_tracker_tells_no_password(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library is a stand-in here, whose run is at an address with a password."""
    address = "https://me:s3cret1@host/x?password=s3cret1"
    session = SimpleNamespace(id="a", url=address)
    there = SimpleNamespace(info=SimpleNamespace(lifecycle_stage="active"))
    client = SimpleNamespace(tracking_uri=address, get_run=lambda _: there, update_run=lambda *_, **__: None)
    library: dict[str, dict[str, Any]] = {
        "wandb": {"init": lambda **_: session, "Settings": lambda **_: None}, "trackio": {"init": lambda **_: session},
        "trackio.utils": {"TRACKIO_DIR": tmp_path}, "mlflow": {"MlflowClient": lambda: client},
        "mlflow.entities": {"Metric": tuple, "Param": tuple}, "mlflow.exceptions": {"MlflowException": OSError},
    }  # fmt: skip
    for name, content in library.items():
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**content))
    monkeypatch.setenv("TRACKIO_SERVER_URL", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # else it stays set
    monkeypatch.delenv("TRACKIO_SPACE_ID", raising=False)
    name = f"ganforge.tracking.to_{package}"
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)  # beside the one that others may have imported
    spec.loader.exec_module(module)
    assert module.Target(Start("run", {}, tmp_path, run="a")).place == "https://host/x"


def test_a_folder_of_a_trackers_name_is_no_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m ganforge` looks for packages in the current folder, where an offline tracker may have left one."""
    (tmp_path / "trackio").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    with pytest.raises(UserError, match="trackio is not installed"):
        require(["trackio"])
    (tmp_path / "trackio" / "__init__.py").touch()
    importlib.invalidate_caches()
    require(["trackio"])


def test_one_process_at_a_time_tells_a_tracker(tmp_path: Path) -> None:
    """That of a resumed training waits until the one before it has closed."""
    pytest.importorskip("tensorboard")
    folder = make_run(tmp_path / "run")
    with folder.hold_tracker("tensorboard", 0):
        process = start_process([str(folder.path), "tensorboard", json.dumps([1, NOTHING])])
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=1)
        assert not folder.tracker("tensorboard").exists()
        with pytest.raises(UserError), RunFolder(folder.path).hold_tracker("tensorboard", 0.1):
            pass
    until = time.monotonic() + 60
    while not folder.tracker("tensorboard").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    process.wait()
