"""The server: one page, one port, everything from this machine."""

import secrets
import socket
import threading
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from nicegui import Client, core, ui

from ganforge.base.errors import UserError
from ganforge.base.terminal import mention, printable
from ganforge.viewer.connections import Connection
from ganforge.viewer.error_log import tell_in_one_line
from ganforge.viewer.guard import Guard
from ganforge.viewer.pages.layout import complain, frame
from ganforge.viewer.read.run_index import Catalogue
from ganforge.viewer.served_pictures import serve_picture
from ganforge.viewer.shutdown import ends_soon, noting
from ganforge.viewer.socket_messages import LARGEST_BYTES, drop_junk

DEFAULT_PORT = 8765
PORTS_TRIED = 20
OWN_MACHINE = ("127.0.0.1", "localhost", "::1")
MAX_AWAITED, COMES_WITHIN_SEC = 60, 30.0
"""Pages that were loaded and whose socket has not come yet, and how long it may take."""
ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Visitors:
    """Who may look, and at what. token: what they must bring; None: nothing. data: a place where training pictures may
    be looked for, besides those of this machine; None: nowhere else."""

    host: str
    port: int | None = None
    token: str | None = None
    data: str | None = None


def serve(
    root: Path, visitors: Visitors, open_browser: bool,
    say: Callable[[str], object] = mention, ready: Callable[[], object] = lambda: None,
) -> int:  # fmt: skip
    """Show the runs in ``root`` until SIGINT or SIGTERM; returns that signal's number.

    The port is the one that was asked for; for None the default one, or the next that is free. say: is given the lines
    with the address. ready: is called when the port is open. Raises UserError where it cannot be had.
    """
    host, asked, token = visitors.host, visitors.port, visitors.token
    listener = listen(host, asked)
    taken = listener.getsockname()[1]
    for line in announcement(root, host, taken, token, asked=asked):
        say(line)
    tell_in_one_line()
    server = Server(uvicorn.Config(
        make_app(root, replace(visitors, port=taken)), log_config=None, log_level="error", http=Connection,
        ws_per_message_deflate=False, ws_max_size=LARGEST_BYTES, timeout_graceful_shutdown=1, lifespan="on",
    ))  # fmt: skip
    ready()
    if open_browser:  # a browser in the terminal would come back only when it is left
        threading.Thread(target=webbrowser.open, args=[address_of(host, taken, token)], daemon=True).start()
    return _run(server, listener)


class Server(uvicorn.Server):
    """uvicorn's, which ends in any case."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        ends_soon(sig)
        super().handle_exit(sig, frame)


def make_app(root: Path, visitors: Visitors) -> FastAPI:
    """Pages, pictures and assets, behind the guard."""
    app = FastAPI(title="ganforge", docs_url=None, redoc_url=None, openapi_url=None)
    catalogue = Catalogue(root)
    app.mount("/assets", StaticFiles(directory=ASSETS))

    @app.get("/picture/{kind}")
    def picture(request: Request, kind: str, run: str, nimg: int = -1) -> Response:
        return serve_picture(catalogue, kind, run, nimg, request.headers.get("if-none-match"))

    _pages(catalogue, visitors.data)
    drop_junk(core.sio)
    ui.run_with(app, title="ganforge", dark=None, tailwind=False, show_welcome_message=False, reconnect_timeout=10,
                binding_refresh_interval=None, message_history_length=50, language="en-GB",
                favicon=ASSETS / "icon.svg")  # fmt: skip
    hosts = (*OWN_MACHINE, visitors.host)
    app.add_middleware(Guard, token=visitors.token, hosts=hosts, port=visitors.port or DEFAULT_PORT)
    return app


def _pages(catalogue: Catalogue, data: str | None) -> None:
    """The routes. A run is named by its id, which is looked up among the runs that are there."""

    @ui.page("/")
    async def _list() -> None:
        from ganforge.viewer.pages.list_page import list_page

        forget_who_never_came()
        await list_page(catalogue)

    @ui.page("/run/{run_id:path}", response_timeout=30)
    async def _run_page(run_id: str) -> None:
        from ganforge.viewer.pages.run_page import run_page

        forget_who_never_came()
        await run_page(catalogue, run_id)

    @ui.page("/explore/{run_id:path}", response_timeout=30)
    def _explore(run_id: str) -> None:
        from ganforge.viewer.pages.explore_page import explore_page

        forget_who_never_came()
        folder = catalogue.folder(run_id)
        if folder is None:
            _unknown(run_id)
        else:
            explore_page(folder, run_id, data)

    @ui.page("/compare", response_timeout=30)
    async def _compare(runs: str = "") -> None:
        from ganforge.viewer.pages.compare_page import compare_page

        forget_who_never_came()
        await compare_page(catalogue, [run_id for run_id in runs.split(",") if run_id])


def forget_who_never_came() -> None:
    """A page that was loaded is kept in memory until its socket comes; of those that wait, the oldest ones go.

    Who comes too late gets the page anew.
    """
    waiting = [client for client in Client.instances.values() if not client.has_socket_connection]
    waiting.sort(key=lambda client: client.created)
    late = time.time() - COMES_WITHIN_SEC
    for at, client in enumerate(waiting):
        if client.created < late or len(waiting) - at > MAX_AWAITED:
            client.delete()


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
    raise UserError(f"The page cannot use {which} at {host} ({why}); choose another with --port, or another --host.")


def new_token(host: str) -> str | None:
    """What a visitor must bring where others than this machine's own people can reach ``host``; else None."""
    return None if host in OWN_MACHINE else secrets.token_urlsafe(24)


def address_of(host: str, port: int, token: str | None) -> str:
    """http://127.0.0.1:8765/, with the token where there is one."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token is not None else "")


def announcement(root: Path, host: str, port: int, token: str | None, asked: int | None) -> list[str]:
    """What is said at the start."""
    lines = [f"Watching {printable(str(root))}: {address_of(host, port, token)}"]
    if asked is None and port != DEFAULT_PORT:
        lines.append(f"Port {DEFAULT_PORT} is taken by something else, so this page uses {port}.")
    if host in OWN_MACHINE:
        lines.append(
            f"From another machine: ssh -L {port}:localhost:{port} {socket.gethostname()}, "
            f"then http://localhost:{port}/ there."
        )
    return lines


def _run(server: uvicorn.Server, listener: socket.socket) -> int:
    """Serve until a signal comes. The server hands it on when it has ended; nothing is left to do then."""
    caught: list[int] = []

    def end() -> None:
        server.should_exit = True

    try:
        with noting(caught, end):
            server.run(sockets=[listener])
    finally:
        listener.close()
    return caught[0] if caught else 0
