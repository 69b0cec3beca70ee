"""Crafted run files: what may lie in a run folder that came from elsewhere, and every command that reads it."""

import contextlib
import json
import os
import random
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from attack import runs, watching
from attack.outcome import Attempt
from attack.runs import READERS, Fixtures, run_in
from ganforge.base.tensorfile import read_tensorfile, write_tensorfile

Craft = Callable[[Path], object]
ESC = "e\x1b[2J\x1b]0;x\x07\n\u202e"
VALUES: dict[str, Any] = {
    "null": None, "text": "abc", "escapes": ESC, "a list": [], "an object": {}, "true": True, "below 0": -1,
    "10^30": 10**30, "1e308": 1e308, "NaN": float("nan"), "infinity": float("inf"), "a long text": "x" * 2_000_000,
    "surrogate": "\ud800", "dollars": "$\\frac{", "a path": "../../../thesis", "markup": "<script>alert(1)</script>",
}  # fmt: skip
FILES = ("config.json", "status.json", "stats.jsonl", "metrics.jsonl", "findings.jsonl", "reals.png",
         "fakes-000000640.png", "evolution.webp", "evaluation-000001280-abc.json", "snapshots/000001280.safetensors",
         "checkpoints/000001280.safetensors", ".lock", "snapshots", "checkpoints")  # fmt: skip


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def bind(path: Path) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        os.chdir(path.parent)  # the name of a socket may be 107 bytes long
        listener.bind(path.name)


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero, for those who may
    except PermissionError:
        path.symlink_to("/dev/zero")


def deep(path: Path) -> None:
    path.write_text("[" * 200_000 + "\n" + '{"nimg": 640, "x": ' + "[" * 200_000, encoding="utf-8")


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 3 << 30)


