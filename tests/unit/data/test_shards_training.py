"""A run on shards: the same as one on the same pictures prepared, also where it is interrupted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shard_makers import make_shards

import ganforge
from ganforge.base.errors import UserError
from ganforge.data.shards import shard_sample
from ganforge.judging.evaluation import Wanted, evaluate
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.viewer.sampler.rendered_samples import SampleRenderer
from ganforge.viewer.sampler.sample_request import RenderedSamples, SampleRequest

TINY = {"device": "cpu", "burn_in_nimg": 96, "batch_size": 8, "metric_samples": 0, "hold_out": "none", "seed": 3}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return iter([None])


def test_nearest_pictures_are_of_a_sample_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_sample, "SAMPLE_COUNT", 40)
    run = ganforge.train("fast", tmp_path / "a", data=make_shards(tmp_path / "s", [30, 34]), total_nimg=8, **TINY)
    request = SampleRequest(run.path, "1", form="nearest", row=0)
    found = SampleRenderer().answer(request)
    assert isinstance(found, RenderedSamples), found
    assert len(found.files) == 6 and "train-0" in found.captions[0]
    note = "Of shards only a sample is compared with, 40 of the 64 pictures learned from"
    assert note in found.note
    assert note in str(
        evaluate(run.path, wanted=Wanted(samples=10), device="cpu", out=tmp_path / "out").record["notes"]
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert "learned from shards (" in str(SampleRenderer().answer(request))


def weights(folder: RunFolder) -> dict[str, object]:
    tensors, _, _ = load_newest_checkpoint(folder)
    return {name: tensor.tolist() for name, tensor in tensors.items()}


def test_a_run_on_shards_is_that_on_prepared_pictures_and_resumes_exactly(tmp_path: Path) -> None:
    pattern = make_shards(tmp_path / "s", [10, 14])
    prepared = ganforge.train("fast", tmp_path / "a", data=str(tmp_path / "s"), total_nimg=64, **TINY)
    shards = ganforge.train("fast", tmp_path / "b", data=pattern, total_nimg=64, **TINY)
    assert weights(shards) == weights(prepared)
    windows = TINY | {"shuffle_window": 9, "mirror": True}
    whole = ganforge.train("fast", tmp_path / "c", data=pattern, total_nimg=96, **windows)
    ganforge.train("fast", tmp_path / "d", data=pattern, total_nimg=40, **windows)
    parts = ganforge.resume(tmp_path / "d", total_nimg=96)
    assert weights(parts) == weights(whole) != weights(shards)
    found = SampleRenderer().answer(SampleRequest(whole.path, "1", form="nearest", row=0))
    assert isinstance(found, RenderedSamples) and (len(found.files), found.note) == (6, ""), found
    stored = whole.read_config()
    assert (stored["data"]["count"], stored["settings"]["data"]) == (24, pattern)
    make_shards(tmp_path / "s", [10, 13])
    with pytest.raises(UserError, match="is not the one that"):
        ganforge.resume(tmp_path / "d", total_nimg=128)
    (tmp_path / "s").rename(tmp_path / "gone")
    with pytest.raises(UserError, match="nothing is there"):
        ganforge.resume(tmp_path / "d", total_nimg=128)
