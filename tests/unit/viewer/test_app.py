"""Where the page is, and what is said of it."""

import socket
import time
from pathlib import Path

import pytest

from ganforge.base.errors import UserError
from ganforge.viewer import app
from ganforge.viewer.app import address_of, announcement, listen, new_token


def test_a_taken_port_is_passed_over_unless_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(app, "DEFAULT_PORT", port)
        with listen("127.0.0.1", None) as found:
            assert port < found.getsockname()[1] < port + app.PORTS_TRIED
        with pytest.raises(UserError, match=f"cannot use port {port} at 127.0.0.1"):
            listen("127.0.0.1", port)


def test_a_host_that_is_not_here_is_refused() -> None:
    with pytest.raises(UserError, match="another --host"):
        listen("192.0.2.1", 0)
    with pytest.raises(UserError, match="cannot use any port"):
        listen("no such host", None)


def test_another_address_than_this_machines_own_gets_a_token() -> None:
    assert new_token("127.0.0.1") is None
    assert new_token("localhost") is None
    first, second = new_token("0.0.0.0"), new_token("0.0.0.0")
    assert first is not None
    assert len(first) >= 32
    assert first != second


def test_addresses() -> None:
    assert address_of("127.0.0.1", 8765, None) == "http://127.0.0.1:8765/"
    assert address_of("::1", 80, "a b&c") == "http://[::1]:80/?token=a%20b%26c"
    assert address_of("0.0.0.0", 1, None) == f"http://{socket.gethostname()}:1/"


def test_the_announcement_says_how_to_get_there() -> None:
    lines = announcement(Path("runs"), "127.0.0.1", 8770, None, asked=None)
    assert lines[0] == "Watching runs: http://127.0.0.1:8770/"
    assert "8765 is taken" in lines[1]
    assert "ssh -L 8770:localhost:8770" in lines[2]
    assert len(announcement(Path("runs"), "127.0.0.1", 8770, None, asked=8770)) == 2
    assert len(announcement(Path("runs"), "192.0.2.1", 8765, "t", asked=None)) == 1


class Loaded:
    """A page that was loaded."""

    def __init__(self, created: float, has_socket_connection: bool) -> None:
        self.created, self.has_socket_connection, self.deleted = created, has_socket_connection, False

    def delete(self) -> None:
        self.deleted = True


def test_pages_whose_socket_does_not_come_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    late, visitor = Loaded(now - 2 * app.COMES_WITHIN_SEC, False), Loaded(now - 10_000, True)
    waiting = [Loaded(now - 0.01 * at, False) for at in range(app.MAX_AWAITED + 5)]
    loaded = dict(enumerate([late, visitor, *waiting]))
    monkeypatch.setattr(app.Client, "instances", loaded)
    app.forget_who_never_came()
    assert late.deleted
    assert not visitor.deleted
    assert [page.deleted for page in waiting] == [False] * app.MAX_AWAITED + [True] * 5
