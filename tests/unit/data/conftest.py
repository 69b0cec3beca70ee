"""A web server on this machine, small stand-ins for MNIST, and the folder with the real one."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from mirror_server import Server, fails
from torch import Tensor


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ganforge.data.download.RETRY_AFTER_S", (0.01, 0.02))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked.append(self.path)
            running.answers.get(self.path, fails(404))(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that hangs up is part of the tests

    with QuietServer(("127.0.0.1", 0), Handler) as http:
        running = Server(http.server_address[1])
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        http.shutdown()
        thread.join()


@pytest.fixture
def refused_url() -> str:
    """A URL whose port nobody listens on."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as http:
        return f"http://127.0.0.1:{http.server_address[1]}/"


@pytest.fixture
def images() -> Tensor:
    return torch.randint(256, (6, 5, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def labels() -> Tensor:
    return torch.tensor([3, 1, 4, 1, 5, 9], dtype=torch.uint8)


GANFORGE_DATA = os.environ.get("GANFORGE_DATA")  # read here, as some tests take it out of the environment


@pytest.fixture
def real_data() -> Path:
    """The folder with the real data sets."""
    if not GANFORGE_DATA or not (Path(GANFORGE_DATA) / "mnist").is_dir():
        pytest.skip("GANFORGE_DATA names no folder with mnist/ in it")
    return Path(GANFORGE_DATA)
