"""networks/construct.py: every name and size, weights from the seed alone, and snapshots of every family load back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import nn

import ganforge
from ganforge.base.errors import UserError
from ganforge.config import Config
from ganforge.networks import dcgan, logistic, mlp, r3gan, recurrent, resnet, smooth, upsample
from ganforge.networks.construct import build_discriminator, build_generator, on_device
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot

GENERATORS = {
    "mlp": mlp.Generator, "dcgan": dcgan.Generator, "upsample": upsample.Generator, "resnet": resnet.Generator,
    "r3gan": r3gan.Generator, "smooth": smooth.Generator,
}  # fmt: skip
DISCRIMINATORS = {
    "mlp": mlp.Discriminator, "logistic": logistic.Discriminator, "recurrent": recurrent.Discriminator,
    "dcgan": dcgan.Discriminator, "resnet": resnet.Discriminator, "r3gan": r3gan.Discriminator,
    "smooth": smooth.Discriminator,
}  # fmt: skip
Z_DIM, SHAPE = 6, (3, 9, 7)
WITHOUT_WIDTH = {"mlp", "logistic"}


def choices(setting: str) -> tuple[str, ...]:
    return get_args(Config.model_fields[setting].annotation)


def weights_of(network: nn.Module) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in network.state_dict().items()}


def test_every_choice_of_the_settings_is_here() -> None:
    assert set(choices("generator")) == GENERATORS.keys()
    assert set(choices("discriminator")) == DISCRIMINATORS.keys()


@pytest.mark.parametrize("num_classes", [0, 4])
@pytest.mark.parametrize("name", GENERATORS)
def test_generators(name: str, num_classes: int) -> None:
    G = build_generator(name, Z_DIM, SHAPE, 0, num_classes=num_classes)
    assert type(G) is GENERATORS[name]
    labels = torch.tensor([0, 3]) if num_classes else None
    assert G(torch.zeros(2, Z_DIM), labels).shape == (2, *SHAPE)
    if num_classes:
        with pytest.raises(ValueError, match="needs labels"):
            G(torch.zeros(2, Z_DIM), None)


@pytest.mark.parametrize("num_classes", [0, 4])
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminators(name: str, num_classes: int) -> None:
    D = build_discriminator(name, SHAPE, 0, num_classes=num_classes)
    assert type(D) is DISCRIMINATORS[name]
    labels = torch.tensor([0, 3]) if num_classes else None
    assert D(torch.zeros(2, *SHAPE), labels).shape == (2,)
    if num_classes:
        with pytest.raises(ValueError, match="needs labels"):
            D(torch.zeros(2, *SHAPE), None)


def test_logistic_regression_is_one_linear_layer() -> None:
    assert [tuple(p.shape) for p in build_discriminator("logistic", SHAPE, 0).parameters()] == [(1, 189), (1,)]


def test_widths_are_passed_on() -> None:
    for build, names, given in (
        (build_generator, GENERATORS.keys() - WITHOUT_WIDTH, (Z_DIM, SHAPE, 0)),
        (build_discriminator, DISCRIMINATORS.keys() - WITHOUT_WIDTH, (SHAPE, 0)),
    ):
        for name in names:
            narrow, wide = (weights_of(build(name, *given, width=width)) for width in (8, 32))  # type: ignore[operator]
            assert sum(map(len, narrow.values())) < sum(map(len, wide.values())), name
    G = build_generator("mlp", Z_DIM, SHAPE, 0, hidden=(11, 13))
    D = build_discriminator("mlp", SHAPE, 0, hidden=(17,))
    assert [len(p) for p in G.parameters() if p.dim() == 2] == [11, 13, 189]
    assert [len(p) for p in D.parameters() if p.dim() == 2] == [17, 1]


@pytest.mark.parametrize("name", ["dcgan", "upsample", "resnet", "r3gan", "smooth"])
def test_the_base_size_is_passed_on(name: str) -> None:
    """Where it is 1, G starts from one pixel; otherwise from as many as there are at its family's own."""
    rows = [build_generator(name, Z_DIM, (1, 8, 8), 0, base_size=side, width=8).state_dict() for side in (1, None)]
    starts = [next(t for key, t in weights.items() if key in ("start.weight", "basis")) for weights in rows]
    assert len(rows[0]) > len(rows[1])
    assert starts[0].shape != starts[1].shape
    if name == "r3gan":
        assert starts[0].shape[1:] == (1, 1)
    if name != "upsample":
        deep, plain = (weights_of(build_discriminator(name, (1, 8, 8), 0, base_size=s, width=8)) for s in (1, None))
        assert len(deep) > len(plain)


@pytest.mark.parametrize("size", [{"blocks": 3}, {"group_size": 4}], ids=str)
def test_r3gans_sizes_are_passed_on(size: dict[str, int]) -> None:
    for build, given in ((build_generator, (Z_DIM, SHAPE, 0)), (build_discriminator, (SHAPE, 0))):
        ours, usual = (weights_of(build("r3gan", *given, **sizes)) for sizes in (size, {}))  # type: ignore[operator]
        more, less = (ours, usual) if "blocks" in size else (usual, ours)
        assert sum(map(len, more.values())) > sum(map(len, less.values()))
    with pytest.raises(UserError, match=r"groups of 7 channels do not divide a block of 2 x 64; choose a group size"):
        build_generator("r3gan", Z_DIM, (1, 28, 28), 0, group_size=7)


