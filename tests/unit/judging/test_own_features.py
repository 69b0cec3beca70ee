"""`evaluate --features own`: an eye that learns, the classes that were asked for, and what is told of them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import ganforge
from ganforge.data.load import load
from ganforge.judging.description import describe
from ganforge.judging.evaluation import Wanted, evaluate
from ganforge.judging.judged import Judged
from ganforge.metrics import eye_lessons
from ganforge.metrics.fakes import asked_classes


def test_a_run_that_is_told_the_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eye_lessons, "VIEWS", 5_000)
    small = {"data": "digits", "g_hidden": [8], "d_hidden": [8], "z_dim": 4, "batch_size": 64, "device": "cpu"}
    run = ganforge.train("note", out=tmp_path / "run", total_nimg=64, metric_samples=0, conditional=True, **small)
    record = evaluate(run.path, wanted=Wanted(features="own")).record
    figure = record["figures"]["agreement/own"]
    assert 0 <= figure["value"] < 0.4 < figure["floor"] and record["figures"]["lowest agreement/own"]["value"] < 0.5
    assert list(record["agreement"]["own"]) == list(map(str, range(10)))
    first, floor = record["agreement"]["own"]["0"]
    told = (
        f"Agreement by class (own), in brackets that of fresh reals: 0: {100 * first:.0f} % ({100 * floor:.0f} %), 1:"
    )
    assert told in describe(record) and "The eye of the own features learned from 499" in describe(record)
    record["agreement"]["own"] = dict.fromkeys("abcdefghij", (first, floor))
    share = record["classes"]["own"][0]
    assert f"Classes (own): a: {100 * share:.1f} %, b: " in describe(record)
    del record["agreement"]
    assert f"Classes (own): 0: {100 * share:.1f} %, 1: " in describe(record)


def test_classes_of_another_name_are_not_those_asked_for() -> None:
    digits = replace(load("digits"), class_names=tuple("abcdefghij"))
    model = SimpleNamespace(num_classes=10, class_names=digits.class_names)
    asked = Judged(Path("x"), model=model).asked(digits, 600)  # type: ignore[arg-type]
    wanted = asked_classes(digits, 600, num_classes=10, seed=0, purpose="evaluate")
    assert asked is not None and wanted is not None and torch.equal(asked, wanted)
    model.class_names = tuple("klmnopqrst")
    assert Judged(Path("x"), model=model).asked(digits, 600) is None  # type: ignore[arg-type]
    assert Judged(Path("x"), pictures=digits.items).asked(digits, 600) is None
