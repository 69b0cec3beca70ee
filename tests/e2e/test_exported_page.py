"""An exported page in a real browser, from a server of files alone: its pictures are PyTorch's, seed by seed."""

import functools
import http.server
import io
import itertools
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch
from pages import Visitor, browser_path, until
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.sampling.model import Model, load
from ganforge.sampling.selection import Selection, choose

pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright (pip install .[dev])")
pytest.importorskip("onnxscript", reason="the exported page needs the extra `export` (pip install .[dev])")
pytestmark = pytest.mark.skipif(browser_path() is None, reason="no Chromium on this machine: apt-get install chromium")

NAMES = tuple(f"<i>{number}</i> & co" for number in range(10))
KINDS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "plain": ((1, 8, 8), {"g_hidden": (32,)}),
    "told": (
        (3, 16, 16),
        {
            "conditional": True,
            "noise": "normal",
            "generator": "dcgan",
            "g_width": 16,
            "z_dim": 12,
            "data": "cifar/cats.zip",
        },
    ),
    "deep": ((3, 32, 32), {"noise": "normal", "generator": "r3gan", "g_width": 16, "g_base_size": 8, "z_dim": 40}),
}
"""An mlp, a conditional dcgan with fewer numbers in z than PyTorch draws at a time, and an r3gan with a rest in z."""


def snap(run: RunFolder, shape: tuple[int, ...], **settings: Any) -> Model:
    """A snapshot of weights that no training made, larger than fresh ones, so that pictures are black and white."""
    config = recipe("note", **{"data": "digits"} | settings)
    values = config.model_dump(mode="json")
    run.create({"settings": values, "data": {}, "environment": [{}]})
    G = build_generator(config.generator, config.z_dim, shape, 1, num_classes=10 * config.conditional, **config.g_sizes)
    scale = 0.16 if config.generator == "r3gan" else 0.2
    with torch.no_grad():
        for weight in G.parameters():
            weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())) * scale)
    save_snapshot(run, 640, G, values, shape, 10 * config.conditional, NAMES if config.conditional else ())
    return load(run.path)


class Files(http.server.SimpleHTTPRequestHandler):
    """The files, each under the page's own policy, which so holds for its worker, too."""

    def end_headers(self) -> None:
        from ganforge.export.to_page import POLICY

        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    root = tmp_path_factory.mktemp("runs")
    return {name: snap(RunFolder(root / name), shape, **settings) for name, (shape, settings) in KINDS.items()}


@pytest.fixture(scope="module")
def site(models: dict[str, Model], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pages. The browser's runtime is fetched, unless GANFORGE_WASM_DIR says where it lies."""
    from ganforge.export.page_runtime import runtime_files
    from ganforge.export.to_page import write_page

    given = os.environ.get("GANFORGE_WASM_DIR")
    try:
        runtime = runtime_files(Path(given) if given else None)
    except UserError as error:
        pytest.skip(str(error))
    root = tmp_path_factory.mktemp("site")
    for name, model in models.items():
        write_page(model, root / name, next(iter(runtime.values())).parent)
    return root


Open = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Any, site: Path) -> Iterator[Open]:
    """Opens a page and waits for its pictures; in the end nothing that must not happen has happened."""
    visitors = []
    with served(site) as address:

        def go(name: str, fragment: str = "", **settings: Any) -> Visitor:
            page = browser.new_page(**{"viewport": {"width": 1100, "height": 900}} | settings)
            visitors.append(Visitor(page, address))
            visitors[-1].go(f"/{name}/{fragment}")
            return visitors[-1]

        yield go
        for visitor in visitors:
            visitor.page.close()
    assert [visitor.faults for visitor in visitors] == [[] for _ in visitors]


def shown(visitor: Visitor, selector: str = ".cell canvas") -> np.ndarray:
    """The pictures in the canvases [N, H, W, 4], once all are made."""
    if selector.startswith(".cell"):
        visitor.page.locator("#said", has_text="pictures in").wait_for()
    data = "c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
    get = f"(all) => all.map((c) => [c.height, c.width, [...{data}]])"
    return np.stack(
        [np.array(d, np.uint8).reshape(h, w, 4) for h, w, d in visitor.page.locator(selector).evaluate_all(get)]
    )


def off(found: np.ndarray, wanted: torch.Tensor) -> int:
    """The most grey levels that pictures of the page differ from PyTorch's, uint8 [N, C, H, W]."""
    rgb = wanted.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy().astype(int)
    assert found.shape[:3] == rgb.shape[:3]
    if (found[..., 3] != 255).any():  # nothing is drawn yet
        return 255
    return int(np.abs(found[..., :3].astype(int) - rgb).max())


