"""The sample worker: a process beside the page that renders samples, so that the page never waits or fails for them.

It is started when somebody first asks, computes on one thread of the CPU at low priority so that a training beside it
hardly slows, keeps the last few models, and is killed and started anew where a request takes too long.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from ganforge.base.errors import UserError
from ganforge.viewer.sampler.sample_request import RenderedSamples, SampleRequest

START_SEC = 180.0
"""Until the process has started, which takes seconds, and much longer on a busy machine with a slow disk."""
LIMIT_SEC = 60.0
"""For one request."""
NICENESS = 5
"""A third of what a training gets of a core that both want."""
MEMORY_BYTES = 4 << 30
"""That a request may take beyond what the process has at its start, where the system can bound it (Linux)."""
MAX_WAITING = 50
"""Requests that wait for the worker, at most: one a visitor is usual."""


class SampleWorker:
    """Takes requests, one after the other. Starts nothing before the first."""

    def __init__(self, limit_sec: float = LIMIT_SEC) -> None:
        self.limit_sec = limit_sec
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sample worker")  # it waits where the page must not
        self._waiting = 0
        self._process: BaseProcess | None = None
        self._line: Connection | None = None

    async def render(self, request: SampleRequest) -> RenderedSamples:
        """Raises UserError for what cannot be rendered, in time or at all."""
        if self._waiting >= MAX_WAITING:
            raise UserError("Too many pictures are being asked for at once; try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self.render_now, request)
        finally:
            self._waiting -= 1

    def render_now(self, request: SampleRequest) -> RenderedSamples:
        """``render``, waiting for it. For one thread only."""
        try:
            line = self._started()
            line.send(request)
            if not line.poll(self.limit_sec):
                self._end()
                raise UserError(
                    f"The pictures took longer than {self.limit_sec:g} s, so the attempt was stopped; ask for fewer, "
                    "or use `ganforge sample`, which takes its time."
                )
            answer = line.recv()
        except (EOFError, OSError):
            self._end()
            raise UserError(
                "The process that makes the pictures ended too early, perhaps for lack of memory; ask for fewer."
            ) from None
        if isinstance(answer, RenderedSamples):
            return answer
        raise UserError(str(answer))

    def close(self) -> None:
        """End the process; requests that wait get no answer."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._end()

    def _started(self) -> Connection:
        """The line to the process, which is started if there is none."""
        if self._line is not None and self._process is not None and self._process.is_alive():
            return self._line
        self._end()
        # Not a fork: the page's process has threads, whose locks a fork would copy as they happen to be.
        context = multiprocessing.get_context("spawn")
        line, other = context.Pipe()
        process = context.Process(target=work, args=(other,), name="ganforge sample worker", daemon=True)
        with _no_interrupts():
            process.start()
        self._line, self._process = line, process
        other.close()
        if not line.poll(START_SEC):
            self._end()
            raise UserError(
                f"The process that makes the pictures did not start within {START_SEC:g} s; this machine is too busy."
            )
        line.recv()  # it is ready
        return line

    def _end(self) -> None:
        process, line, self._process, self._line = self._process, self._line, None, None
        if process is not None:
            process.kill()  # before the line is closed, so that a thread that listens to it hears the end
            process.join()
            process.close()
        if line is not None:
            line.close()


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Processes that are started in the context do not hear Ctrl-C, from their first moment on (but on Windows)."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # else the start would do it, and it unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(line: Connection) -> None:
    """The process: answers each request by samples or a sentence, until the page goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the page, which ends this process
    os.environ |= {"GANFORGE_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}  # looking at pictures downloads nothing
    from ganforge.data.reader import limit_memory
    from ganforge.viewer.sampler.rendered_samples import SampleRenderer

    renderer = SampleRenderer()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    limit_memory(MEMORY_BYTES)
    threading.Thread(target=end_with_page, daemon=True).start()
    with contextlib.suppress(EOFError, OSError), line:
        line.send("ready")
        while True:
            line.send(renderer.answer(line.recv()))


def end_with_page() -> None:
    """Wait until the page's process is gone, in whatever way, and end this one."""
    page = multiprocessing.parent_process()
    if page is not None:
        page.join()
        os._exit(0)
