"""sampling.choose and `ganforge sample`: walks, neighbours, classes, truncation; what does not fit is one sentence."""

import os
import signal
import threading
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.base.noise import draw_z, near
from ganforge.base.seeding import generator
from ganforge.base.selections import parse_classes
from ganforge.cli.main import main
from ganforge.data.draw import draw_frames, draw_items
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.sampling.model import Model, load
from ganforge.sampling.selection import MAX_WALK, Selection, choose

SHAPES = {"uniform": (1, 8, 8), "normal": (3, 5, 9), "told": (1, 8, 8), "points": (2,)}


def make_run(folder: Path, kind: str) -> RunFolder:
    changes: dict[str, object] = {"g_hidden": (32,)}
    changes |= {"normal": {"noise": "normal"}, "told": {"conditional": True}}.get(kind, {})
    config, run, num_classes = recipe("note", **changes), RunFolder(folder), 3 * (kind == "told")
    run.create({"settings": config.model_dump(mode="json"), "data": {}, "environment": [{}]})
    G = build_generator("mlp", config.z_dim, SHAPES[kind], 5, hidden=config.g_hidden, num_classes=num_classes)
    with torch.no_grad():
        for weight in G.parameters():
            weight.mul_(3)
    save_snapshot(run, 640, G, config.model_dump(mode="json"), SHAPES[kind], num_classes)
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    root = tmp_path_factory.mktemp("runs")
    return {kind: make_run(root / kind, kind) for kind in SHAPES}


@pytest.fixture(scope="module")
def models(runs: dict[str, RunFolder]) -> dict[str, Model]:
    return {kind: load(run.path, "cpu") for kind, run in runs.items()}


@pytest.mark.parametrize("kind", SHAPES)
def test_a_seeds_picture_is_the_same_in_every_way(kind: str, models: dict[str, Model]) -> None:
    model = models[kind]
    alone = {seed: model.sample([seed])[0] for seed in (3, 17, 42)}
    classes = [17 % 3] if kind == "told" else None
    walk = model.pictures(*choose(model, Selection([3, 17, 42], "walk", frames=4, classes=classes)))
    around = model.pictures(*choose(model, Selection([17], "near", count=9)))
    assert len(walk) == 9
    assert len(around) == 9
    assert torch.equal(around[0], alone[17])
    assert torch.equal(walk[4], alone[17])
    assert torch.equal(model.pictures(*choose(model, Selection([42, 3])))[1], alone[3])


def test_a_class_stays_with_its_seed(models: dict[str, Model]) -> None:
    _, labels = choose(models["told"], Selection([4, 9, 2]))
    assert labels is not None
    assert labels.tolist() == [1, 0, 2]
    _, walked = choose(models["told"], Selection([4, 9], "walk", frames=2))
    assert walked is not None
    assert walked.tolist() == [1, 1, 1]


def test_classes_are_given_in_turn(models: dict[str, Model]) -> None:
    _, labels = choose(models["told"], Selection([5, 5, 5, 5], classes=parse_classes("0-1")))
    assert labels is not None
    assert labels.tolist() == [0, 1, 0, 1]


def test_classes_by_name_and_by_number() -> None:
    names = ("cat", "\u00e9mile", "\u72d7 dogs", "3")
    assert parse_classes("cat", names) == [0]
    assert parse_classes("\u72d7 dogs, e\u0301mile,0-2", names) == [2, 1, 0, 1, 2]
    with pytest.raises(UserError, match=r"The classes 'x' are not numbers and ranges such as 3 or 0-4,7\."):
        parse_classes("x")
    with pytest.raises(UserError, match=r"no class 'cta'; did you mean 'cat'\? \(the classes: cat, "):
        parse_classes("cta", names)


def test_classes_that_are_called_by_numbers_are_meant_by_these() -> None:
    names = ("1", "2", "10")
    assert parse_classes("1,10", names) == [0, 2]
    with pytest.raises(UserError, match=r"no class '0'.* \(the classes: 1, 2, 10\)"):
        parse_classes("0", names)
    with pytest.raises(UserError, match=r"no class '0-1'"):
        parse_classes("0-1", names)
    assert parse_classes("2,0-1", ("0", "1", "2")) == [2, 0, 1]


