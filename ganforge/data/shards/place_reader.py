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

    def list_shard(self, path: str, rows: bool) -> dict[str, Any]:
        """As ``places.list_shard``. Raises Unreadable where it takes too long or too much, too."""
        return dict(self._about(path, "shard", rows))

    def parts(self, path: str, places: Sequence[int] | None) -> list[tuple[int, int]]:
        """As ``parquet_shard.parts_of``. Raises Unreadable, as above."""
        return [(int(begin), int(size)) for begin, size in self._about(path, "parts", places)]

    def take_out(self, path: str, places: Sequence[int], out: str) -> list[Place | str]:
        """Of the rows of a Parquet file at these places, where their pictures are now, behind what was in the file
        ``out``; or why not. Raises as ``decode``."""
        self._places, self._undecodable = (), {}
        told = self.many("take out", places, path, out)
        self._refuse_many()
        return [(out, *one) if len(one) == 2 else str(one[0]) for one in told]

    def _about(self, path: str, what: str, *arguments: Any) -> Any:
        try:
            return self._ask(listing_seconds(path), what, path, *arguments)[0]
        except UserError as error:
            raise Unreadable(str(error).removeprefix(f"{path} ").removesuffix(".")) from None
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
        self._refuse_many()
        return reports

    def _refuse_many(self) -> None:
        self._hung += len(self._undecodable)
        if self._hung > MAX_ENDED:
            raise UserError(
                f"{self.path} is not read any further: {self._hung} of its pictures cannot be decoded within the "
                "limits; remove such pictures."
            )

    def _open(self) -> None:
        try:
            self._ask(START_SECONDS, "places", self._places, self._span)
        except Ended as error:
            raise self._refusal(error) from None
