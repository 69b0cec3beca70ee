"""Shards read in place: memory and start against the number of pictures, and pictures a second beside other ways.

    GANFORGE_DATA=FOLDER python benchmarks/shards.py      # FOLDER holds photos32-train.zip

More and more pictures are links to one shard of 10,000 small ones, so that they take no disk: each link is listed and
read as a shard of its own. Above ``LISTED`` pictures the list is not made but written down, as the first link's would
be. Each number is measured in a process of its own, with an index: the time until there is a data set, and until there
is a batch, then the most memory that this process holds after so many more pictures, and how much of that is not files.

Speed is that of batches alone, without training: 25 shards of real photographs on this disk, from a server on this
machine with an empty cache and with a full one, and the same pictures prepared, mapped and in memory.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from PIL import Image
from reporting import write_results

from ganforge.data.batches import Batches
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.data.shards.shard_cache import PLACES, SHARDS, files_folder, forget
from ganforge.data.shards.shard_dataset import index_folder
from ganforge.data.shards.shard_index import read_lines
from ganforge.data.shards.streamed import StreamedBatches

HERE = Path(__file__).parent
IN_A_SHARD, LISTED = 10_000, 100_000
COUNTS = (10_000, 100_000, 1_000_000, 10_000_000)
BATCH = 64
CHILD = """
import json, sys, time
begin = time.monotonic()
from ganforge.data.load import load
from ganforge.data.shards.streamed import StreamedBatches
imported = time.monotonic()
dataset = load(sys.argv[1])
loaded = time.monotonic()
batches = StreamedBatches(dataset.shards, 64, 0)
batches(0)
first = time.monotonic()
for nimg in range(64, int(sys.argv[2]), 64):
    batches(nimg)