PRETENDERS: dict[str, Craft] = {
    "a link to the user's": lambda path: path.symlink_to(home_of(path) / "thesis"),
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to(home_of(path) / "project" / "nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to the home": lambda path: path.symlink_to(home_of(path), target_is_directory=True),
    "a pipe": os.mkfifo,
    "a socket": bind,
    "a device": device,
    "a folder": lambda path: path.mkdir(),
    "empty": lambda path: path.touch(),
    "bytes": lambda path: path.write_bytes(random.Random(0).randbytes(5000)),
    "3 GiB of zeros": huge,
    "brackets": deep,
}


def home_of(path: Path) -> Path:
    return next(parent for parent in path.parents if parent.name == "home")


def pretending(name: str, craft: Craft, run: Path) -> None:
    remove(run / name)
    craft(run / name)


def changed_json(name: str, keys: tuple[str, ...], value: Any, run: Path) -> None:
    """One value of a JSON file, or of the last line of a log; ``keys`` lead to it."""
    path = run / name
    lines = path.read_text(encoding="utf-8").splitlines() if name.endswith("l") else [path.read_text(encoding="utf-8")]
    content = json.loads(lines[-1])
    place = content
    for key in keys[:-1]:
        place = place[key]
    if value is REMOVED:
        place.pop(keys[-1], None)
    else:
        place[keys[-1]] = value
    path.write_text("\n".join([*lines[:-1], json.dumps(content)]) + "\n", encoding="utf-8")


REMOVED = object()


def changed_tensors(kind: str, change: Callable[[dict[str, Any], dict[str, Any]], object], run: Path) -> None:
    """A snapshot or checkpoint with other tensors or facts, and right digests."""
    path = run / f"{kind}s" / "000001280.safetensors"
    tensors, facts = read_tensorfile(path, kind)
    change(tensors, facts)
    write_tensorfile(path, str(facts.pop("kind", kind)), tensors, facts)


def fact(name: str, value: Any, tensors: dict[str, Any], facts: dict[str, Any]) -> None:
    if value is REMOVED:
        facts.pop(name, None)
    else:
        facts[name] = value


def setting(changes: dict[str, Any], tensors: dict[str, Any], facts: dict[str, Any]) -> None:
    facts["settings"] = facts["settings"] | changes


def tensor_cases() -> dict[str, Callable[[dict[str, Any], dict[str, Any]], object]]:
    def first(tensors: dict[str, Any]) -> str:
        return sorted(tensors)[0]

    return {
        "no tensors": lambda tensors, facts: tensors.clear(),
        "one tensor less": lambda tensors, facts: tensors.pop(first(tensors)),
        "another tensor": lambda tensors, facts: tensors.update({ESC: torch.zeros(3)}),
        "layers.x": lambda tensors, facts: tensors.update({"layers.x.weight": torch.zeros(3)}),
        "not finite": lambda tensors, facts: tensors.update({first(tensors): tensors[first(tensors)] * float("nan")}),
        "another type": lambda tensors, facts: tensors.update({first(tensors): tensors[first(tensors)].bool()}),
        "another shape": lambda tensors, facts: tensors.update({first(tensors): torch.zeros(1, 2, 3, 4)}),
        "100 MB": lambda tensors, facts: tensors.update({first(tensors): torch.zeros(25_000_000)}),
    }


def config_cases() -> dict[str, Craft]:
    odd = {
        "batch_size": 10**9, "z_dim": 10**9, "g_hidden": [10**6, 10**6], "d_hidden": [1] * 100_000, "grid_size": 10**6,
        "total_nimg": 10**30, "data": "../../..", "data_dir": "/", "test_data": "/", "recipe": ESC, "threads": 10**9,
        "report_nimg": 1, "metric_samples": 10**12, "init_from": "../../../thesis", "generator": ESC, "seed": -1,
        "keep_checkpoints": 0, "ema_halflife_nimg": -1, "blocks": 10**9,
    }  # fmt: skip
    cases: dict[str, Craft] = {
        f"config.json: settings.{name}": partial(changed_json, "config.json", ("settings", name), value)
        for name, value in odd.items()
    }
    for name in ("/", "hub:../..", "hub:a/b", ESC, "~", "digits/../../.."):
        cases[f"config.json: data {name!r}"] = partial(changed_json, "config.json", ("settings", "data"), name)
    many = {f"s{number}": number for number in range(300_000)}
    cases["config.json: 300,000 settings"] = partial(changed_json, "config.json", ("settings",), many)
    for key in ("settings", "data", "environment"):
        for what in ("null", "a list", "text", "escapes", "10^30"):
            cases[f"config.json: {key} is {what}"] = partial(changed_json, "config.json", (key,), VALUES[what])
    for key in ("name", "source", "count", "shape", "fingerprint", "num_classes", "class_names"):
        cases[f"config.json: data.{key}"] = partial(changed_json, "config.json", ("data", key), VALUES["escapes"])
    return cases


def cases() -> dict[str, Craft]:
    """What is crafted, and how; at least 200."""
    found: dict[str, Craft] = {
        f"{name} is {what}": partial(pretending, name, craft) for name in FILES for what, craft in PRETENDERS.items()
    }
    found |= config_cases()
    for name, keys in (
        ("status.json", ("state", "nimg", "total_nimg", "reason", "pid", "time")),
        ("stats.jsonl", ("nimg", "step", "D/loss")),
        ("metrics.jsonl", ("nimg", "figures", "protocol", "subject", "notes")),
    ):  # fmt: skip
        for key in keys:
            for what, value in VALUES.items():
                found[f"{name}: {key} is {what}"] = partial(changed_json, name, (key,), value)
    for kind, keys in (
        ("snapshot", ("format", "nimg", "shape", "num_classes", "settings", "class_names", "kind")),
        ("checkpoint", ("format", "nimg", "settings", "step", "stats", "elapsed_sec", "reported_nimg",
                        "measured_nimg")),
    ):  # fmt: skip
        for key in keys:
            for what in ("removed", "null", "escapes", "a list", "10^30", "NaN", "below 0"):
                change = partial(fact, key, VALUES.get(what, REMOVED))
                found[f"{kind}: {key} is {what}"] = partial(changed_tensors, kind, change)
        for name, change in tensor_cases().items():
            found[f"{kind}: {name}"] = partial(changed_tensors, kind, change)
        for changes in (
            {"g_hidden": [20_000, 20_000]},
            {"z_dim": 10**8},
            {"data": "/"},
            {"generator": ESC},
            {"blocks": 10**6},
        ):
            found[f"{kind}: settings {changes}"] = partial(changed_tensors, kind, partial(setting, changes))
    found["snapshot: a shape of 65,536 x 65,536"] = partial(
        changed_tensors, "snapshot", partial(fact, "shape", [3, 65536, 65536]))  # fmt: skip
    return found


SPREAD = 5
"""Of the many values of a log or a fact, every so manieth is tried with a command; the pretenders with all."""


def attempts(fixtures: Fixtures, seed: int) -> Iterator[Attempt]:
    commands = {name: partial(read, name) for name in READERS} | {"watch": watching.look_at_all}
    for name, run in commands.items():
        yield runs.normal("run-files", f"run files: {name}", run, fixtures.copy_half)
    planned = [(what, craft, name) for what, craft in cases().items() for name in commands]
    random.Random(seed).shuffle(planned)
    pretending_files = [one for one in planned if " is " in one[0] and one[0].split(" is ")[0] in FILES]
    others = [one for one in planned if one not in pretending_files]
    for what, craft, name in [*pretending_files, *others[:: SPREAD // 2]]:
        yield Attempt("run-files", f"{name}: {what}", f"run files: {name}", commands[name],
                      partial(lay_out, fixtures, craft))  # fmt: skip


def lay_out(fixtures: Fixtures, craft: Craft, home: Path) -> None:
    craft(fixtures.copy_half(home))


def read(name: str, home: Path) -> int:
    return runs.command(name, run_in(home))
