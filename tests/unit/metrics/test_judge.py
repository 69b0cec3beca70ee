"""From items to a record."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.data.load import load
from ganforge.judging.description import describe
from ganforge.metrics.figure import Figure, with_floors
from ganforge.metrics.judge import Judge, Plan, usual_extractors
from ganforge.metrics.memorisation import near_duplicates
from ganforge.metrics.protocol import split_rows

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("statistics")


@pytest.fixture(scope="module")
def digits_judge(cache: Path) -> Judge:
    return Judge(load("digits"), load("digits", split="test"), CPU, Plan(kernel_subsets=5), cache_dir=cache)


@pytest.fixture(scope="module")
def ring_judge(cache: Path) -> Judge:
    return Judge(load("ring"), None, CPU, Plan(num_fakes=2_000, kernel_subsets=5), cache_dir=cache)


def record_of(judge: Judge, items: Tensor) -> dict[str, Any]:
    return judge.judge(items.split(100), {"kind": "pictures", "path": "x", "name": "x"}, 0)


def values(record: dict[str, Any]) -> dict[str, float]:
    return {name: figure["value"] for name, figure in record["figures"].items()}


def test_the_floor_is_what_fresh_real_pictures_reach(digits_judge: Judge) -> None:
    digits = load("digits")
    fresh = digits.items[split_rows(digits, digits_judge.protocol)[0]]
    record = record_of(digits_judge, fresh)
    checked = 0
    for name, figure in record["figures"].items():
        if name.endswith("/random") and name.split("/")[0] not in ("AuthPct", "C_T", "near duplicates"):
            assert figure["value"] == pytest.approx(figure["floor"], rel=1e-6), name
            checked += 1
    assert checked >= 6
    assert 0.8 < record["figures"]["coverage/random"]["floor"] < 1
    assert 0 < record["figures"]["FD/random"]["floor"] < 0.5


def test_copies_are_seen(digits_judge: Judge) -> None:
    """Training pictures themselves: the memorisation figures see it, and the fidelity figures praise it."""
    found = values(record_of(digits_judge, load("digits").items[:499]))
    assert found["copies/pixels"] == 1.0
    assert found["AuthPct/pixels"] == 0.0
    assert found["C_T/pixels"] < -15
    assert found["C_T/random"] < -15


def test_one_picture_repeated_is_seen(digits_judge: Judge) -> None:
    same = load("digits", split="test").items[:1].expand(499, -1, -1, -1)
    found = values(record_of(digits_judge, same))
    assert found["exact duplicates/pixels"] == pytest.approx(498 / 499)
    assert found["near duplicates/pixels"] == 1.0
    assert found["FD/random"] > 10 and found["KID/random"] > 0.1


def test_one_picture_repeated_has_no_figure_that_is_0_or_1_by_chance(digits_judge: Judge) -> None:
    record = record_of(digits_judge, torch.full((499, 1, 8, 8), 128, dtype=torch.uint8))
    found = values(record)
    none = {name for name, value in found.items() if value is None}
    random = {f"{name}/random" for name in ("precision", "recall", "density", "coverage")}
    assert none == random | {f"{name}/{space}" for name in ("AuthPct", "C_T") for space in ("pixels", "random")}
    assert found["FD/random"] > 10
    assert record["headline"] == "FD/random"
    assert any(
        note == "No precision, recall, density and coverage (random): of the 499 judged items 1 differ from each "
        "other, and at least 10 have to."
        for note in record["notes"]
    )
    assert all(bool(figure["note"]) == (figure["value"] is None) for figure in record["figures"].values())
    shown = describe(record)
    assert "No AuthPct and C_T (pixels):" in shown


def test_near_duplicates_are_counted_among_as_many_as_are_held_out(digits_judge: Judge) -> None:
    test = load("digits", split="test").items
    assert digits_judge.copying is not None
    near = digits_judge.copying.spaces[0].near
    found = values(record_of(digits_judge, torch.cat([test, test[:1].repeat(199, 1, 1, 1)])))
    assert found["near duplicates/pixels"] == near_duplicates(test.flatten(1), near) < 0.2


def test_copies_have_a_floor_of_their_own(tmp_path: Path) -> None:
    """Of 100 held-out pictures 40 are training pictures, and 20 come twice."""
    digits, test = load("digits"), load("digits", split="test")
    mixed = replace(test, items=torch.cat([test.items[:40], test.items[:20], digits.items[:40]]), labels=None)
    record = record_of(Judge(digits, mixed, CPU, Plan(kernel_subsets=0), cache_dir=tmp_path), digits.items[:499])
    assert record["figures"]["copies/pixels"]["floor"] == pytest.approx(0.4)
    assert record["figures"]["exact duplicates/pixels"]["floor"] == pytest.approx(0.2)


def test_reals_that_repeat_themselves_have_a_note_and_not_a_0(tmp_path: Path) -> None:
    """Each of 100 pictures 12 times: every neighbourhood is empty, and the floor is of copies of the reference."""
    digits = load("digits")
    twelve = replace(digits, items=digits.items[:100].repeat(12, 1, 1, 1), labels=None, digest="")
    record = record_of(Judge(twelve, None, CPU, Plan(kernel_subsets=5), cache_dir=tmp_path), digits.items[500:900])
    assert set(values(record).values()) == {None}
    assert all(figure["floor"] is None for figure in record["figures"].values())
    assert record["headline"] is None
    assert any("100 differ from each other, and at least half have to" in note for note in record["notes"])


def test_reals_that_are_all_the_same(tmp_path: Path) -> None:
    digits = load("digits")
    same = replace(digits, items=digits.items[:1].repeat(900, 1, 1, 1), labels=None, digest="")
    record = record_of(Judge(same, None, CPU, Plan(kernel_subsets=5), cache_dir=tmp_path), digits.items[500:800])
    assert set(values(record).values()) == {None} and record["headline"] is None


def test_a_record_is_json_and_carries_its_protocol(digits_judge: Judge) -> None:
    record = record_of(digits_judge, load("digits").items[:499])
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    protocol = record["protocol"]
    assert (protocol["data"], protocol["split"]) == ("digits", "train")
    assert (protocol["num_fakes"], protocol["num_reals"], protocol["num_floor"]) == (499, 998, 499)
    assert protocol["fingerprint"] == load("digits").fingerprint()
    assert protocol["held_out"] == load("digits", split="test").fingerprint()
    assert protocol["extractors"] == {"random": digits_judge.sides[0][0].hash}
    assert record["headline"] == "FD/random"
    assert record["versions"]["torch"] == torch.__version__
    assert all(figure["floor"] is not None for figure in record["figures"].values())
    assert "instead of 10,000" in record["notes"][0]


def test_the_table_shows_every_figure_and_the_protocol(digits_judge: Judge) -> None:
    record = record_of(digits_judge, load("digits").items[:499])
    text = describe(record)
    for name in record["figures"]:
        what, _, features = name.partition("/")
        assert any(line.startswith(what) and features in line for line in text.splitlines()), name
    assert f"Protocol {record['protocol']['id']}: 499 items judged against 998 of digits's train split" in text


def test_the_same_items_give_the_same_figures(ring_judge: Judge) -> None:
    points = load("ring", split="test").items[:2_000]
    assert record_of(ring_judge, points)["figures"] == record_of(ring_judge, points)["figures"]


def test_modes_of_the_ring(ring_judge: Judge) -> None:
    ring = load("ring", split="test")
    assert ring.labels is not None
    found = values(record_of(ring_judge, ring.items[:2_000]))
    assert found["modes/coordinates"] == 8
    assert found["high quality/coordinates"] == pytest.approx(0.989, abs=0.01)
    three = ring.items[ring.labels < 3][:2_000]
    found = values(record_of(ring_judge, three))
    assert found["modes/coordinates"] == 3
    assert found["KL/coordinates"] == pytest.approx(0.981, abs=0.01)  # ln(8/3)
    record = record_of(ring_judge, torch.zeros(2_000, 2))
    assert values(record)["modes/coordinates"] == 0
    json.dumps(record, allow_nan=False)


def test_another_size_is_refused(digits_judge: Judge) -> None:
    with pytest.raises(UserError, match="judge them against data of their own size"):
        record_of(digits_judge, torch.zeros(499, 1, 9, 8, dtype=torch.uint8))


def test_another_number_is_refused(digits_judge: Judge) -> None:
    with pytest.raises(UserError, match="100 items were given to a protocol of 499"):
        record_of(digits_judge, load("digits").items[:100])


def test_too_few_real_items_are_refused() -> None:
    with pytest.raises(UserError, match="digits has 29 items, too few to judge by; 30 are the least"):
        Judge(load("digits", max_images=29), None, CPU)


def test_where_there_are_fewer_items_than_dimensions_the_kernel_distance_leads(tmp_path: Path) -> None:
    """It is of all items judged, in subsets as large as the floor; every other figure is of as many as that."""
    judge = Judge(load("digits", max_images=90), None, CPU, Plan(num_fakes=300, kernel_subsets=0), cache_dir=tmp_path)
    test = load("digits", split="test").items
    record = record_of(judge, test[:300])
    protocol = record["protocol"]
    assert (protocol["num_fakes"], protocol["num_floor"], protocol["num_reals"]) == (300, 30, 60)
    assert (protocol["kernel_subsets"], protocol["kernel_subset_size"]) == (50, 30)
    assert record["figures"]["FD/random"]["value"] is None
    assert record["headline"] == "KID/random"
    assert any("256, and there are 60 real ones" in note for note in record["notes"])
    assert "all figures but KID take the first 30" in record["notes"][-1]
    assert "KID: 50 pairs of subsets of 30" in describe(record)
    assert record["figures"]["coverage/random"]["value"] > 0.3
    other = record_of(judge, torch.cat([test[:30], test[:1].repeat(270, 1, 1, 1)]))
    assert other["figures"]["coverage/random"] == record["figures"]["coverage/random"]
    assert other["figures"]["KID/random"]["value"] > record["figures"]["KID/random"]["value"] + 0.1


def test_the_headline_of_a_judge_never_changes(tmp_path: Path) -> None:
    judge = Judge(load("ring", max_images=3_000), None, CPU, Plan(num_fakes=500), cache_dir=tmp_path)
    good, bad = torch.randn(500, 2), torch.full((500, 2), torch.nan)
    assert record_of(judge, good)["headline"] == judge.headline == "FD/coordinates"
    assert record_of(judge, bad)["headline"] is None
    assert record_of(judge, good)["figures"]["KID/coordinates"]["value"] is not None


def test_points_that_are_not_finite_have_notes_and_no_figures(ring_judge: Judge) -> None:
    points = load("ring", split="test").items[:2_000].clone()
    points[3, 0] = torch.nan
    record = record_of(ring_judge, points)
    assert set(values(record).values()) == {None}
    assert "1 of the 2,000 judged items have features that are not finite" in record["notes"][0]
    json.dumps(record, allow_nan=False)


def test_few_pictures_have_no_score_of_1(tmp_path: Path) -> None:
    """Ten pictures had a score of "1 ± 0"; one of each class is the best that they could show."""
    larger = load("digits").items[:300].repeat_interleave(3, 2).repeat_interleave(3, 3)
    pictures = torch.nn.functional.pad(larger, (2, 2, 2, 2))
    few = replace(load("digits"), items=pictures, labels=None, digest="")
    judge = Judge(few, None, CPU, Plan(names=["classifier"], num_fakes=10, kernel_subsets=5), cache_dir=tmp_path)
    record = record_of(judge, pictures[:10])
    assert record["figures"]["classifier score/classifier"]["value"] is None
    assert any("it needs 100 items, 10 for each class, and there are 10" in note for note in record["notes"])


def test_figures_without_a_floor_have_no_value() -> None:
    figures = {"a": Figure(1.0, "lower"), "b": Figure(None, "lower", note="why"), "c": Figure(2.0, "higher", 0.1)}
    floors = {"a": Figure(0.5, "lower"), "b": Figure(1.0, "lower"), "c": Figure(None, "higher", note="few")}
    found = with_floors(figures, floors)
    assert (found["a"].value, found["a"].floor) == (1.0, 0.5)
    assert (found["b"].value, found["b"].note) == (None, "why")
    assert (found["c"].value, found["c"].spread) == (None, None)
    assert found["c"].note == "its floor cannot be read: few"


def test_only_digits_are_judged_by_the_digit_classifier() -> None:
    assert usual_extractors(load("digits")) == ["random"]
    assert usual_extractors(load("ring")) == ["coordinates"]
