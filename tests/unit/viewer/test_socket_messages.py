"""What browsers send by the socket is looked at before NiceGUI sees it."""

import asyncio
from typing import Any

import pytest
import socketio

from ganforge.viewer.socket_messages import LARGEST_BYTES, checked, drop_junk, is_sound

ID = "4f1c0f7e-0000-4000-8000-000000000000"

JUNK = (
    "", "x", "9", "2", "2[", "2{}", "2" + "9" * 200, '2["event"]', "2" + "[" * 90_000, b"bytes", "3[1]", None,
    "0/elsewhere,", '51-["event",{"_placeholder":true,"num":0}]',
)  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [None, 1, "x", [], [{}], {"client_id": 1}, {"client_id": ID, "tab_id": "x" * 101}, {"client_id": ID, "tab_id": {}},
     {"client_id": ID, "document_id": ["a"]}, {"client_id": ID, "old_tab_id": 5}, {"QUERY_STRING": "a" * 2_001}],
)  # fmt: skip
def test_messages_of_another_form_reach_no_handler(message: Any) -> None:
    handle = checked("event", lambda *_: pytest.fail("it was handled"))
    assert asyncio.run(handle("sid", message)) is False
    assert asyncio.run(handle("sid")) is False


@pytest.mark.parametrize(
    "message",
    [{"client_id": ID, "tab_id": "a", "old_tab_id": None, "document_id": "b"}, {"client_id": ID, "id": 5, "args": []},
     {"QUERY_STRING": f"EIO=4&client_id={ID}"}],
)  # fmt: skip
def test_those_of_a_page_do(message: dict[str, Any]) -> None:
    assert is_sound(message)
    assert asyncio.run(checked("event", lambda sid, given: (sid, given))("sid", message)) == ("sid", message)


@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, AttributeError, RecursionError])
def test_what_a_handler_cannot_read_is_dropped(error: type[Exception]) -> None:
    async def handler(sid: str, message: Any) -> None:
        raise error("junk")

    assert asyncio.run(checked("event", handler)("sid", {})) is False


def test_a_fault_of_the_page_is_no_junk() -> None:
    def handler(sid: str, message: Any) -> None:
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError):
        asyncio.run(checked("event", handler)("sid", {}))


def test_the_end_of_a_socket_is_handled_whatever_its_reason() -> None:
    assert asyncio.run(checked("disconnect", lambda sid: sid)("sid", "transport error")) == "sid"


def test_no_packet_raises_and_none_with_parts_to_come_is_kept() -> None:
    server, seen = socketio.AsyncServer(async_mode="asgi"), []
    server.on("event", handler=lambda sid, message: seen.append(message))
    drop_junk(server)
    receive = server.eio.handlers["message"]

    async def send_all() -> None:
        await server.manager.connect("sid", "/")
        for content in JUNK:
            await receive("sid", content)

    asyncio.run(send_all())
    assert seen == []
    assert server._binary_packet == {}
    assert server.eio.max_http_buffer_size == LARGEST_BYTES
