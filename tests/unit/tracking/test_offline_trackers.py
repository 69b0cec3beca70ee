"""The trackers that have a server, told by the real process in their offline modes, and read back."""

import importlib.util
import json
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_runs import NOTHING, make_run, report

from ganforge.run.folder import RunFolder
from ganforge.tracking.taken import newest, read_taken
from ganforge.tracking.trackers import start_process

KEY = "0123456789abcdef0123456789abcdef01234567"


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"{package} is not installed")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_", "TRACKIO_"))]:
        monkeypatch.delenv(name)
    own = tmp_path / "own"
    own.mkdir()
    settings = {
        "HOME": own, "WANDB_MODE": "offline", "WANDB_DIR": own, "WANDB_API_KEY": KEY, "MLFLOW_TRACKING_TOKEN": KEY,
        "MLFLOW_TRACKING_URI": f"file:{own}/mlruns", "MLFLOW_ALLOW_FILE_STORE": "true", "TRACKIO_DIR": own,
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    return own


def tell(folder: RunFolder, name: str, session: int, there: dict[str, int]) -> None:
    """The process, for a training that has ended."""
    process = start_process([str(folder.path), name, json.dumps([session, there])])
    process.communicate(timeout=100)
    assert process.returncode == 0
    taken = read_taken(folder, name)
    assert (taken.error, taken.closed, taken.session) == ("", True, session)


def stopped_and_resumed(
    tmp_path: Path, name: str, look_between: Callable[[RunFolder], object] = lambda _: None
) -> RunFolder:
    """A run of two processes, the second of which has made the last row of the first anew."""
    folder = make_run(tmp_path / "run", (10, 20), (20,), state="stopped")
    tell(folder, name, 1, NOTHING)
    first = read_taken(folder, name).run
    look_between(folder)
    folder.cut_after(10, 20)
    there = newest(folder)
    report(folder, 20)
    report(folder, 30)
    folder.write_status("finished", 30, 30)
    tell(folder, name, 2, there)
    assert read_taken(folder, name).run == first
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]  # a key is the tracker's own affair
    return folder


@needs("mlflow")
def test_mlflow_in_files(tmp_path: Path, place: Path) -> None:
    def check_stopped(folder: RunFolder) -> None:
        (run,) = (place / "mlruns").glob(f"*/{read_taken(folder, 'mlflow').run}")
        assert "\nstatus: 5\n" in (run / "meta.yaml").read_text(encoding="utf-8")  # killed

    folder = stopped_and_resumed(tmp_path, "mlflow", check_stopped)
    (run,) = (place / "mlruns").glob(f"*/{read_taken(folder, 'mlflow').run}")
    lines = (run / "metrics" / "Loss" / "D").read_text(encoding="utf-8").splitlines()
    assert [line.split()[1:] for line in lines] == [["0.1", "10"], ["0.2", "20"], ["0.3", "30"]]
    assert (run / "metrics" / "Loss" / "D.fakes").exists()
    assert (run / "metrics" / "Floors" / "FD.random").read_text(encoding="utf-8").split()[1:] == ["0.5", "20"]
    assert (run / "params" / "lr").read_text(encoding="utf-8") == "0.0003"
    assert len(list((run / "artifacts" / "images").glob("grid*.png"))) == 3
    assert "\nstatus: 3\n" in (run / "meta.yaml").read_text(encoding="utf-8")  # finished


READ_WANDB = """
import json, sys
from wandb.proto.wandb_internal_pb2 import Record
rows, config, endings = [], {}, []
for text in json.load(sys.stdin):
    record = Record()
    record.ParseFromString(bytes.fromhex(text))
    if record.HasField("history"):
        history = record.history
        values = {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in history.item}
        rows.append([history.step.num, values])
    if record.HasField("run"):
        config |= {i.key: json.loads(i.value_json) for i in record.run.config.update}
    if record.HasField("exit"):
        endings.append(record.exit.exit_code)
print(json.dumps([rows, config, endings]))
"""


def records(file: Path) -> list[bytes]:
    """Of a file in the format of LevelDB's log: blocks of 32 KiB; 7 bytes before a record or a part of one."""
    content, found, part = file.read_bytes(), [], b""
    at = 7
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, size, kind = struct.unpack("<IHB", content[at : at + 7])
        part += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or its last part
            found.append(part)
            part = b""
    return found


def read_wandb(file: Path) -> Any:
    given = json.dumps([record.hex() for record in records(file)])
    done = subprocess.run([sys.executable, "-c", READ_WANDB], input=given, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@needs("wandb")
def test_wandb_offline(tmp_path: Path, place: Path) -> None:
    folder = stopped_and_resumed(tmp_path, "wandb")
    run = read_taken(folder, "wandb").run
    first, second = sorted((place / "wandb").glob(f"offline-run-*-{run}/run-{run}.wandb"))
    rows, config, endings = read_wandb(first)
    assert [(step, values["Loss/D"]) for step, values in rows] == [(10, 0.1), (20, 0.2)]
    assert rows[1][1]["Figures/FD/random"] == 2.0
    assert rows[1][1]["Floors/FD/random"] == 0.5
    assert config["lr"] == 0.0003
    assert endings == [0]
    rows, _, endings = read_wandb(second)
    assert [(step, values["Loss/D"]) for step, values in rows] == [(30, 0.3)]
    assert endings == [0]
    assert len(list((place / "wandb").glob("offline-run-*/files/media/images/grid*.png"))) == 3


@needs("trackio")
def test_trackio_on_this_machine(tmp_path: Path, place: Path) -> None:
    folder = stopped_and_resumed(tmp_path, "trackio")
    with sqlite3.connect(place / "ganforge.db") as base:
        logged = base.execute("select step, run_name, metrics from metrics order by step").fetchall()
    base.close()
    assert {run for _, run, _ in logged} == {read_taken(folder, "trackio").run}
    values = [(step, json.loads(text)) for step, _, text in logged]
    assert [(step, row["Loss/D"]) for step, row in values if "Loss/D" in row] == [(10, 0.1), (20, 0.2), (30, 0.3)]
    assert [(step, row["Floors/FD/random"]) for step, row in values if "Floors/FD/random" in row] == [(20, 0.5)]
    assert [step for step, row in values if "grid" in row] == [10, 20, 30]
