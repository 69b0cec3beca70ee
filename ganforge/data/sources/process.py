"""The process that reads a source for ``Guarded``: how it is started, and how its answers come."""

import json
import os
import queue
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import ganforge
from ganforge.base.errors import UserError
from ganforge.data.sources.budget import BYTES_A_SECOND, MAX_SECONDS
from ganforge.data.sources.pixel_kinds import Unreadable

PROGRAM = ("-m", "ganforge.data.reader")
Answer = tuple[Any, bytes]


def raised(answer: Answer) -> bytes:
    """The bytes that came along. Raises what the other process has raised."""
    match answer[0].get("raise"):
        case "unreadable":
            raise Unreadable(answer[0]["is"])
        case "user":
            raise UserError(answer[0]["is"])
        case "system":
            raise OSError(*answer[0]["is"])
    return answer[1]


def listen(stream: IO[bytes], answers: "queue.SimpleQueue[Answer | None]") -> None:
    """Lines of JSON, each followed by as many bytes as it says; None at the end."""
    with suppress(OSError, ValueError):
        while line := stream.readline():
            message = json.loads(line)
            answers.put((message, stream.read(message["bytes"]) if "bytes" in message else b""))
    answers.put(None)


def start_process() -> "subprocess.Popen[bytes]":
    """A process of ``ganforge.data.reader``. Not by multiprocessing, which would run the user's main script again."""
    paths = [str(Path(ganforge.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    more = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    more["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # others reserve more than they use
    # -P: no module is taken from the current folder, which may be one that somebody sent.
    command = [sys.executable, "-P", *PROGRAM]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=os.environ | more, **pipes)


def listing_seconds(path: str) -> float | None:
    """How long listing may take: of a file, by what it takes on the disk; None: without a limit, for a folder, or what
    has to be downloaded first."""
    try:
        state = Path(path).expanduser().stat()
    except (OSError, RuntimeError, ValueError):
        return None
    if not stat.S_ISREG(state.st_mode):
        return None
    return MAX_SECONDS + getattr(state, "st_blocks", state.st_size // 512) * 512 / BYTES_A_SECOND
