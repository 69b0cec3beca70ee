"""A process that lists shards and decodes pictures by their places in files, as ``Guarded`` reads a source."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.stopping import poll
from ganforge.data.prepared.fit import Target
from ganforge.data.sources.budget import MAX_ENDED
from ganforge.data.sources.depth import Span
from ganforge.data.sources.guarded import Ended, Guarded, Report
from ganforge.data.sources.pixel_kinds import Unreadable
from ganforge.data.sources.process import listing_seconds

START_SECONDS = 60.0
"""For a process to start, which a busy machine may delay; nobody's file is read in that time."""
Place = tuple[str, int, int]
"""Of a picture: the file, and the offset and number of its bytes in it."""


class PlaceReader(Guarded):
    """For one thread at a time. It begins with the first question."""

    def __init__(self, name: str, span: Span | None = None) -> None:
        """name: of the shards, for messages. span: what becomes black and white, as ``Guarded.take_range`` has it."""
        self._places: Sequence[Place] = ()
        self._hung = 0
        super().__init__(name)
        self._span = span

    def list_shard(self, path: str) -> dict[str, Any]:
        """As ``places.list_shard``. Raises Unreadable where it takes too long or too much, too."""
        try:
            return dict(self._ask(listing_seconds(path), "shard", path)[0])
        except UserError as error:
            raise Unreadable(str(error).removesuffix(".")) from None
        except Ended as error:
            self.close()
            poll()
            self._start()
            raise Unreadable(str(error)) from None

    def decode(self, places: Sequence[Place], target: Target, file: str) -> list[Report]:
        """The pictures at these places into the first rows of a file, as ``Guarded.piece`` has it. Raises UserError,
        too, where too many of all pictures asked for so far took too long or too much."""
        self._places, self._undecodable = places, {}
        self._open()
        reports = self.piece(0, range(len(places)), asdict(target), file)
        self._hung += len(self._undecodable)
        if self._hung > MAX_ENDED:
            raise UserError(
                f"{self.path} is not read any further: {self._hung} of its pictures cannot be decoded within the "
                "limits; remove such pictures."
            )
        return reports

    def _open(self) -> None:
        try:
            self._ask(START_SECONDS, "places", self._places, self._span)
        except Ended as error:
            raise self._refusal(error) from None
