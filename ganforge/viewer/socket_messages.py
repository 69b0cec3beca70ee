"""What browsers send by the socket, before NiceGUI sees it: a message that no page of ours sends is dropped."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

LARGEST_BYTES = 100_000
"""Of one message."""
LONGEST_ID, LONGEST_QUERY = 100, 2_000
NAMES = ("client_id", "tab_id", "old_tab_id", "document_id")
BINARY = ("5", "6")
"""How the messages begin that announce parts to come, which would be kept until then."""

Handler = Callable[..., Any]


def drop_junk(sio: Any) -> None:
    """Put a check before each handler of the server (a ``socketio.AsyncServer``)."""
    sio.eio.max_http_buffer_size = LARGEST_BYTES
    sio.eio.on("message", handler=_only_text(sio.eio.handlers["message"]))
    for event, handler in list(sio.handlers["/"].items()):
        sio.on(event, handler=checked(event, handler))


def checked(event: str, handler: Handler) -> Callable[..., Awaitable[Any]]:
    """The handler, for messages of the right form; of others it answers False, and raises nothing.

    Faults in what the page itself does with a message are not among what is caught here: NiceGUI tells those.
    """

    async def handle(sid: str, *arguments: Any) -> Any:
        if event == "disconnect":  # comes from the server itself, with a reason that the handler does not take
            arguments = ()
        elif not arguments or not is_sound(arguments[0]):
            return False
        try:
            answer = handler(sid, *arguments)
            return await answer if inspect.isawaitable(answer) else answer
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
            return False

    return handle


def is_sound(message: Any) -> bool:
    """Is it an object whose names of pages and tabs are short texts?"""
    if not isinstance(message, dict) or len(str(message.get("QUERY_STRING", ""))) > LONGEST_QUERY:
        return False
    return all(
        isinstance(message[name], str | None) and len(message[name] or "") <= LONGEST_ID
        for name in NAMES
        if name in message
    )


def _only_text(handler: Handler) -> Callable[[str, Any], Awaitable[None]]:
    async def handle(sid: str, content: Any) -> None:
        if not isinstance(content, str) or content.startswith(BINARY):
            return
        try:
            await handler(sid, content)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError):
            return  # it was no message

    return handle
