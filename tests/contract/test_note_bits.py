"""Promise 1: with plain Adam on a CPU, our update gives the note's numbers to the bit.

The note's loop is written out here as the note has it (D's backward runs through G, the fakes are made twice), over the
same first weights, batches and noise. The data are MNIST where $GANFORGE_DATA has it, else the embedded digits.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ganforge
from ganforge.base.images import to_float
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.data.batches import Batches
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.recipes.catalog import recipe
from ganforge.training.adversarial import train_step
from ganforge.training.build import build_state
from ganforge.training.feed import Feed
from ganforge.training.optimizer import Adam
from ganforge.training.state import TrainingState

STEPS = 200
CPU = torch.device("cpu")
HAS_MNIST = (Path(os.environ.get("GANFORGE_DATA", "/nowhere")) / "mnist").is_dir()
DATA: dict[str, Any] = {"data": "mnist"} if HAS_MNIST else {"data": "digits", "max_images": None}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load(DATA["data"], max_images=recipe("note", **DATA).max_images)


class NotesLoop:
    """The note's loop, one iteration a ``next``: yields (d_loss, g_loss)."""

    def __init__(self, dataset: Dataset, seed: int = 0) -> None:
        size = dataset.items[0].numel()
        self.D = nn.Sequential(
            nn.Linear(size, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 1),
        )
        self.G = nn.Sequential(
            nn.Linear(96, 1024),
            nn.ReLU(),
            nn.Linear(1024, 1024),
            nn.ReLU(),
            nn.Linear(1024, size),
            nn.Tanh(),
        )
        first = build_state(recipe("note", seed=seed, **DATA), dataset, CPU)
        for ours, literal in ((first.G, self.G), (first.D, self.D)):
            literal.load_state_dict({k.removeprefix("layers."): v for k, v in ours.state_dict().items()})
        self.batches = Batches(dataset, 128, seed)
        self.seed = seed
        self.D_optimizer = torch.optim.Adam(self.D.parameters(), lr=3e-4, betas=(0.5, 0.999))
        self.G_optimizer = torch.optim.Adam(self.G.parameters(), lr=3e-4, betas=(0.5, 0.999))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        bce_loss = nn.BCEWithLogitsLoss()
        true_labels, false_labels = torch.ones(128, 1), torch.zeros(128, 1)
        iter_count = 0
        while True:
            real_data = to_float(self.batches(iter_count * 128)[0]).view(128, -1)
            noise = draw_z("uniform", 128, 96, generator(self.seed, "z", iter_count * 128))

            logits_real = self.D(real_data)
            logits_fake = self.D(self.G(noise))
            d_total_error = bce_loss(logits_real, true_labels) + bce_loss(logits_fake, false_labels)
            self.D_optimizer.zero_grad()
            d_total_error.backward()
            self.D_optimizer.step()

            g_error = bce_loss(self.D(self.G(noise)), true_labels)
            self.G_optimizer.zero_grad()
            g_error.backward()
            self.G_optimizer.step()

            yield d_total_error.detach(), g_error.detach()
            iter_count += 1


def weights(state: TrainingState) -> list[Tensor]:
    return [*state.G.parameters(), *state.D.parameters()]


def test_every_loss_and_weight_is_the_notes_to_the_bit(dataset: Dataset) -> None:
    config = recipe("note", fused_adam=False, **DATA)
    feed, state = Feed(config, dataset, CPU), build_state(config, dataset, CPU)
    literal = NotesLoop(dataset)
    literal_weights = [*literal.G.parameters(), *literal.D.parameters()]
    start = [weight.detach().clone() for weight in literal_weights]
    for step, (d_loss, g_loss) in zip(range(STEPS), literal, strict=False):
        batches, options = feed.batches(step * 128, step), feed.options(step * 128, state)
        stats = train_step(state.G, state.D, state.G_opt, state.D_opt, options, *batches, state.failed)
        assert torch.equal(stats["Loss/D"], d_loss), step
        assert torch.equal(stats["Loss/G"], g_loss), step
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(weights(state), literal_weights, strict=True)), (
            step
        )
    assert not any(torch.equal(old, new) for old, new in zip(start, literal_weights, strict=True))


def test_a_fused_step_is_the_notes_up_to_rounding(dataset: Dataset) -> None:
    """Each step starts from the note's own state, so that differences do not build up over steps.

    D looks at reals and fakes in one pass, and G's gradients come through the updated D: both differ in their last
    bits. Adam divides them by their own size, which makes that a larger part of an update where they nearly cancel,
    though hardly a three-hundredth of lr = 3e-4: hence 1e-6.
    """
    config = recipe("note", fused_adam=True, **DATA)
    feed, state = Feed(config, dataset, CPU), build_state(config, dataset, CPU)
    literal = NotesLoop(dataset)
    pairs = ((state.G, state.G_opt, literal.G), (state.D, state.D_opt, literal.D))
    steps = iter(literal)
    for step in range(20):
        if step:
            copy_state(state.G_opt, literal.G, literal.G_optimizer)
            copy_state(state.D_opt, literal.D, literal.D_optimizer)
        d_loss, g_loss = next(steps)
        batches, options = feed.batches(step * 128, step), feed.options(step * 128, state)
        stats = train_step(state.G, state.D, state.G_opt, state.D_opt, options, *batches, state.failed)
        torch.testing.assert_close(stats["Loss/D"], d_loss, rtol=1e-6, atol=0)
        torch.testing.assert_close(stats["Loss/G"], g_loss, rtol=1e-6, atol=0)
        for network, _, theirs in pairs:
            for ours, expected in zip(network.parameters(), theirs.parameters(), strict=True):
                torch.testing.assert_close(ours, expected, rtol=2.4e-7, atol=1e-6)  # 2.4e-7: two roundings of a weight


@torch.no_grad()
def copy_state(ours: Adam, network: nn.Module, theirs: torch.optim.Adam) -> None:
    for index, weight in enumerate(network.parameters()):
        moments = theirs.state[weight]
        ours.params[index].copy_(weight)
        ours.exp_avg[index].copy_(moments["exp_avg"])
        ours.exp_avg_sq[index].copy_(moments["exp_avg_sq"])
        for count in ours.steps:
            count.copy_(moments["step"])


def test_a_run_prints_the_notes_lines(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # else the lines go into a widget
    ganforge.train(
        "note", out=tmp_path / "run", fused_adam=False, device="cpu", seed=3, report_nimg=20 * 128,
        total_nimg=41 * 128, **DATA,
    )  # fmt: skip
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Iter")]
    expected = [
        f"Iter: {iter_count}, D: {d_total_error.item():.4}, G:{g_error.item():.4}"
        for iter_count, (d_total_error, g_error) in zip(range(41), NotesLoop(dataset, seed=3), strict=False)
        if iter_count % 20 == 0
    ]
    assert len(expected) == 3
    assert printed == expected
