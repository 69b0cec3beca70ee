"""A run told from its log."""

from typing import Any

from toy_troubles import toy

from ganforge.diagnosis.catalog import Seen
from ganforge.diagnosis.findings import Finding
from ganforge.diagnosis.story import MOST_FINDINGS, story
from ganforge.run.mends import Mend


def row(nimg: int, separation: float = 0.99, spread: float = 0.1, **more: Any) -> dict[str, Any]:
    return {"nimg": nimg, "Logits/separation": separation, "Health/spread": spread} | more


def test_a_run_from_nothing_to_shapes_and_back() -> None:
    rows = [
        row(1_000, 0.55, 0.0, **{"Health/overlap": 0.1, "Health/missing": 0.9}),
        row(2_000, 0.97, 0.4, **{"Health/overlap": 0.35, "Health/missing": 0.5}),
        row(3_000, 0.52, 0.5, **{"Health/overlap": 0.7, "Health/missing": 0.05}),
        row(4_000, 0.8, 0.1, **{"Health/overlap": 0.2, "Health/missing": 0.8}),
    ]
    red, pale = toy(), toy("pale", title="they are pale", grave=False)
    findings = [Finding(red, Seen("x"), 1_000, 2_000, 3_000), Finding(pale, Seen("x"), 4_000, 4_000)]
    told = story(rows, findings, [1_100, 2_900], (3_500, "Best so far: 3 at 3,500"), "The end.")
    assert [tuple(moment) for moment in told] == [
        (1_000, "The first report: D can hardly tell fakes from reals (55% of pairs; 50% is guessing).", 1_100),
        (1_000, "Trouble begins: the pictures are red.", None),
        (2_000, "The fakes begin to differ from each other.", None),
        (2_000, "First shapes: the fakes share 35% of the reals' kinds.", None),
        (3_000, "Most kinds come: the fakes share 70% of the reals'.", 2_900),
        (3_000, "Hardly a kind of real is missing any more.", None),
        (3_000, "The game is at its most even: D is right in 52% of pairs.", None),
        (3_000, "That is over: the pictures are red.", None),
        (3_500, "Best so far: 3 at 3,500.", None),
        (4_000, "To be noted: they are pale, and it lasts.", None),
        (4_000, "The last report: D tells fakes from reals mostly (80% of pairs); fakes differ from each other 0.1 "
                "times as much as reals do; they share 20% of the reals' kinds.", None),
        (4_000, "The end.", None),
    ]  # fmt: skip


def test_what_was_so_from_the_first_row_on_did_not_happen() -> None:
    texts = [moment.text for moment in story([row(1, spread=0.9), row(2, spread=0.9)], [], [])]
    assert not [text for text in texts if "begin" in text]
    assert all(moment.grid is None for moment in story([row(1)], [], []))


def test_old_logs_are_told_by_accuracy_and_empty_ones_by_their_end() -> None:
    old = {"nimg": 5, "Accuracy/real": 0.9, "Accuracy/fake": 0.7}
    assert story([old], [], [])[0].text == "The first report: D is right about 90% of reals and 70% of fakes."
    assert story([{"nimg": 5, "Loss/D": 1.0}], [], [], None, "End.")[0].text == "End."
    assert [tuple(moment) for moment in story([], [], [], (1, "x"), "End.")] == [(0, "End.", None)]


def test_many_findings_are_counted() -> None:
    findings = [Finding(toy(title=f"t{number}"), Seen("x"), number, number) for number in range(1, MOST_FINDINGS + 3)]
    texts = [moment.text for moment in story([row(1)], findings, [])]
    assert sum(text.startswith("Trouble begins") for text in texts) == MOST_FINDINGS
    assert "And 2 more findings; `ganforge diagnose` tells them." in texts
    assert not [m for m in story([row(1)], findings[:MOST_FINDINGS], []) if "more findings" in m.text]


def test_what_was_mended_has_its_moment() -> None:
    mends = [Mend(2, "a", {"lr": (1.0, 0.1)}, 1)]
    told = [(one.nimg, one.text) for one in story([row(1), row(2), row(3)], [], [], (3, "Best"), mends=mends)]
    mended = (2, "Mended: back to the best checkpoint, of 1 images, lr 1.0 -> 0.1.")
    assert told.index(mended) < told.index((3, "Best."))
