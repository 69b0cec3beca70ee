"""`torchrun -m ganforge train`: who is killed is named, torchrun starts again, and a stop of one stops all."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ganforge.run.folder import RunFolder

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
TRAIN = ["-m", "ganforge", "train", "note", "--data", "digits", "--device", "cpu", "--metric-samples", "0",
         "--batch-size", "32", "--total-nimg", "8000000", "--checkpoint-nimg", "3200", "--report-nimg", "3200",
         "--snapshot-nimg", "8000000", "--g-hidden", "16", "--d-hidden", "16"]  # fmt: skip


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "too long"
        time.sleep(0.05)


def of_rank(torchrun: subprocess.Popen[str], rank: int) -> int:
    """The process's id."""
    children = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
    told = f"RANK={rank}".encode()
    [found] = [int(one) for one in children if told in Path(f"/proc/{one}/environ").read_bytes().split(b"\0")]
    return found


def test_killed_started_again_and_stopped_by_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    command = [*TORCHRUN, "--max-restarts", "1", *TRAIN, "--out", str(folder.path)]
    environment = os.environ | {"GANFORGE_PATIENCE_SEC": "3", "OMP_NUM_THREADS": "1"}
    torchrun = subprocess.Popen(command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, env=environment, text=True)

    def saved() -> int:
        return max((nimg for nimg, _ in folder.all_checkpoints()), default=0) if folder.exists() else 0

    try:
        wait_until(lambda: saved() > 0, 60)
        os.kill(of_rank(torchrun, 1), signal.SIGKILL)
        wait_until(lambda: folder.read_status()["state"] == "failed", 20)
        reached = saved()
        wait_until(lambda: saved() > reached, 60)
        os.kill(of_rank(torchrun, 1), signal.SIGTERM)
        told, _ = torchrun.communicate(timeout=60)
    finally:
        torchrun.kill()
    assert "ganforge: The process of rank 1 (pid " in told and "What was saved before is whole" in told
    assert told.count(f"Started again by torchrun: going on with {folder.path}") == 1
    assert told.count("Saved at ") == 1
    status = folder.read_status()
    assert status["state"] == "stopped" and status["nimg"] == saved() > reached
    assert len(folder.read_config()["environment"]) == 2


def test_what_is_wrong_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").touch()
    command = [*TORCHRUN, *TRAIN, "--out", str(tmp_path / "run")]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120).stderr
    lines = [line for line in told.splitlines() if line.startswith("ganforge: ")]
    assert len(lines) == 1 and "is not empty and holds no run" in lines[0], told
    assert list((tmp_path / "run").iterdir()) == [tmp_path / "run" / "mine"]
