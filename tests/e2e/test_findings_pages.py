"""What goes wrong and what happened, on a run's page and in its report, in a real browser."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pages import ENVIRONMENT, Visitor, browser_path, until, watching

from ganforge.run.folder import RunFolder

pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright: pip install .[dev]")
pytestmark = pytest.mark.skipif(browser_path() is None, reason="no Chromium on this machine: apt-get install chromium")
SICK = ("--data", "ring", "--lr", "0.1", "--batch-size", "32", "--total-nimg", "6400", "--report-nimg", "640")
NO_CLIPBOARD = "Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined })"
IS_DARK = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((part) => part < 100)"
PHONE = {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """On points, with steps that are far too large."""
    out = tmp_path_factory.mktemp("runs") / "sick"
    small = ("--g-hidden", "32", "--d-hidden", "32", "--metric-samples", "0", "--threads", "1")
    command = [sys.executable, "-m", "ganforge", "train", "note", *SICK, *small, "--out", str(out)]
    subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    return RunFolder(out)


@pytest.fixture(scope="module")
def address(run: RunFolder) -> Iterator[str]:
    with watching(str(run.path.parent), "--port", "0") as address:
        yield address


@pytest.fixture(scope="module")
def report(run: RunFolder) -> str:
    command = [sys.executable, "-m", "ganforge", "report", str(run.path)]
    subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    return (run.path / "report.html").as_uri()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport=PHONE)
    yield context
    context.close()


def visit(context: Any, place: str) -> Visitor:
    """place: an address of the page, or of the report on the disk."""
    visitor = Visitor(context.new_page(), place.partition("/run/")[0])
    visitor.page.goto(place)
    visitor.page.wait_for_selector("text=What happened")
    return visitor


def test_a_finding_tells_what_was_seen_and_what_to_do(context: Any, address: str) -> None:
    visitor = visit(context, f"{address}run/sick")
    told = visitor.page.locator(".gf-trouble", has_text="A learning rate is far too high")
    words = told.inner_text()
    assert "Before training: lr is 0.1, 333 times the recipe's 0.0003." in words
    assert "Adam and RMSprop move every weight" in words
    assert "To do: take the recipe's rates:" in words
    assert told.locator("code").first.inner_text().startswith("ganforge train note --data ring --g-hidden 32")
    assert "--lr" not in told.locator("code").first.inner_text()
    visitor.page.get_by_text("All that was found to go wrong").click()
    visitor.page.locator("details td", has_text="the steps are far too large").wait_for()
    marks = visitor.page.evaluate(
        "[...document.querySelectorAll('.nicegui-echart')].map((chart) => getElement(Number(chart.id.slice(1))).chart"
        ".getOption().series[0].markLine.data.filter((mark) => 'xAxis' in mark).map((mark) => mark.name).join())"
    )
    assert len(marks) >= 6
    assert all("rates-too-high" in names for names in marks), marks
    assert visitor.faults == []


def test_what_happened_is_told_with_the_runs_own_pictures(
    context: Any, address: str, report: str, run: RunFolder
) -> None:
    for place, moments, picture in ((f"{address}run/sick", ".gf-moment", "nimg="), (report, ".story li", "data:image")):
        visitor = visit(context, place)
        texts = visitor.page.locator(moments).all_inner_texts()
        assert "before training" in texts[0]
        assert "Trouble begins: a learning rate is far too high, and it lasts." in texts[0]
        for words in ("The first report: ", "Trouble begins: the steps are far too large."):
            assert any(words in text for text in texts)
        assert "it went wrong" in texts[-1]
        pictures = visitor.page.locator(f"{moments} img")
        assert pictures.count() >= 2
        until(lambda pictures=pictures: pictures.evaluate_all("all => all.every((one) => one.naturalWidth === 448)"))
        assert pictures.evaluate_all("all => all.every((one) => one.clientWidth >= 150)")
        assert all(picture in source for source in pictures.evaluate_all("all => all.map((one) => one.src)"))
        assert visitor.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_in_light_and_dark(context: Any, address: str, report: str, scheme: str) -> None:
    for place in (f"{address}run/sick", report):
        visitor = visit(context, place)
        visitor.page.emulate_media(color_scheme=scheme)
        until(lambda visitor=visitor: visitor.page.evaluate(IS_DARK) == (scheme == "dark"))
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        copy = visitor.page.get_by_role("button", name="Copy").first
        assert copy.bounding_box()["x"] + copy.bounding_box()["width"] <= PHONE["width"]
        assert visitor.faults == []


@pytest.mark.parametrize("may_copy", [True, False])
def test_a_command_is_copied_by_the_keyboard_or_else_selected(
    context: Any, address: str, report: str, may_copy: bool
) -> None:
    """Without TLS, from another machine, a page has no clipboard at all."""
    context.grant_permissions(["clipboard-read", "clipboard-write"] if may_copy else [])
    if not may_copy:
        context.add_init_script(NO_CLIPBOARD)
    for place in (f"{address}run/sick", report):
        visitor = visit(context, place)
        command = visitor.page.locator("code", has_text="ganforge train").first
        until(lambda visitor=visitor: visitor.page.get_by_role("button", name="Copy").count() > 0)
        for _ in range(30):
            visitor.page.keyboard.press("Tab")
            if visitor.page.evaluate("document.activeElement.textContent") == "Copy":
                break
        visitor.page.keyboard.press("Enter")
        visitor.page.get_by_role("button", name="Copied" if may_copy else "Selected").wait_for()
        got = "navigator.clipboard.readText()" if may_copy else "getSelection().toString()"
        assert visitor.page.evaluate(got) == command.inner_text()
        assert visitor.faults == []
