"""Faults of one of several processes: all end, one sentence says which it was and why, and what was saved is whole."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from process_groups import LIMIT_SEC, new_store, started
from short_runs import begin, go_on_with

from ganforge.data.digits import load_digits
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder

SHORT = ["--device=cpu", "--batch-size=32", "--metric-samples=0", "--g-hidden=512", "--d-hidden=512", "--z-dim=8"]
STARVED = """
import resource, sys
import torch
from ganforge.cli.main import main
from ganforge.training.loop import Loop

step = Loop.step

def starving(loop):
    if loop.state.step == 12:  # nothing more from here on: and what is free, is taken
        pages = int(open("/proc/self/statm").read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), resource.RLIM_INFINITY))
        size = 1 << 24
        while size >= 1 << 14:
            try:
                loop.held = [getattr(loop, "held", None), torch.empty(size)]
            except (RuntimeError, MemoryError):
                size //= 2
    return step(loop)

Loop.step = starving
sys.exit(main(sys.argv[1:]))
"""

ALTERED = """
import os, sys
from ganforge.cli.main import main
from ganforge.training import start

build = start.build_state

def altered(*given):
    state = build(*given)
    if os.environ["RANK"] == "1":
        next(state.G.parameters()).data.view(-1)[0] += 1e-6
    return state

start.build_state = altered
sys.exit(main(sys.argv[1:]))
"""


def ended(arguments: list[list[str]]) -> tuple[list[int], list[str]]:
    """The statuses of all processes, and the sentences that they have said, each once."""
    store = new_store()
    group = started(arguments, store, GANFORGE_PATIENCE_SEC="5")
    told = "".join(process.communicate(timeout=LIMIT_SEC)[1] for process in group)
    assert "Traceback" not in told, told
    return [one.returncode for one in group], sorted(
        {line for line in told.splitlines() if line.startswith("ganforge: ")}
    )


def test_other_pictures_in_one_process(tmp_path: Path) -> None:
    for name, first in (("a", 0), ("b", 100)):
        (tmp_path / name).mkdir()
        for row in range(32):
            Image.fromarray(load_digits().items[first + row, 0].numpy()).save(tmp_path / name / f"{row}.png")
    train = ["-m", "ganforge", "train", "note", *SHORT, "--total-nimg=64", f"--out={tmp_path / 'run'}"]
    statuses, said = ended([[*train, f"--data={tmp_path / name}"] for name in ("a", "b")])
    assert (statuses, said) == (
        [1, 1], ["ganforge: The processes cannot train: rank 1 has another data than rank 0."]
    )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_other_weights_in_one_process(tmp_path: Path) -> None:
    train = ["-c", ALTERED, "train", "note", *SHORT, "--data=digits", "--total-nimg=64", f"--out={tmp_path / 'run'}"]
    statuses, said = ended([train, train])
    assert (statuses, said) == (
        [1, 1], ["ganforge: The processes cannot go on after 0 images: rank 1 has another weights than rank 0."]
    )  # fmt: skip
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
def test_one_process_gets_no_more_memory(tmp_path: Path) -> None:
    train = ["train", "note", *SHORT, "--data=digits", "--total-nimg=32000", "--checkpoint-nimg=128"]
    train.append(f"--out={tmp_path / 'run'}")
    statuses, said = ended([["-m", "ganforge", *train], ["-c", STARVED, *train]])
    assert statuses == [1, 1]
    assert len(said) == 1 and said[0].startswith("ganforge: The process of rank 1 (pid "), said
    assert "there was not enough memory" in said[0]
    folder = RunFolder(tmp_path / "run")
    assert folder.read_status()["state"] == "failed"
    _, facts, complaints = load_newest_checkpoint(folder)
    assert (facts["nimg"], complaints) == (384, {})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    disk, command = tmp_path / "disk", shutil.which("mount")
    disk.mkdir()
    if not sys.platform.startswith("linux") or command is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk, and only Linux has tmpfs")
    mounted = subprocess.run([command, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True, timeout=LIMIT_SEC)


def test_the_first_processs_disk_is_full(small_disk: Path) -> None:
    folder = begin(small_disk / "run", total_nimg=224)
    room = os.statvfs(small_disk)
    (small_disk / "other").write_bytes(bytes((room.f_bavail - 6) * room.f_bsize))
    resume = ["-m", "ganforge", "resume", str(folder.path), "--total-nimg=448"]
    statuses, said = ended([resume, resume])
    assert statuses == [1, 1]
    assert len(said) == 1 and f"could not be saved: {folder.path}/" in said[0] and "No space left" in said[0], said
    _, facts, complaints = load_newest_checkpoint(folder)
    assert (facts["nimg"], complaints) == (224, {})
    (small_disk / "other").unlink()
    go_on_with(folder.path, total_nimg=448)
    assert (folder.read_status()["state"], folder.read_status()["nimg"]) == ("finished", 448)
