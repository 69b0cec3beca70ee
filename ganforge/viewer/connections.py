"""Connections that are not kept open for nothing: whoever sends or takes nothing for too long is cut off."""

import asyncio
from collections.abc import Hashable

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 400
"""At once, those of sockets included; 50 browsers with all that they open need 350."""
LOOK_SEC = 2.0
REQUEST_SEC = 10.0
"""Until a request is whole, head and body."""
ANSWER_SEC = 60.0
"""While nothing of an answer is taken."""


class Connection(H11Protocol):
    """uvicorn's, which limits the size of a request's head, with limits of time and number.

    A socket that has been opened has limits of its own: whoever does not answer to a ping is cut off.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, or end it at once where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
            return
        self._state: Hashable = None
        self._since = 0.0
        self._look()

    def _look(self) -> None:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        now = self.loop.time()
        if (state := self._waits_for()) != self._state or state is None:
            self._state, self._since = state, now
        elif now - self._since > (ANSWER_SEC if isinstance(state, tuple) else REQUEST_SEC):
            self.transport.abort()
            return
        self.loop.call_later(LOOK_SEC, self._look)

    def _waits_for(self) -> Hashable:
        """What must come from the other side, the same while it does not come; None while the page is at work."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return cycle or "first"
        unsent = self.transport.get_write_buffer_size()
        return (cycle, unsent) if unsent else None
