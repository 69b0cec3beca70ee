"""The explore page in a real browser: seeds, walks, neighbours, nearest training pictures, files to keep."""

import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pages import Visitor, browser_path, watching
from PIL import Image

from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.sampling.model import load
from ganforge.sampling.selection import Selection, choose

pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright (pip install .[dev])")
pytestmark = pytest.mark.skipif(browser_path() is None, reason="no Chromium on this machine: apt-get install chromium")
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {}, "told": {"conditional": True, "noise": "normal"}, "points": {"data": "ring"}
}  # fmt: skip


def snap(run: RunFolder, nimg: int, shape: tuple[int, ...], **settings: Any) -> None:
    """One more snapshot of untrained weights, which are others for another nimg."""
    config = recipe("note", **{"data": "digits", "keep_snapshots": 100, "g_hidden": (32,)} | settings)
    num_classes, values = 10 * config.conditional, config.model_dump(mode="json")
    if not run.exists():
        run.create({"settings": values, "data": {}, "environment": [{}]})
        run.write_status("finished", nimg, nimg)
    G = build_generator("mlp", config.z_dim, shape, nimg, hidden=config.g_hidden, num_classes=num_classes)
    with torch.no_grad():
        for weight in G.parameters():
            weight.mul_(3)
    save_snapshot(run, nimg, G, values, shape, num_classes)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for name, settings in SETTINGS.items():
        snap(RunFolder(root / name), 640, (2,) if name == "points" else (1, 8, 8), **settings)
    snap(RunFolder(root / "broken"), 640, (1, 8, 8))
    RunFolder(root / "broken").snapshot(640).write_bytes(b"not a snapshot")
    return root


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    with watching(str(runs), "--port", "0") as address:
        yield address


@pytest.fixture
def visitor(browser: Any, address: str) -> Iterator[Visitor]:
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    visitor = Visitor(page, address)
    page.set_default_timeout(30_000)
    yield visitor
    page.close()
    assert visitor.faults == []


def pixels(source: str) -> np.ndarray:
    """Of a picture that an address holds."""
    with Image.open(BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,")))) as picture:
        return np.asarray(picture)


def title(visitor: Visitor, words: str) -> None:
    """Wait until the picture that is looked at has this title."""
    visitor.page.wait_for_selector(f"h2:text-is('{words}')")


def saved(visitor: Visitor, button: str) -> tuple[str, bytes]:
    with visitor.page.expect_download() as download:
        visitor.page.click(f"button:text-is('{button}')")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_seeds_by_mouse_and_keys(visitor: Visitor, runs: Path) -> None:
    page, model = visitor.page, load(runs / "plain", "cpu")
    visitor.go("/explore/plain")
    page.wait_for_selector(".gf-cell")
    assert page.locator(".gf-cell").count() == 64
    page.click('.gf-cell[data-row="5"]')
    title(visitor, "Seed 5")
    large = page.get_attribute('img[alt="Seed 5, enlarged"]', "src")
    assert np.array_equal(pixels(large), model.sample([5])[0, 0].numpy())
    assert page.evaluate("getComputedStyle(document.querySelector('.gf-large-one')).imageRendering") == "pixelated"
    for key, seed in (("ArrowRight", 6), ("ArrowDown", 14), ("ArrowLeft", 13), ("ArrowUp", 5)):
        page.keyboard.press(key)
        title(visitor, f"Seed {seed}")
    page.click('.gf-cell[data-row="63"]')
    page.keyboard.press("ArrowRight")  # on to the next page of seeds
    title(visitor, "Seed 64")
    page.wait_for_function("document.activeElement.dataset.row === '0'")
    page.keyboard.press("ArrowLeft")
    title(visitor, "Seed 63")
    assert "--seeds 0-63" in page.inner_text(".gf-code")
    name, content = saved(visitor, "Save the picture")
    assert name == "plain-640-seed-63.png"
    assert content.startswith(b"\x89PNG")


def test_a_walk_is_played_moved_by_hand_and_saved(visitor: Visitor, runs: Path) -> None:
    page, model = visitor.page, load(runs / "plain", "cpu")
    visitor.go("/explore/plain")
    page.wait_for_selector(".gf-cell")
    page.click("text=Walk between seeds")
    page.fill('input[aria-label="Seeds of the walk"]', "4, 9")
    page.wait_for_selector(".gf-walk-image[alt='Seed 4']")
    z, _ = choose(model, Selection([4, 9], "walk", frames=30, loop=True))
    page.locator(".gf-walk-slider").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".gf-walk-image[alt='3% of the way from seed 4 to 9']")
    shown = page.get_attribute(".gf-walk-image", "src")
    assert np.array_equal(pixels(shown), model.pictures(z)[1, 0].numpy())
    page.click(".gf-walk-play")
    page.wait_for_function("Number(document.querySelector('.gf-walk-slider').value) > 4")
    page.click(".gf-walk-play")
    for button, kind in (("Save as WebP", "webp"), ("Save as GIF", "gif")):
        name, content = saved(visitor, button)
        assert name == f"plain-640-walk-4-9.{kind}"
        with Image.open(BytesIO(content)) as animation:
            assert (animation.format, animation.n_frames) == (kind.upper(), 60)
    page.fill('input[aria-label="Seeds of the walk"]', "4, <b>")
    page.wait_for_selector("[role=alert]:text('are not numbers')")


