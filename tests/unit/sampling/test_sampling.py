"""sampling.py: a seed's picture is its own, whatever else is asked for."""

from pathlib import Path

import pytest
import torch

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.images import save_png, to_uint8
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.base.selections import parse_seeds
from ganforge.data.draw import draw_items
from ganforge.networks.construct import build_generator
from ganforge.networks.generate import BATCH_SIZE
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.sampling.model import Model


def model_of(folder: Path, shape: tuple[int, ...] = (1, 28, 28), num_classes: int = 0, **changes: object) -> Model:
    """A model with untrained weights, saved and loaded."""
    config = recipe("note", **changes)
    run = RunFolder(folder)
    run.create({"settings": config.model_dump(mode="json"), "data": {}, "environment": [{}]})
    G = build_generator("mlp", config.z_dim, shape, 5, hidden=config.g_hidden, num_classes=num_classes)
    with torch.no_grad():
        for weight in G.parameters():
            weight.mul_(3)  # far enough from zero that pictures differ
    save_snapshot(run, 640, G, config.model_dump(mode="json"), shape, num_classes)
    return ganforge.load(folder, device="cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return model_of(tmp_path_factory.mktemp("full") / "run")  # the note's size: other sums than a tiny network's


@pytest.mark.parametrize(
    "among",
    [range(8), range(100), [7, 3, 5], [*range(100, 163), 3], [*range(100, 164), 3], [*range(100, 133), 3, *range(40)]],
    ids=["8", "100", "three", "64th", "65th", "34th"],
)
def test_a_seeds_picture_is_the_same_alone_or_among_others(among: range | list[int], model: Model) -> None:
    alone = model.generate(model.z([3]))
    others = model.generate(model.z(among))
    assert others.shape == (len(among), 1, 28, 28)
    assert torch.equal(others[list(among).index(3)], alone[0])


def test_it_is_the_same_at_every_place_of_a_batch(model: Model) -> None:
    same = model.generate(model.z([3] * (BATCH_SIZE + 1)))
    assert all(torch.equal(picture, same[0]) for picture in same)


def test_seeds_have_pictures_of_their_own(model: Model) -> None:
    pictures = model.sample(range(40))
    assert pictures.dtype == torch.uint8
    assert len({picture.numpy().tobytes() for picture in pictures}) == 40
    assert torch.equal(pictures, to_uint8(model.generate(model.z(range(40)))))


def test_z_depends_on_the_seed_alone(model: Model) -> None:
    z = model.z([2**62, 0, 5, 0])
    assert z.shape == (4, 96)
    assert torch.equal(z[1], z[3])
    assert torch.equal(z[2], model.z([5])[0])
    assert -1 <= z.min() < -0.9 < 0.9 < z.max() < 1


def test_normal_noise_is_normal(tmp_path: Path) -> None:
    model = model_of(tmp_path / "run", noise="normal", g_hidden=(32,))
    z = model.z(range(200))
    assert z.mean().item() == pytest.approx(0, abs=0.03)
    assert z.std().item() == pytest.approx(1, abs=0.03)


def test_no_seeds_no_pictures(model: Model) -> None:
    assert model.sample([]).shape == (0, 1, 28, 28)
    assert model.generate(model.z(iter([]))).shape == (0, 1, 28, 28)


def test_points_are_floats(tmp_path: Path) -> None:
    points = model_of(tmp_path / "run", (2,), data="ring", g_hidden=(32,)).sample(range(70))
    assert (points.shape, points.dtype) == ((70, 2), torch.float32)
    assert points.abs().max() <= 1
    assert len(points.unique(dim=0)) == 70


def test_colour_and_other_sides(tmp_path: Path) -> None:
    assert model_of(tmp_path / "run", (3, 5, 9), g_hidden=(32,)).sample([1]).shape == (1, 3, 5, 9)


def test_the_model_is_the_snapshots(model: Model, tmp_path: Path) -> None:
    again = ganforge.load(model.path, device="cpu")
    assert torch.equal(again.sample(range(3)), model.sample(range(3)))
    assert again.nimg == 640
    assert repr(again) == "Model(note on mnist, 640 images, items (1, 28, 28))"
    assert not again.generate(again.z([1])).requires_grad


def test_labels_for_a_model_that_is_not_told_any_class(model: Model) -> None:
    with pytest.raises(UserError, match=r"^The model in \S+ is not told any class; leave the labels out\.$"):
        model.sample([1, 2], torch.tensor([0, 0]))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("told") / "run"
    return model_of(folder, (1, 5, 9), num_classes=3, conditional=True, g_hidden=(32,))


@pytest.mark.parametrize(
    "labels", [[0, 3], [-1, 0], [0], [0, 1, 2], [[0, 1]], []], ids=["3", "-1", "one", "three", "a row", "none"]
)
def test_labels_that_do_not_fit(labels: list[int], told: Model) -> None:
    said = r"^2 labels from 0 to 2 are needed, one for each picture, or a single one for all; .* were given\.$"
    said += r"|^A label must be a whole number, not \[0, 1\]\.$"
    with pytest.raises(UserError, match=said):
        told.sample([1, 2], torch.tensor(labels, dtype=torch.int64))


def test_labels_that_fit(told: Model) -> None:
    one, two = (told.sample([1, 2], torch.tensor(labels)) for labels in ([0, 2], [0, 1]))
    assert torch.equal(one[0], two[0])
    assert not torch.equal(one[1], two[1])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("recipe_name", ["note", "dcgan", "cgan"])
def test_a_models_pictures_are_those_of_the_runs_grid(recipe_name: str, precision: str, tmp_path: Path) -> None:
    """To the byte, in the precision that the run computed in."""
    small = {"g_hidden": (32,), "d_hidden": (32,)} if recipe_name != "dcgan" else {"g_width": 8, "d_width": 8}
    run = ganforge.train(
        recipe_name, out=tmp_path / "run", data="digits", batch_size=32, total_nimg=640, lr=5e-3, grid_size=4,
        metric_samples=0, ema_halflife_nimg=100, precision=precision, device="cpu", **small,
    )  # fmt: skip
    model = ganforge.load(run.path, device="cpu")
    z = draw_z(model.config.noise, 16, model.config.z_dim, generator(model.config.seed, "grid"))
    labels = torch.arange(16) % 4 if model.num_classes else None
    items = model.generate(z, labels)
    save_png(draw_items(items), tmp_path / "ours.png")
    assert (tmp_path / "ours.png").read_bytes() == run.fakes(640).read_bytes()
    with torch.no_grad():
        in_float32 = type(model.G).forward(model.G, z, labels)
    assert ((items - in_float32).abs().max().item() > 1e-4) == (precision == "bfloat16")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0", [0]),
        ("0-3", [0, 1, 2, 3]),
        ("5,1,5", [5, 1, 5]),
        ("7-7", [7]),
        ("0-2, 10 ,20-21", [0, 1, 2, 10, 20, 21]),
        ("999999999999999999", [10**18 - 1]),
    ],
)
def test_parse_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "1,",
        "-1",
        "3-1",
        "a",
        "1-",
        "1--2",
        "1-2-3",
        "0x1",
        "1.5",
        "1 2",
        "٣",
        "1000000000000000000",
        "1;2",
        "²",
    ],
)
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="are not numbers and ranges"):
        parse_seeds(text)


def test_too_many_seeds_are_refused_at_once() -> None:
    assert len(parse_seeds("0-99999")) == 100_000
    for text in ("0-100000", "0-999999999999999999", "0-60000,0-60000"):
        with pytest.raises(UserError, match="at most 100,000"):
            parse_seeds(text)
