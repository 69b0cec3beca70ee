"""What the page costs: the list of 200 runs, the page of a long run, and 50 visitors of one that trains.

    python benchmarks/viewer_load.py              # writes benchmarks/results/viewer_load.md
    python benchmarks/viewer_load.py --pairs 2 --window-sec 5 --runs 20 --out /tmp/small.md     # a small trial

The visitors are sockets, as a browser opens them, that receive all that the page sends. They run in the benchmark's
process on the same machine, so that what they take away from the training is counted, too. One training goes on all
the time; windows with and without visitors take turns, the page's server is there in both.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import socketio
from reporting import write_results

from ganforge.run.folder import RunFolder

ROWS = 10_000
REPORT_NIMG = 4_096
SETTLE_SEC = 3.0
ENVIRONMENT = os.environ | {"PYTHONUNBUFFERED": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--window-sec", type=float, default=30.0)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "viewer_load.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, training(Path(work) / "live", given.threads) as live:
        make_runs(Path(work), live, given.runs)
        with server(Path(work)) as (address, process):
            lines = [*page_times(address, given.runs), *memory(process, "after these pages")]
            lines += asyncio.run(slow_down(address, live, given.visitors, given.pairs, given.window_sec))
            lines += memory(process, f"after {given.pairs} times {given.visitors} visitors")
    write_results(given.out, "The page under load", lines)


@contextmanager
def training(out: Path, threads: str) -> Iterator[RunFolder]:
    """The note's GAN on the embedded digits, until the context ends."""
    command = [sys.executable, "-m", "ganforge", "train", "note", "--data", "digits", "--threads", threads]
    settings = ["--total-nimg", "1000000000", "--report-nimg", str(REPORT_NIMG), "--metric-samples", "0"]
    process = subprocess.Popen([*command, *settings, "--out", str(out)], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    try:
        while len(RunFolder(out).all_fakes()) < 3:
            assert process.poll() is None, "the training has failed"
            time.sleep(0.1)
        yield RunFolder(out)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def server(root: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    command = [sys.executable, "-m", "ganforge", "watch", str(root), "--port", "0"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, "the page has not started"
        yield found[0].rstrip("/"), process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def make_runs(root: Path, live: RunFolder, count: int) -> None:
    """Finished runs with ``ROWS`` rows and as many figures as a run of that length has, each with files of its own."""
    row = json.loads(live.stats.read_text(encoding="utf-8").splitlines()[0])
    rows = "".join(json.dumps(row | {"nimg": REPORT_NIMG * n, "step": 32 * n}) + "\n" for n in range(1, ROWS + 1))
    figure = {"FD/random": {"value": 3.0, "floor": 0.3, "better": "lower"}}
    record = {"protocol": {"id": "p"}, "headline": "FD/random", "figures": figure}
    records = "".join(json.dumps({"nimg": 64_000 * n} | record) + "\n" for n in range(1, 641))
    for number in range(count):
        folder = RunFolder(root / f"run-{number:03d}")
        folder.create(live.read_config())
        folder.stats.write_text(rows, encoding="utf-8")
        folder.metrics.write_text(records, encoding="utf-8")
        shutil.copyfile(live.all_fakes()[0][1], folder.fakes(REPORT_NIMG * ROWS))
        shutil.copyfile(live.reals, folder.reals)
        folder.write_status("finished", REPORT_NIMG * ROWS, REPORT_NIMG * ROWS)


def fetch(address: str) -> tuple[float, bytes]:
    """Seconds until all of the page is here, and the page."""
    start = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as answer:
        page: bytes = answer.read()
    return time.perf_counter() - start, page


def page_times(address: str, runs: int) -> list[str]:
    first, page = fetch(address)
    assert b"/run/run-" in page
    again = [fetch(address)[0] for _ in range(5)]
    long_first = [fetch(f"{address}/run/run-{number:03d}")[0] for number in range(min(5, runs))]
    long_again = [fetch(f"{address}/run/run-000")[0] for _ in range(5)]
    return [
        f"Pages of {runs} runs with {ROWS:,} rows each, beside a training; seconds until the whole page is here "
        "(what the browser draws then is not in it):",
        "",
        "| page | first time | later: mean of 5 (largest) |",
        "|---|---|---|",
        f"| the list | {first:.2f} | {statistics.mean(again):.2f} ({max(again):.2f}) |",
        f"| a run | {statistics.mean(long_first):.2f}, largest of {len(long_first)} runs {max(long_first):.2f} "
        f"| {statistics.mean(long_again):.2f} ({max(long_again):.2f}) |",
        "",
    ]


def memory(process: "subprocess.Popen[str]", when: str) -> list[str]:
    used = psutil.Process(process.pid).memory_info().rss / 2**20
    return [f"Main memory of the page's server {when}: {used:.0f} MiB.", ""]


async def slow_down(address: str, live: RunFolder, visitors: int, pairs: int, window_sec: float) -> list[str]:
    """Images a second with and without visitors, in turns."""
    shares, received = [], 0
    for pair in range(pairs):
        speeds = {}
        for with_visitors in (False, True) if pair % 2 else (True, False):
            clients = [await visit(f"{address}/run/live") for _ in range(visitors if with_visitors else 0)]
            await asyncio.sleep(SETTLE_SEC)
            speeds[with_visitors] = await speed(live, window_sec)
            for client, count in clients:
                received += count[0]
                await client.disconnect()
        shares.append(100 * (1 - speeds[True] / speeds[False]))
        print(f"pair {pair + 1}: {speeds[False]:,.0f} images/s alone, {speeds[True]:,.0f} watched", flush=True)
    assert received > 0, "the visitors were sent nothing"
    spread = statistics.stdev(shares) if pairs > 1 else float("nan")
    return [
        f"{visitors} visitors of one run that trains with a report every {REPORT_NIMG:,} images: it is "
        f"{statistics.mean(shares):.1f} % slower (standard deviation over {pairs} pairs of windows of {window_sec:g} s "
        f"each: {spread:.1f}; of the mean: {spread / pairs**0.5:.1f}). They received {received:,} messages.",
        "",
    ]


async def visit(address: str) -> tuple[Any, list[int]]:
    """A socket as the page's script opens it, and how many messages it has received."""
    _, page = await asyncio.to_thread(fetch, address)
    found = re.search(rb"'client_id': '([^']+)'", page)
    assert found is not None
    client, count = socketio.AsyncClient(reconnection=False), [0]

    @client.on("*")
    async def _(event: str, *content: Any) -> None:
        count[0] += 1

    ids = {"client_id": found[1].decode(), "document_id": "d", "tab_id": found[1].decode(), "next_message_id": 0}
    query = "&".join(f"{name}={value}" for name, value in ids.items())
    await client.connect(
        f"{address.rsplit('/run/', 1)[0]}/?{query}&implicit_handshake=true", socketio_path="/_nicegui_ws/socket.io",
        transports=["websocket"],
    )  # fmt: skip
    return client, count


async def speed(live: RunFolder, seconds: float) -> float:
    """Images a second, between the first and the last report in the window."""
    rows = live.stats.stat().st_size
    await asyncio.sleep(seconds)
    with live.stats.open("rb") as file:
        file.seek(rows)
        lines = file.read().split(b"\n")[:-1]
    times = [json.loads(line) for line in lines]
    assert len(times) > 2, "too few reports in a window: take a longer one"
    passed = times[-1]["Timing/total_sec"] - times[0]["Timing/total_sec"]
    return float((times[-1]["nimg"] - times[0]["nimg"]) / passed)


if __name__ == "__main__":
    main()
