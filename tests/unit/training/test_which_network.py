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
from ganforge.metrics.judge import Judge
from ganforge.networks.generate import generate
from ganforge.recipes.catalog import recipe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import load_snapshot
from ganforge.training.actions import Actions
from ganforge.training.build import build_state
from ganforge.training.feed import Feed
from ganforge.training.loop import Loop
from ganforge.training.measure import prepare_judge
from ganforge.training.progress import Progress
from ganforge.training.warm_start import read_source

CPU = torch.device("cpu")
EITHER = pytest.mark.parametrize("averaged", [True, False], ids=["average", "no average"])


def actions_of(tmp_path: Path, averaged: bool, **changes: Any) -> Actions:
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
    judge = prepare_judge(config, dataset, CPU, print)
    return Actions(config, feed, state, folder, Progress(), judge)


def best(actions: Actions) -> nn.Module:
    return actions.state.G if actions.state.G_ema is None else actions.state.G_ema


@EITHER
def test_the_grid(averaged: bool, tmp_path: Path) -> None:
    """Of the run's fixed noise, by rows."""
    actions = actions_of(tmp_path, averaged, seed=5)
    z = draw_z("uniform", 4, 4, generator(5, "grid"))
    for name, picture in (
        ("ours", actions.draw_fakes()),
        ("expected", draw_items(generate(best(actions), z, None, CPU), columns=2)),
    ):
        save_png(picture, tmp_path / f"{name}.png")
    assert (tmp_path / "ours.png").read_bytes() == (tmp_path / "expected.png").read_bytes()


@EITHER
def test_the_figures(averaged: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pictures by the average, of the run's judging noise."""
    actions = actions_of(tmp_path, averaged, seed=5)
    judged: list[Tensor] = []

    def judge(self: Judge, batches: Any, subject: Any, nimg: int, sharers: Any, asked: Any) -> dict[str, Any]:
        judged.extend(batches)
        return {"nimg": nimg, "headline": None, "notes": []}

    monkeypatch.setattr(Judge, "judge", judge)
    actions.state.nimg = 64
    actions.measure(provisional=False)
    z = draw_z("uniform", 20, 4, generator(5, "metrics/z", 0))
    assert torch.equal(torch.cat(judged), to_uint8(generate(best(actions), z, None, CPU)))
    assert [row["nimg"] for row in actions.folder.metrics_rows()] == [actions.state.measured_nimg] == [64]


@EITHER
def test_the_snapshot_and_whatever_is_made_of_it(averaged: bool, tmp_path: Path) -> None:
    actions = actions_of(tmp_path, averaged)
    actions.state.nimg = 64
    actions.save_snapshot()
    actions.save_checkpoint()
    snapshot, expected = load_snapshot(actions.folder.path), best(actions).state_dict()
    assert all(torch.equal(snapshot.weights[name], tensor) for name, tensor in expected.items())
    model = ganforge.load(actions.folder.path, device="cpu")
    z = model.z(range(3))
    assert torch.equal(model.generate(z), generate(best(actions), z, None, CPU))
    source = read_source(actions.folder.path)
    assert source.G is not None
    assert source.D is not None
    for taken, network in (
        (source.G_for_sampling, best(actions)),
        (source.G, actions.state.G),
        (source.D, actions.state.D),
    ):
        assert all(torch.equal(taken[name], tensor) for name, tensor in network.state_dict().items())


@EITHER
def test_the_checkpoint_has_each_under_its_own_name(averaged: bool, tmp_path: Path) -> None:
    actions = actions_of(tmp_path, averaged)
    actions.save_checkpoint()
    tensors, _, _ = load_newest_checkpoint(actions.folder)
    networks = {"G": actions.state.G, "D": actions.state.D} | ({"G_ema": actions.state.G_ema} if averaged else {})
    assert {name.partition(".")[0] for name in tensors} == {*networks, "G_opt", "D_opt"}
    for part, network in networks.items():
        assert network is not None
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensors[f"{part}.{name}"], tensor)


@EITHER
def test_a_step_trains_g_and_the_average_only_follows(averaged: bool, tmp_path: Path) -> None:
    """D's and G's losses are those of G's fakes, not of the average's."""
    actions = actions_of(tmp_path, averaged)
    [batch], _ = actions.feed.batches(0, 0)
    with torch.no_grad():
        expected = actions.state.D(actions.state.G(batch.z))
    loop = Loop(actions.config, actions.feed, actions.state, actions, StopRequest())
    torch.testing.assert_close(loop.step()["fake_logits"], expected, rtol=1e-5, atol=1e-5)


def test_a_network_in_training_is_judged_as_it_is_in_use_and_goes_on_training(tmp_path: Path) -> None:
    """Batch norm by what it has learned; without an average, G's own statistics stay as they are."""
    actions = actions_of(
        tmp_path, False, generator="dcgan", g_hidden=(1024, 1024), g_width=4, discriminator="mlp", d_hidden=(8,)
    )
    before = {name: tensor.clone() for name, tensor in actions.state.G.state_dict().items()}
    actions.draw_fakes()
    actions.measure(provisional=False)
    assert actions.state.G.training
    assert all(torch.equal(before[name], tensor) for name, tensor in actions.state.G.state_dict().items())


@pytest.mark.parametrize("side", [2, 3])
def test_a_column_of_the_grid_is_a_class(side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    actions = actions_of(tmp_path, True, conditional=True, grid_size=side)
    told: list[Tensor] = []

    def made(G: nn.Module, z: Tensor, labels: Tensor, device: Any) -> Tensor:
        told.append(labels)
        return generate(G, z, labels, device)

    monkeypatch.setattr("ganforge.training.actions.generate", made)
    actions.draw_fakes()
    assert told[0].view(side, side).tolist() == [list(range(side))] * side
