"""What a run's page and the list say of what goes wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import pytest
from nicegui import Client, ui
from some_runs import make_run, row_at
from toy_troubles import only, toy

from ganforge.viewer.pages.findings_panel import FindingsPanel
from ganforge.viewer.pages.list_page import Card
from ganforge.viewer.pages.run_page import RunHeader
from ganforge.viewer.pages.story_panel import StoryPanel
from ganforge.viewer.read.run_summary import summarise
from ganforge.viewer.read.run_view import RunView

MARKUP = "<b>red</b>"


@contextmanager
def a_page() -> Iterator[Client]:
    with Client(ui.page(""), request=None) as client:
        yield client


def words(client: Client) -> list[str]:
    """All that is to be read, escaped where it is HTML."""
    found = [str(getattr(one, "text", "") or getattr(one, "content", "")) for one in client.elements.values()]
    return [text for text in found if text]


@pytest.fixture
def view(tmp_path: Path) -> Iterator[RunView]:
    with only(toy(title=f"the pictures are {MARKUP}"), toy("pale", title="they are pale", needs=("other",))):
        folder = make_run(tmp_path / "a", rows=0)
        folder.append_row(row_at(1_000, **{"too-red": 1.0}))
        yield RunView("a", folder).look()


def test_what_lasts_is_told_in_full_with_what_to_type(view: RunView) -> None:
    with a_page() as client:
        panel, header = FindingsPanel(view), RunHeader(view)
        said = words(client)
        assert "Since 1,000 images: a value of 1 (likely)." in said
        assert "With non-saturating: D likes red." in said
        assert "To do: lower the rate:" in said
        assert "Or: look at the data." in said
        [typed] = [text for text in said if text.startswith("ganforge train")]
        assert unescape(typed) == view.health.told()[0].do[0][1]
        assert not [text for text in said if text.startswith("The pictures") and MARKUP in text]
        assert "The log lacks what is needed to look for: pale." in said
        assert header.state.text == "finished, and it went wrong"
        assert panel.history.visible


def test_what_is_over_goes_to_the_history(view: RunView) -> None:
    with a_page() as client:
        panel, header = FindingsPanel(view), RunHeader(view)
        assert header.state.text == "finished, and it went wrong"
        assert "gf-wrong" in header.state.classes
        view.folder.append_row(row_at(2_000, **{"too-red": 0.0}))
        view.look()
        panel.update(view)
        header.update(view)
        assert not [text for text in words(client) if text.startswith(("Since", "From", "To do"))]
        assert "<td>1,000 images</td><td>2,000 images</td>" in panel.table.content
        assert header.state.text == "finished"


def test_what_was_mended_is_said(view: RunView) -> None:
    with a_page() as client:
        panel = FindingsPanel(view)
        assert not [text for text in words(client) if text.startswith("Mended")]
        event = {"nimg": 1_000, "finding": MARKUP, "state": "mended", "change": {"lr": 0.1}}
        view.folder.append_finding(event)
        panel.update(view.look())
        mended = [unescape(text) for text in words(client) if text.startswith("Mended")]
        assert mended == [f"Mended. From 1,000 images on, since {MARKUP} was found: lr unset -> 0.1."]


def test_nothing_is_said_of_a_healthy_run(tmp_path: Path) -> None:
    with only(toy()), a_page():
        panel = FindingsPanel(RunView("a", make_run(tmp_path / "a", rows=0)).look())
        assert not panel.history.visible
        assert not panel.lasting.default_slot.children


def test_a_card_of_the_list_takes_the_runs_own_word(tmp_path: Path) -> None:
    wrong = {"title": "it is red", "grave": True}
    folder = make_run(tmp_path / "a", findings=[wrong, {"title": "advice", "grave": False}])
    with a_page():
        card = Card((summarise("a", folder), None))
        assert card.state.text == "finished, and it went wrong"
        assert card.trouble.text == "it is red."
        card = Card((summarise("b", make_run(tmp_path / "b")), None))
        assert (card.state.text, card.trouble.text) == ("finished", "")


def test_what_happened_is_told_with_pictures_each_once(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    folder.append_row(row_at(4_000, **{"too-red": 1.0}))
    with only(toy()), a_page() as client:
        panel = StoryPanel(RunView("a", folder).look())
        assert "Trouble begins: the pictures are red, and it lasts." in words(client)
        sources = [one.props.get("src") for one in client.elements.values() if one.tag == "img"]
        assert sources == ["/picture/fakes?run=a&nimg=3000"]
        assert panel.section.visible
        assert not StoryPanel(RunView("b", make_run(tmp_path / "b", rows=0)).look()).section.visible
