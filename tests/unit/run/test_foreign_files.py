"""Run folders from anywhere: whatever their JSON holds, the answer is a result or one sentence, never a traceback."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.stopping import StopRequest
from ganforge.base.tensorfile import read_tensorfile, write_tensorfile
from ganforge.cli.train import how_it_ended
from ganforge.config import Config, make_config
from ganforge.data.load import load
from ganforge.judging.comparison import compare
from ganforge.judging.comparison_plot import save_plot
from ganforge.judging.comparison_text import render
from ganforge.judging.description import describe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import find_snapshot
from ganforge.training.build import build_state, source_of
from ganforge.training.state import TrainingState

SETTINGS: dict[str, Any] = {
    "data": "digits", "g_hidden": [8], "d_hidden": [8], "z_dim": 4, "batch_size": 64, "total_nimg": 192,
    "report_nimg": 128, "snapshot_nimg": 96, "metric_samples": 20, "device": "cpu", "ema_halflife_nimg": 1000,
}  # fmt: skip
JUMBLE = '"\x1b[2J\n\u202e$x_{$"\\'


def deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


ODD = [
    None, True, -1, 0, 3, 2**31, 2**63, 10**400, -(2**70), 0.5, 1e308, -1e308, 5e-324, float("nan"), float("inf"),
    "", "abc", JUMBLE, "\ud800", "a\0b", "../../x", "x" * 10_000, [], [[]], [None], [1] * 5_000, ["a", 1], {}, {"a": 1},
    {JUMBLE: {JUMBLE: JUMBLE}}, {"\ud800": 1}, deep(200),
]  # fmt: skip
"""A value of every kind that JSON has."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and an evaluation of it."""
    folder = ganforge.train("note", out=tmp_path_factory.mktemp("made") / "run", **SETTINGS)
    record = next(iter(folder.metrics_rows()))
    folder.evaluation(192, record["protocol"]["id"]).write_text(json.dumps(record | {"nimg": 192}))
    return folder.path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(made, tmp_path / "run"))


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything that JSON holds, itself included."""
    yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*way, key))


def changed(value: Any, way: tuple[Any, ...], odd: Any) -> Any:
    """A copy with something odd at a place."""
    if not way:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = changed(copy[way[0]], way[1:], odd)
    return copy


def without(value: Any, way: tuple[Any, ...]) -> Any:
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(way) == 1:
        del copy[way[0]]
    else:
        copy[way[0]] = without(copy[way[0]], way[1:])
    return copy


def some(value: dict[str, Any]) -> st.SearchStrategy[Any]:
    """The value with one or two places made odd, lost, or under another name."""
    ways = [way for way in places(value) if way]
    way = st.sampled_from(ways)
    odd = st.sampled_from(ODD)
    one = st.builds(partial(changed, value), way, odd) | st.builds(partial(without, value), way)
    more = st.builds(lambda key, odd: value | {key: odd}, st.sampled_from(["new", JUMBLE, "\ud800", "y" * 5_000]), odd)
    return one | more | st.sampled_from(ODD)


def answered(do: Callable[[], Any]) -> Any:
    """What it gives; None where it is refused by a sentence that a terminal can show."""
    try:
        return do()
    except UserError as error:
        assert str(error)
        assert len(str(error)) < 2_000
        return None


@contextmanager
def put_back(*paths: Path) -> Iterator[None]:
    """What is written to the files in this context is undone at its end."""
    before = {path: path.read_bytes() for path in paths}
    try:
        yield
    finally:
        for path, content in before.items():
            path.write_bytes(content)


QUICK = settings(
    max_examples=50, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def test_settings_of_any_kind() -> None:
    usual = Config().model_dump(mode="json")
    for name in usual:
        for odd in ODD:
            answered(lambda name=name, odd=odd: make_config(usual | {name: odd}, source="FILE"))


@QUICK
@given(st.data())
def test_snapshots_facts_of_any_kind(run: RunFolder, data: st.DataObject) -> None:
    path = run.all_snapshots()[-1][1]
    tensors, facts = read_tensorfile(path, "snapshot")
    spoiled = path.with_name("spoiled.safetensors")
    put(spoiled, tensors, data.draw(some(facts)))
    model = answered(lambda: ganforge.load(spoiled, device="cpu"))
    if model is not None:
        assert model.sample([0]).shape[1:] == (1, 8, 8)
    answered(lambda: source_of(make_config(SETTINGS | {"init_from": str(spoiled)})))


def put(path: Path, tensors: dict[str, torch.Tensor], facts: Any) -> None:
    """A file whose digest is right, whatever the facts are."""
    from safetensors.torch import save_file

    from ganforge.base.tensorfile import _digest

    text = json.dumps(facts)
    save_file(tensors, path, {"ganforge": text, "sha256": _digest(text, tensors)})


@QUICK
@given(st.data())
def test_tensors_of_any_kind(run: RunFolder, data: st.DataObject) -> None:
    """Of checkpoints and snapshots: other names, shapes and types, beside what is right or in its place."""
    odd_tensors = [
        torch.zeros(()), torch.zeros(0), torch.zeros(3), torch.zeros(2, 2), torch.zeros(1, 1, 1, 1, 1, 1),
        torch.zeros(3, dtype=torch.int64), torch.zeros(2, 0), torch.full((8, 4), float("nan")),
        torch.zeros(8, 4, dtype=torch.bfloat16), torch.zeros(8, 4, dtype=torch.float64),
        torch.zeros(2, dtype=torch.bool),
        torch.zeros(2, dtype=torch.float8_e5m2),
    ]  # fmt: skip
    if torch.complex64 in safetensors.torch._SIZE:  # the lowest version cannot write them
        odd_tensors.append(torch.zeros(2, dtype=torch.complex64))
    for kind, path in (("snapshot", run.all_snapshots()[-1][1]), ("checkpoint", run.all_checkpoints()[-1][1])):
        tensors, facts = read_tensorfile(path, kind)
        odd_names = ["x", "layers.x", "layers.x.y", "layers.-1.weight", "G.layers.x", "stats.x", "stats.real_logits",
                     "G.layers.99999999999999999999.weight", JUMBLE]  # fmt: skip
        name = data.draw(st.sampled_from([*tensors, *odd_names]))
        spoiled = tensors | {name: data.draw(st.sampled_from(odd_tensors))}
        with put_back(path):
            put(path, spoiled, facts)
            if kind == "checkpoint":
                answered(lambda: state_from(run))
                answered(lambda: started_from(run.path))
            else:
                answered(lambda path=path: ganforge.load(path, device="cpu"))
                answered(lambda path=path: started_from(path))


def fresh_state() -> TrainingState:
    config = make_config(SETTINGS)
    return build_state(config, load("digits"), torch.device("cpu"))


def state_from(run: RunFolder) -> TrainingState:
    state = fresh_state()
    tensors, facts, _ = load_newest_checkpoint(run)
    state.load(tensors, facts)
    state.stats.row()
    return state


def started_from(path: Path) -> object:
    from ganforge.training.build import start_from

    config = make_config(SETTINGS | {"init_from": str(path)})
    return start_from(source_of(config), config, fresh_state(), load("digits"))


@QUICK
@given(st.data())
def test_checkpoints_facts_of_any_kind(run: RunFolder, data: st.DataObject) -> None:
    path = run.all_checkpoints()[-1][1]
    tensors, facts = read_tensorfile(path, "checkpoint")
    with put_back(path):
        put(path, tensors, data.draw(some(facts)))
        answered(lambda: state_from(run))
        answered(lambda: source_of(make_config(SETTINGS | {"init_from": str(run.path)})))


@QUICK
@given(st.data())
def test_records_of_any_kind(run: RunFolder, data: st.DataObject) -> None:
    rows = list(run.metrics_rows())
    spoiled = [data.draw(some(rows[-1])), *rows[data.draw(st.integers(0, len(rows))) :]]
    [evaluation] = run.all_evaluations()
    with put_back(run.metrics, evaluation):
        run.metrics.write_text("".join(json.dumps(row) + "\n" for row in spoiled), encoding="utf-8")
        evaluation.write_text(json.dumps(data.draw(some(rows[-1]))), encoding="utf-8")
        answered(lambda: find_snapshot(run.path, best=True))
        compared(run)


def compared(*runs: RunFolder) -> None:
    comparison = answered(lambda: compare([run.path for run in runs]))
    if comparison is not None:
        lines = render(comparison).split("\n")
        assert all(line.isprintable() for line in lines), lines
        answered(lambda: save_plot(comparison, runs[0].path.parent / "plot.png"))


@QUICK
@given(st.data())
def test_config_json_of_any_kind(run: RunFolder, made: Path, data: st.DataObject) -> None:
    config = json.loads(run.config.read_text())
    with put_back(run.config):
        run.config.write_text(json.dumps(data.draw(some(config))), encoding="utf-8")
        with suppress(UserError):
            stored = run.read_config()
            answered(lambda: make_config(stored["settings"], source=run.config))
        answered(lambda: source_of(make_config(SETTINGS | {"init_from": str(run.path)})))
        compared(run, RunFolder(made))


@pytest.mark.parametrize("depth", [500, 900, 940, 950, 960, 970, 980, 990, 100_000])
def test_json_that_is_nested_as_deeply_as_can_be_read_or_deeper(depth: int, run: RunFolder, made: Path) -> None:
    nested = "[" * depth + "]" * depth
    config, rows = run.config.read_text(), run.metrics.read_text().splitlines()
    config = config.replace('"z_dim": 4', f'"z_dim": {nested}')
    assert nested in config
    run.metrics.write_text("\n".join([*rows, rows[-1].replace('"seed": 0', f'"seed": {nested}', 1)]) + "\n")
    [evaluation] = run.all_evaluations()
    evaluation.write_text(rows[-1].replace('"protocol": {', f'"protocol": {{"new": {nested}, ', 1))
    compared(run, RunFolder(made))
    answered(lambda: find_snapshot(run.path, best=True))
    run.config.write_text(config)
    compared(run, RunFolder(made))
    answered(lambda: source_of(make_config(SETTINGS | {"init_from": str(run.path)})))


def test_a_subjects_name_is_no_markup(run: RunFolder) -> None:
    record = next(iter(run.metrics_rows()))
    record["subject"]["name"] = f"[/] [bold]a[/bold] {JUMBLE}"
    text = describe(record)
    assert "[/] [bold]a[/bold]" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_resuming_says_what_is_wrong_before_it_begins(run: RunFolder) -> None:
    from ganforge.training.progress import Progress
    from ganforge.training.start import resume_run

    path = run.all_checkpoints()[-1][1]
    tensors, facts = read_tensorfile(path, "checkpoint")
    kept = {name: facts[name] for name in facts if name != "kind"}
    write_tensorfile(path, "checkpoint", tensors, kept | {"step": "many"})
    answered(lambda: resume_run(run, {"total_nimg": 1280}, Progress(), StopRequest()))


def test_other_networks_than_the_settings_are_not_built(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    from ganforge.networks.construct import build_generator
    from ganforge.training.progress import Progress
    from ganforge.training.start import resume_run

    config = json.loads(run.config.read_text())
    config["settings"]["g_hidden"] = [20_000, 20_000]
    run.config.write_text(json.dumps(config))
    path = run.all_checkpoints()[-1][1]
    tensors, facts = read_tensorfile(path, "checkpoint")
    put(path, tensors, facts | {"settings": config["settings"]})

    def only_outlines(*given: Any, meta: bool = False, **named: Any) -> torch.nn.Module:
        assert meta
        return build_generator(*given, meta=meta, **named)

    monkeypatch.setattr("ganforge.training.build.build_generator", only_outlines)
    with pytest.raises(UserError, match=r"The checkpoint's G does not fit its own settings: .*instead of \(20000, "):
        resume_run(run, {"total_nimg": 1280}, Progress(), StopRequest())


def test_more_settings_and_evaluations_than_there_are(run: RunFolder, made: Path) -> None:
    [evaluation] = run.all_evaluations()
    for number in range(1_000):
        shutil.copy(evaluation, run.path / f"evaluation-{number:09d}-{number:08x}.json")
    assert f"{run.path}: the first 1 of 1,001 evaluations are left out." in compare([run.path]).complaints
    config = json.loads(run.config.read_text())
    config["settings"] |= {f"new_{number}": 1 for number in range(1_000)}
    run.config.write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"settings, far more than there are; put back a copy\."):
        compare([run.path, made])


def test_figures_are_read_from_plain_files_only(run: RunFolder) -> None:
    [evaluation] = run.all_evaluations()
    for path, place in ((run.metrics, "/dev/zero"), (evaluation, "/dev/zero")):
        path.unlink()
        path.symlink_to(place)
    assert compare([run.path]).runs[0].measured == {}
    run.metrics.unlink()
    os.mkfifo(run.metrics)
    assert any("a pipe, socket or device" in line for line in compare([run.path]).complaints)


@pytest.mark.parametrize(
    "change",
    [
        {"value": 1.5e308}, {"value": 10**400}, {"value": float("nan")}, {"floor": -1e31}, {"spread": float("inf")},
    ],
    ids=str,
)  # fmt: skip
def test_figures_that_cannot_be_drawn_are_no_record(change: dict[str, Any], run: RunFolder) -> None:
    [evaluation] = run.all_evaluations()
    record = json.loads(evaluation.read_text())
    record["figures"]["FD/random"] = {"value": 3.0, "floor": 1.0, "spread": None, "better": "lower"}
    evaluation.write_text(json.dumps(record))
    assert compare([run.path]).complaints == []
    record["figures"]["FD/random"] |= change
    evaluation.write_text(json.dumps(record))
    assert f"{evaluation} is no whole record, and left out." in compare([run.path]).complaints


def test_names_in_records_stay_in_their_line(run: RunFolder) -> None:
    [evaluation] = run.all_evaluations()
    record = json.loads(evaluation.read_text())
    record["figures"][JUMBLE] = {"value": 3.0, "better": "lower"}
    record["protocol"] |= {"data": JUMBLE, "split": JUMBLE, "id": JUMBLE, "extractors": {JUMBLE: JUMBLE}}
    evaluation.write_text(json.dumps(record))
    text = render(compare([run.path]))
    assert "\\x1b[2J\\n\\u202e" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_finished_run_has_finished_even_where_its_status_cannot_be_read(run: RunFolder) -> None:
    run.status.write_text("[")
    assert how_it_ended(run, StopRequest()) == 0
    stopped = StopRequest()
    stopped.signum = 15
    assert how_it_ended(run, stopped) == 128 + 15


def test_a_name_that_no_system_has() -> None:
    for name in ("a\0b", "x" * 4_097):
        with pytest.raises(UserError, match="it should hold at most 4,096 characters, and none of them NUL"):
            make_config({"data": name})
