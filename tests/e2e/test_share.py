"""Runs side by side, and the report of one, in a real browser."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import Visitor, browser_path, watching
from PIL import Image

from ganforge.cli.main import main
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder

pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright (pip install .[dev])")
pytestmark = pytest.mark.skipif(browser_path() is None, reason="no Chromium on this machine: apt-get install chromium")
NAMES = ("plain", "with, a comma", "<i onclick=x>&")
PHONE = {"width": 390, "height": 800}
DESK = {"width": 1280, "height": 900}


def make(path: Path, nimgs: tuple[int, ...], **settings: Any) -> RunFolder:
    """A finished run with a row and a grid at each nimg, and figures."""
    folder = RunFolder(path)
    known = json.loads(recipe("note", data="digits", **settings).model_dump_json())
    data = {"name": "digits", "shape": [1, 8, 8], "count": 1797, "fingerprint": "f00d"}
    folder.create({"settings": known, "data": data, "environment": [{"python": "3.11", "device": "cpu"}]})
    protocol = {"id": "a1b2c3d4", "data": "digits", "split": "train", "num_fakes": 500, "num_reals": 1000}
    protocol |= {"num_floor": 500, "extractors": {"random": "77"}}
    for nimg in nimgs:
        folder.append_row({"nimg": nimg, "Loss/D": 1.0 + nimg / 1e4, "Loss/G": 0.9, "Timing/images_per_sec": 100.0})
        Image.new("L", (450, 450), nimg // 100 % 256).save(folder.fakes(nimg), format="PNG")
        figures = {"FD/random": {"value": 1e5 / (nimg + 1), "floor": 0.5, "better": "lower"}}
        record = {"format": 2, "nimg": nimg, "protocol": protocol, "headline": "FD/random", "figures": figures}
        folder.append_metrics(record)
    Image.new("L", (450, 450), 200).save(folder.reals, format="PNG")
    folder.write_status("finished", nimgs[-1], nimgs[-1])
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    make(root / NAMES[0], (0, 1_000, 2_000, 3_000))
    make(root / NAMES[1], (0, 1_100, 2_100), lr=0.1)
    make(root / NAMES[2], (0, 900), objective="hinge")
    return root


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    with watching(str(runs), "--port", "0") as address:
        yield address


@pytest.fixture
def visitor(browser: Any, address: str) -> Iterator[Visitor]:
    page = browser.new_page(viewport=DESK)
    visitor = Visitor(page, address)
    yield visitor
    page.close()
    assert visitor.faults == []


@pytest.fixture
def report(runs: Path, tmp_path: Path) -> Path:
    out = tmp_path / "a report.html"
    assert main(["report", str(runs / "plain"), "--out", str(out)]) == 0
    return out


def moments_shown(page: Any) -> list[str]:
    page.wait_for_function("document.querySelector('.gf-where')?.textContent")
    return page.locator(".gf-where").all_inner_texts()


def test_runs_are_chosen_by_the_address_whatever_their_names(visitor: Visitor) -> None:
    visitor.go("/compare?runs=plain,with%2C%20a%20comma,%3Ci%20onclick%3Dx%3E%26,nothing")
    visitor.page.wait_for_selector("main canvas")
    assert visitor.page.locator(".gf-compare-grids .gf-name").all_inner_texts() == list(NAMES)
    words = visitor.page.locator("main").inner_text()
    assert "There is no run 'nothing' here" in words
    assert "The runs have different losses (hinge, non-saturating)" in words
    assert "FD random\t33.32*\t47.6\t111\t0.5\tlower" in words
    assert "lr\t0.0003\t0.1\t0.0003" in words
    assert "z_dim" not in words


def test_one_slider_moves_all_grids_to_the_same_moment(visitor: Visitor) -> None:
    visitor.go("/compare?runs=plain,with%2C%20a%20comma")
    newest = ["after 3,000 pictures", "after 2,100 pictures"]
    assert moments_shown(visitor.page) == newest
    visitor.page.locator(".gf-compare-slider").focus()
    visitor.page.keyboard.press("Home")
    assert moments_shown(visitor.page) == ["after 0 pictures", "after 0 pictures"]
    visitor.page.keyboard.press("ArrowRight")
    assert moments_shown(visitor.page) == ["after 1,000 pictures", "after 1,100 pictures"]
    visitor.page.wait_for_function("[...document.querySelectorAll('figure img')].every((image) => image.naturalWidth)")
    assert "nimg=1100" in (visitor.page.locator("figure img").nth(1).get_attribute("src") or "")
    visitor.page.locator(".gf-compare-play").click()
    visitor.page.wait_for_function("document.querySelector('.gf-where').textContent.includes('3,000')")
    assert moments_shown(visitor.page) == newest


def test_new_grids_and_rows_come_without_reloading(visitor: Visitor, runs: Path) -> None:
    folder = make(runs / "grows", (0, 1_000))
    try:
        visitor.go("/compare?runs=grows")
        assert moments_shown(visitor.page) == ["after 1,000 pictures"]
        shutil.copy(folder.fakes(1_000), folder.fakes(2_000))
        folder.append_row({"nimg": 2_000, "Loss/D": 1.0})
        visitor.page.wait_for_function("document.querySelector('.gf-where').textContent.includes('2,000')")
        visitor.page.wait_for_function("document.querySelector('figure img').complete")
        visitor.page.get_by_text("no figures yet").wait_for(state="detached")
        folder.metrics.unlink()
        folder.append_row({"nimg": 3_000, "Loss/D": 1.0})
        visitor.page.get_by_text("grows: no figures yet").wait_for()
    finally:
        shutil.rmtree(folder.path)
    visitor.page.get_by_text("Gone, and shown as last read: grows.").wait_for()


def test_another_choice_is_another_address(visitor: Visitor) -> None:
    visitor.go("/compare?runs=plain")
    assert "Choose a second run." in visitor.page.locator("main").inner_text()
    visitor.page.get_by_label("Runs to compare").first.click()
    visitor.page.get_by_role("option", name="with, a comma").click()
    visitor.page.keyboard.press("Escape")
    visitor.page.get_by_role("button", name="Compare").click()
    visitor.page.wait_for_url("**/compare?runs=plain%2Cwith%2C+a+comma")
    assert len(moments_shown(visitor.page)) == 2


def test_comparing_suggests_runs_and_fits_a_phone(visitor: Visitor) -> None:
    visitor.page.set_viewport_size(PHONE)
    visitor.go("/compare")
    visitor.page.wait_for_selector("main canvas")
    assert len(moments_shown(visitor.page)) == 2
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("size", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_opens_offline_and_fits(browser: Any, report: Path, size: Any, scheme: Any) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, offline=True)
    page = context.new_page()
    visitor = Visitor(page, report.as_uri())
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth === 450)")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(20, 23, 27)") is (scheme == "dark")
    assert page.locator(".frame.on img").evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    context.close()
    assert visitor.faults == []


def test_a_reports_slider_goes_by_keys_and_by_itself(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    shown = page.locator(".frame:visible")
    assert shown.all_inner_texts() == ["after 3,000 pictures"]
    page.get_by_label("Moment of the training").focus()
    page.keyboard.press("Home")
    assert shown.all_inner_texts() == ["after 0 pictures"]
    page.get_by_role("button", name="Play").click()
    page.locator(".frame.on", has_text="3,000").wait_for()
    assert page.get_by_role("button", name="Play").inner_text() == "Play"
    page.close()


def test_a_report_stands_without_scripts_and_on_paper(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".frame:visible").all_inner_texts() == ["after 3,000 pictures"]
    assert not page.locator(".controls").is_visible()
    page.emulate_media(media="print")
    assert [text.split()[1] for text in page.locator(".frame:visible").all_inner_texts()] == [
        "0",
        "1,000",
        "2,000",
        "3,000",
    ]
    context.close()
