"""Checks before training: planted faults are found by name; healthy recipes, and all within bounds, are left alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from looked import looked, names
from sklearn.datasets import load_digits

from ganforge.config import make_config
from ganforge.data.load import load
from ganforge.diagnosis import before
from ganforge.diagnosis.before import Items, Machine, Start, Tried
from ganforge.diagnosis.catalog import CHECKS
from ganforge.diagnosis.command import what_to_do
from ganforge.diagnosis.telling import at_once
from ganforge.recipes.catalog import RECIPES, recipe
from ganforge.training.opening_look import found_in

DIGITS = load_digits()
IMAGES, LABELS = (DIGITS.images * 255 / 16).astype(np.uint8), DIGITS.target.astype(np.int64)


@pytest.mark.parametrize("name", RECIPES)
def test_a_healthy_recipe_is_left_in_peace(name: str) -> None:
    assert names(name) == []


def test_points_and_classes_are_left_in_peace() -> None:
    assert names("note", data="ring") == []
    assert names("r3gan", data="ring", generator="mlp", discriminator="mlp") == []
    assert names("fast", conditional=True) == []


FAULTS = {
    "lr-0.1": ("note", {"lr": 0.1}, "rate-far-too-high"),
    "lr-1e-7": ("note", {"lr": 1e-7}, "rate-far-too-low"),
    "lr-1e10": ("note", {"lr": 1e10}, "rate-far-too-high"),
    "r1-1000": ("r1", {"r1_gamma": 1000.0}, "heavy-penalty"),
    "batch-2": ("note", {"batch_size": 2}, "small-batch"),
    "wgan-clip-1": ("wgan", {"clip": 1.0}, "loose-clip"),
    "d-weak": ("note", {"d_lr": 1e-6}, "rates-far-apart"),
    "d-strong": ("note", {"d_lr": 2e-3, "lr": 2e-5}, "rates-far-apart"),
    "beta1-0.99": ("note", {"beta1": 0.99}, "long-momentum"),
    "z-1": ("note", {"z_dim": 1}, "small-z"),
    "narrow-d": ("fast", {"d_width": 1, "g_width": 64}, "networks-far-apart"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_settings_is_found_alone_and_its_remedy_is_none(fault: str) -> None:
    name, settings, expected = FAULTS[fault]
    start, [finding] = looked(name, **settings)
    assert finding.name == expected
    does, typed = what_to_do(finding.trouble, start.settings)[0]
    assert does
    assert typed.startswith(f"ganforge train {name}")
    for option in settings:
        if not (fault == "wgan-clip-1" or option == "g_width"):
            assert f"--{option.replace('_', '-')} {settings[option]}" not in typed
    assert f"Try: {does}: `{typed}`" in at_once(finding, start.settings, "RUN")


def shown(change: Callable[[np.ndarray], np.ndarray]) -> dict[str, np.ndarray]:
    return {"images": change(IMAGES)}


def blank(images: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(images))[:, None, None] % 50 == 0, 9, images).astype(np.uint8)


PICTURES = {
    "five": (shown(lambda a: a[:5]), {}, ["few-pictures"]),
    "hundred": (shown(lambda a: a[:100]), {}, ["few-pictures"]),
    "shifted": (shown(lambda a: a[:100]), {"augment": "translation"}, ["few-pictures"]),
    "augmented": (shown(lambda a: a[:100]), {"augment": "diffaugment"}, []),
    "copies": (shown(lambda a: np.concatenate([a, a[:200]])), {}, ["copied-pictures"]),
    "blank": (shown(blank), {}, ["blank-pictures"]),
    "narrow": (shown(lambda a: (a // 8).astype(np.uint8)), {}, ["narrow-values"]),
    "upper half": (shown(lambda a: (128 + a // 2).astype(np.uint8)), {}, ["narrow-values"]),
    "lower half": (shown(lambda a: a // 2), {}, ["narrow-values"]),
    "shuffled": (
        {"images": IMAGES, "labels": np.random.default_rng(0).permutation(LABELS)},
        {"conditional": True},
        ["labels-tell-nothing"],
    ),
    "shuffled, not told": ({"images": IMAGES, "labels": np.random.default_rng(0).permutation(LABELS)}, {}, []),
    "labelled": ({"images": IMAGES, "labels": LABELS}, {"conditional": True}, []),
    "tiny class": (
        {"images": IMAGES, "labels": np.where(np.arange(len(LABELS)) < 5, 10, LABELS)},
        {"conditional": True},
        ["small-class"],
    ),
    "tiny class, not told": (
        {"images": IMAGES, "labels": np.where(np.arange(len(LABELS)) < 5, 10, LABELS)},
        {},
        ["small-class"],
    ),
}


@pytest.mark.parametrize("case", PICTURES)
def test_what_is_wrong_with_pictures_is_found(tmp_path: Path, case: str) -> None:
    arrays, settings, expected = PICTURES[case]
    np.savez(tmp_path / "a.npz", **arrays)
    found = names("fast", data=str(tmp_path / "a.npz"), **settings)
    assert [name for name in found if case != "copies" or name != "few-pictures"] == expected


def test_copies_are_told_as_they_were_counted_of_all_pictures_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(before, "MOST_ITEMS", 50)  # a sample would have hardly any pair
    labels = np.where(np.arange(1_997) < 5, 10, np.concatenate([LABELS, LABELS[:200]]))
    np.savez(tmp_path / "a.npz", images=np.concatenate([IMAGES, IMAGES[:200]]), labels=labels)
    start, findings = looked("fast", data=str(tmp_path / "a.npz"))
    seen = {finding.name: finding.seen.text for finding in findings}
    assert seen["copied-pictures"] == "200 of 1,997 pictures are equal to another one"
    assert start.items.looked == 50
    assert "small-class" in seen
    assert not [note for note in load(str(tmp_path / "a.npz")).notes if note.startswith("warning: ")]
    start, _ = looked("fast", data=str(tmp_path / "a.npz"), max_images=100)  # of which nobody has counted any
    assert (start.items.copies, start.items.counted) == (0, 50)


def settled(name: str = "fast", **changes: Any) -> Start:
    """A healthy start of 5,000 pictures, with other settings."""
    usual = recipe(name, data="digits").model_dump(mode="json")
    settings = make_config(usual | changes).model_dump(mode="json")
    return Start(settings, usual, Items(5_000, (1, 16, 16)), Tried({"G": 100, "D": 100}), Machine(), 0.256)


EDGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("rate-far-too-high", {"lr": 0.031, "d_lr": 5e-3}, {"lr": 0.03, "d_lr": 5e-3}),
    ("rate-far-too-high", {"d_lr": 0.0121}, {"d_lr": 0.0079}),
    ("rate-far-too-low", {"lr": 0.9e-5, "d_lr": 4e-6}, {"lr": 1.1e-5, "d_lr": 4e-6}),
    ("rates-far-apart", {"d_lr": 0.0081}, {"d_lr": 0.0079}),
    ("rates-far-apart", {"d_lr": 1.9e-5}, {"d_lr": 2.1e-5}),
    ("long-momentum", {"beta1": 0.95}, {"beta1": 0.9}),
    ("long-momentum", {"beta1": 0.9, "beta2": 0.65}, {"beta1": 0.9, "beta2": 0.67}),
    ("small-batch", {"batch_size": 7, "total_nimg": 10_000}, {"batch_size": 8}),
    ("small-batch", {"accumulate": 16}, {"accumulate": 8}),
    ("small-batch", {"accumulate": 16}, {"accumulate": "auto"}),
    ("small-z", {"z_dim": 7}, {"z_dim": 8}),
    ("heavy-penalty", {"d_norm": "unnormalised", "r1_gamma": 26.0}, {"d_norm": "unnormalised", "r1_gamma": 25.0}),
    ("heavy-penalty", {"d_norm": "unnormalised", "dragan_weight": 1001.0},
     {"d_norm": "unnormalised", "dragan_weight": 1000.0}),
    ("schedule-does-not-fit", {"burn_in_nimg": 270_000}, {"burn_in_nimg": 260_000}),
    ("schedule-does-not-fit", {"burn_in_nimg": 49_000}, {"burn_in_nimg": 51_000}),
    ("schedule-does-not-fit", {"burn_in_nimg": 230_000, "lr_end": 0.0}, {"burn_in_nimg": 240_000, "lr_end": 0.0}),
    ("short-run", {"total_nimg": 31_000, "burn_in_nimg": 31_000}, {"total_nimg": 32_000, "burn_in_nimg": 32_000}),
    ("short-run", {"batch_size": 8, "total_nimg": 4_999, "burn_in_nimg": 4_999},
     {"batch_size": 8, "total_nimg": 5_000, "burn_in_nimg": 5_000}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "beyond", "within"), EDGES)
def test_a_setting_is_found_beyond_its_bound_only(name: str, beyond: dict[str, Any], within: dict[str, Any]) -> None:
    assert name in [finding.name for finding in found_in(settled(**beyond))]
    assert [finding.name for finding in found_in(settled(**within))] == []


def test_a_clip_may_be_looser_where_something_else_bounds_the_slope() -> None:
    assert [one.name for one in found_in(settled("wgan", clip=0.2))] == ["loose-clip"]
    assert found_in(settled("wgan", clip=0.1)) == []
    assert found_in(settled("wgan", clip=0.2, gp_weight=10.0, d_norm="unnormalised")) == []


def test_a_low_rate_suits_weights_that_have_learned(tmp_path: Path) -> None:
    start = settled(lr=1e-6, d_lr=4e-7, init_from=str(tmp_path))
    assert found_in(start) == []
    assert found_in(replace(start, settings=start.settings | {"init_from": None}))


TRIED: list[tuple[str, dict[str, Any]]] = [
    ("no-gradient", {"unreached": ["a of G"]}),
    ("no-gradient", {"silent": ["D"]}),
    ("step-reaches-other-network", {"astray": ["D's loss reaches a of G"]}),
    ("g-learns-backwards", {"rise": -0.1}),
    ("wild-logits", {"real_logits": (31.0, 1.0)}),
    ("wild-logits", {"fake_logits": (0.0, 31.0)}),
    ("wild-logits", {"fake_logits": (float("nan"), 1.0)}),
    ("bounded-logits", {"d_ends": (0.0, 1.0)}),
    ("picture-depends-on-batch", {"apart": 0.01}),
    ("values-out-of-reach", {"g_ends": (0.0, 1.0)}),
    ("memory-too-small", {"memory": 2_000}),
    ("networks-far-apart", {"weights": {"G": 100, "D": 5_001}}),
]


@pytest.mark.parametrize(("name", "shown"), TRIED)
def test_what_a_tried_step_shows_is_found(name: str, shown: dict[str, Any]) -> None:
    start = replace(settled(), machine=Machine(memory_free=1_000))
    assert found_in(start) == []
    tried = Tried(**{"weights": {"G": 100, "D": 100}} | shown)
    assert [finding.name for finding in found_in(replace(start, tried=tried))] == [name]


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("disk-too-small", Machine(disk_free=999, disk_needed=1_000)),
        ("accelerator-unused", Machine(idle="cuda")),
    ],
)
def test_what_the_machine_lacks_is_found(name: str, machine: Machine) -> None:
    assert [finding.name for finding in found_in(replace(settled(), machine=machine))] == [name]
    assert found_in(replace(settled(), machine=Machine(disk_free=1_000, disk_needed=1_000, device="cuda"))) == []


def test_classes_that_are_parts_are_found() -> None:
    items = Items(5_000, (1, 16, 16), class_names=("Test", "train"), class_counts=(900, 4_100))
    assert [finding.name for finding in found_in(replace(settled(), items=items))] == ["split-classes"]
    named = replace(items, class_names=("train", "tram"))
    assert found_in(replace(settled(), items=named)) == []


def test_every_check_tells_what_to_do_and_stands_in_the_documents() -> None:
    page = Path(__file__).parents[3] / "docs/before-training.md"
    rows = [line.split(" | ") for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    told = {row[0].strip("|` "): (row[1], row[3].strip("| ")) for row in rows}
    assert told == {check.name: (check.title, check.remedies[0].does) for check in CHECKS.values()}
    assert all(check.meaning and check.source for check in CHECKS.values())
