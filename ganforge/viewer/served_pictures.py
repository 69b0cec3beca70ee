"""Serving the pictures of runs: of a run that was found, of a known kind, and never by a path."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from ganforge.base.files import open_plain
from ganforge.run.folder import RunFolder
from ganforge.viewer.read.embedded_pictures import MOST_PIXELS, pixels_of
from ganforge.viewer.read.run_index import Catalogue
from ganforge.viewer.read.untrusted import is_plain

LARGEST_BYTES, PIECE_BYTES = 64_000_000, 1 << 18
TYPES = {".png": "image/png", ".webp": "image/webp"}
FRESH_SEC = 60
"""So long a browser does not ask again; a picture that is there does not change, but its run may be made anew."""


def serve_picture(catalogue: Catalogue, kind: str, run_id: str, nimg: int, known_tag: str | None) -> Response:
    """The picture; 304 where the browser has it already; 404 where there is none."""
    folder = catalogue.folder(run_id)
    path = _path(folder, kind, nimg) if folder is not None else None
    if path is None or not is_plain(path):
        return _none()
    try:
        facts = path.lstat()
    except OSError:
        return _none()
    tag = f'"{hashlib.sha256(f"{facts.st_ino}-{facts.st_mtime_ns}-{facts.st_size}".encode()).hexdigest()[:24]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={FRESH_SEC}"}
    if known_tag == tag:
        return Response(status_code=304, headers=headers)
    if facts.st_size > LARGEST_BYTES or not 0 < pixels_of(path) <= MOST_PIXELS:
        return _none()
    headers["Content-Length"] = str(facts.st_size)
    return StreamingResponse(_pieces(path, facts.st_size), headers=headers, media_type=TYPES[path.suffix])


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    """So many bytes of the file, piece by piece: who reads slowly holds no more of it than that in memory."""
    with open_plain(path) as file:
        while size > 0 and (piece := file.read(min(PIECE_BYTES, size))):
            size -= len(piece)
            yield piece


def _path(folder: RunFolder, kind: str, nimg: int) -> Path | None:
    if kind in ("fakes", "nearest") and 0 <= nimg < 10**15:
        return folder.fakes(nimg) if kind == "fakes" else folder.nearest(nimg)
    return {"reals": folder.reals, "evolution": folder.evolution}.get(kind)


def _none() -> Response:
    return PlainTextResponse("There is no such picture.\n", 404, {"Cache-Control": "no-store"})
