"""The same run twice: the same bytes in its files, but for what the clock and the process say."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from short_runs import repeatable

from ganforge.run.folder import RunFolder

TRAIN = [
    "train", "fast", "--data=digits", "--conditional", "--augment=ada", "--batch-size=16", "--g-width=4", "--d-width=4",
    "--device=cpu", "--total-nimg=160", "--report-nimg=64", "--snapshot-nimg=64", "--checkpoint-nimg=64",
    "--checkpoint-sec=1000", "--metric-samples=40", "--threads=1",
]  # fmt: skip
BY_NATURE = {"status.json", "stats.jsonl", "metrics.jsonl"}
"""Of these and of the checkpoints some values are times, memory or the process's number."""


def begun(folder: Path, hash_seed: int) -> "subprocess.Popen[bytes]":
    """In a process of its own, in which sets of texts have another order than in the other one."""
    code = "import sys; from ganforge.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *TRAIN, f"--out={folder}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONHASHSEED": str(hash_seed)})


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    """A checkpoint's header without its time and digest, as a list of pairs so that its order counts, and its rest."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    facts = json.loads(header["__metadata__"].pop("ganforge"))
    assert facts.pop("elapsed_sec") > 0
    assert header["__metadata__"].pop("sha256")
    return {"facts": json.dumps(facts), "header": json.dumps(header)}, content[start:]


def rows(path: Path) -> list[str]:
    """In the order of their keys, too."""
    lines = [repeatable(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return [json.dumps({name: value for name, value in line.items() if name != "seconds"}) for line in lines]


def test_two_runs_of_one_seed_have_the_same_bytes(tmp_path: Path) -> None:
    one, two = RunFolder(tmp_path / "one" / "run"), RunFolder(tmp_path / "two" / "run")
    processes = [begun(folder.path, hash_seed) for folder, hash_seed in ((one, 1), (two, 2))]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    names = {path.relative_to(one.path) for path in one.path.rglob("*") if path.is_file()}
    assert names == {path.relative_to(two.path) for path in two.path.rglob("*") if path.is_file()}
    checkpoints = {name for name in names if name.parts[0] == "checkpoints"}
    others = {name for name in names - checkpoints if name.name not in BY_NATURE}
    assert {"config.json", "reals.png", "evolution.webp", ".lock"} < {str(name) for name in others}
    assert len([name for name in others if name.parts[0] == "snapshots"]) == 3
    differing = [str(name) for name in others if (one.path / name).read_bytes() != (two.path / name).read_bytes()]
    assert differing == []
    assert len(checkpoints) == 2
    for name in checkpoints:
        assert parts(one.path / name) == parts(two.path / name)
    for log in ("stats", "metrics"):
        assert rows(getattr(one, log)) == rows(getattr(two, log))
    told, expected = one.read_status(), two.read_status()
    assert {name for name in told if told[name] != expected[name]} <= {"pid", "time"}