def test_neighbours_classes_and_truncation(visitor: Visitor, runs: Path) -> None:
    page, model = visitor.page, load(runs / "told", "cpu")
    visitor.go("/explore/told")
    page.click('.gf-cell[data-row="12"]')
    title(visitor, "Seed 12, class 2")
    page.click("button:text-is('Its neighbours')")
    page.wait_for_selector('.gf-cell[data-row="0"][aria-pressed="true"]')  # the neighbours are there, itself the first
    title(visitor, "Seed 12, class 2")
    page.click('.gf-cell[data-row="3"]')
    title(visitor, "Neighbour 3 of seed 12, class 2")
    page.locator("input[aria-label=Truncation]").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("text=--truncation 0.98")
    z, labels = choose(model, Selection([12], "near", spread=0.3, truncation=0.98))
    page.wait_for_function("!document.querySelector('.gf-busy')")
    shown = page.get_attribute('.gf-cell[data-row="3"] img', "src")
    assert np.array_equal(pixels(shown), model.pictures(z, labels)[3, 0].numpy())


def test_nearest_training_pictures(visitor: Visitor) -> None:
    visitor.go("/explore/plain")
    visitor.page.click('.gf-cell[data-row="2"]')
    title(visitor, "Seed 2")
    visitor.page.click("button:text-is('Nearest training pictures')")
    visitor.page.wait_for_selector(".gf-figure >> nth=5")
    assert visitor.page.inner_text("figcaption >> nth=0").startswith("picture ")


def test_points(visitor: Visitor) -> None:
    visitor.go("/explore/points")
    visitor.page.wait_for_selector("img[alt='Points in the plane: Seeds 0-999']")
    visitor.page.click("text=Walk between seeds")
    visitor.page.wait_for_selector(".gf-walk-image[alt='Seed 3']")


def test_a_new_snapshot_is_shown_by_itself(visitor: Visitor, runs: Path) -> None:
    visitor.go("/explore/plain")
    visitor.page.wait_for_selector("text=snapshot at 640 images")
    snap(RunFolder(runs / "plain"), 1280, (1, 8, 8))
    try:
        visitor.page.wait_for_selector("text=snapshot at 1,280 images")
    finally:
        RunFolder(runs / "plain").snapshot(1280).unlink()


def test_a_broken_snapshot_is_a_sentence(visitor: Visitor) -> None:
    visitor.go("/explore/broken")
    visitor.page.wait_for_selector("[role=alert]:text('000000640.safetensors is')")


def test_a_phone_needs_no_sideways_scrolling(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.go("/explore/told")
    visitor.page.wait_for_selector(".gf-cell")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
