"""The real side: its statistics, and the cache that keeps them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganforge.metrics import catalog
from ganforge.metrics.features import Extractor
from ganforge.metrics.figure import Figures
from ganforge.metrics.moments import moments
from ganforge.metrics.protocol import Protocol
from ganforge.metrics.reference import prepare_reference
from ganforge.metrics.sides import Reference

FLOOR, REALS = (torch.randn(n, 2, generator=torch.Generator().manual_seed(n)) * 3 + 1 for n in (30, 60))
PROTOCOL = Protocol("d", "f", "train", 30, 60, 30, {"random": "1"}, None, 3, 30)


class Counting:
    """An extractor of points that counts how often it is asked."""

    def __init__(self, name: str = "random", hash_: str = "1") -> None:
        self.calls = 0
        self.extractor = Extractor(name, hash_, 2, self.extract)

    def extract(self, items: Tensor) -> tuple[Tensor, Tensor | None]:
        self.calls += 1
        return items, None


def prepare(counting: Counting, cache: Path, protocol: Protocol = PROTOCOL) -> tuple[Reference, Figures]:
    return prepare_reference(counting.extractor, protocol, lambda: ([FLOOR], [REALS]), None, cache)


def test_features_without_a_scale_are_divided_by_their_rms(tmp_path: Path) -> None:
    reference, _ = prepare(Counting(), tmp_path)
    rms = REALS.double().square().mean().sqrt()
    expected = moments(REALS / rms)
    assert reference.scale == pytest.approx(rms.item(), rel=1e-12)
    torch.testing.assert_close(reference.moments.mean, expected.mean)
    torch.testing.assert_close(reference.moments.cov, expected.cov)
    torch.testing.assert_close(reference.kept.double().square().mean(), torch.tensor(1.0).double())


def test_features_with_a_scale_of_their_own_keep_it(tmp_path: Path) -> None:
    reference, _ = prepare(Counting("coordinates"), tmp_path)
    assert reference.scale == 1.0
    assert torch.equal(reference.kept, REALS)


def test_the_second_time_nothing_is_measured(tmp_path: Path) -> None:
    reference, floors = prepare(Counting(), tmp_path)
    counting = Counting()
    again, same_floors = prepare(counting, tmp_path)
    assert counting.calls == 0
    assert same_floors == floors
    assert floors["FD/random"].value is not None
    for name in ("kept", "radii"):
        assert torch.equal(getattr(again, name), getattr(reference, name))
    assert torch.equal(again.moments.cov, reference.moments.cov)


@pytest.mark.parametrize(
    "protocol",
    [replace(PROTOCOL, **{name: value}) for name, value in
     {"fingerprint": "g", "split": "test", "num_reals": 59, "num_floor": 29, "seed": 1, "kernel_subsets": 4}.items()],
)  # fmt: skip
def test_another_protocol_is_measured_anew(protocol: Protocol, tmp_path: Path) -> None:
    prepare(Counting(), tmp_path)
    counting = Counting()
    prepare(counting, tmp_path, protocol)
    assert counting.calls > 0


def test_another_extractor_is_measured_anew(tmp_path: Path) -> None:
    prepare(Counting(), tmp_path)
    counting = Counting(hash_="2")
    prepare(counting, tmp_path)
    assert counting.calls > 0


def test_with_other_definitions_the_floors_are_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file of the figures has changed, or is new."""
    prepare(Counting(), tmp_path)
    read = Path.read_bytes
    changed = {"frechet.py": b"# another formula"}
    monkeypatch.setattr(Path, "read_bytes", lambda path: changed.get(path.name) or read(path))
    catalog.definitions.cache_clear()
    monkeypatch.setattr("ganforge.metrics.reference.definitions", catalog.definitions.__wrapped__)
    counting = Counting()
    prepare(counting, tmp_path)
    assert counting.calls > 0


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "other"])
def test_a_damaged_cache_is_said_and_mended(damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, floors = prepare(Counting(), tmp_path)
    (path,) = tmp_path.glob("*.safetensors")
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "cut": whole[:-7],
            "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "empty": b"",
            "other": b"\x80\x04 a pickle",
        }[damage]
    )
    counting = Counting()
    _, again = prepare(counting, tmp_path)
    assert counting.calls > 0
    assert again == floors
    assert f"{path} in the cache is damaged" in capsys.readouterr().err
    mended = Counting()
    assert prepare(mended, tmp_path)[1] == floors
    assert mended.calls == 0


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    _, floors = prepare(Counting(), tmp_path / "file" / "below")
    assert floors["FD/random"].value is not None
    assert "are not kept" in capsys.readouterr().err


def test_a_cache_that_cannot_be_read_back_is_done_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("ganforge.base.tensorfile.open_plain", unreadable)
    _, floors = prepare(Counting(), tmp_path)
    assert floors["FD/random"].value is not None
    assert "are not kept" in capsys.readouterr().err
