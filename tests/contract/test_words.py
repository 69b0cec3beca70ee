"""What goes to the terminal goes through one place, and a stream that cannot be written is no fault of the program."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ganforge

ROOT = Path(ganforge.__file__).parent
WRITERS = {"sys.stdout.write", "sys.stderr.write", "os.write", "sys.__stdout__.write", "sys.__stderr__.write"}


def written_directly(source: str) -> set[str]:
    """The calls in a file that write to the terminal, as they stand there. Who opens a descriptor may write to it."""
    calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    its_own = {"os.write"} if "os.open" in calls else set()
    return {call for call in calls if call in (WRITERS | {"print", "builtins.print"}) - its_own}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_one_file_writes_to_the_terminal(path: Path) -> None:
    found = written_directly(path.read_text(encoding="utf-8"))
    assert bool(found) == (path == ROOT / "base" / "terminal.py"), found


def test_direct_writing_is_seen() -> None:
    assert written_directly("def f():\n    print('x', file=y)") == {"print"}
    assert written_directly("sys.stderr.write('x')") == {"sys.stderr.write"}
    assert written_directly("os.write(1, b'x')") == {"os.write"}
    assert written_directly("os.write(os.open(path, 1), b'x')") == set()


@pytest.mark.parametrize(
    ("streams", "arguments", "status", "said"),
    [
        (">&-", ["recipes"], 0, ""),
        (">&- 2>&- <&-", ["recipes"], 0, ""),
        ("2>&-", ["trian"], 2, ""),
        ("2>/dev/full", ["trian"], 2, ""),
        (">/dev/full", ["recipes"], 1, "ganforge: The output cannot be written: No space left on device.\n"),
        (">/dev/full", ["--help"], 1, "ganforge: The output cannot be written: No space left on device.\n"),
        (">/dev/full", ["--version"], 1, "ganforge: The output cannot be written: No space left on device.\n"),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_streams_that_cannot_be_written(streams: str, arguments: list[str], status: int, said: str) -> None:
    command = ["sh", "-c", f'"$@" {streams}', "sh", sys.executable, "-m", "ganforge", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (status, said)


def test_a_closed_stderr_is_no_file_of_the_runs(tmp_path: Path) -> None:
    """A file that was opened in its place would receive what a signal's handler, or a library, writes there."""
    code = "import os, sys; from ganforge.cli import main as cli; "
    code += "cli.run_command = lambda *_: os._exit(open(sys.argv[1], 'wb').fileno()); cli.main([])"
    command = ["sh", "-c", '"$@" >&- 2>&- <&-', "sh", sys.executable, "-c", code, str(tmp_path / "file")]
    assert subprocess.run(command, timeout=100).returncode > 2


def test_where_the_current_folder_is_gone(tmp_path: Path) -> None:
    code = (
        "import os, sys; os.rmdir(os.getcwd()); from ganforge.cli.main import main; sys.exit(main(['sample', 'run']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (
        2,
        "ganforge: The folder that you are in is gone; change to another one.\n",
    )


def test_a_run_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    """The library that reads weights could not read the run's own."""
    command = [
        sys.executable,
        "-m",
        "ganforge",
        "train",
        "note",
        "--data=digits",
        b"--out=" + bytes(tmp_path) + b"/\xff",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (
        2,
        f"ganforge: The name {tmp_path}/\\xff is not valid UTF-8; choose another.\n",
    )
    assert not list(tmp_path.iterdir())
