"""Each detector finds what is planted in a made log, and nothing in a healthy one."""

from typing import Any

import pytest

from ganforge.diagnosis.catalog import DETECTORS
from ganforge.diagnosis.findings import Diagnosis, diagnose

SETTINGS: dict[str, Any] = {"recipe": "fast", "total_nimg": 200_000, "batch_size": 50, "objective": "non-saturating"}
DATA: dict[str, Any] = {"count": 10_000, "num_classes": 10}
ROW: dict[str, Any] = {
    "Gradient/G": 2.0, "Gradient/D": 3.0, "Loss/D": 1.2, "Loss/D/reals": 0.6, "Loss/D/fakes": 0.6,
    "Loss/scores/real": 0.5, "Loss/scores/fake": -0.5, "Logits/separation": 0.8, "Logits/spread": 0.9,
    "Health/spread": 0.95, "Health/missing": 0.02, "Health/shares": [0.3, 0.3, 0.4], "Health/contrast": 0.98,
    "Health/roughness": 1.1, "Step/G": 3e-3, "Step/D": 2e-3, "Weights/G": 40.0, "Weights/D": 20.0,
    "Timing/feeding_share": 0.03, "Timing/reporting_share": 0.05, "Resources/peak_memory_mib": 500.0,
    "Resources/disk_left_mib": 50_000.0, "Health/average_gap": 0.2, "Health/class_effect": 0.9,
    "Health/agreement": 0.9, "Health/agreement_reals": 0.9, "Health/seen_apart": 0.52, "Augmentation/p": 0.3,
    "Health/leak": 0.3,
}  # fmt: skip
ROWS = 20


