"""The page in a real browser, beside a training that goes on at that moment."""

import html
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import ENDLESS, ENVIRONMENT, SHORT, Visitor, browser_path, end, shown_nimg, train, until, watching

from ganforge.run.folder import RunFolder

pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright: pip install .[dev]")
pytestmark = pytest.mark.skipif(browser_path() is None, reason="no Chromium on this machine: apt-get install chromium")
SCRIPT = "<img src=x onerror=window.ranByName=1>"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run that trains until the tests end, a finished one, and what has been done to others."""
    root = tmp_path_factory.mktemp("runs")
    live = train(root / "live", *ENDLESS)
    try:
        finished = train(root / "finished", *SHORT)
        assert finished.wait(120) == 0
        until(lambda: len(RunFolder(root / "live").all_snapshots()) > 0)
        yield root
    finally:
        end(live)


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    with watching(str(runs), "--port", "0") as address:
        yield address


@pytest.fixture
def visitor(browser: Any, address: str) -> Iterator[Visitor]:
    page = browser.new_page()
    visitor = Visitor(page, address)
    yield visitor
    page.close()
    assert visitor.faults == []


def test_the_list_shows_the_runs_and_follows_the_one_that_trains(visitor: Visitor) -> None:
    visitor.go("/")
    live = visitor.page.locator("a.gf-run", has_text="live")
    assert "running" in live.inner_text()
    assert "note on digits" in live.inner_text()
    assert "left" in live.inner_text()
    done = visitor.page.locator("a.gf-run", has_text="finished").first.inner_text()
    assert "FD/random" in done
    assert "floor" in done
    before = live.inner_text()
    until(lambda: live.inner_text() != before)
    visitor.page.get_by_label("Filter by name").fill("finis")
    until(lambda: visitor.page.locator("a.gf-run").count() == 1)
    visitor.page.locator("a.gf-run").click()
    visitor.page.wait_for_url("**/run/finished")


def test_a_runs_page_shows_new_grids_without_being_loaded_again(visitor: Visitor, runs: Path) -> None:
    """The page looks for news every second; how soon they are there is up to the machine, and not asserted."""
    visitor.go("/run/live")
    where = visitor.page.locator(".gf-player-where")
    until(lambda: "images" in where.inner_text())
    visitor.page.evaluate("window.notReloaded = true")
    for _ in range(3):
        newest = RunFolder(runs / "live").all_fakes()[-1][0]
        until(lambda newest=newest: shown_nimg(where.inner_text()) > newest)
    assert visitor.page.evaluate("window.notReloaded") is True


def test_the_curves_grow_and_say_what_they_mean(visitor: Visitor, runs: Path) -> None:
    visitor.go("/run/live")
    points = "() => Math.max(...[...document.querySelectorAll('.nicegui-echart')].map((chart) => Math.max(0, "
    points += "...(getElement(Number(chart.id.slice(1))).chart?.getOption().series ?? []).map((s) => s.data.length))))"
    visitor.page.wait_for_selector("main canvas")
    until(lambda: visitor.page.evaluate(points) > 0)
    before = visitor.page.evaluate(points)
    until(lambda: visitor.page.evaluate(points) > before)
    words = visitor.page.locator("main").inner_text()
    assert "1.386 when D cannot tell" in words
    assert "Healthy: " in words
    assert visitor.page.locator("canvas").count() >= 6


def test_the_slider_goes_back_in_time_by_mouse_keys_and_by_itself(visitor: Visitor, runs: Path) -> None:
    visitor.go("/run/finished")
    nimgs = [nimg for nimg, _ in RunFolder(runs / "finished").all_fakes()]
    image, slider = visitor.page.locator(".gf-player-image"), visitor.page.locator(".gf-player-slider")
    until(lambda: f"nimg={nimgs[-1]}" in (image.get_attribute("src") or ""))
    until(lambda: visitor.page.evaluate("document.querySelector('.gf-player-image').naturalWidth") > 0)
    assert image.evaluate("element => getComputedStyle(element).imageRendering") == "pixelated"
    slider.focus()
    visitor.page.keyboard.press("Home")
    assert (image.get_attribute("src") or "").endswith("nimg=0")
    assert image.get_attribute("alt") == "Fakes of finished at 0 images"
    visitor.page.keyboard.press("ArrowRight")
    assert (image.get_attribute("src") or "").endswith(f"nimg={nimgs[1]}")
    visitor.page.get_by_role("button", name="Play").click()
    until(lambda: (image.get_attribute("src") or "").endswith(f"nimg={nimgs[-1]}"))


def test_colours_are_chosen_and_remembered(visitor: Visitor) -> None:
    visitor.go("/")
    button = visitor.page.locator(".gf-theme")
    until(lambda: button.inner_text() == "Colours: auto")
    button.click()
    button.click()
    until(lambda: button.inner_text() == "Colours: dark")
    visitor.page.reload()
    until(lambda: visitor.page.evaluate("document.body.classList.contains('body--dark')"))


def test_a_phone_needs_no_sideways_scrolling(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/", "/run/finished"):
        visitor.go(path)
        visitor.page.wait_for_selector("main")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_keyboard_reaches_the_content(visitor: Visitor) -> None:
    visitor.go("/")
    visitor.page.wait_for_selector("a.gf-run")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "To the content"
    visitor.page.keyboard.press("Enter")
    until(lambda: visitor.page.evaluate("document.activeElement.id") == "main")


def test_exploring_and_comparing_work_beside_the_training(visitor: Visitor) -> None:
    visitor.go("/explore/live")
    until(lambda: visitor.page.locator("main img").count() > 0, 60)
    visitor.go("/compare?runs=live,finished")
    visitor.page.wait_for_selector("main canvas")
    words = visitor.page.locator("main").inner_text()
    assert "live" in words
    assert "finished" in words


def test_a_report_opens_from_the_disk(browser: Any, runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    command = [sys.executable, "-m", "ganforge", "report", str(runs / "live"), "--out", str(out)]
    subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    page = browser.new_page()
    visitor = Visitor(page, out.as_uri())
    page.goto(out.as_uri())
    assert page.locator("img").first.evaluate("image => image.complete && image.naturalWidth > 0")
    assert page.locator("svg").count() > 0
    page.close()
    assert visitor.faults == []


@pytest.fixture
def hostile(runs: Path) -> Iterator[Path]:
    """A run in which everything is wrong that can be."""
    folder = RunFolder(runs / SCRIPT)
    shutil.copytree(runs / "finished", folder.path)
    config = json.loads(folder.config.read_text(encoding="utf-8"))
    config["settings"] |= {"recipe": SCRIPT, "data": "../../etc/passwd", "<b>x</b>": SCRIPT, "z_dim": float("nan")}
    folder.config.write_text(json.dumps(config), encoding="utf-8")
    with folder.stats.open("a", encoding="utf-8") as file:
        file.write(
            'not json\n[]\n{"nimg": -1}\n' + json.dumps({"nimg": 9_000, "Loss/D": 1e400, SCRIPT: 3}) + '\n{"nimg"'
        )
    folder.status.write_text(json.dumps({"state": "failed", "reason": SCRIPT, "nimg": "many"}), encoding="utf-8")
    folder.reals.unlink()
    newest = folder.all_fakes()[-1][1]
    newest.unlink()
    newest.symlink_to("/etc/hostname")
    folder.all_fakes()[0][1].write_bytes(b"<script>window.ranByName=1</script>")
    yield folder.path
    shutil.rmtree(folder.path, ignore_errors=True)


def test_a_hostile_run_is_shown_as_far_as_it_goes(browser: Any, address: str, hostile: Path) -> None:
    page = browser.new_page()
    page.goto(address)
    card = page.locator("a.gf-run", has_text="failed")
    card.wait_for()
    assert html.unescape(card.inner_text()).count("onerror") >= 2
    card.click()
    page.wait_for_selector("main canvas")
    words = page.locator("main").inner_text()
    assert "stats.jsonl: 3 lines left out as unreadable" in words
    assert f"The run failed: {SCRIPT}" in words
    page.wait_for_timeout(500)
    assert page.evaluate("window.ranByName") is None
    shutil.rmtree(hostile)
    page.get_by_text("The run's folder is gone").wait_for()
    page.close()


@pytest.mark.parametrize(
    "path",
    [
        "/picture/fakes?run=..&nimg=0", "/picture/fakes?run=../finished&nimg=0", "/picture/reals?run=/etc",
        "/picture/../../etc/passwd", "/picture/config?run=finished", "/picture/fakes?run=finished&nimg=123",
        "/assets/../app.py", "/assets/%2e%2e/app.py", "/assets/..%2fapp.py", "/picture/reals?run=live%00",
    ],
)  # fmt: skip
def test_nothing_else_is_served(browser: Any, address: str, path: str) -> None:
    with browser.new_context() as context:
        answer = context.request.get(address.rstrip("/") + path)
        assert answer.status == 404, path
        assert b"root:" not in answer.body()
        assert b"from ganforge" not in answer.body()


def test_an_unknown_run_is_a_sentence(visitor: Visitor) -> None:
    for page in ("run", "explore"):
        visitor.go(f"/{page}/%3Cb%3Enot-there")
        visitor.page.get_by_text("There is no run '<b>not-there'").wait_for()


def test_a_stranger_needs_the_token(browser: Any, runs: Path) -> None:
    with watching(str(runs), "--port", "0", "--host", "0.0.0.0") as address:
        name = address.split("/")[2].rsplit(":", 1)[0]
        local = address.replace(f"//{name}:", "//127.0.0.1:")  # the name's letters may be in the token, too
        with browser.new_context() as context:
            bare = local.partition("?")[0]
            assert context.request.get(bare).status == 401
            assert context.request.get(f"{bare}?token=wrong").status == 401
            assert context.request.get(f"{bare}picture/reals?run=finished").status == 401
            page = context.new_page()
            page.goto(local)
            assert "token" not in page.url
            page.wait_for_selector("a.gf-run")
            page.goto(f"{bare}run/finished")
            page.wait_for_selector("main canvas")
