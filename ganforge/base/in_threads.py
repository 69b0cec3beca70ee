"""Work done by several threads beside this one, which polls and takes the answers as they come."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from ganforge.base.stopping import poll, polled_by

ANSWER_EVERY_S = 0.1
JOIN_S = 2.0
"""Threads that hang in a slow network for longer are left alone to end."""
Item = TypeVar("Item")
Made = TypeVar("Made")


class _Halt(Exception):  # noqa: N818 - a request that was met, not an error
    """The others are not wanted any more."""


def in_threads(
    count: int, items: Sequence[Item], begin: Callable[[], AbstractContextManager[Callable[[Item], Made]]]
) -> Generator[tuple[Item, Made], None, None]:
    """(item, what was made of it), in the order in which ``count`` threads finish.

    begin: called in each thread, gives the function that works there. Raises what that raises, and what ``poll``
    raises; the others are then halted at their next ``poll``.
    """
    todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
    for item in items:
        todo.put(item)
    done: queue.SimpleQueue[tuple[Item, Made] | BaseException] = queue.SimpleQueue()
    halted = threading.Event()

    def halt() -> None:
        if halted.is_set():
            raise _Halt

    def work() -> None:
        try:
            with polled_by(halt), begin() as make:
                for item in _taken(todo):
                    halt()
                    done.put((item, make(item)))
        except BaseException as error:  # the main thread raises it
            done.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(count, len(items)))]
    try:
        for thread in threads:
            thread.start()
        for _ in items:
            answer = _next(done)
            if isinstance(answer, BaseException):
                raise answer
            yield answer
    finally:
        halted.set()
        join_all(threads)


def join_all(threads: Sequence[threading.Thread]) -> None:
    """Wait for threads that were told to end, ``JOIN_S`` at most."""
    end = time.monotonic() + JOIN_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _taken(todo: "queue.SimpleQueue[Item]") -> Iterable[Item]:
    while True:
        try:
            yield todo.get_nowait()
        except queue.Empty:
            return


def _next(done: "queue.SimpleQueue[Made]") -> Made:
    while True:
        poll()
        try:
            return done.get(timeout=ANSWER_EVERY_S)
        except queue.Empty:
            continue