def test_neighbours_keep_their_direction(models: dict[str, Model]) -> None:
    close, far = (choose(models["normal"], Selection([1], "near", count=5, spread=spread))[0] for spread in (0.1, 0.9))
    more, _ = choose(models["normal"], Selection([1], "near", count=7, spread=0.1))
    assert torch.equal(more[:5], close)
    assert torch.equal(close[0], far[0])
    ways = [(z[1:] - z[0] * (1 - spread**2) ** 0.5) / spread for z, spread in ((close, 0.1), (far, 0.9))]
    assert torch.allclose(*ways, atol=1e-5)
    assert len(choose(models["normal"], Selection([1], "near", count=1))[0]) == 1


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_a_seeds_noise_and_its_neighbours_ways_are_its_own(kind: str, models: dict[str, Model]) -> None:
    """Those that every version so far has given to it: people keep seeds. No two neighbours go the same way."""
    model = models[kind]
    for seed in (1, 2):
        z, _ = choose(model, Selection([seed], "near", count=4, spread=1.0))
        assert torch.equal(z[:1], draw_z(kind, 1, 96, generator(seed, "sample")))
        fresh = torch.cat([draw_z(kind, 1, 96, generator(seed, "sample/near", index)) for index in (1, 2, 3)])
        assert torch.equal(z[1:], near(kind, z[0], 1.0, fresh))
        assert len(z.unique(dim=0)) == 4


def test_a_walk_and_a_neighbourhood_keep_the_first_seeds_class(models: dict[str, Model]) -> None:
    for way, seeds in (("walk", [4, 9, 2]), ("walk", [5, 9]), ("near", [4]), ("near", [5])):
        _, labels = choose(models["told"], Selection(seeds, way))
        assert labels is not None
        assert {*labels.tolist()} == {seeds[0] % 3}


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_a_walk_is_on_the_line_or_on_the_arc(kind: str, models: dict[str, Model]) -> None:
    z, _ = choose(models[kind], Selection([3, 17], "walk", frames=2))
    middle = (z[0] + z[2]) / 2
    assert torch.allclose(z[1], middle, atol=1e-6) == (kind == "uniform")
    if kind == "normal":
        assert z[1].norm().item() == pytest.approx((z[0].norm() + z[2].norm()).item() / 2, rel=0.05)


def test_truncation_scales_z(models: dict[str, Model]) -> None:
    model = models["normal"]
    for way in ("seeds", "walk", "near"):
        seeds = [3] if way == "near" else [3, 4]
        whole, half = (choose(model, Selection(seeds, way, truncation=psi))[0] for psi in (1.0, 0.5))
        assert torch.equal(half, whole / 2)


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("uniform", {"seeds": []}, "No seed is given"),
        ("uniform", {"seeds": [1], "way": "walk"}, "give two seeds or more"),
        ("uniform", {"seeds": [1, 2], "way": "walk", "frames": 0}, "cannot have 0 frames .* give 1 or more"),
        ("uniform", {"seeds": [1, 2], "way": "walk", "frames": MAX_WALK}, "are 1,001 pictures; .* 1,000 at most"),
        ("uniform", {"seeds": [1, 2], "way": "near"}, "of one seed, not of 2"),
        ("uniform", {"seeds": [1], "way": "near", "spread": 0}, "The spread is 0"),
        ("uniform", {"seeds": [1], "way": "near", "spread": 1.5}, "The spread is 1.5"),
        ("uniform", {"seeds": [1], "way": "near", "spread": float("nan")}, "The spread is nan"),
        ("uniform", {"seeds": [1], "truncation": 0.7}, "Truncation is for normal noise"),
        ("normal", {"seeds": [1], "truncation": 0}, "The truncation is 0"),
        ("normal", {"seeds": [1], "truncation": 1.1}, "The truncation is 1.1"),
        ("normal", {"seeds": [1], "truncation": float("nan")}, "The truncation is nan"),
        ("normal", {"seeds": [1], "classes": [1]}, "not told any class"),
        ("told", {"seeds": [1], "classes": [0, 3]}, "no class 3 in .* from 0 to 2"),
        ("told", {"seeds": [1], "way": "near", "classes": [0, 1]}, "keeps one class, not 2"),
    ],
)
def test_what_does_not_fit(kind: str, options: dict, sentence: str, models: dict[str, Model]) -> None:
    with pytest.raises(UserError, match=sentence):
        choose(models[kind], Selection(**options))


def test_a_walk_just_short_enough(models: dict[str, Model]) -> None:
    assert len(choose(models["points"], Selection([1, 2], "walk", frames=MAX_WALK - 1))[0]) == MAX_WALK


def test_frames_of_pictures_and_of_points(models: dict[str, Model]) -> None:
    for kind in ("normal", "points"):
        items = models[kind].pictures(*choose(models[kind], Selection([1, 2], "walk", frames=3)))
        frames = draw_frames(items)
        assert len(frames) == 4
        assert len({frame.size for frame in frames}) == 1
        assert frames[0].tobytes() != frames[3].tobytes()
    assert draw_frames(models["uniform"].sample([5]))[0] == draw_items(models["uniform"].sample([5]))


