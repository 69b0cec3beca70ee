"""How quick an exported page is: time to the first picture and pictures a second, in Chromium without a display.

    python benchmarks/exported_page.py        # writes benchmarks/results/exported_page.md
    python benchmarks/exported_page.py --recipes note --pictures 40 --visits 2 --out /tmp/small.md     # a small trial

The weights are fresh ones: training them takes as long and makes the pictures no slower. Each visit is a new browser
profile, so nothing is cached; the server is on the same machine, and takes its share of the processor.
"""

import argparse
import functools
import http.server
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

from reporting import write_results

from ganforge.export.to_page import write_page
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.sampling.model import Model, load

RECIPES = {"note": (1, 28, 28), "dcgan": (1, 28, 28), "sngan": (3, 32, 32), "r3gan": (3, 64, 64)}
"""Each with the size of its pictures."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--wasm-dir", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "exported_page.md")
    given = parser.parse_args()
    lines = [
        f"Medians of {given.visits} visits, lowest and highest in brackets. First picture: from the start of loading, "
        "with nothing cached, until one is drawn. Pictures a second: the next ones, made on one thread and drawn.",
        "",
        "| recipe | pictures | model, MiB | page, MiB | first picture, s | pictures/s |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as work:
        for name in given.recipes:
            page = Path(work) / f"{name}-page"
            write_page(fresh(Path(work) / name, name), page, given.wasm_dir)
            with served(page) as address:
                found = [visit(address, given.pictures) for _ in range(given.visits)]
            size = sum(path.stat().st_size for path in page.iterdir()) / 2**20
            model = (page / "model.onnx").stat().st_size / 2**20
            first, rate = (middle([one[at] for one in found], digits) for at, digits in ((0, 2), (1, 0)))
            shape = " x ".join(map(str, RECIPES[name]))
            lines.append(f"| `{name}` | {shape} | {model:.1f} | {size:.1f} | {first} | {rate} |")
    write_results(given.out, "The exported page in Chromium", lines)


def fresh(run: Path, name: str) -> Model:
    config = recipe(name)
    folder, shape = RunFolder(run), RECIPES[name]
    settings = config.model_dump(mode="json")
    folder.create({"settings": settings, "data": {}, "environment": [{}]})
    G = build_generator(config.generator, config.z_dim, shape, config.seed, **config.g_sizes)
    save_snapshot(folder, config.batch_size, G, settings, shape, 0)
    return load(run, "cpu")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def visit(address: str, pictures: int) -> tuple[float, float]:
    """Seconds to the first picture, and pictures a second of the so many after the first ones."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        page.locator("#said", has_text="pictures in").wait_for(timeout=120_000)
        first = page.evaluate("performance.getEntriesByName('first-picture')[0].startTime") / 1000
        page.evaluate(f"location.hash = '#seeds=1000-{999 + pictures}'")
        said = page.locator("#said", has_text=f"{pictures} pictures in")
        said.wait_for(timeout=600_000)
        seconds = float(said.inner_text().split(" in ")[1].removesuffix(" s"))
        browser.close()
    return first, pictures / seconds


def middle(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


if __name__ == "__main__":
    main()
