"""Short runs in several processes: this file is what each of them runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from ganforge.training.processes import Processes

HERE = Path(__file__).parent
LIMIT_SEC = 240


def started(arguments: list[list[str]], store: Any, **more: str) -> "list[subprocess.Popen[str]]":
    """Python with each list of arguments, as processes of one group. store: of this process, as torchrun keeps one."""
    told = {"WORLD_SIZE": len(arguments), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": store.port, "OMP_NUM_THREADS": 1}
    return [
        subprocess.Popen(
            [sys.executable, *given], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ
            | {"TORCHELASTIC_USE_AGENT_STORE": "True", "RANK": str(rank), "LOCAL_RANK": str(rank)}
            | {name: str(value) for name, value in told.items()} | more,
        )
        for rank, given in enumerate(arguments)
    ]  # fmt: skip


def new_store() -> Any:
    """Where the processes of a group find each other, on a free port of this machine."""
    from torch import distributed

    return distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)


def together(count: int, jobs: list[dict[str, Any]]) -> None:
    """Do the jobs, one after the other, by so many processes.

    Each has ``argv``, a command, and the status that it is to end with on all of them; or ``out``, with recipe and
    settings of a new run, or with those changed in one that goes on. planted: with the planted trouble. threads: each
    process's, from here on. stop: which process is asked to stop in which step.
    """
    store = new_store()
    group = started([[str(Path(__file__)), json.dumps(jobs)]] * count, store)
    told = [process.communicate(timeout=LIMIT_SEC)[1] for process in group]
    assert [process.returncode for process in group] == [0] * count, told


def work(jobs: list[dict[str, Any]]) -> None:
    """In each process."""
    import pytest
    import torch
    from planted_trouble import plant

    from ganforge.cli.main import main
    from ganforge.training.several import joined

    for job in jobs:
        with pytest.MonkeyPatch.context() as patch:
            if job.get("planted"):
                plant(patch)
            if "threads" in job:
                torch.set_num_threads(job["threads"][int(os.environ["RANK"])])
            if "argv" in job:
                status = main(job["argv"])
                assert status == job["status"], f"{job['argv']} has ended with {status}"
            else:
                with joined("cpu") as processes:
                    train(job, processes, patch)


def train(job: dict[str, Any], processes: "Processes", patch: "pytest.MonkeyPatch") -> None:
    from short_runs import Cut, tiny

    from ganforge.run.folder import RunFolder
    from ganforge.training.follower import Silent
    from ganforge.training.loop import Loop
    from ganforge.training.start import begin, go_on

    cut, step = Cut(), Loop.step
    who, when = job.get("stop", (None, None))

    def stopping(loop: Loop) -> Any:
        if (processes.rank, loop.state.step) == (who, when):
            loop.stop.signum = 15
        return step(loop)

    patch.setattr(Loop, "step", stopping)
    progress = cut if processes.leads else Silent()
    if "recipe" in job:
        begin(tiny(job["recipe"], **job["settings"]), job["out"], progress, cut.stop, processes)
    else:
        go_on(RunFolder(job["out"]), job["settings"], progress, cut.stop, processes)


if __name__ == "__main__":
    work(json.loads(sys.argv[1]))
