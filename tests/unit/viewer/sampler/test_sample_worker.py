"""viewer/sampler/sample_worker.py: one process beside the page, which nothing brings down."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from untrained import make_run

from ganforge.base.errors import UserError
from ganforge.run.folder import RunFolder
from ganforge.sampling.model import load
from ganforge.viewer.sampler.sample_request import SampleRequest
from ganforge.viewer.sampler.sample_worker import MAX_WAITING, SampleWorker


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def worker() -> Iterator[SampleWorker]:
    worker = SampleWorker()
    yield worker
    worker.close()


def pid_of(worker: SampleWorker) -> int | None:
    return worker._process.pid if worker._process is not None else None


def test_it_renders_in_one_process_of_its_own(worker: SampleWorker, run: RunFolder) -> None:
    first = worker.render_now(SampleRequest(run.path, "0-4"))
    pid = pid_of(worker)
    assert pid not in (None, os.getpid())
    assert len(set(first.files)) == 5
    assert worker.render_now(SampleRequest(run.path, "0-4")) == first
    assert pid_of(worker) == pid
    assert first.model.nimg == load(run.path, "cpu").nimg


def test_a_bad_request_is_a_sentence_and_the_next_is_answered(worker: SampleWorker, run: RunFolder) -> None:
    worker.render_now(SampleRequest(run.path, "1"))
    pid = pid_of(worker)
    with pytest.raises(UserError, match="are not numbers"):
        worker.render_now(SampleRequest(run.path, "x"))
    assert worker.render_now(SampleRequest(run.path, "1")).seeds == [1]
    assert pid_of(worker) == pid


def test_the_page_goes_on_meanwhile(worker: SampleWorker, run: RunFolder) -> None:
    async def visit() -> tuple[int, list[int]]:
        requests = [asyncio.create_task(worker.render(SampleRequest(run.path, f"{seed}"))) for seed in range(6)]
        turns = 0
        while not all(request.done() for request in requests):
            turns += 1
            await asyncio.sleep(0.001)
        return turns, [request.result().seeds[0] for request in requests]

    turns, seeds = asyncio.run(visit())
    assert turns > 1
    assert seeds == list(range(6))


def test_too_many_at_once_are_refused(worker: SampleWorker, run: RunFolder) -> None:
    async def crowd() -> list[object]:
        requests = [worker.render(SampleRequest(run.path, "1")) for _ in range(MAX_WAITING + 1)]
        return list(await asyncio.gather(*requests, return_exceptions=True))

    answers = asyncio.run(crowd())
    assert [str(answer) for answer in answers if isinstance(answer, Exception)] == [
        "Too many pictures are being asked for at once; try again in a moment."
    ]


def test_a_process_that_was_killed_is_started_anew(worker: SampleWorker, run: RunFolder) -> None:
    worker.render_now(SampleRequest(run.path, "1"))
    assert worker._process is not None
    worker._process.kill()
    worker._process.join()
    assert worker.render_now(SampleRequest(run.path, "1")).seeds == [1]


def test_what_takes_too_long_is_ended(run: RunFolder) -> None:
    worker = SampleWorker(limit_sec=0)
    with pytest.raises(UserError, match=r"took longer than 0 s, so the attempt was stopped"):
        worker.render_now(SampleRequest(run.path, "1"))
    assert pid_of(worker) is None
    worker.close()


def test_what_does_not_start_is_ended(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.viewer.sampler.sample_worker.START_SEC", 0.0)
    worker = SampleWorker()
    with pytest.raises(UserError, match="did not start within 0 s"):
        worker.render_now(SampleRequest(run.path, "1"))
    assert pid_of(worker) is None
    worker.close()


def test_closing_ends_the_process(run: RunFolder) -> None:
    worker = SampleWorker()
    worker.render_now(SampleRequest(run.path, "1"))
    process = worker._process
    assert process is not None
    worker.close()
    with pytest.raises(ValueError, match="process object is closed"):
        process.is_alive()


def test_closing_in_the_middle_of_a_request_waits_for_nothing(run: RunFolder) -> None:
    async def leave() -> object:
        worker = SampleWorker()
        request = asyncio.create_task(worker.render(SampleRequest(run.path, "1")))
        while pid_of(worker) is None:
            await asyncio.sleep(0.01)
        worker.close()
        return (await asyncio.gather(request, return_exceptions=True))[0]

    assert "ended too early" in str(asyncio.run(asyncio.wait_for(leave(), 20)))


def test_the_page_itself_does_not_load_pytorch() -> None:
    code = "import sys, ganforge.viewer.pages.explore_page as page; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[4]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=60).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not bound it")
def test_an_order_takes_no_more_memory_than_it_may() -> None:
    program = (
        "import torch\n"
        "from ganforge.data.reader import limit_memory\n"
        "limit_memory(300 << 20)\n"
        "torch.ones(100 << 20, dtype=torch.uint8)\n"
        "try:\n"
        "    torch.ones(1 << 30, dtype=torch.uint8)\n"
        "except RuntimeError:\n"
        "    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "refused\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_is_bounded_and_ends_with_the_page(run: RunFolder) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from ganforge.viewer.sampler.sample_request import SampleRequest\n"
        "from ganforge.viewer.sampler.sample_worker import SampleWorker\n"
        "worker = SampleWorker()\n"
        f"worker.render_now(SampleRequest(Path({str(run.path)!r}), '1'))\n"
        "pid = worker._process.pid\n"
        "limits = Path(f'/proc/{pid}/limits').read_text()\n"
        "[line] = (line for line in limits.splitlines() if line.startswith('Max data size'))\n"
        "print(pid, line.split()[3], flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    pid, limit = done.stdout.split()
    assert int(limit) < 16 << 30
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]:
        assert time.monotonic() < until, "it did not end"
        time.sleep(0.05)


def test_whatever_it_is_about_the_process_ends_with_the_page(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(
        "import multiprocessing, os, threading, time\n"
        "from ganforge.viewer.sampler.sample_worker import end_with_page\n"
        "def work(line):\n"
        "    threading.Thread(target=end_with_page, daemon=True).start()\n"
        "    line.send('ready')\n"
        "    time.sleep(600)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    line, other = context.Pipe()\n"
        "    context.Process(target=work, args=(other,)).start()\n"
        "    line.recv()\n"
        "    os._exit(0)\n",
        encoding="utf-8",
    )
    # The process keeps stdout open as long as it lives.
    done = subprocess.run([sys.executable, tmp_path / "busy.py"], stdout=subprocess.PIPE, timeout=120)
    assert done.returncode == 0
