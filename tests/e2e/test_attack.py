"""A share of benchmarks/attack.py, the same every time; and that it would notice each kind of harm."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from pages import patience

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SHARES = {"faults": 0.004, "cuts": 0.05, "run-files": 0.01, "archives": 0.03, "pictures": 0.05, "damaged": 0.005,
          "page": 0.015}  # fmt: skip
"""Of each sweep: some 80 attempts in all."""

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not all(map(find_spec, ("nicegui", "datasets", "pyarrow"))),
    reason="the attack forks, looks into /proc, and attacks the page and Parquet files",
)


def test_a_share_of_the_attack_finds_nothing() -> None:
    shares = ",".join(f"{name}={share}" for name, share in SHARES.items())
    command = [sys.executable, str(BENCHMARKS / "attack.py"), "--share", shares, "--patience", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-5000:]
    found = re.search(r"^(\d+) attempts, 0 faults", done.stdout, re.MULTILINE)
    assert found is not None
    assert int(found[1]) > 60


HARM = """
import os, signal, sys, time
from pathlib import Path

sys.path.insert(0, {benchmarks!r})
from attack.fork import run_all
from attack.outcome import Attempt, judge_memory

def touch(home): (home / ".bash-history").write_text("")
def remove(home): (home / "thesis").unlink()
def outside(home): (home / "new").touch()
def fail(home): raise KeyError("x")
def wait(home): time.sleep(60)
def take(home): held = b"x" * (1300 << 20)
def take_more(home): held = [b"x" * (100 << 20) for _ in range(60) if not time.sleep(0.02)]
def escape(home): print("a\\x1b[2Jb")
def mumble(home): print("no", file=sys.stderr); return 2
def die(home): os.kill(os.getpid(), signal.SIGSEGV)
def refuse(home): print("ganforge: No.", file=sys.stderr); return 2
def well(home): pass

tries = [Attempt("x", f.__name__, "x", f, limit_s={limit_s}, normal=f is well) for f in
         (well, touch, remove, outside, fail, wait, take, take_more, escape, mumble, die, refuse)]
outcomes = list(run_all(tries, 2))
judge_memory(outcomes)
for one in outcomes:
    print(one.attempt.what, one.result)
"""


def test_harm_is_noticed() -> None:
    command = [sys.executable, "-c", HARM.format(benchmarks=str(BENCHMARKS), limit_s=3 * patience())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert dict(line.split(" ", 1) for line in done.stdout.splitlines()) == {
        "well": "ok", "refuse": "refused", "touch": "TOUCHED", "remove": "TOUCHED", "outside": "TOUCHED",
        "fail": "TRACEBACK", "wait": "HANG", "take": "OVER BUDGET", "take_more": "OVER BUDGET", "escape": "ESCAPE",
        "mumble": "NO SENTENCE", "die": "CRASH",
    }  # fmt: skip


INJECT = """
import errno, os, sys, tempfile
from pathlib import Path

sys.path.insert(0, {benchmarks!r})
from attack.inject import Injector

root, outside = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())

def work():
    (outside / "a").write_bytes(b"12345678")
    (root / "a").write_bytes(b"12345678")
    (root / "a").replace(root / "b")
    (root / "b").read_bytes()
    (root / "b").unlink()

injector = Injector(root, int(sys.argv[1]), sys.argv[2], lasting=sys.argv[3:] == ["lasting"])
injector.start()
try:
    work()
except OSError as error:
    print(errno.errorcode[error.errno], len(injector.points))
injector.done = True
print(", ".join(injector.points), "|", *((path.name, path.stat().st_size) for path in root.iterdir()))
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-1", "EIO"], ["create folder, write folder, rename folder, read folder, remove folder |"]),
        (["1", "ENOSPC"], ["ENOSPC 2", "create folder, write folder | ('a', 4)"]),
        (["2", "EACCES"], ["EACCES 3", "create folder, write folder, rename folder | ('a', 8)"]),
        (
            ["1", "EMFILE", "lasting"],
            ["EMFILE 4", "create folder, write folder, rename folder, read folder | ('b', 8)"],
        ),
        (["1", "SIGKILL"], []),
    ],
)
def test_faults_befall_the_call_that_they_should(arguments: list[str], said: list[str]) -> None:
    command = [sys.executable, "-c", INJECT.format(benchmarks=str(BENCHMARKS)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == said
    assert (done.returncode == -9) == (arguments[1] == "SIGKILL"), done.stderr


def test_what_is_changed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from attack import home

    home.lay_out(tmp_path)
    before = home.look(tmp_path / "home")
    assert len([state for state in before.values() if len(state) > 1]) == len(home.OWN)
    assert home.changes(before, home.look(tmp_path / "home")) == []
    harms: dict[str, Callable[[Path], object]] = {
        "is gone": Path.unlink,
        "is changed": lambda path: os.utime(path),
        "is new": lambda path: path.with_name("another").touch(),
    }
    for word, harm in harms.items():
        harm(tmp_path / "home" / "thesis")
        assert any(word in change for change in home.changes(before, home.look(tmp_path / "home")))
        home.put(tmp_path / "home" / "thesis")