def comes(visitor: Visitor, selector: str, wanted: torch.Tensor) -> None:
    """Wait until the canvas shows PyTorch's picture, uint8 [1, C, H, W]."""

    def there() -> bool:
        found = shown(visitor, selector)
        return found.shape[1:3] == wanted.shape[2:] and off(found, wanted) <= 1

    until(there, 20)


def asked(visitor: Visitor) -> dict[str, str]:
    """What the address asks for."""
    return {name: values[0] for name, values in parse_qs(urlsplit(visitor.page.url).fragment).items()}


def made(model: Model, seeds: list[int], **chosen: Any) -> torch.Tensor:
    return model.pictures(*choose(model, Selection(seeds, **chosen)))


@pytest.mark.parametrize("name", KINDS)
def test_seeds_and_walks_are_the_same_pictures(visit: Open, models: dict[str, Model], name: str) -> None:
    seeds = [0, 1, 2, 17, 4_294_967_296, 999_999_999_999_999_999]
    visitor = visit(name, f"#seeds={','.join(map(str, seeds))}")
    found, wanted = shown(visitor), made(models[name], seeds)
    assert wanted.float().std() > 15
    assert off(found, wanted) <= 1
    page, psi = visitor.page, 1.0 if name == "plain" else 0.8
    wanted = made(models[name], [3, 17, 42], way="walk", frames=5, loop=True, truncation=psi)
    page.evaluate("location.hash = '#walk=3,17,42&frames=5&at=7&truncation=0.8'")
    page.locator("#where", has_text="40 % of the way from seed 17 to 42").wait_for()
    for at in (7, 14):
        page.locator("#at").fill(str(at))
        comes(visitor, "#step", wanted[at : at + 1])
    assert page.locator("#where").inner_text().startswith("80 % of the way from seed 42 to 3")


def test_a_seeds_z(visit: Open) -> None:
    """Of every length: PyTorch draws fewer than 16 otherwise, and a rest that fills no 16 once more."""
    from ganforge.base.noise import draw_z
    from ganforge.base.seeding import generator

    visitor = visit("plain")
    for noise, size in itertools.product(("uniform", "normal"), (1, 2, 15, 16, 17, 32, 100)):
        made = f"[3n, 123456789012345678n].map((seed) => [...m.seedZ('{noise}', {size}, seed)])"
        found = torch.tensor(visitor.page.evaluate(f"import('./noise.js').then((m) => {made})"))
        wanted = torch.cat([draw_z(noise, 1, size, generator(s, "sample")) for s in (3, 123456789012345678)])
        assert (found - wanted).abs().max() <= (0 if noise == "uniform" else 3e-6), (noise, size)


def test_class_and_truncation(visit: Open, models: dict[str, Model]) -> None:
    visitor = visit("told", "#seeds=0-5&class=3&truncation=0.5")
    assert off(shown(visitor), made(models["told"], list(range(6)), classes=[3], truncation=0.5)) <= 1
    assert visitor.page.locator(".cell").first.get_attribute("title") == f"Seed 0, class 3 ({NAMES[3]})"
    assert visitor.page.locator("#class option").nth(4).inner_text() == f"3 ({NAMES[3]})"
    visitor.page.select_option("#class", "")
    visitor.page.locator("#truncation").fill("1")
    assert asked(visitor) == {"seeds": "0-5"}
    assert off(shown(visitor), made(models["told"], list(range(6)))) <= 1
    visitor = visit("plain", "#seeds=0-5&class=3&truncation=0.5")  # which it has not
    left_out = "Not understood in the address, and left out: “class=3”, “truncation=0.5”."
    visitor.page.locator("#complaint", has_text=left_out).wait_for()
    assert visitor.page.locator("#class, #truncation").count() == 0
    assert off(shown(visitor), made(models["plain"], list(range(6)))) <= 1


def test_a_walk_plays_and_stops_at_its_end(visit: Open) -> None:
    visitor = visit("plain", "#walk=0,1&frames=4&loop=no")
    page = visitor.page
    page.locator("#where", has_text="Seed 0").wait_for()
    page.locator("h1").click()
    page.keyboard.press("Space")
    assert page.locator("#play").get_attribute("aria-pressed") == "true"
    page.locator('#play[aria-pressed="false"]').wait_for()
    assert asked(visitor) == {"walk": "0,1", "frames": "4", "at": "4", "loop": "no"}


def test_keys_lead_through_the_pictures(visit: Open) -> None:
    visitor = visit("told", "#seeds=10-29")
    page = visitor.page
    shown(visitor)
    page.locator(".cell").first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert page.locator("#title").inner_text() == f"Seed 11, class 1 ({NAMES[1]})"
    page.keyboard.press("ArrowRight")
    assert page.locator("#title").inner_text().startswith("Seed 12,")
    assert asked(visitor) == {"seed": "12", "seeds": "10-29"}
    page.keyboard.press("Escape")
    page.locator('.cell[title^="Seed 12,"]:focus').wait_for()
    assert asked(visitor) == {"seeds": "10-29"}
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.title").startswith("Seed 29,")
    page.keyboard.press("Shift+Tab")  # one stop for all the pictures
    assert page.evaluate("document.activeElement.id") == "truncation"


