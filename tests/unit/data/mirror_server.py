"""A download server whose answers a test chooses."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

Answer = Callable[[BaseHTTPRequestHandler], None]


def sends(content: bytes) -> Answer:
    """An answer that sends all of ``content``."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def breaks_off(content: bytes) -> Answer:
    """An answer that promises all of ``content`` and sends the first half."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])

    return answer


def fails(status: int) -> Answer:
    """An answer with an HTTP error."""
    return lambda handler: handler.send_error(status)


class Server:
    """Answers by path; an unknown path is 404. ``asked`` lists the paths in the order they were asked for."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
