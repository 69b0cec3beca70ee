"""What is drawn, judged and kept for use is the moving average where there is one, else G."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ganforge
from ganforge.base.images import save_png, to_uint8
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.base.stopping import StopRequest
from ganforge.data.digits import load_digits
from ganforge.data.draw import draw_items
from ganforge.metrics.evaluate import Judge
from ganforge.networks.generate import generate
from ganforge.recipes import recipe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import load_snapshot
from ganforge.training.build import build_state
from ganforge.training.feed import Feed
from ganforge.training.loop import Loop
from ganforge.training.measure import prepare_judge
from ganforge.training.progress import Progress
from ganforge.training.warm_start import read_source

CPU = torch.device("cpu")
EITHER = pytest.mark.parametrize("averaged", [True, False], ids=["average", "no average"])


def loop_of(tmp_path: Path, averaged: bool, **changes: Any) -> Loop:
    """In a run folder, before the first step; G and its average have nothing in common."""
    settings: dict[str, Any] = {"data": "digits", "batch_size": 8, "z_dim": 4, "g_hidden": (8,), "d_hidden": (8,)}
    settings |= {"metric_samples": 20, "grid_size": 2, "device": "cpu", "ema_halflife_nimg": 100 if averaged else None}
    config, dataset = recipe("note", **(settings | changes)), load_digits()
    feed, state = Feed(config, dataset, CPU), build_state(config, dataset, CPU)
    source = torch.Generator().manual_seed(7)
    for network in (state.G, state.G_ema):
        for weight in network.parameters() if network is not None else ():
            with torch.no_grad():
                weight.copy_(torch.randn(weight.shape, generator=source))
    folder = RunFolder(tmp_path / "run")
    with folder.create({"settings": config.model_dump(mode="json"), "data": {"shape": [1, 8, 8]}, "environment": [{}]}):
        pass
    judge = prepare_judge(config, dataset, CPU, lambda: None, print)
    return Loop(config, feed, state, folder, Progress(), StopRequest(), judge)


def best(loop: Loop) -> nn.Module:
    return loop.state.G if loop.state.G_ema is None else loop.state.G_ema


@EITHER
def test_the_grid(averaged: bool, tmp_path: Path) -> None:
    """Of the run's fixed noise, by rows."""
    loop = loop_of(tmp_path, averaged, seed=5)
    z = draw_z("uniform", 4, 4, generator(5, "grid"))
    for name, picture in (
        ("ours", loop.draw_fakes()),
        ("expected", draw_items(generate(best(loop), z, None, CPU), columns=2)),
    ):
        save_png(picture, tmp_path / f"{name}.png")
    assert (tmp_path / "ours.png").read_bytes() == (tmp_path / "expected.png").read_bytes()


@EITHER
def test_the_figures(averaged: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pictures by the average, of the run's judging noise."""
    loop = loop_of(tmp_path, averaged, seed=5)
    judged: list[Tensor] = []

    def judge(self: Judge, batches: Any, subject: Any, nimg: int, poll: Any = None) -> dict[str, Any]:
        judged.extend(batches)
        return {"nimg": nimg, "headline": None, "notes": []}

    monkeypatch.setattr(Judge, "judge", judge)
    loop.state.nimg = 64
    loop.measure(stands=True)
    z = draw_z("uniform", 20, 4, generator(5, "metrics/z", 0))
    assert torch.equal(torch.cat(judged), to_uint8(generate(best(loop), z, None, CPU)))
    assert [row["nimg"] for row in loop.folder.metrics_rows()] == [loop.state.measured_nimg] == [64]


@EITHER
def test_the_snapshot_and_whatever_is_made_of_it(averaged: bool, tmp_path: Path) -> None:
    loop = loop_of(tmp_path, averaged)
    loop.state.nimg = 64
    loop.do_what_is_due(report=False, finished=True)
    snapshot, expected = load_snapshot(loop.folder.path), best(loop).state_dict()
    assert all(torch.equal(snapshot.weights[name], tensor) for name, tensor in expected.items())
    model = ganforge.load(loop.folder.path, device="cpu")
    z = model.z(range(3))
    assert torch.equal(model.generate(z), generate(best(loop), z, None, CPU))
    source = read_source(loop.folder.path)
    assert source.G is not None
    assert source.D is not None
    for taken, network in ((source.G_best, best(loop)), (source.G, loop.state.G), (source.D, loop.state.D)):
        assert all(torch.equal(taken[name], tensor) for name, tensor in network.state_dict().items())


@EITHER
def test_the_checkpoint_has_each_under_its_own_name(averaged: bool, tmp_path: Path) -> None:
    loop = loop_of(tmp_path, averaged)
    loop.save_checkpoint()
    tensors, _, _ = load_newest_checkpoint(loop.folder)
    networks = {"G": loop.state.G, "D": loop.state.D} | ({"G_ema": loop.state.G_ema} if averaged else {})
    assert {name.partition(".")[0] for name in tensors} == {*networks, "G_opt", "D_opt"}
    for part, network in networks.items():
        assert network is not None
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensors[f"{part}.{name}"], tensor)


@EITHER
def test_a_step_trains_g_and_the_average_only_follows(averaged: bool, tmp_path: Path) -> None:
    """D's and G's losses are those of G's fakes, not of the average's."""
    loop = loop_of(tmp_path, averaged)
    [batch], _ = loop.game.batches(0, 0)
    with torch.no_grad():
        expected = loop.state.D(loop.state.G(batch.z))
    torch.testing.assert_close(loop.step()["fake_logits"], expected, rtol=1e-5, atol=1e-5)


def test_a_network_in_training_is_judged_as_it_is_in_use_and_goes_on_training(tmp_path: Path) -> None:
    """Batch norm by what it has learned; without an average, G's own statistics stay as they are."""
    loop = loop_of(
        tmp_path, False, generator="dcgan", g_hidden=(1024, 1024), g_width=4, discriminator="mlp", d_hidden=(8,)
    )
    before = {name: tensor.clone() for name, tensor in loop.state.G.state_dict().items()}
    loop.draw_fakes()
    loop.measure(stands=True)
    assert loop.state.G.training
    assert all(torch.equal(before[name], tensor) for name, tensor in loop.state.G.state_dict().items())


@pytest.mark.parametrize("side", [2, 3])
def test_a_column_of_the_grid_is_a_class(side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = loop_of(tmp_path, True, conditional=True, grid_size=side)
    told: list[Tensor] = []

    def made(G: nn.Module, z: Tensor, labels: Tensor, device: Any) -> Tensor:
        told.append(labels)
        return generate(G, z, labels, device)

    monkeypatch.setattr("ganforge.training.loop.generate", made)
    loop.draw_fakes()
    assert told[0].view(side, side).tolist() == [list(range(side))] * side