def test_a_link_brings_back_what_was_shown(visit: Open, models: dict[str, Model]) -> None:
    visitor = visit("deep", "#seed=17")
    page = visitor.page
    page.locator("#large[open]").wait_for()
    comes(visitor, "#picture", made(models["deep"], [17]))
    page.click("#walk-on")
    assert asked(visitor) == {"walk": "17,18,19", "frames": "30", "at": "0"}
    late = "document.getElementById('large').dispatchEvent(new Event('close'))"  # as a busy browser tells it
    page.evaluate(f"location.hash = '#seeds=5,6'; {late}")
    page.locator(".cell", has_text="6").wait_for()
    assert page.locator(".cell").all_inner_texts() == ["5", "6"]
    page.click("#after")
    assert asked(visitor) == {"seeds": "7-8"}


def test_pictures_are_kept_as_png(visit: Open, models: dict[str, Model]) -> None:
    visitor = visit("told", "#seeds=0-4&class=2")
    page, wanted = visitor.page, made(models["told"], list(range(5)), classes=[2])
    shown(visitor)

    def kept(button: str) -> tuple[str, np.ndarray]:
        with page.expect_download() as download:
            page.click(button)
        content = Path(download.value.path()).read_bytes()
        return download.value.suggested_filename, np.array(Image.open(io.BytesIO(content)))

    name, grid = kept("#save")
    assert (name, grid.shape) == ("note-on-cats-640-seeds-0-4-class-2.png", (34, 52, 4))
    assert off(grid[None, :16, 36:52], wanted[2:3]) <= 1
    assert (grid[:, 16:18, :3] == 128).all()
    page.locator(".cell").nth(1).click()
    comes(visitor, "#picture", wanted[1:2])
    name, picture = kept("#save-one")
    assert name == "note-on-cats-640-seed-1-class-2.png"
    assert off(picture[None], wanted[1:2]) <= 1


def test_what_makes_no_sense_is_said(visit: Open) -> None:
    visitor = visit("plain", "#seeds=3-1")
    said = {
        "#seeds=3-1": "Seeds are whole numbers", "#seeds=0-5000": "at most 1000", "#seeds=-1": "are whole numbers",
        "#walk=3": "two or more", "#walk=0-99&frames=200": "fewer seeds",
        "#seed=-1&frames=0&loop=maybe&at=x&more=<b>": "left out: “seed=-1”, “frames=0”, “loop=maybe”, “at=x”, ....",
        "#walk=1,2&frames=3&at=7": "The walk has 6 pictures, 0 to 5, and 7 is none of them",
    }  # fmt: skip
    for fragment, sentence in said.items():
        visitor.page.evaluate(f"location.hash = '{fragment}'")
        visitor.page.locator("#complaint", has_text=sentence).wait_for()
    visitor.page.evaluate("location.hash = '#seeds=1,2'")
    assert len(shown(visitor)) == 2
    assert asked(visitor) == {"seeds": "1,2"}
    assert not visitor.page.locator("#complaint").is_visible()


def test_on_a_phone_in_light_and_dark(visit: Open) -> None:
    visitor = visit("told", "#seeds=0-29", viewport={"width": 340, "height": 700})
    page = visitor.page
    shown(visitor)
    for fragment, there in {"#seeds=0-29": ".cell", "#walk=1,2": "#step", "#seeds=0-29&seed=3": "#large[open]"}.items():
        page.evaluate(f"location.hash = '{fragment}'")
        page.locator(there).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 340
        every = "(all) => all.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().toJSON())"
        boxes = page.locator("button, input, select, canvas, p, h1").evaluate_all(every)
        assert [box for box in boxes if box["x"] < -1 or box["right"] > 340] == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        paper, ink = (
            [int(part) for part in re.findall(r"\d+", page.evaluate(f"getComputedStyle(document.body).{what}"))[:3]]
            for what in ("backgroundColor", "color")
        )
        assert (sum(paper) < sum(ink)) == (scheme == "dark")
        assert abs(sum(paper) - sum(ink)) > 3 * 150


def test_a_file_that_is_missing_is_named(visit: Open, site: Path) -> None:
    model = site / "plain" / "model.onnx"
    model.rename(site / "away.onnx")
    try:
        visitor = visit("plain")
        visitor.page.locator("#loading", has_text="model.onnx: the server answered 404").wait_for()
    finally:
        (site / "away.onnx").rename(model)
    visitor.faults.clear()  # the browser says so, too


def test_opened_as_a_file_it_says_what_to_do(browser: Any, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "plain" / "index.html").as_uri())
    page.locator("#late", has_text="python -m http.server").wait_for()
    page.close()
