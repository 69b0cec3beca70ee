"""What a tracker's library complained of, in one line that may be shown and kept."""

import os
import re

from ganforge.base.terminal import printable

MOST_LETTERS = 300
SECRET = re.compile(r"KEY|TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL", re.IGNORECASE)
POOL = re.compile(r"HTTPS?ConnectionPool\(host='([^'\s]+)', port=(\d+)\)")
WHY = {
    "NameResolutionError": "no machine is known by the name of the server",
    "SSLError": "no trusted certificate at the server",
    "ProxyError": "the proxy has no way to the server",
    "ConnectTimeoutError": "no answer in time from the server",
    "Read timed out": "no answer in time from the server",
    "NewConnectionError": "no connection to the server",
    "Connection refused": "no connection to the server",
    "Connection aborted": "no connection to the server",
    "too many": "nothing but errors from the server",
}
"""By what stands in urllib3's text, the first of these that does."""
SHORTEST = 6
"""Letters: what is shorter, such as "true", is no secret."""


def bare(text: str) -> str:
    """A text, or an address alone, with its addresses without names, passwords and queries. Of an address with an @
    after a ?, which may be part of a password or of the query, nothing is left but its kind."""
    text = re.sub(r"(\w+://)([^\s?]*\?\S*@\S*|[^\s?]*@)", r"\1", text)
    return re.sub(r"\?\S+", "", text)


def unreachable(text: str) -> str:
    """What urllib3 says, for whatever library uses it, of a server that cannot be asked: in one sentence, and without
    the address's path. Nothing for any other text."""
    found = POOL.search(text)
    why = [told for name, told in WHY.items() if found and name in text[found.end() :]]
    return f"{why[0]} {found[1]}:{found[2]}" if found and why else ""


def said(error: BaseException) -> str:
    """Class and first line of an exception, without what the environment has as keys and passwords, and with its
    addresses ``bare``."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = unreachable(" ".join(lines)) or type(error).__name__ + (f": {lines[0]}" if lines else "")
    text = bare(text)
    for name, value in os.environ.items():
        if SECRET.search(name) and len(value) >= SHORTEST:
            text = text.replace(value, "...")
    text = printable(text).rstrip(".")
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 3]}..."