def run_sample(run: RunFolder, *options: str) -> int:
    return main(["sample", str(run.path), "--device", "cpu", *options])


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", ["walk.webp", "walk.gif"])
def test_a_walk_from_the_command_line(
    kind: str, name: str, runs: dict[str, RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / name
    assert run_sample(runs[kind], "--interpolate", "3,17,42", "--frames", "4", "--loop", "--out", str(out)) == 0
    what = "points" if kind == "points" else "pictures"
    assert capsys.readouterr().out == f"12 {what} in {out}\n"
    with Image.open(out) as animation:
        assert animation.n_frames == 12
        assert animation.info["loop"] == 0


@pytest.mark.parametrize("name", ["walk.webp", "walk.png"])
def test_a_stop_while_a_walk_is_encoded_ends_as_stopped(
    name: str, runs: dict[str, RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, without a file."""
    let_go = threading.Event()

    def encode(*_: object) -> bytes:
        os.kill(os.getpid(), signal.SIGTERM)
        let_go.wait(60)
        return b"late"

    for one in ("encode_animation", "encode_png"):
        monkeypatch.setattr(f"ganforge.data.draw.{one}", encode)
    assert run_sample(runs["uniform"], "--interpolate", "1,2", "--out", str(tmp_path / name)) == 143
    let_go.set()
    assert list(tmp_path.iterdir()) == []


def test_stills_from_the_command_line(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    out = str(tmp_path / "a.png")
    for options in (["--interpolate", "1,2", "--frames", "3"], ["--around", "4", "--spread", "0.2"],
                    ["--seeds", "1,2", "--class", "0-2"]):  # fmt: skip
        assert run_sample(runs["told"], *options, "--out", out) == 0
        with Image.open(out) as picture:
            assert picture.format == "PNG"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--around 1 --count 10001", "A neighbourhood of 10,001 pictures cannot be made; ask for 1 to 10,000."),
        ("--count 100001", "100,001 pictures are more than can be asked for at a time here; give 100,000 at most."),
        ("--count 1e8 --out a/", "100,000,000 pictures are more than can be asked for"),
        ("--per-class 2", "is not told any class; leave the class out."),
        ("--out a/ --quality 3", "PNG keeps every pixel and has no quality"),
        ("--out a/ --format jpeg --quality 101", "The quality is 101; give a whole number from 1 to 100."),
        ("--seeds 1,2,1 --out a/", "Seed 1 is asked for twice"),
        ("--evolution", "has no grids yet"),
        ("--interpolate 1,2 --out a.zip", "A walk cannot be saved as a.zip; give --out a name that ends in .webp or"),
        ("--scale 99999", "A picture of 6,399,950 x 6,399,950 pixels cannot be: 65,535 a side at most; give a"),
        ("--around 1 --count 9 --scale 1000", "A picture of 24,004 x 24,004 pixels cannot be: 268,435,456 in all at"),
        ("--interpolate 1,2 --scale 99999", "31 frames of 799,992 x 799,992 pixels cannot be: 16,383 a side at most"),
        ("--interpolate 1,2 --scale 400", "31 frames of 3,200 x 3,200 pixels cannot be: 268,435,456 in all at most"),
        ("--interpolate 1,2 --scale 9999 --out a.gif", "31 frames of 79,992 x 79,992 pixels cannot be: 65,535 a side"),
        (
            "--interpolate 1,2 --scale 9999 --out a.png",
            "pixels cannot be: 65,535 a side at most; give a smaller --scale",
        ),
        ("--interpolate 1,2 --scale 513 --out a.mp4", "A picture of 4,104 x 4,104 pixels cannot be: 4,096 a side"),
        ("--interpolate 1,2 --scale 9999 --out a/", "A picture of 79,992 x 79,992 pixels cannot be: 65,535 a side"),
        ("--interpolate 1,x", "The seeds '1,x' are not numbers"),
        ("--class x", "is not told any class; leave the class out."),
        ("--truncation 0.5", "so that nothing narrows it; leave the truncation out, look around a picture"),
        ("--interpolate 1,2 --out /missing/folder/a.webp", "The walk cannot be written: /missing/folder/a.webp"),
    ],
)
def test_bad_options_are_one_sentence(
    options: str, sentence: str, runs: dict[str, RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sample(runs["uniform"], *options.split()) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
