"""How long something has to be seen, and from when on it is told."""

from collections.abc import Iterable
from typing import Any

from ganforge.diagnosis.catalog import DETECTORS
from ganforge.diagnosis.findings import Diagnosis, Finding, diagnose, take_before
from ganforge.diagnosis.history import History
from ganforge.diagnosis.telling import verdict
from ganforge.run.mends import Mend

SETTINGS: dict[str, Any] = {"total_nimg": 1_000, "batch_size": 10}


def rows(values: list[float | None]) -> list[dict[str, Any]]:
    """One a hundred images, with what ``d-has-lost`` looks at."""
    found = [{"nimg": 100 * (at + 1), "step": 10, "Logits/spread": 1.0} for at in range(len(values))]
    return [
        row if value is None else row | {"Logits/separation": value} for row, value in zip(found, values, strict=True)
    ]


def told(values: list[float | None]) -> list[tuple[int, int, int | None]]:
    return [(one.since, one.found, one.until) for one in diagnose(SETTINGS, {}, rows(values)).findings]


def test_it_is_found_once_it_was_seen_for_long_enough_and_dates_from_the_first_row() -> None:
    assert told([0.8, 0.0, 0.0]) == []  # the mean of two rows is low in one row
    assert told([0.8, 0.0, 0.0, 0.0]) == [(300, 400, None)]


def test_a_row_of_health_between_begins_anew() -> None:
    assert told([0.8, 0.0, 0.0, 0.8, 0.0, 0.0, 0.0]) == [(600, 700, None)]


def test_it_is_over_when_it_was_not_seen_for_as_long() -> None:
    assert told([0.0, 0.0, 0.0, 0.8]) == [(200, 300, None)]
    assert told([0.0, 0.0, 0.0, 0.8, 0.8]) == [(200, 300, 400)]
    assert told([0.0, 0.0, 0.0, 0.8, 0.8, 0.0, 0.0, 0.0]) == [(200, 300, 400), (700, 800, None)]


def test_a_row_without_the_column_is_neither_seen_nor_over() -> None:
    assert told([0.0, 0.0, None, 0.0]) == [(200, 400, None)]
    assert told([0.0, 0.0, 0.0, 0.8, None, 0.8]) == [(200, 300, 400)]
    assert told([None, None, None]) == []


def test_row_by_row_is_as_in_one_go() -> None:
    log = rows([0.0, 0.0, 0.0, 0.8, 0.8, 0.0, 0.0, 0.0])
    for cut in range(len(log)):
        resumed = diagnose(SETTINGS, {}, log[:cut])
        for row in log[cut:]:
            resumed.look(row)
        assert resumed.findings == diagnose(SETTINGS, {}, log).findings


def test_what_changed_is_returned_and_what_lasts_is_listed() -> None:
    looked = Diagnosis(SETTINGS, {})
    news = [[(one.name, one.until) for one in looked.look(row)] for row in rows([0.0, 0.0, 0.0, 0.8, 0.8])]
    assert news == [[], [], [("d-has-lost", None)], [], [("d-has-lost", 400)]]
    assert looked.lasting == []


def of_settings(*values: float, steps: int = 1_000, mends: Iterable[Mend] = ()) -> Diagnosis:
    """A log of these, where settings had foretold something, and the pictures' labels been found wanting."""
    events: list[dict[str, Any]] = [
        {"finding": name, "state": "found", "seen": "seen", "sure": "certain"}
        for name in ("rate-far-too-high", "labels-tell-nothing", "rates-far-apart", "few-pictures")
    ]
    events += [{"finding": "rates-far-apart", "state": "over"}, {"finding": 7}, {"finding": "d-has-lost"}]
    before: dict[str, Finding] = {}
    for event in events:
        take_before(before, event)
    return diagnose(SETTINGS, {}, [row | {"step": steps} for row in rows(list(values))], (), mends, before)


