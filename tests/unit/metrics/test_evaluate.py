"""From items to a record."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.data.load import load
from ganforge.metrics.describe import describe
from ganforge.metrics.evaluate import Judge, usual_extractors
from ganforge.metrics.protocol import split_reals

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("statistics")


@pytest.fixture(scope="module")
def digits_judge(cache: Path) -> Judge:
    return Judge(load("digits"), load("digits", split="test"), CPU, kernel_subsets=5, cache_dir=cache)


@pytest.fixture(scope="module")
def ring_judge(cache: Path) -> Judge:
    return Judge(load("ring"), None, CPU, num_fakes=2_000, kernel_subsets=5, cache_dir=cache)


def record_of(judge: Judge, items: Tensor) -> dict[str, Any]:
    return judge.judge(items.split(100), {"kind": "pictures", "path": "x", "name": "x"}, 0)


def values(record: dict[str, Any]) -> dict[str, float]:
    return {name: figure["value"] for name, figure in record["figures"].items()}


def test_the_floor_is_what_fresh_real_pictures_reach(digits_judge: Judge) -> None:
    fresh, _ = split_reals(load("digits"), digits_judge.protocol)
    record = record_of(digits_judge, fresh)
    checked = 0
    for name, figure in record["figures"].items():
        if name.endswith("/random") and name.split("/")[0] not in ("AuthPct", "C_T", "near duplicates"):
            assert figure["value"] == pytest.approx(figure["floor"], rel=1e-6), name
            checked += 1
    assert checked == 6
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
    assert found["recall/random"] == 0.0
    assert found["FD/random"] > 10


def test_constant_pictures_have_figures_and_no_traceback(digits_judge: Judge) -> None:
    found = values(record_of(digits_judge, torch.full((499, 1, 8, 8), 128, dtype=torch.uint8)))
    assert found["precision/random"] == 0.0
    assert found["FD/random"] > 10


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


def test_fewer_items_than_dimensions_is_said_and_the_rest_is_measured(tmp_path: Path) -> None:
    judge = Judge(load("digits", max_images=90), None, CPU, cache_dir=tmp_path)
    record = record_of(judge, load("digits", split="test").items[:30])
    assert record["figures"]["FD/random"]["value"] is None
    assert record["headline"] is None
    assert any("more pictures than feature dimensions" in note for note in record["notes"])
    assert record["figures"]["coverage/random"]["value"] > 0.3


def test_points_that_are_not_finite_are_refused(ring_judge: Judge) -> None:
    def bad() -> Iterator[Tensor]:
        yield torch.full((2_000, 2), torch.nan)

    with pytest.raises(UserError, match="not finite"):
        ring_judge.judge(bad(), {"kind": "pictures", "path": "", "name": "x"}, 0)


def test_only_digits_are_judged_by_the_digit_classifier() -> None:
    assert usual_extractors(load("digits")) == ["random"]
    assert usual_extractors(load("ring")) == ["coordinates"]