batches.close()
status = dict(line.split(":", 1) for line in open("/proc/self/status", encoding="utf-8") if ":" in line)
held = [int(status[key].split()[0]) / 1024 for key in ("VmHWM", "RssAnon")]
print(json.dumps([dataset.count, imported - begin, loaded - imported, first - loaded, *held]))
"""
SERVER = """
import sys, time
from pathlib import Path
from shard_server import serving
with serving(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    time.sleep(3600)
"""


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def small_shard(path: Path) -> None:
    """10,000 noisy pictures of 16 x 16, with a class each."""
    random = np.random.default_rng(0)
    with tarfile.open(path, "w") as archive:
        for number in range(IN_A_SHARD):
            stream = io.BytesIO()
            Image.fromarray(random.integers(256, size=(16, 16, 3), dtype=np.uint8)).save(stream, "JPEG")
            add(archive, f"{number:05d}.jpg", stream.getvalue())
            add(archive, f"{number:05d}.cls", str(number % 10).encode())


def photograph_shards(source: Path, folder: Path) -> str:
    """The photographs of a zip, 1,000 in a shard."""
    folder.mkdir()
    with zipfile.ZipFile(source) as photographs:
        names = sorted(name for name in photographs.namelist() if name.endswith(".jpg"))
        for first in range(0, len(names), 1000):
            with tarfile.open(folder / f"train-{first // 1000:03d}.tar", "w") as archive:
                for number, name in enumerate(names[first : first + 1000], first):
                    add(archive, f"{number:06d}.jpg", photographs.read(name))
    return f"train-{{000..{(len(names) - 1) // 1000:03d}}}.tar"


def write_down(folder: Path, links: list[Path]) -> None:
    """An index of all links, from that of the first one."""
    known, classes, _ = read_lines(folder)
    (one,) = known.values()
    rows = (folder / PLACES).read_bytes()
    lines = [{"class": name} for name in classes]
    lines += [asdict(replace(one, name=str(link), first=at * one.count)) for at, link in enumerate(links)]
    with (folder / SHARDS).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    with (folder / PLACES).open("wb") as places:
        for _ in links:
            places.write(rows)


def growth(folder: Path, counts: list[int], pictures: int) -> list[str]:
    """A row for each number of pictures."""
    lines = ["| pictures | listing, s | s to the data set | s to a batch | peak, MiB | not files, MiB |"]
    lines.append("|---|---|---|---|---|---|")
    small_shard(folder / "shard.tar")
    for count in counts:
        place = folder / str(count)
        place.mkdir()
        links = [place / f"train-{number:04d}.tar" for number in range(count // IN_A_SHARD)]
        for link in links:
            link.hardlink_to(folder / "shard.tar")
        pattern = str(place / f"train-{{0000..{len(links) - 1:04d}}}.tar")
        start = time.monotonic()
        if count > LISTED:
            make_index_of_links(pattern, links)
        listing = "written down" if count > LISTED else ""
        load(pattern)
        listing = listing or f"{time.monotonic() - start:.1f}"
        done = subprocess.run(
            [sys.executable, "-c", CHILD, pattern, str(pictures)], check=True, capture_output=True, text=True
        )
        found, _, loaded, first, peak, anonymous = json.loads(done.stdout.splitlines()[-1])
        assert found == count, (found, count)
        lines.append(f"| {count:,} | {listing} | {loaded:.1f} | {first:.1f} | {peak:,.0f} | {anonymous:,.0f} |")
    return ["## Memory and start", "", f"{pictures:,} pictures shown, in batches of {BATCH}.", "", *lines, ""]


def make_index_of_links(pattern: str, links: list[Path]) -> None:
    """As if all links had been listed."""
    load(str(links[0].with_name("train-000{0..0}.tar")))
    first, folder = index_folder([str(links[0])]), index_folder([str(link) for link in links])
    folder.mkdir(parents=True, exist_ok=True)
    for name in (SHARDS, PLACES):
        (folder / name).write_bytes((first / name).read_bytes())
    write_down(folder, links)
    forget(first)


def rate(dataset: Dataset, pictures: int, *, streamed: bool) -> tuple[float, float]:
    """(seconds to the first batch, pictures a second after it)."""
    start = time.monotonic()
    batches = StreamedBatches(dataset.shards, BATCH, 0) if streamed and dataset.shards else Batches(dataset, BATCH, 0)
    batches(0)
    first = time.monotonic()
    for nimg in range(BATCH, pictures, BATCH):
        batches(nimg)
    seconds = time.monotonic() - first
    if isinstance(batches, StreamedBatches):
        batches.close()
    return first - start, (pictures - BATCH) / seconds


def speed(folder: Path, photographs: Path, pictures: int) -> list[str]:
    pattern = photograph_shards(photographs, folder / "photographs")
    environment = os.environ | {"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE.parent / 'tests' / 'unit' / 'data'}"}
    command = [sys.executable, "-c", SERVER, str(folder / "photographs")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    lines = ["| pictures | s to the first batch | pictures/s |", "|---|---|---|"]
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        start = time.monotonic()
        remote, local = load(url + pattern), load(str(folder / "photographs" / pattern))
        listing = time.monotonic() - start
        for path in files_folder().iterdir():
            path.unlink()
        prepared = load(str(folder / "photographs"))
        memory = replace(prepared, items=prepared.items.clone(), release=None)
        for what, dataset, streamed in (
            ("shards on this disk, in place", local, True),
            ("shards on a server, cache empty", remote, True),
            ("shards on a server, cache full", load(url + pattern), True),
            ("prepared, mapped", prepared, False),
            ("prepared, in memory", memory, False),
        ):
            first, each = rate(dataset, pictures, streamed=streamed)
            lines.append(f"| {what} | {first:.2f} | {each:,.0f} |")
    finally:
        server.terminate()
        server.wait()
    what = f"{pictures:,} photographs of 32 x 32 from 25,000, no training. Listing both, and samples: {listing:.1f} s."
    return ["## Speed", "", what, "", *lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS), help="pictures")
    parser.add_argument("--pictures", type=int, default=20_000, help="shown in each measurement")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "shards.md")
    given = parser.parse_args()
    photographs = Path(os.environ["GANFORGE_DATA"]) / "photos32-train.zip"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        lines = growth(folder, given.counts, given.pictures)
        lines += speed(folder, photographs, given.pictures)
        lines.append(f"The machine's load at the end was {os.getloadavg()[0]:.0f}: above 2, other work ran beside it.")
    write_results(given.out, "Shards read in place: memory, start, speed", lines)


if __name__ == "__main__":
    main()
