"""A server of files on this machine that may be slow, break off, lie about lengths, or send no parts."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Faults:
    """Of all answers. parts: does it send parts? cut_after: bytes of an answer, then the connection ends. more: bytes
    that an answer claims to have and does not. pause_s: before each 64 KiB. failing: by name, a status and how many
    times it is sent. moved: by name, where it redirects to. stamp: the mark of the files. other_part: is another part
    sent than was asked for?"""

    parts: bool = True
    cut_after: int | None = None
    more: int = 0
    pause_s: float = 0.0
    failing: dict[str, tuple[int, int]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    stamp: str = "1"
    other_part: bool = False


@dataclass
class ShardServer:
    """asked: (name, range) of each question."""

    url: str
    folder: Path
    faults: Faults = field(default_factory=Faults)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        name, faults = handler.path.lstrip("/"), self.faults
        self.asked.append((name, handler.headers.get("Range", "")))
        status, left = faults.failing.get(name, (0, 0))
        if left:
            faults.failing[name] = status, left - 1
            return handler.send_error(status)
        if name in faults.moved:
            handler.send_response(302)
            handler.send_header("Location", faults.moved[name])
            handler.send_header("Content-Length", "0")
            return handler.end_headers()
        path = self.folder / name
        if not path.is_file():
            return handler.send_error(404)
        content, part = path.read_bytes(), re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        first, last = 0, len(content) - 1
        if part and faults.parts:
            first = int(part[1])
            last = min(int(part[2] or last), last)
            first += faults.other_part
        body = content[first : last + 1]
        handler.send_response(206 if part and faults.parts else 200)
        if part and faults.parts:
            handler.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        handler.send_header("ETag", f'"{faults.stamp}"')
        handler.send_header("Content-Length", str(len(body) + faults.more))
        handler.end_headers()
        for at in range(0, len(body), 1 << 16):
            time.sleep(faults.pause_s)
            piece = body[at : at + (1 << 16)]
            if faults.cut_after is not None and at + len(piece) > faults.cut_after:
                handler.wfile.write(piece[: max(0, faults.cut_after - at)])
                handler.close_connection = True
                return None
            handler.wfile.write(piece)
        handler.close_connection = bool(faults.more)
        return None


@contextmanager
def serving(folder: Path) -> Iterator[ShardServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Quiet(("127.0.0.1", 0), Handler) as http:
        server = ShardServer(f"http://127.0.0.1:{http.server_address[1]}/", folder)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        http.shutdown()
        thread.join()