def test_what_settings_foretold_is_over_where_the_log_shows_nothing_of_it() -> None:
    def told(looked: Diagnosis) -> list[tuple[str, int | None]]:
        return [(one.name, one.until) for one in looked.findings]

    facts = [("labels-tell-nothing", None), ("few-pictures", None)]
    assert told(of_settings()) == told(of_settings(0.8, 0.8, steps=999)) == [("rate-far-too-high", None), *facts]
    assert told(of_settings(0.8, 0.8)) == [("rate-far-too-high", 100), *facts]
    looked = of_settings(0.8, 0.0, 0.0, 0.0, 0.0)
    assert told(looked) == [("rate-far-too-high", None), *facts, ("d-has-lost", None)]
    assert told(of_settings(0.8, 0.0, 0.0, 0.0, 0.8, 0.8)) == [("rate-far-too-high", 600), *facts, ("d-has-lost", 500)]
    assert [one.name for one in looked.lasting] == [
        "rate-far-too-high", "labels-tell-nothing", "d-has-lost", "few-pictures",
    ]  # fmt: skip
    assert verdict(looked.lasting) == (
        ", and it went wrong: a learning rate is far too high (seen before training); the labels tell nothing of the "
        "pictures (seen before training); D tells G nothing: it is wrong of nearly everything, or says the same of all "
        "(since 300 images)"
    )


def test_what_settings_foretold_is_over_where_they_were_mended() -> None:
    mends = [
        Mend(200, "a", {"r1_gamma": (0, 1)}),
        Mend(300, "b", {"d_lr": (0.1, None)}),
        Mend(400, "c", {"lr": (1, 2)}),
    ]
    assert [one.until for one in of_settings(0.8, 0.0, 0.0, 0.0, mends=mends).findings] == [300, None, None, None]
    assert [one.until for one in of_settings(0.8, 0.8, mends=mends[:1]).findings] == [100, None, None]


def test_figures_that_come_later_do_not_change_since_when_all_is_well() -> None:
    looked = of_settings(0.8, 0.8, 0.8)
    looked.look_again([])
    assert [one.until for one in looked.findings] == [100, None, None]


def history(values: list[Any]) -> History:
    found = History({"lr_end": 0.0, "burn_in_nimg": 800, "total_nimg": 1_000}, {})
    found.rows = [{"nimg": 100 * (at + 1), "a": value} for at, value in enumerate(values)]
    return found


def test_means_of_the_newest_values_and_of_those_halfway() -> None:
    made = history([1.0, 2.0, 3.0, 4.0, None, 6.0, 7.0, 8.0])
    assert made.mean("a") == 7.0 and made.mean("a", 5) == 28 / 5
    assert made.mean("a", 8) is None and made.mean("b") is None
    assert made.at("a") == 3.0 and made.at("a", 0.25) == 1.5 and made.at("a", 0.1) is None
    assert made.at("a", 0.625, 1) == 4.0
    assert made.recent("a", 2) == [7.0, 8.0] and made.last("a") == 8.0


def test_numbers_of_strangers_are_missing_where_they_are_none() -> None:
    made = history(["x", True, float("nan"), float("inf"), 10**400, [1.0]])
    assert made.recent("a", 9) == [] and made.last("a") is None and made.mean("a", 1) is None


def test_huge_numbers_can_be_added_up_and_squared() -> None:
    history = History({}, {})
    history.rows += [{"nimg": at, "step": at, "Loss/D": 1.7e308} for at in range(1, 9)]
    assert history.recent("Loss/D", 8) == [1e100] * 8
    for name, detector in DETECTORS.items():
        rows = [
            {"nimg": at, "step": 400 * at} | dict.fromkeys(detector.needs, 1.7e308 * (-1) ** at) for at in range(1, 9)
        ]
        assert diagnose({}, {}, rows).history.nimg == 8, name


def test_the_rate_follows_the_schedule() -> None:
    made = history([0.0] * 4)
    assert abs(made.rate - 0.5) < 1e-9 and made.progress == 0.4
    made.settings = {"lr_end": 0.5, "burn_in_nimg": 1_600, "burn_in_curve": "linear"}
    assert made.rate == 0.875
    made.settings = {}
    assert made.rate == 1.0


def test_the_penalty_s_share_is_what_is_left_of_d_s_loss() -> None:
    made = history([0.0])
    made.rows = [{"nimg": 1, "Loss/D": 3.0, "Loss/D/reals": 0.5, "Loss/D/fakes": 0.5, "Loss/D/r1": 400.0}]
    assert made.penalty_share() == 2.0
    made.rows = [{"nimg": 1, "Loss/D": 1.0, "Loss/D/reals": 0.5, "Loss/D/fakes": 0.5}]
    assert made.penalty_share() is None
