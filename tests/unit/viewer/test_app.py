"""Where the page is, and what is said of it."""

import socket
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
        with pytest.raises(UserError, match=f"cannot have port {port} at 127.0.0.1"):
            listen("127.0.0.1", port)


def test_a_host_that_is_not_here_is_refused() -> None:
    with pytest.raises(UserError, match="another --host"):
        listen("192.0.2.1", 0)
    with pytest.raises(UserError, match="cannot have any port"):
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
