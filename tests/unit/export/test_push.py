"""`ganforge push`: what goes to the hub, who can see it, and whose files stay as they are."""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import NEWER, TOKEN, Hub, Repo, point_at, serving
from untrained import make_run

import ganforge
from ganforge.base.tensorfile import read_tensorfile, write_tensorfile
from ganforge.cli.main import main
from ganforge.run.folder import RunFolder
from ganforge.run.hub_snapshot import FILE
from ganforge.run.snapshot import KIND

NAME = "hub:me/new"
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # by the hub's library


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serving() as found:
        point_at(found.url, monkeypatch)
        yield found


@pytest.fixture
def run(hub: Hub) -> RunFolder:
    """Two snapshots, of which the older one is better; the data lay in a folder of this machine's."""
    folder = make_run(Path("run"), nimg=640, data="/home/somebody/secret/cats")
    make_run(Path("run"), nimg=1280, data="/home/somebody/secret/cats")
    for nimg, value in ((640, 1.0), (1280, 2.0)):
        figures = {"FD/random": {"value": value, "floor": 0.5, "better": "lower"}}
        folder.append_metrics({"nimg": nimg, "protocol": {"id": "p"}, "headline": "FD/random", "figures": figures})
    return folder


def push(*options: str, source: str = "run", name: str = NAME) -> int:
    return main(["push", source, name, *options])


def test_a_dry_run_lists_all_and_asks_nobody(hub: Hub, run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert push("--dry-run") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in (FILE, "config.json", "README.md", "grid.png", "KiB", "SHA-256"))
    assert f"{NAME}, private" in said
    assert hub.asked == []


def test_offline_nothing_is_pushed_but_may_be_looked_at(
    hub: Hub, run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GANFORGE_OFFLINE", "1")
    assert push() == 2
    assert f"{NAME} cannot be pushed, since GANFORGE_OFFLINE is set; unset it, or see" in capsys.readouterr().err
    assert push("--dry-run") == 0
    assert hub.asked == []


def test_what_was_pushed_makes_the_best_snapshots_pictures(
    hub: Hub, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push() == 0
    captured = capsys.readouterr()
    assert f"Pushed: {NAME}@{NEWER}, private" in captured.out
    assert TOKEN not in captured.out + captured.err
    repo = hub.repos["me/new"]
    assert repo.private
    assert {*repo.files} == {FILE, "config.json", "README.md", "grid.png"}
    assert repo.files["README.md"].startswith(b"---\n")
    assert b"library_name: ganforge" in repo.files["README.md"]
    digest = hashlib.sha256(repo.files[FILE]).hexdigest()
    assert f"- Snapshot: the file `{FILE}` beside this card, SHA-256 {digest}\n".encode() in repo.files["README.md"]
    assert repo.files["grid.png"].startswith(b"\x89PNG")
    assert json.loads(repo.files["config.json"])["nimg"] == 640
    mine, theirs = ganforge.load(run.snapshot(640), "cpu"), ganforge.load(NAME, "cpu")
    assert (mine.sample(range(4)) == theirs.sample(range(4))).all()


def test_no_folder_of_this_machine_is_told(hub: Hub, run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert push("--newest") == 0
    assert "Left out: where on this machine data" in capsys.readouterr().out
    assert not [name for name, content in hub.repos["me/new"].files.items() if b"somebody" in content]
    assert ganforge.load(NAME, "cpu").nimg == 1280


def test_a_snapshot_without_such_a_folder_goes_as_it_is(hub: Hub) -> None:
    folder = make_run(Path("plain"))
    assert push(source=str(folder.snapshot(640))) == 0
    assert hub.repos["me/new"].files[FILE] == folder.snapshot(640).read_bytes()


def test_what_was_mended_goes_with_the_settings(hub: Hub) -> None:
    folder = make_run(Path("plain"))
    mended = [{"nimg": 320, "finding": "noise", "state": "mended", "change": {"lr": 1e-4}}]
    tensors, facts = read_tensorfile(folder.snapshot(640), KIND)
    write_tensorfile(folder.snapshot(640), KIND, tensors, {**facts, "mended": mended})
    assert push(source=str(folder.snapshot(640))) == 0
    assert json.loads(hub.repos["me/new"].files["config.json"])["mended"] == mended
    assert b"since noise was found: lr" in hub.repos["me/new"].files["README.md"]


def test_public_only_if_it_is_asked_for(hub: Hub, run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    hub.repos["me/new"] = Repo(private=False)
    assert push() == 2
    assert "everybody can see it; add --public" in capsys.readouterr().err
    assert hub.commits == []
    assert push("--public") == 0
    assert push("--public", name="hub:me/newer") == 0
    assert not hub.repos["me/newer"].private
    capsys.readouterr()
    hub.repos["me/new"] = Repo(private=True)
    assert push("--public") == 0
    said = capsys.readouterr()
    assert f"{NAME} was there before and stays private, in spite of --public; " in said.err
    assert f"Pushed: {NAME}@{NEWER}, private. " in said.out


def test_files_of_others_are_not_overwritten(hub: Hub, run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    hub.repos["me/new"] = Repo({"README.md": b"mine"}, private=True, library="diffusers")
    assert push() == 2
    assert "holds README.md, which ganforge did not bring" in capsys.readouterr().err
    assert hub.commits == []
    hub.repos["me/new"] = Repo({"notes.txt": b"mine"}, private=True, library=None)
    assert push() == 0
    assert hub.repos["me/new"].files["notes.txt"] == b"mine"


def test_the_token_goes_to_the_hub_alone(hub: Hub, run: RunFolder) -> None:
    with serving() as other:
        hub.uploaded = other.uploaded
        hub.elsewhere = other.url
        assert push() == 0
        assert {*other.tokens.values()} == {None}
        assert other.uploaded
    assert {*hub.tokens.values()} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(("fault", "said"), [("401", "refuses|no such model"), ("commit 500", "refuses")])
def test_a_hub_that_refuses_is_told_in_a_sentence(
    fault: str, said: str, hub: Hub, run: RunFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    hub.fault = fault
    assert push() == 2
    [line] = [line for line in capfd.readouterr().err.splitlines() if line.startswith("ganforge: ")]
    assert TOKEN not in line
    assert re.search(f"{NAME} cannot be pushed: .*({said})", line)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "hub:me/new@v1"], "leave @v1 out"),
        (["run", "me/new"], "names no model"),
        (["run/snapshots/000000640.safetensors", NAME, "--newest"], "leave --newest out"),
        (["nothing", NAME], "There is no run or snapshot"),
        (["run", NAME, "--license", "a b"], "The license is 'a b'; give its short name"),
        (["run", NAME, "--dry-run", "--license", "mit\ntags: [x]"], "give its short name"),
    ],
)
def test_what_cannot_be_pushed(
    arguments: list[str], said: str, hub: Hub, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert hub.asked == []


def test_without_figures_the_newest_has_to_be_asked_for(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("plain"))
    assert push(source="plain") == 2
    assert "add --newest" in capsys.readouterr().err


def test_without_the_extra(
    hub: Hub, run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    missing = (
        f"{NAME} is on the Hugging Face hub, which needs huggingface_hub; install it with pip install 'ganforge[hub]'."
    )
    for command in (["push", "run", NAME], ["sample", NAME], ["export", NAME, "--to", "torch"]):
        assert main(command) == 2
        assert capsys.readouterr().err.splitlines()[-1] == f"ganforge: {missing}"
