"""Short runs in several processes: this file is what each of them runs."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def environment(rank: int, count: int, port: int, **more: str) -> dict[str, str]:
    """What torchrun would tell a process."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return os.environ | {name: str(value) for name, value in told.items()} | {"OMP_NUM_THREADS": "1"} | more


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def together(count: int, jobs: list[dict[str, Any]]) -> None:
    """Run the jobs, one after the other, by so many processes. Each: out, and recipe and settings, or those changed."""
    port = free_port()
    group = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__)), json.dumps(jobs)], cwd=HERE, stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, env=environment(rank, count, port), text=True,
        )
        for rank in range(count)
    ]  # fmt: skip
    told = [process.communicate(timeout=240)[1] for process in group]
    assert [process.returncode for process in group] == [0] * count, told


def work(jobs: list[dict[str, Any]]) -> None:
    """In each process."""
    from short_runs import Cut, tiny

    from ganforge.run.folder import RunFolder
    from ganforge.training.follower import Silent
    from ganforge.training.several import joined
    from ganforge.training.start import begin, go_on

    with joined("cpu") as processes:
        for job in jobs:
            cut = Cut(stop_after=job.get("stop_after")) if processes.leads else Cut()
            progress = cut if processes.leads else Silent()
            if "recipe" in job:
                begin(tiny(job["recipe"], **job["settings"]), job["out"], progress, cut.stop, processes)
            else:
                go_on(RunFolder(job["out"]), job["settings"], progress, cut.stop, processes)


if __name__ == "__main__":
    work(json.loads(sys.argv[1]))
