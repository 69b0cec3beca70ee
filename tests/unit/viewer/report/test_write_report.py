import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from toy_troubles import only, toy

from ganforge.base.errors import UserError
from ganforge.cli.main import main
from ganforge.metrics.catalog import FIGURES
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.viewer.read.curve_meanings import meanings
from ganforge.viewer.report.write_report import render_report, write_report

FETCHING = re.compile(r"""(?:src|href|action|data|poster|srcset|xlink:href)\s*=\s*["']?(?!data:|#)[^"'\s>]""", re.I)


class Page(HTMLParser):
    """The report's elements and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.within = ""
        self.texts: list[str] = []
        self.feed(text)

    @property
    def words(self) -> str:
        """All that is to be read, with one space between."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.within = tag
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def handle_data(self, data: str) -> None:
        if self.within not in ("style", "script", "title"):
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def grid(path: Path) -> None:
    Image.new("L", (8, 8), 128).save(path, format="PNG")


def record(nimg: int, value: float, protocol: str = "a1b2c3d4", **more: Any) -> dict[str, Any]:
    facts = {"id": protocol, "data": "digits", "split": "train", "num_fakes": 500, "num_reals": 1000, "num_floor": 500}
    figures = {"FD/random": {"value": value, "floor": 0.5, "spread": None, "better": "lower"}}
    return {
        "format": 2, "nimg": nimg, "protocol": facts | {"extractors": {"random": "77"}}, "headline": "FD/random",
        "figures": figures | {"precision/random": {"value": 0.25, "floor": 0.9, "spread": 0.01234, "better": "higher"}},
    } | more  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A finished run of three reports, two of them with figures."""
    made = RunFolder(tmp_path / "a run")
    settings = json.loads(recipe("fast", data="digits", total_nimg=3_000, lr=0.01).model_dump_json())
    data = {"name": "digits", "shape": [1, 8, 8], "count": 1797, "fingerprint": "f00d" * 16}
    made.create({"settings": settings, "data": data, "environment": [{"python": "3.11.7", "device": "cpu"}] * 3})
    for nimg in (1_000, 2_000, 3_000):
        made.append_row({"nimg": nimg, "Loss/D": 0.02, "Loss/G": 0.9, "Timing/total_sec": 75.0, "Accuracy/real": 0.7})
        grid(made.fakes(nimg))
    grid(made.reals)
    made.append_metrics(record(2_000, 3.25))
    made.append_metrics(record(3_000, 4.5))
    made.write_status("finished", 3_000, 3_000)
    return made


def test_the_page_needs_no_other_file_and_may_fetch_none(folder: RunFolder) -> None:
    text = render_report(folder)
    page = Page(text)
    assert not FETCHING.search(text)
    assert "@import" not in text
    assert "url(" not in text
    [policy] = [meta["content"] or "" for meta in page.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert "unsafe" not in policy
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in page.elements if "style" in attributes]


def test_every_picture_has_a_text_and_the_last_grid_stands_without_scripts(folder: RunFolder) -> None:
    page = Page(render_report(folder))
    assert [image["alt"] for image in page.all("img")] == [
        "Grid of what G makes after 1,000 pictures shown to D",
        "Grid of what G makes after 2,000 pictures shown to D",
        "Grid of what G makes after 3,000 pictures shown to D",
        "Grid of real items of digits",
        "What G made after 2,000 pictures",
        "What G made after 3,000 pictures",
    ]
    frames = [div for div in page.all("div") if (div.get("class") or "").startswith("frame ")]
    assert [("on" in (div["class"] or "").split(), div["data-nimg"]) for div in frames] == [
        (False, "1,000"),
        (False, "2,000"),
        (True, "3,000"),
    ]
    [controls] = [div for div in page.all("div") if div.get("class") == "controls"]
    assert "hidden" in controls


def test_what_happened_is_told_with_the_pictures_that_are_in_the_page(folder: RunFolder) -> None:
    """Of 100 grids there are 60 in the page, that of 2,000 not among them; a moment has the nearest of these."""
    for nimg in range(3_001, 3_098):
        grid(folder.fakes(nimg))
    page = Page(render_report(folder))
    told = page.words[page.words.index("What happened") : page.words.index("Settings")]
    assert told.startswith("What happened 2,000 images No better than at the first measurement: FD/random 3.25")
    assert told.strip().endswith("The run ends at its full length.")
    assert [image["alt"] for image in page.all("img")][61:] == [
        "What G made after 1,000 pictures",
        "What G made after 3,000 pictures",
    ]
    folder.stats.unlink()
    assert "What happened" not in Page(render_report(folder)).words


def test_what_the_run_is(folder: RunFolder) -> None:
    words = Page(render_report(folder)).words
    assert "finished Recipe fast on digits . It has reached its full length." in words
    assert "3,000 of 3,000 pictures" in words
    assert "1,797 pictures of 1 x 8 x 8" in words
    assert "ganforge train fast --data digits --lr 0.01 --total-nimg 3000" in words
    assert "The run was resumed 2 times" in words
    assert "f00d" * 16 in words
    assert "What is missing" not in words


def test_the_best_figures_with_floor_and_protocol(folder: RunFolder) -> None:
    words = Page(render_report(folder)).words
    assert (
        "After 2,000 pictures; measured while training, the lowest of 2 measurements, no better than the first" in words
    )
    assert "No better than at the first measurement FD/random 3.25 at 2,000 (floor 0.5; lowest 3.25 at 2,000)" in words
    assert "FD random 3.25 0.5 lower" in words
    folder.append_metrics(record(4_000, 2.25))
    words = Page(render_report(folder)).words
    assert "After 4,000 pictures; measured while training, the best of 3 measurements." in words
    assert "Best so far FD/random 2.25 at 4,000 (floor 0.5, first 3.25)" in words
    assert "FD random 2.25 0.5 lower" in words
    assert "precision random 0.25 ± 0.012 0.9 higher" in words
    assert "Protocol a1b2c3d4: 500 items judged against 1,000 of digits's train split" in words


def test_an_evaluation_has_a_table_of_its_own_with_its_notes_and_nearest_pictures(folder: RunFolder) -> None:
    evaluated = record(3_000, 4.0, "0badcafe", notes=["No KL: <b>nothing</b>."])
    folder.evaluation(3_000, "0badcafe").write_text(json.dumps(evaluated), encoding="utf-8")
    grid(folder.nearest(3_000))
    page = Page(render_report(folder))
    assert "After 3,000 pictures; measured by ganforge evaluate." in page.words
    assert "Evaluated FD/random 4 at 3,000 (floor 0.5)" in page.words
    assert "No KL: <b>nothing</b>." in page.words
    assert "Pairs: a sample, then the training picture nearest to it" in [image["alt"] for image in page.all("img")]


def test_figures_are_explained_as_the_catalog_has_them(folder: RunFolder) -> None:
    words = Page(render_report(folder)).words
    assert FIGURES["FD"].meaning in words


def test_what_the_last_row_means_for_this_loss(folder: RunFolder) -> None:
    words = Page(render_report(folder)).words
    assert "What the numbers mean for the non-saturating loss" in words
    known = meanings(folder.read_config()["settings"])
    assert known["Loss/D"].text in words
    assert known["Loss/D"].judge(0.02) != ""
    assert f"Here: {known['Loss/D'].judge(0.02)}" in words
    assert known["Accuracy/real"].judge(0.7) == ""


def test_only_settings_that_differ_stand_beside_the_recipes(folder: RunFolder) -> None:
    text = render_report(folder)
    changed = text[text.index("Changed from the recipe") : text.index("As in the recipe")]
    assert re.findall(r"<code>(\w+)</code>", changed) == ["data", "lr", "burn_in_nimg", "total_nimg"]


def test_points_are_not_pictures(folder: RunFolder) -> None:
    config = folder.read_config()
    folder.write_config(config | {"data": {"name": "ring", "shape": [2], "count": 50_000}})
    page = Page(render_report(folder))
    assert "50,000 points" in page.words
    assert {image["class"] for image in page.all("img")} == {"points"}


def test_a_run_that_has_just_begun(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "new")
    settings = json.loads(recipe("note").model_dump_json())
    folder.create({"settings": settings, "data": {}, "environment": [{}]})
    with folder.lock():
        folder.write_status("running", 0, 500_000)
        words = Page(render_report(folder)).words
    assert "It was training when this was written." in words
    assert "There is no grid to show yet." in words
    assert "No figures were measured yet" in words
    assert "The log has no rows yet." in words


def test_the_command_writes_it_into_the_run(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder.path)]) == 0
    assert capsys.readouterr().out.startswith(f"Report: {folder.path / 'report.html'} (")
    assert folder.report.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path for path in folder.path.iterdir() if path.name.startswith(".report")] == []


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("config.json", "A report is an HTML file; give --out a name that ends in .html, not 'config.json'."),
        ("no/such/folder.html", "The report cannot be written: .*No such file.*; choose another place with --out."),
        ("taken.html", "taken.html is not overwritten: a folder, not a file; choose another name with --out."),
    ],
)
def test_a_place_where_it_cannot_be_written(folder: RunFolder, tmp_path: Path, out: str, sentence: str) -> None:
    (tmp_path / "taken.html").mkdir()
    with pytest.raises(UserError, match=sentence):
        write_report(folder, tmp_path / out)


def test_only_a_report_is_overwritten(folder: RunFolder, tmp_path: Path) -> None:
    out, mine = tmp_path / "out.html", tmp_path / "thesis.html"
    write_report(folder, out)
    write_report(folder, out)
    mine.write_text("<h1>My thesis, with ganforge</h1>" * 1_000, encoding="utf-8")
    (tmp_path / "link.html").symlink_to(out)
    (tmp_path / "dead.html").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.html")
    for name, why in (
        ("thesis.html", "nothing in it shows that ganforge made it"), ("link.html", "a link, which is not followed"),
        ("dead.html", "a link, which is not followed"), ("pipe.html", "a pipe, socket or device"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=f"{name} is not overwritten.*{why}.*; choose another name with --out"):
            write_report(folder, tmp_path / name)
    assert mine.read_text(encoding="utf-8").startswith("<h1>My thesis")
    assert (tmp_path / "link.html").is_symlink()


def test_no_run_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err == f"ganforge: There is no folder {tmp_path / 'nothing'}; check the path.\n"


def test_what_goes_wrong_stands_first(folder: RunFolder) -> None:
    hostile = "</h3><script>alert(1)</script>"
    event = {"nimg": 2_000, "finding": hostile, "state": "mended", "change": {"lr": 0.01}}
    folder.append_finding(event)
    with only(toy("Loss/D", title=hostile, meaning=hostile), toy("Accuracy/real", title="past it", grave=False)):
        folder.append_row({"nimg": 4_000, "Loss/D": 0.02, "Accuracy/real": 0.0})
        text = render_report(folder)
    words = Page(text).words
    assert "finished, and it went wrong" in words
    assert hostile not in text
    assert f"Mended. From 2,000 images on, since {hostile} was found: lr 0.01 -> 0.01." in words
    assert "Since 1,000 images: a value of 0.02 (likely)." in words
    assert "To do: begin anew with the settings as they were mended:" in words
    assert "ganforge train fast --data digits --lr 0.01 --total-nimg 3000 Copy Or" in words
    assert "Over by now Past it, from 1,000 to 4,000 images: a value of 0.7 (likely)." in words
    assert words.index("What went wrong") < words.index("Made by G")


def test_a_healthy_run_has_no_such_section(folder: RunFolder) -> None:
    with only(toy()):
        assert "wrong" not in Page(render_report(folder)).words
