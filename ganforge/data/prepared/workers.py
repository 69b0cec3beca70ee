"""Decoding with several processes: who gets which piece, and what becomes of their answers."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ganforge
from ganforge.base.errors import UserError
from ganforge.data.prepared.decode_rows import Piece, Report, decode_piece
from ganforge.data.prepared.fit import Target
from ganforge.data.sources.open import Source

MAX_WORKERS = 32
POLL_EVERY_S = 0.1


Answers = Generator[tuple[Piece, list[Report]], None, None]


class SourceChanged(Exception):  # noqa: N818 - what happened, for the caller to say
    """The source is not the one that was listed."""


def usual_workers() -> int:
    """As many processes as there are processors to run them on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MAX_WORKERS, len(affinity(0)) if affinity else os.cpu_count() or 1)


def decode_here(
    source: Source, pieces: Iterable[Piece], target: Target, path: Path, poll: Callable[[], None]
) -> Answers:
    """Every piece, decoded in this process into the file at ``path``, with its reports."""
    with path.open("r+b") as file:
        for piece in pieces:
            poll()
            yield piece, decode_piece(source, piece, target, file)


def decode_with_workers(
    count: int, source_path: str, num_entries: int, pieces: Sequence[Piece], target: Target, path: Path,
    poll: Callable[[], None],
) -> Answers:  # fmt: skip
    """The same by ``count`` other processes, in the order in which they finish.

    num_entries: of the source. Raises SourceChanged where one of them finds another number, OSError where the file
    cannot be written, UserError where a process is killed, and what ``poll`` raises; no process is left then.
    """
    task = {"path": source_path, "count": num_entries, "target": asdict(target), "file": str(path)}
    todo: queue.SimpleQueue[Piece] = queue.SimpleQueue()
    for piece in pieces:
        todo.put(piece)
    done: queue.SimpleQueue[tuple[Piece | None, Any]] = queue.SimpleQueue()
    with _processes(count) as processes:
        threads = [threading.Thread(target=_converse, args=(p, task, todo, done), daemon=True) for p in processes]
        for thread in threads:
            thread.start()
        missing = len(pieces)
        while missing:
            poll()
            try:
                asked, answer = done.get(timeout=POLL_EVERY_S)
            except queue.Empty:
                continue
            _refuse(answer)
            assert asked is not None
            missing -= 1
            yield asked, answer


def _converse(
    process: subprocess.Popen[str], task: dict[str, Any], todo: queue.SimpleQueue[Piece],
    done: queue.SimpleQueue[tuple[Piece | None, Any]],
) -> None:  # fmt: skip
    """Give one process its task, then piece after piece; hand on each answer. A process that dies answers None."""
    first = _ask(process, task)
    if first != {}:
        done.put((None, first))
        return
    while True:
        try:
            piece = todo.get_nowait()
        except queue.Empty:
            return
        answer = _ask(process, [piece.first, list(piece.indices)])
        done.put((piece, answer))
        if not isinstance(answer, list):
            return


def _ask(process: subprocess.Popen[str], question: Any) -> Any:
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        return json.loads(line) if line else None
    except (OSError, ValueError):  # it is gone
        return None


def _refuse(answer: Any) -> None:
    if isinstance(answer, list):
        return
    if answer is None:
        raise UserError(
            "A process that decoded pictures has ended early, perhaps for lack of memory; end what else uses the "
            "memory, and start again."
        )
    if answer.get("changed"):
        raise SourceChanged
    raise OSError(answer["errno"], answer["strerror"])


@contextmanager
def _processes(count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """``count`` fresh processes of ``decode_rows``; at the end they are gone, whatever happens."""
    root = str(Path(ganforge.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    # -P: no module is taken from the current folder, which may be one that somebody sent.
    command = [sys.executable, "-P", "-m", "ganforge.data.prepared.decode_rows"]
    processes: list[subprocess.Popen[str]] = []
    try:
        for _ in range(count):
            processes.append(
                subprocess.Popen(
                    command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
                )
            )
        yield processes
        for process in processes:
            with suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]  # its sign to end
        for process in processes:
            process.wait()
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):
                    stream.close()  # type: ignore[union-attr]  # both are pipes
