"""hub:OWNER/NAME: what is fetched from a stub of the hub, what is refused, and where the token goes."""

import errno
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hub_server import COMMIT, NEWER, TOKEN, Hub, Repo, point_at, serving
from untrained import make_run

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.stopping import Stopped, StopRequest, polled_by
from ganforge.cli.main import main
from ganforge.run.hub_snapshot import LARGEST, fetched, hub_at_work, hub_name, local, pinned

NAME = Path("hub:me/digits")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    run = make_run(tmp_path_factory.mktemp("made") / "run")
    return run.snapshot(640).read_bytes()


@pytest.fixture
def hub(snapshot: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """With one model on it, for somebody who is logged in; this machine's cache is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serving() as found:
        point_at(found.url, monkeypatch)
        found.repos["me/digits"] = Repo({"model.safetensors": snapshot, "README.md": b"x"})
        yield found


def cached(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_a_model_is_fetched_once_and_told_by_commit_and_digest(
    hub: Hub, snapshot: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = local(NAME)
    assert path.read_bytes() == snapshot
    said = capsys.readouterr().err
    assert COMMIT in said
    assert hashlib.sha256(snapshot).hexdigest() in said
    assert local(Path("hub:me/digits@main")) == path
    fetched = [asked for asked in hub.asked if "/resolve/" in asked]
    assert fetched == [f"GET /me/digits/resolve/{COMMIT}/model.safetensors"]
    assert cached(tmp_path) == [f"me--digits@{COMMIT}.safetensors"]


def test_a_commit_that_is_here_asks_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    name = pinned("hub:me/digits")
    assert name == f"hub:me/digits@{COMMIT}"
    hub.asked.clear()
    monkeypatch.setenv("GANFORGE_OFFLINE", "1")
    assert ganforge.load(name, "cpu").nimg == 640
    assert hub.asked == []
    with pytest.raises(UserError, match="GANFORGE_OFFLINE is set"):
        local(NAME)


def test_a_branch_that_has_moved_gives_the_newer_commit(hub: Hub) -> None:
    first = local(NAME)
    hub.repos["me/digits"].sha = NEWER
    assert local(NAME).name != first.name


def test_what_was_spoiled_in_the_cache_is_fetched_again(hub: Hub, snapshot: bytes) -> None:
    local(NAME).write_bytes(b"x")
    assert local(NAME).read_bytes() == snapshot


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("401", "refuses .HTTP 401.; log in"), ("gated", "it is gated; ask for access"),
        ("500", "answered HTTP 500"), ("html", "answered something else"), ("not the hub", "answered something else"),
        ("no commit", "does not tell which commit"), ("cut", "broke off"), ("short", "broke off .* after"),
        ("endless", "sends more of"), ("other", "its SHA-256 is"), ("file 500", "answered HTTP 500"),
    ],
)  # fmt: skip
def test_a_hub_at_fault_is_told_in_a_sentence(
    fault: str, said: str, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.fault = fault
    with pytest.raises(UserError, match=said) as raised:
        local(NAME)
    assert TOKEN not in str(raised.value) + capsys.readouterr().err
    assert "\n" not in str(raised.value)
    assert cached(tmp_path) == []


@pytest.mark.parametrize(
    ("repo", "said"),
    [
        (Repo({"pytorch_model.bin": b"\x80"}), "no file of safetensors but pytorch_model.bin, which may be a pickle"),
        (Repo({"README.md": b""}), "no file of safetensors; ganforge"),
        (Repo({"sub/model.safetensors": b"x"}), "no file of safetensors"),
        (Repo({"a.safetensors": b"x", "b.safetensors": b"x"}), "several files"),
        (Repo({"model.safetensors": b"x"}, told={"model.safetensors": LARGEST + 1}), "more than any snapshot"),
        (Repo({"model.safetensors": b"x"}, told={"model.safetensors": None}), "does not tell how large"),  # type: ignore[dict-item]
    ],
    ids=["pickle", "none", "below", "several", "huge", "no size"],
)  # fmt: skip
def test_other_repositories_are_refused_before_anything_is_fetched(repo: Repo, said: str, hub: Hub) -> None:
    hub.repos["me/other"] = repo
    with pytest.raises(UserError, match=said):
        local(Path("hub:me/other"))
    assert not [asked for asked in hub.asked if "/resolve/" in asked]


def test_a_pickle_by_another_name_is_not_loaded(hub: Hub) -> None:
    hub.repos["me/digits"].files["model.safetensors"] = b"\x80\x04" + bytes(100)
    with pytest.raises(UserError, match="a pickle"):
        ganforge.load(NAME, "cpu")


@pytest.mark.parametrize("name", ["hub:x", "hub:a/b/c", "hub:a/..", "hub:a/b@", "hub:a/b@c?d", "hub:../../etc/passwd"])
def test_what_names_no_model(name: str) -> None:
    with pytest.raises(UserError, match="names no model"):
        hub_name(name)


def test_the_token_goes_to_the_hub_alone(hub: Hub) -> None:
    with serving() as other:
        other.repos |= hub.repos
        hub.elsewhere = other.url
        local(NAME)
        assert {*other.tokens.values()} == {None}
        assert len(other.tokens) == 1
    assert {*hub.tokens.values()} == {f"Bearer {TOKEN}"}


def test_no_hub_there(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(UserError, match=r"no connection to 127\.0\.0\.1:9"):
        local(NAME)
    with pytest.raises(UserError, match="has no such revision"):
        point_at(hub.url, monkeypatch)
        local(Path("hub:me/digits@gone"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "hub:x cannot be kept here .No space left on device.;"),
        (OSError(errno.EIO, "Input/output error"), "hub:x cannot be kept here"),
        (PermissionError(errno.EACCES, "Permission denied", "file"), "hub:x cannot be kept here .file: Permission"),
        (ConnectionResetError(errno.ECONNRESET, "reset", "file"), "hub:x cannot be fetched: no connection to"),
    ],
)  # fmt: skip
def test_the_disk_and_the_hub_are_told_apart(error: OSError, said: str, hub: Hub) -> None:
    with pytest.raises(UserError, match=said), hub_at_work("hub:x"):
        raise error


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("ganforge.run.hub_snapshot._chosen", TypeError("a slip")),
        ("ganforge.run.hub_snapshot.HubName.__str__", KeyError("a slip")),
        ("huggingface_hub.hf_api.ModelInfo.__init__", MemoryError()),
    ],
)
def test_the_hub_is_not_blamed_for_a_slip_nor_for_memory(
    place: str, error: Exception, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    name = hub_name(NAME)
    with hub_at_work(str(name)):  # which imports the library
        monkeypatch.setattr(place, fails)
    with pytest.raises(type(error)):
        fetched(name)


def test_nor_for_a_slip_in_what_the_library_calls(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.run.hub_snapshot.urlsplit", lambda _: SimpleNamespace(netloc="hub"))
    with pytest.raises(AttributeError):
        local(NAME)


def test_stopping_while_it_is_fetched_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    stop = StopRequest()

    def poll() -> None:
        if any("/resolve/" in asked for asked in hub.asked):
            stop.signum = 2
        stop.poll()

    hub.fault = "endless"
    hub.repos["me/digits"].told["model.safetensors"] = LARGEST
    with pytest.raises(Stopped), polled_by(poll):
        local(NAME)
    assert cached(tmp_path) == []


def test_what_takes_a_snapshot_takes_a_name(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sample", str(NAME), "--seeds", "0-3", "--out", "grid.png", "--device", "cpu"]) == 0
    assert main(["evaluate", str(NAME), "--samples", "50", "--device", "cpu"]) == 0
    settings = {"data": "digits", "g_hidden": (32,), "d_hidden": (8,), "total_nimg": 64, "batch_size": 32}
    run = ganforge.train("note", init_from=str(NAME), metric_samples=0, device="cpu", out="run", **settings)
    assert json.loads(run.config.read_text())["settings"]["init_from"] == f"hub:me/digits@{COMMIT}"
    assert "G 4 tensors taken" in capsys.readouterr().out
    hub.asked.clear()
    with pytest.raises(UserError, match="run already holds a run"):  # before anything is fetched
        ganforge.train("note", init_from=str(NAME), device="cpu", out="run", **settings)
    assert hub.asked == []


def test_a_run_is_not_on_the_hub(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("resume", "report"):
        assert main([verb, str(NAME)]) == 2
        assert capsys.readouterr().err == (
            f"ganforge: {NAME} is a snapshot, not a run folder; train on from it by `ganforge train RECIPE --init-from "
            f"{NAME}`.\n"
        )
    assert hub.asked == []
