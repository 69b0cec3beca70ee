"""What is done about what is found in a row: said, logged, mended."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from some_runs import record_at, row_at
from toy_troubles import only, toy

from ganforge.config import gamma_for
from ganforge.diagnosis.catalog import Remedy, Seen, Trouble
from ganforge.diagnosis.findings import Finding
from ganforge.diagnosis.history import History
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.training.watching import Watching

SHAPE = [1, 8, 8]
R1 = Remedy("penalise D", {"r1_gamma": "auto"}, mends=True)
AUGMENT = Remedy("augment", {"augment": "diffaugment"}, mends=True)


def watching(path: Path, shape: list[int] = SHAPE, processes: int = 1, **settings: Any) -> tuple[Watching, list[str]]:
    """The diagnosis of a run that has no row yet, and what it says."""
    config = recipe("note", **{"data": "digits", "on_trouble": "mend"} | settings)
    folder, said = RunFolder(path), list[str]()
    stored = {"settings": config.model_dump(mode="json"), "data": {"shape": shape}}
    folder.create(stored | {"environment": [{"processes": processes}]})
    return Watching(config, folder, said.append), said


def found(*remedies: Remedy, name: str = "too-red") -> Finding:
    return Finding(toy(name, remedies=remedies), Seen("x"), 1, 2)


def changes(watched: Watching) -> list[dict[str, Any]]:
    return [event["change"] for event in watched.folder.finding_rows() if event["state"] == "mended"]


def test_a_remedy_that_changes_nothing_is_passed_over_for_the_next(tmp_path: Path) -> None:
    gamma = gamma_for(SHAPE)
    watched, said = watching(tmp_path / "a", r1_gamma=gamma)  # what auto stands for
    watched.mend(found(R1, Remedy("halve", {"lr": "x0.5"}, mends=True)), 640)
    assert changes(watched) == [{"lr": 1.5e-4}]
    assert said == ["Mended from 640 images on: halve (lr = 0.00015)."]
    assert (watched.config.lr, watched.config.r1_gamma) == (1.5e-4, gamma)


def test_what_was_changed_of_the_recipe_is_undone_and_nothing_else(tmp_path: Path) -> None:
    undo = Remedy("undo", {"lr": "recipe"}, mends=True)
    watched, _ = watching(tmp_path / "a", lr=0.1)
    watched.mend(found(undo, R1), 640)
    assert changes(watched) == [{"lr": 3e-4}]
    watched, said = watching(tmp_path / "b", z_dim=7)
    watched.mend(found(Remedy("undo", {"z_dim": "recipe"}), R1), 640)
    assert said == ["It is not mended: there is no remedy that a run may take as it goes on."]


def test_once_it_was_mended_the_advice_is_to_begin_anew(tmp_path: Path) -> None:
    watched, said = watching(tmp_path / "a")
    watched.mend(found(R1), 640)
    watched._say(found(R1, name="pale"))
    assert said[-1].endswith(
        "Try: begin anew with the settings as they were mended: "
        "`ganforge train note --data digits --r1-gamma 0.064 --on-trouble mend`."
    )


def test_what_was_found_before_training_counts_in_the_end(tmp_path: Path) -> None:
    watched, _ = watching(tmp_path / "a")
    watched.folder.append_finding({"nimg": 0, "finding": "labels-tell-nothing", "state": "found", "seen": "8% right"})
    watched = Watching(watched.config, watched.folder, [].append)
    assert watched.verdict() == ", and it went wrong: the labels tell nothing of the pictures (seen before training)"
    assert [(one["finding"], one["seen"]) for one in watched.status()] == [("labels-tell-nothing", "8% right")]


@pytest.mark.parametrize(
    ("remedies", "settings"),
    [
        ((R1,), {"r1_gamma": gamma_for(SHAPE)}),
        ((Remedy("words alone", mends=True),), {}),
        ((Remedy("not as it goes on", {"z_dim": 8}),), {}),
        ((AUGMENT,), {"augment": "diffaugment"}),
        ((), {}),
    ],
)
def test_where_nothing_can_be_mended_that_is_said(
    remedies: tuple[Remedy, ...], settings: dict[str, Any], tmp_path: Path
) -> None:
    watched, said = watching(tmp_path / "a", **settings)
    before = watched.config
    watched.mend(found(*remedies), 640)
    assert said == ["It is not mended: there is no remedy that a run may take as it goes on."]
    assert watched.config is before
    assert changes(watched) == []


def test_points_are_not_augmented_and_pictures_are(tmp_path: Path) -> None:
    watched, said = watching(tmp_path / "points", [2], data="ring")
    watched.mend(found(AUGMENT), 640)
    assert said[0].startswith("It is not mended")
    watched, said = watching(tmp_path / "pictures")
    watched.mend(found(AUGMENT), 640)
    assert changes(watched) == [{"augment": "diffaugment"}]


def test_each_trouble_is_mended_once_and_three_in_all_over_any_resumption(tmp_path: Path) -> None:
    watched, said = watching(tmp_path / "a")
    halve = Remedy("halve", {"lr": "x0.5"}, mends=True)
    for nimg, name in enumerate(("a", "a", "b"), start=1):
        watched.mend(found(halve, name=name), nimg)
    again = Watching(recipe("note", data="digits", on_trouble="mend"), watched.folder, said.append)
    for nimg, name in enumerate(("b", "c", "d"), start=4):
        again.mend(found(halve, name=name), nimg)
    assert changes(again) == [{"lr": 1.5e-4}, {"lr": 7.5e-5}, {"lr": 3.75e-5}]
    assert [(one.nimg, one.finding) for one in again.diagnosis.mends] == [(1, "a"), (3, "b"), (5, "c")]
    assert [line for line in said if "not mended" in line] == [
        "It is not mended: it was after 1 images, and has come back.",
        "It is not mended: it was after 3 images, and has come back.",
        "It is not mended: 3 mends were made already.",
    ]
    assert again.mended() == [event for event in again.folder.finding_rows() if event["state"] == "mended"]


def look_and_log(watched: Watching, nimg: int, *, figures: bool = False, provisional: bool = False) -> list[str]:
    """Names of what findings.jsonl holds after the row."""
    row = row_at(nimg)
    watched.folder.append_row(row)
    watched.look(row, provisional=provisional, figures_are_provisional=figures)
    return [event["finding"] for event in watched.folder.finding_rows()]


def of_figures(history: History) -> Seen | None:
    return Seen(f"{len(history.records)} records") if history.records else None


def test_what_depends_on_the_length_is_said_and_not_logged(tmp_path: Path) -> None:
    at_its_end = toy("short", look=lambda history: Seen("it ends"), of_length=True, needs=(), title="it is short")
    with only(at_its_end):
        watched, said = watching(tmp_path / "a")
        assert look_and_log(watched, 1_000) == []
        assert said[0].startswith("Trouble since 1,000 images: it is short")
        assert [one["finding"] for one in watched.status()] == ["short"]
        assert changes(watched) == []
        assert not watched.stops


def test_figures_that_a_longer_run_would_not_have_are_told_and_not_logged(tmp_path: Path) -> None:
    with only(toy("figures", look=of_figures, needs=())):
        watched, said = watching(tmp_path / "a")
        watched.folder.append_metrics(record_at(1_000, 3.0))
        assert look_and_log(watched, 1_000, figures=True) == []
        assert said[0].endswith(
            "1 records. Try: lower the rate: `ganforge train note --data digits --lr 3e-05 --on-trouble mend`."
        )
        assert [one["seen"] for one in watched.status()] == ["1 records"]
        assert changes(watched) == []
        watched, said = watching(tmp_path / "b")
        watched.folder.append_metrics(record_at(1_000, 3.0))
        assert look_and_log(watched, 1_000) == ["figures"]
        watched, said = watching(tmp_path / "c")  # the row goes with them
        watched.folder.append_metrics(record_at(1_000, 3.0))
        assert look_and_log(watched, 1_000, figures=True, provisional=True) == ["figures"]
        assert len(said) == 1


def test_what_is_seen_with_and_without_such_figures_is_said_once(tmp_path: Path) -> None:
    with only(toy("always", look=lambda history: Seen(f"{len(history.records)}"), needs=())):
        watched, said = watching(tmp_path / "a", on_trouble="say")
        watched.folder.append_metrics(record_at(1_000, 3.0))
        assert look_and_log(watched, 1_000, figures=True) == ["always"]
        assert len(said) == 1
        [event] = watched.folder.finding_rows()
        assert (event["seen"], watched.status()[0]["seen"]) == ("0", "1")


def test_a_mended_setting_counts_for_the_rows_after_it(tmp_path: Path) -> None:
    rates: list[Any] = []

    def look(history: History) -> Seen | None:
        rates.append(history.settings["lr"])
        return Seen("x") if history.nimg == 2_000 else None

    halve = Remedy("halve", {"lr": "x0.5"}, mends=True)
    with only(toy(look=look, needs=(), remedies=(halve,))):
        watched, _ = watching(tmp_path / "a")
        for nimg in (1_000, 2_000, 3_000):
            look_and_log(watched, nimg)
        assert rates == [3e-4, 3e-4, 1.5e-4]
        Watching(recipe("note", data="digits"), watched.folder, lambda line: None)
        assert rates[3:] == rates[:3]


def test_what_to_type_starts_as_many_processes(tmp_path: Path) -> None:
    with only(toy(look=lambda history: Seen("x"), needs=())):
        watched, said = watching(tmp_path / "a", processes=2)
        look_and_log(watched, 1_000)
    assert "`torchrun --nproc-per-node 2 -m ganforge train note" in said[0]


def test_a_trouble_of_no_length_is_one_that_mends_nothing() -> None:
    from ganforge.diagnosis.catalog import CHECKS, DETECTORS

    troubles: list[Trouble] = [*CHECKS.values(), *DETECTORS.values()]
    assert {one.name for one in troubles if one.of_length} == {
        "short-run", "schedule-does-not-fit", "disk-too-small", "rough-pictures", "disk-fills", "too-short",
    }  # fmt: skip
    assert not [one for one in DETECTORS.values() if one.of_length and one.grave]


def test_what_was_seen_before_the_run_went_back_is_left_alone(tmp_path: Path) -> None:
    """And what is seen in the weights that it went on with is mended."""
    halve = Remedy("halve", {"lr": "x0.5"}, mends=True)
    watched, said = watching(tmp_path / "a")
    watched.folder.append_finding({"nimg": 640, "finding": "a", "state": "mended", "change": {}, "back_to": 320})
    again = Watching(watched.config, watched.folder, said.append)
    for name, since in (("b", 640), ("c", 641)):
        again.mend(replace(found(halve, name=name), since=since), 700)
    assert [(one.finding, one.back_to) for one in again.diagnosis.mends] == [("a", 320), ("c", None)]
    assert said == [
        "It is not mended: it was seen before the run went back, in weights that are left behind.",
        "Mended from 700 images on: halve (lr = 0.00015).",
    ]
    assert "back_to" not in again.mended()[1] and again.mended()[0]["back_to"] == 320
