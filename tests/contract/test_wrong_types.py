"""Promise 7 from Python: whatever a public function is given, it is taken as what it stands for, or refused in a
sentence."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ganforge
from ganforge.base.errors import UserError
from ganforge.cli.main import make_parser
from ganforge.config import make_config
from ganforge.data.settings import PREPARED_BY
from ganforge.judging.against import Against
from ganforge.judging.evaluation import Wanted, evaluate

TINY: dict[str, Any] = {"data": "digits", "z_dim": 4, "g_hidden": (8,), "d_hidden": (8,), "batch_size": 8,
                        "total_nimg": 16, "device": "cpu", "metric_samples": 0}  # fmt: skip
ODD = [
    None,
    5.5,
    True,
    b"x",
    [],
    ["a"],
    (),
    {},
    {"a": 1},
    np.zeros((3, 8, 8)),
    torch.zeros(3, 5),
    object(),
    "\0",
    "",
    range(0),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    here = tmp_path_factory.mktemp("runs")
    run = ganforge.train("note", out=here / "run", **TINY)
    told = ganforge.train("note", out=here / "told", conditional=True, **TINY)
    return {"run": run, "model": ganforge.load(run), "told": ganforge.load(told)}


def pictures() -> torch.Tensor:
    return torch.zeros(2, 1, 8, 8, dtype=torch.uint8)


CALLS: dict[str, Callable[[dict[str, Any], Any], object]] = {
    "train": lambda had, odd: ganforge.train(odd, **TINY | {"data": "nowhere"}),
    "train out": lambda had, odd: ganforge.train("note", out=odd, **TINY),
    **{
        f"train {name}": lambda had, odd, name=name: ganforge.train("note", **TINY | {"data": "nowhere", name: odd})
        for name in ("data", "test_data", "init_from", "total_nimg", "lr", "g_hidden", "objective", "size", "seed")
    },
    "recipe": lambda had, odd: ganforge.recipe(odd),
    "resume": lambda had, odd: ganforge.resume(odd),
    "resume total_nimg": lambda had, odd: ganforge.resume(had["run"], total_nimg=odd),
    "resume data": lambda had, odd: ganforge.resume(had["run"], total_nimg=32, data=odd),
    "load": lambda had, odd: ganforge.load(odd),
    "load device": lambda had, odd: ganforge.load(had["run"], odd),
    "load best": lambda had, odd: ganforge.load(had["run"], best=odd),
    "sample": lambda had, odd: had["model"].sample(odd),
    "sample labels": lambda had, odd: had["told"].sample([0, 1], odd),
    "sample labels of none": lambda had, odd: had["model"].sample([0, 1], odd),
    "z": lambda had, odd: had["model"].z(odd),
    "generate": lambda had, odd: had["model"].generate(odd),
    "generate labels": lambda had, odd: had["told"].generate(torch.zeros(2, 4), odd),
    "pictures": lambda had, odd: had["told"].pictures(odd),
    "stream": lambda had, odd: list(had["model"].stream(odd)),
    "stream labels": lambda had, odd: had["told"].stream([0, 1], odd),
    "stream truncation": lambda had, odd: had["model"].stream([0], truncation=odd),
    "save": lambda had, odd: had["model"].save(odd, [0]),
    "save seeds": lambda had, odd: had["model"].save("a/", odd),
    "save labels": lambda had, odd: had["told"].save("b/", [0, 1], odd),
    **{
        f"save {name}": lambda had, odd, name=name: had["model"].save(f"{name}/", [0], **{"kind": "webp", name: odd})
        for name in ("truncation", "kind", "quality", "upscale")
    },
    "load_data": lambda had, odd: ganforge.load_data(odd),
    **{
        f"load_data {name}": lambda had, odd, name=name: ganforge.load_data("digits", **{name: odd})
        for name in [*list(inspect.signature(ganforge.load_data).parameters)[1:], *PREPARED_BY]
    },
    "grid": lambda had, odd: ganforge.grid(odd),
    "grid columns": lambda had, odd: ganforge.grid(pictures(), odd),
    "grid scale": lambda had, odd: ganforge.grid(pictures(), scale=odd),
    "evaluate": lambda had, odd: evaluate(odd, wanted=Wanted(samples=5)),
    "evaluate samples": lambda had, odd: evaluate("nowhere", wanted=Wanted(samples=odd)),
    "evaluate features": lambda had, odd: evaluate("nowhere", wanted=Wanted(features=odd)),
    "evaluate out": lambda had, odd: evaluate("nowhere", out=odd),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_odd_values(call: str, runs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = 0
    for odd in ODD:
        try:
            CALLS[call](runs, odd)
        except UserError as error:
            refused += 1
            assert str(error)[0].isprintable()
            assert "\n" not in str(error)
    assert refused >= 4


def test_every_public_function_is_among_them() -> None:
    called = {name.partition(" ")[0] for name in CALLS}
    functions = {name for name in ganforge.__all__ if inspect.isfunction(getattr(ganforge, name))}
    methods = {name for name in vars(ganforge.Model) if not name.startswith("_")}
    assert functions | methods <= called


def test_what_stands_for_something_is_taken(runs: dict[str, Any], tmp_path: Path) -> None:
    run, model, told = runs["run"], runs["model"], runs["told"]
    config = ganforge.recipe("note", **TINY | {"total_nimg": 999})
    again = ganforge.train(config, tmp_path / "again", total_nimg="1.6e1")
    assert again.read_config()["settings"] == run.read_config()["settings"]
    assert torch.equal(ganforge.load(again).sample(range(4)), model.sample(range(4)))
    np.save(tmp_path / "pictures.npy", np.arange(1280, dtype=np.uint8).reshape(20, 8, 8))
    sized = ganforge.train("note", tmp_path / "sized", **TINY | {"data": tmp_path / "pictures.npy", "size": (4, 6)})
    assert ganforge.load(sized).shape == (1, 4, 6)
    assert ganforge.load(sized, torch.device("cpu")).device.type == "cpu"
    for seeds in (3, "3", np.array([3]), torch.tensor([3]), np.int64(3), iter([3])):
        assert torch.equal(model.sample(seeds), model.sample([3]))
    for labels in (7, "7", np.int64(7), [7, "7"], np.array([7, 7]), torch.tensor([7, 7], dtype=torch.int32)):
        assert torch.equal(told.sample([1, 2], labels), told.sample([1, 2], torch.tensor([7, 7])))
    assert torch.equal(model.generate(np.ones((2, 4))), model.generate(torch.ones(2, 4)))
    assert ganforge.grid(pictures().numpy()).size == ganforge.grid(pictures()).size
    assert len(ganforge.load_data(tmp_path / "pictures.npy", size=4)) == 20
    for side in (np.int64(64), np.array(64), torch.tensor(64), 64):
        assert make_config({"size": side}).size == "64"
    judged = evaluate(
        run.path, Against(test_data=tmp_path / "pictures.npy"), Wanted(samples=40, features=["random"])
    ).record
    assert judged["protocol"]["num_fakes"] == 40
    assert not any("was not measured" in text for text in judged["notes"])


@pytest.mark.parametrize(("labels", "said"), [
    ([3], "2 labels from 0 to 9 are needed, one for each picture, or a single one for all; 1 were given."),
    ([3, 3, 3], "2 labels from 0 to 9 are needed, one for each picture, or a single one for all; 3 were given."),
    ([3, 10], "2 labels from 0 to 9 are needed, one for each picture, or a single one for all; [3, 10] were given."),
    ("cat", "The classes 'cat' are not numbers and ranges such as 3 or 0-4,7."),
    (1.5, "A label must be a whole number, not 1.5."),
])  # fmt: skip
def test_labels_are_refused_in_a_sentence(labels: Any, said: str, runs: dict[str, Any]) -> None:
    with pytest.raises(UserError) as error:
        runs["told"].sample([1, 2], labels)
    assert str(error.value) == said


def test_true_and_a_text_are_no_numbers(runs: dict[str, Any]) -> None:
    model, told = runs["model"], runs["told"]
    for wrong in (
        lambda: model.sample([True]),
        lambda: told.sample([0], [True]),
        lambda: ganforge.grid(pictures(), True),
        lambda: ganforge.load_data("digits", max_images=True),
    ):
        with pytest.raises(UserError, match=r"must be a whole number, not True\.$"):
            wrong()
    with pytest.raises(UserError, match=r"^z holds a number that is not finite\.$"):
        model.generate(torch.full((2, 4), float("nan")))
    for wrong in (lambda: model.sample({3: 4}), lambda: model.sample(b"34")):
        with pytest.raises(UserError, match="The seeds must be a list, not"):
            wrong()


def test_an_array_of_pictures_is_told_what_to_do() -> None:
    for array in (np.zeros((20, 8, 8), np.uint8), torch.zeros(20, 8, 8)):
        with pytest.raises(
            UserError, match=r"^data names a data set or a path, and is an array of \(20, 8, 8\): save it"
        ):
            ganforge.train("note", data=array)


@pytest.mark.parametrize(("typed", "number"), [
    ("100k", 100_000), ("1e5", 100_000), ("2M", 2_000_000), ("1.5M", 1_500_000),
    ("1.000001M", 1_000_001), ("2g", 2 * 10**9),
    ("9007199254740993", 2**53 + 1), ("9.007199254740993e15", 2**53 + 1), ("1_000", 1_000), (" 5 ", 5), (1e5, 100_000),
])  # fmt: skip
def test_whole_numbers_as_people_type_them(typed: Any, number: int) -> None:
    config = ganforge.recipe("note", total_nimg=typed, seed=typed)
    assert (config.total_nimg, config.seed) == (number, number)
    assert type(config.total_nimg) is int


@pytest.mark.parametrize("typed", ["1.5", "1.0001k", "k", "1e-1", "1,000", "0x10", "", "M1", "1e5e5", "inf", 1.5, True])
def test_what_is_no_whole_number(typed: Any) -> None:
    with pytest.raises(UserError, match=r"^total_nimg cannot be '.*': it should be a (whole )?number\.$"):
        ganforge.recipe("note", total_nimg=typed)


def test_a_number_beyond_all_is_too_large() -> None:
    with pytest.raises(UserError, match="it should be less than"):
        ganforge.recipe("note", total_nimg="1e999")


def test_on_the_command_line_too() -> None:
    parser, _ = make_parser([])
    given = parser.parse_args(["evaluate", "run", "--samples", "2k"])
    assert given.samples == 2_000
    given = parser.parse_args(["sample", "run", "--frames", "1e2", "--count", "0.1k"])
    assert (given.frames, given.count) == (100, 100)
    with pytest.raises(UserError, match=r"--samples: '1e999' is too large"):
        parser.parse_args(["evaluate", "run", "--samples", "1e999"])
    with pytest.raises(UserError, match=r"--samples: '1\.5' is no whole number, such as 5000, 1e5, 100k or 1\.5M"):
        parser.parse_args(["evaluate", "run", "--samples", "1.5"])