def test_r3gans_full_size_has_the_papers_weights() -> None:
    """20.73 and 20.68 million, Huang et al. 2024, arXiv:2501.05441, table 9: here without any memory for them."""
    sizes = {"width": 768, "blocks": 2, "group_size": 16, "base_size": 4}
    with torch.device("meta"):
        G = r3gan.Generator(64, (3, 32, 32), **sizes)
        D = r3gan.Discriminator((3, 32, 32), **sizes)
    assert [sum(p.numel() for p in net.parameters()) / 1e6 for net in (G, D)] == pytest.approx([20.73, 20.68], abs=0.01)


@pytest.mark.parametrize("norm", get_args(dcgan.Norm))
def test_the_norm_is_passed_on(norm: str) -> None:
    built = build_discriminator("dcgan", (1, 28, 28), 0, norm=norm)
    kinds = {type(module).__name__ for module in built.modules()}
    marks = {"batch": "BatchNorm2d", "layer": "GroupNorm", "spectral": "SpectralConv2d"}
    assert kinds & set(marks.values()) == ({marks[norm]} if norm in marks else set())


@pytest.mark.parametrize("name", GENERATORS)
def test_gs_first_weights_follow_from_the_seed_alone(name: str) -> None:
    first = weights_of(build_generator(name, Z_DIM, SHAPE, 3, num_classes=2))
    torch.rand(7)  # numbers that somebody else draws
    state = torch.get_rng_state()
    assert weights_of(build_generator(name, Z_DIM, SHAPE, 3, num_classes=2)) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert weights_of(build_generator(name, Z_DIM, SHAPE, 4, num_classes=2)) != first


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_ds_first_weights_follow_from_the_seed_alone(name: str) -> None:
    first = weights_of(build_discriminator(name, SHAPE, 3, num_classes=2))
    torch.rand(7)
    state = torch.get_rng_state()
    assert weights_of(build_discriminator(name, SHAPE, 3, num_classes=2)) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert weights_of(build_discriminator(name, SHAPE, 4, num_classes=2)) != first


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 7), (2,)], ids=str)
@pytest.mark.parametrize("num_classes", [0, 4])
@pytest.mark.parametrize("name", GENERATORS)
def test_a_snapshot_of_every_family_loads_back(
    name: str, num_classes: int, shape: tuple[int, ...], tmp_path: Path
) -> None:
    """With all that batch norm learned: its means, its variances, and its count, which is a whole number."""
    changes: dict[str, Any] = {"generator": name, "discriminator": "mlp", "z_dim": Z_DIM, "seed": 5}
    changes |= {"g_hidden": (8,)} if name == "mlp" else {"g_width": 8}
    config = recipe("note", conditional=num_classes > 0, **changes)
    G = build_generator(
        name, Z_DIM, shape, config.seed, hidden=config.g_hidden, width=config.g_width, num_classes=num_classes
    )
    source = torch.Generator().manual_seed(0)
    labels = torch.randint(num_classes, (16,), generator=source) if num_classes else None
    with torch.no_grad():
        for weight in G.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=source)
        for _ in range(3):
            G(torch.randn(16, Z_DIM, generator=source), labels)
    folder = RunFolder(tmp_path / "run")
    folder.create({})
    save_snapshot(folder, 64, G, config.model_dump(mode="json"), shape, num_classes)
    model = ganforge.load(folder.snapshot(64), device="cpu")
    assert weights_of(model.G) == weights_of(G)
    z = model.z(range(16))
    with torch.no_grad():
        expected = G.eval()(z, labels)
    torch.testing.assert_close(model.generate(z, labels), expected, rtol=0, atol=1e-5)
    if name in ("dcgan", "upsample", "resnet", "smooth"):
        assert {t.item() for key, t in model.G.state_dict().items() if key.endswith("num_batches_tracked")} == {3}


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("name", [*(f"G {name}" for name in GENERATORS), *(f"D {name}" for name in DISCRIMINATORS)])
def test_tuning_changes_no_more_than_rounding(name: str, num_classes: int, two_threads: None) -> None:
    who, family = name.split()
    inputs = torch.rand((6, Z_DIM) if who == "G" else (6, 1, 12, 10), generator=torch.Generator().manual_seed(0))
    labels = torch.arange(6) % 3 if num_classes else None
    results = []
    for tuned in (False, True):
        if who == "G":
            network = build_generator(family, Z_DIM, (1, 12, 10), 0, num_classes=num_classes)
        else:
            network = build_discriminator(family, (1, 12, 10), 0, num_classes=num_classes)
        network = on_device(network, torch.device("cpu"), tuned=tuned)
        out = network(inputs, labels)
        grads = torch.autograd.grad(out.square().sum(), list(network.parameters()))
        results.append([out.detach(), *grads])
    for plain, tuned_one in zip(*results, strict=True):
        assert torch.linalg.vector_norm(plain - tuned_one) <= 1e-4 * torch.linalg.vector_norm(plain) + 1e-6


def test_hidden_layers_lie_transposed_where_threads_share_them(two_threads: None) -> None:
    def is_transposed(*, tuned: bool) -> bool:
        G = on_device(build_generator("mlp", 5, (1, 4, 4), 0), torch.device("cpu"), tuned=tuned)
        return G(torch.rand(6, 5)).flatten(1).t().is_contiguous()

    assert is_transposed(tuned=True)
    assert not is_transposed(tuned=False)
    torch.set_num_threads(1)
    assert not is_transposed(tuned=True)
