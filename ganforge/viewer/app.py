"""The server: one page, one port, everything from this machine."""

import secrets
import signal
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from nicegui import ui

from ganforge.base.errors import UserError
from ganforge.viewer.guard import Guard
from ganforge.viewer.layout import complain, frame
from ganforge.viewer.pictures import serve_picture
from ganforge.viewer.watch import Catalogue

DEFAULT_PORT = 8765
PORTS_TRIED = 20
OWN_MACHINE = ("127.0.0.1", "localhost", "::1")
ASSETS = Path(__file__).parent / "assets"


def serve(
    root: Path, host: str, port: int | None, token: str | None, open_browser: bool,
    say: Callable[[str], object] = print, ready: Callable[[], object] = lambda: None,
) -> int:  # fmt: skip
    """Show the runs in ``root`` until SIGINT or SIGTERM; returns that signal's number.

    port: None for the default one, or the next that is free. token: what a visitor must bring; None: nothing. say: is
    given the lines with the address. ready: is called when the port is open. Raises UserError where it cannot be had.
    """
    listener = listen(host, port)
    taken = listener.getsockname()[1]
    for line in announcement(root, host, taken, token, asked=port):
        say(line)
    address = address_of(host, taken, token)
    server = uvicorn.Server(uvicorn.Config(
        make_app(root, host, taken, token), log_level="error", ws_per_message_deflate=False,
        timeout_graceful_shutdown=1, lifespan="on",
    ))  # fmt: skip
    ready()
    if open_browser:
        webbrowser.open(address)
    return _run(server, listener)


def make_app(root: Path, host: str, port: int, token: str | None) -> FastAPI:
    """Pages, pictures and assets, behind the guard."""
    app = FastAPI(title="ganforge", docs_url=None, redoc_url=None, openapi_url=None)
    catalogue = Catalogue(root)
    app.mount("/assets", StaticFiles(directory=ASSETS))

    @app.get("/picture/{kind}")
    def picture(request: Request, kind: str, run: str, nimg: int = -1) -> Response:
        return serve_picture(catalogue, kind, run, nimg, request.headers.get("if-none-match"))

    _pages(catalogue)
    ui.run_with(app, title="ganforge", dark=None, tailwind=False, show_welcome_message=False, reconnect_timeout=10,
                binding_refresh_interval=None, message_history_length=50, language="en-GB",
                favicon=ASSETS / "icon.svg")  # fmt: skip
    app.add_middleware(Guard, token=token, hosts=(*OWN_MACHINE, host), port=port)
    return app


def _pages(catalogue: Catalogue) -> None:
    """The routes. A run is named by its id, which is looked up among the runs that are there."""
    root = catalogue.root

    @ui.page("/")
    async def _list() -> None:
        from ganforge.viewer.list_page import list_page

        await list_page(catalogue)

    @ui.page("/run/{run_id:path}", response_timeout=30)
    async def _run_page(run_id: str) -> None:
        from ganforge.viewer.run_page import run_page

        await run_page(catalogue, run_id)

    @ui.page("/explore/{run_id:path}", response_timeout=30)
    def _explore(run_id: str) -> None:
        from ganforge.viewer.explore_page import explore_page

        if catalogue.folder(run_id) is None:
            _unknown(run_id)
        else:
            explore_page(root, run_id)

    @ui.page("/compare", response_timeout=30)
    async def _compare(runs: str = "") -> None:
        from ganforge.viewer.compare_page import compare_page

        await compare_page(catalogue, [run_id for run_id in runs.split(",") if run_id])


def _unknown(run_id: str) -> None:
    with frame("No such run"):
        complain([f"There is no run {run_id!r} here: it was moved, deleted, or never existed."])


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens there; without a port, at the default one or the next that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wanted = [port] if port is not None else list(range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED))
    why = ""
    for number in wanted:
        listener = socket.socket(family, socket.SOCK_STREAM)
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR would share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
            listener.listen(128)
        except (OSError, OverflowError) as error:
            listener.close()
            why = getattr(error, "strerror", None) or str(error)
        else:
            return listener
    which = f"port {port}" if port is not None else f"any port from {wanted[0]} to {wanted[-1]}"
    raise UserError(f"The page cannot have {which} at {host} ({why}); choose another with --port, or another --host.")


def new_token(host: str) -> str | None:
    """What a visitor must bring where others than this machine's own people can reach ``host``; else None."""
    return None if host in OWN_MACHINE else secrets.token_urlsafe(24)


def address_of(host: str, port: int, token: str | None) -> str:
    """http://127.0.0.1:8765/, with the token where there is one."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token is not None else "")


def announcement(root: Path, host: str, port: int, token: str | None, asked: int | None) -> list[str]:
    """What is said at the start."""
    lines = [f"Watching {root}: {address_of(host, port, token)}"]
    if asked is None and port != DEFAULT_PORT:
        lines.append(f"Port {DEFAULT_PORT} is taken by something else, so this page has {port}.")
    if host in OWN_MACHINE:
        lines.append(
            f"From another machine: ssh -L {port}:localhost:{port} {socket.gethostname()}, "
            f"then http://localhost:{port}/ there."
        )
    return lines


def _run(server: uvicorn.Server, listener: socket.socket) -> int:
    """Serve until a signal comes. The server hands it on when it has ended; nothing is left to do then."""
    caught: list[int] = []

    def note(signum: int, frame: FrameType | None) -> None:
        caught.append(signum)

    previous = {signum: signal.signal(signum, note) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
        for signum, handler in previous.items():
            signal.signal(signum, handler)
    return caught[0] if caught else 0