def log(ends: dict[str, Any], starts: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Rows with ``ends`` in them from the fourth row on, and ``starts`` before. A value that is a list of two floats is
    taken in turn; a function is called with the row's number, from 1."""
    rows = []
    for number in range(1, ROWS + 1):
        nimg = number * 10_000
        here = ROW | (ends if number > 3 else starts or {})
        here = {name: value(number) if callable(value) else value for name, value in here.items()}
        rows.append({"nimg": nimg, "step": nimg // 50} | {name: one for name, one in here.items() if one is not None})
    return rows


def figures(values: list[float], floor: float = 1.0) -> list[dict[str, Any]]:
    return [
        {
            "nimg": nimg * 10_000,
            "headline": "FD",
            "protocol": {"id": "a"},
            "figures": {"FD": {"value": value, "floor": floor}},
        }
        for nimg, value in enumerate(values, 1)
    ]


def found(
    rows: list[dict[str, Any]], settings: dict[str, Any] | None = None, records: list[dict[str, Any]] | None = None
) -> set[str]:
    looked = diagnose(SETTINGS | (settings or {}), DATA, rows, records or figures([5.0, 4.9, 4.9]))
    return {one.name for one in looked.findings}


Planted = tuple[str, dict[str, Any], dict[str, Any]]
PLANTED: list[Planted] = [
    ("mode-collapse", {"Health/spread": 0.2}, {}),
    ("mode-collapse", {"Health/spread": 0.01}, {"Health/spread": 0.02}),
    ("missing-modes", {"Health/missing": 0.5}, {"Health/missing": 0.5}),
    ("missing-modes", {"Health/missing": 0.2, "Health/contrast": None}, {}),
    ("d-has-won", {"Logits/separation": 0.99, "Loss/D": 0.2, "Health/spread": 0.1}, {"Health/spread": 0.1}),
    ("d-has-won", {"Logits/separation": 0.99, "Loss/D": 0.2, "Health/missing": 0.9}, {"Health/missing": 0.9}),
    ("d-has-lost", {"Logits/separation": 0.01}, {}),
    ("d-has-lost", {"Logits/separation": 0.5, "Logits/spread": 1e-6}, {}),
    ("frozen", {"Gradient/G": 0.0}, {}),
    ("frozen", {"Step/G": 1e-6}, {}),
    ("frozen", {"Step/D": 1e-8}, {}),
    ("rates-too-high", {"Step/D": 0.5}, {}),
    ("rates-too-high", {"Weights/G": 200.0}, {}),
    ("rates-too-high", {"Loss/scores/fake": -2e3}, {}),
    ("rates-too-high", {"Gradient/G": 0.0}, {"Loss/scores/fake": 300.0}),
    ("logits-run-away", {"Loss/scores/real": lambda number: 5.0 * number}, {}),
    ("logits-never-negative", {"Loss/scores/real": 0.6, "Loss/scores/fake": 0.3}, {"Loss/scores/fake": 0.0}),
    ("noise", {"Health/roughness": 4.5}, {"Health/roughness": 4.5}),
    ("rough-pictures", {"Health/roughness": 2.2}, {}),
    ("blank", {"Health/contrast": 0.02}, {}),
    ("oscillation", {"Health/shares": lambda number: [1.0 * (number % 2), 1.0 - number % 2]}, {}),
    ("penalty-dominates", {"Loss/D": 20.0, "Loss/D/r1": 3.0}, {}),
    ("penalty-idle", {"Loss/D": 1.2, "Loss/D/r1": 1e-9}, {}),
    ("average-lags", {"Health/average_gap": 0.9}, {}),
    ("overfitting", {"Health/seen_apart": 0.8}, {}),
    ("augmentation-at-its-end", {"Augmentation/p": 0.95}, {}),
    ("leaking-augmentation", {"Health/leak": 0.7}, {}),
    ("class-ignored", {"Health/class_effect": 0.05}, {}),
    ("class-ignored", {"Health/agreement": 0.11}, {}),
    ("class-ignored", {"Health/agreement_reals": 0.1, "Health/class_effect": 0.4, "Health/agreement": 0.12}, {}),
    ("slow-feeding", {"Timing/feeding_share": 0.5}, {}),
    ("slow-reporting", {"Timing/reporting_share": 0.6}, {}),
    ("memory-grows", {"Resources/peak_memory_mib": lambda number: 500.0 * 1.05**number}, {}),
    ("disk-fills", {"Resources/disk_left_mib": 300.0}, {}),
    (
        "disk-fills",
        {"Resources/disk_left_mib": lambda n: max(1e3, 4_900.0 - 300 * n)},
        {"Resources/disk_left_mib": 4_300.0},
    ),
]


@pytest.mark.parametrize(("name", "ends", "starts"), PLANTED)
def test_what_is_planted_is_found(name: str, ends: dict[str, Any], starts: dict[str, Any]) -> None:
    assert name in found(log(ends, starts))


@pytest.mark.parametrize(("name", "ends", "starts"), PLANTED)
def test_what_is_found_does_not_depend_on_the_run_s_length(
    name: str, ends: dict[str, Any], starts: dict[str, Any]
) -> None:
    """But for what is told of the length itself, which stands in no log."""
    found = []
    for total_nimg in (100_000, 200_000, 10**7):
        looked = diagnose(SETTINGS | {"total_nimg": total_nimg}, DATA, log(ends, starts), figures([5.0, 4.9, 4.9]))
        found.append([one for one in looked.findings if not one.trouble.of_length])
    assert found[0] == found[1] == found[2]


def test_a_healthy_log_has_no_finding() -> None:
    assert found(log({})) == set()


@pytest.mark.parametrize(
    ("ends", "starts"),
    [
        ({"Health/spread": lambda number: min(0.9, 0.06 * number)}, {"Health/spread": 0.03}),
        ({"Health/spread": lambda number: 0.014 * number}, {"Health/spread": 0.03}),
        ({"Health/missing": lambda number: max(0.0, 0.9 - 0.06 * number)}, {"Health/missing": 0.9}),
        ({"Health/missing": lambda number: 0.95 - 0.035 * number}, {"Health/missing": 0.95}),
        ({"Health/spread": 0.5, "Logits/separation": 1.0, "Loss/D": 0.1}, {"Health/spread": 0.5}),
        ({"Health/missing": 0.32, "Logits/separation": 1.0, "Loss/D": 0.1}, {}),
        ({"Health/roughness": lambda number: max(1.0, 5.0 - 0.3 * number)}, {"Health/roughness": 5.0}),
        ({"Loss/scores/real": lambda number: 80.0 / number}, {"Loss/scores/real": 80.0}),
        ({"Loss/scores/real": lambda number: 80.0 / number, "Gradient/G": 1e-6}, {"Loss/scores/real": 300.0}),
        ({"Loss/scores/fake": 0.3}, {"Loss/scores/fake": -0.1}),
        ({"Loss/scores/fake": 0.3, "Loss/scores/real": 1.2}, {"Loss/scores/fake": 0.3}),
        ({"Loss/scores/fake": lambda number: 0.3 if number < 4 else -0.1}, {"Loss/scores/fake": 0.3}),
        ({}, {"Health/average_gap": 0.9, "Health/class_effect": 0.01}),
        ({"Loss/D": 1.3, "Loss/D/r1": 300.0}, {}),
        ({"Health/leak": lambda number: 0.9 if number % 6 < 2 else 0.5}, {"Health/leak": 0.9}),
        ({"Resources/peak_memory_mib": lambda number: 500.0 + 300 * (number > 6)}, {}),
        ({"Resources/disk_left_mib": 4_000.0}, {"Resources/disk_left_mib": 4_000.0}),
    ],
)
def test_what_moves_the_right_way_or_is_no_trouble_is_left_in_peace(
    ends: dict[str, Any], starts: dict[str, Any]
) -> None:
    assert found(log(ends, starts)) == set()


def test_d_has_not_won_while_it_is_unsure_or_fakes_gain() -> None:
    start, won = {"Health/spread": 0.05}, {"Logits/separation": 0.99, "Loss/D": 0.2, "Health/spread": 0.05}
    assert "d-has-won" in found(log(won, start))
    for change in ({"Loss/D": 1.2}, {"Logits/separation": 0.8}, {"Health/spread": lambda number: 0.05 + 0.02 * number}):
        assert "d-has-won" not in found(log(won | change, start))
    assert "d-has-won" in found(log(won | {"Loss/D": 0.9}, start), {"objective": "wgan"})


def test_a_short_run_of_a_collapsed_young_g_is_left_in_peace() -> None:
    young = {"Health/spread": 0.1, "Health/missing": 0.8}
    rows = [row | {"step": row["nimg"] // 150} for row in log(young, young)]
    assert found(rows) == set()
    assert found([row | {"Health/spread": 0.01} for row in rows]) == {"mode-collapse"}
    assert found([row | {"Health/spread": 0.9} for row in rows[:5]] + rows[5:]) == {"mode-collapse"}


def test_what_still_comes_right_is_left_in_peace_however_long_it_takes() -> None:
    """An average that lags less and less, and a class that has more and more effect."""
    gap, effect = "Health/average_gap", "Health/class_effect"
    assert found(log({gap: 0.9}, {gap: 0.9})) == {"average-lags"}
    assert found(log({gap: lambda number: 2 * 0.85**number}, {gap: 2.0})) == set()
    assert found(log({effect: 0.1}, {effect: 0.1})) == {"class-ignored"}
    rising = log({effect: lambda number: 0.02 * number}, {effect: 0.01})
    assert found([row | {"step": row["nimg"] // 100} for row in rising]) == set()
    young = [row | {"step": 499} for row in log({gap: 0.9, effect: 0.1}, {gap: 0.9, effect: 0.1})]
    assert found(young) == set()


def test_points_that_still_spread_are_left_in_peace() -> None:
    missing = {"Health/missing": 0.5, "Health/contrast": None}
    hopping = {"Health/shares": lambda number: [1.0 * (number % 2), 1.0 - number % 2]}
    for planted, name in ((missing, "missing-modes"), (hopping, "oscillation")):
        assert name in found(log({"Health/spread": 0.5} | planted, {"Health/spread": 0.5}))
        assert name not in found(log({"Health/spread": lambda n: 0.31 + 0.02 * n} | planted, {"Health/spread": 0.3}))


@pytest.mark.parametrize("far", [{12: 1.0}, {12: 0.9, 14: 0.9}])
def test_an_average_that_is_far_behind_in_a_row_or_two_is_left_in_peace(far: dict[int, float]) -> None:
    gaps = {"Health/average_gap": lambda number: far.get(number, 0.4)}
    assert found(log(gaps, gaps)) == set()
    lasting = {"Health/average_gap": lambda number: 0.9 if number >= 12 else 0.4}
    assert found(log(lasting, lasting)) == {"average-lags"}


def test_logits_that_are_never_negative_suit_a_loss_whose_boundary_is_another() -> None:
    rows = log({"Loss/scores/fake": 0.3}, {"Loss/scores/fake": 0.3})
    assert found(rows) == {"logits-never-negative"}
    for objective in ("lsgan", "wgan", "relativistic", "somebody's"):
        assert found(rows, {"objective": objective}) == set()


def test_noise_that_becomes_less_is_no_trouble() -> None:
    assert "noise" not in found(log({"Health/roughness": lambda number: 8 - 0.2 * number}, {"Health/roughness": 8.0}))


def test_pictures_learnt_by_heart_where_none_were_set_aside() -> None:
    rows = log({"Logits/separation": 0.999, "Health/seen_apart": None}, {"Health/seen_apart": None})
    for count, expected in ((100, {"overfitting"}), (10_000, set())):
        looked = diagnose(SETTINGS, DATA | {"count": count}, rows)
        assert {one.name for one in looked.findings} == expected


def test_a_schedule_s_end_is_no_freezing_but_is_said() -> None:
    rows = log({"Step/G": lambda number: 0.0 if number > 12 else 3e-3})
    assert found(rows, {"lr_end": 0.0, "burn_in_nimg": 120_000}) == {"schedule-ended"}
    assert found(rows, {"lr_end": 0.0, "burn_in_nimg": 120_000, "burn_in_curve": "linear"}) == {"schedule-ended"}
    assert found(rows) == {"frozen"}
    assert found(rows, {"lr_end": 0.0, "burn_in_nimg": 200_000}) == {"frozen"}


def test_a_schedule_s_end_is_told_the_same_of_a_longer_run() -> None:
    ended, rows = SETTINGS | {"lr_end": 0.0, "burn_in_nimg": 120_000}, log({})
    one, other = (diagnose(ended | {"total_nimg": total_nimg}, DATA, rows) for total_nimg in (200_000, 10**6))
    assert [finding.name for finding in one.findings] == ["schedule-ended"]
    assert one.findings == other.findings


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([9.0, 5.0, 5.0, 4.99, 5.0, 5.1, 5.0], {"plateau"}),
        ([9.0, 2.0, 4.0, 4.1, 4.2], {"past-its-best"}),
        ([9.0, 5.0, 4.0, 3.9], set()),
        ([0.9, 0.8, 0.8, 0.85], set()),
    ],
)
def test_figures(values: list[float], expected: set[str]) -> None:
    assert found(log({}), records=figures(values)) == expected


def test_a_run_that_still_gains_at_its_end_is_too_short() -> None:
    values = [200 * 0.9**number for number in range(1, ROWS)]
    assert found(log({}), records=figures(values)) == {"too-short"}
    assert found(log({}), {"total_nimg": 300_000}, figures(values)) == set()


def test_missing_kinds_are_no_trouble_while_the_figures_fall() -> None:
    rows = log({"Health/missing": 0.5}, {"Health/missing": 0.5})
    falling = figures([100 * 0.8**number for number in range(ROWS)], floor=0.0)
    assert "missing-modes" not in found(rows, records=falling)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_row_with_nothing_in_it_is_no_reason_to_find_anything(name: str) -> None:
    detector = DETECTORS[name]
    looked = Diagnosis({}, {})
    for number in range(1, 8):
        looked.look({"nimg": number, "step": "NaN", **{column: [] for column in detector.needs}})
    assert not looked.findings
