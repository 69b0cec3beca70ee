"""What a tracker's library complained of, in one line that may be shown and kept."""

import os
import re

from ganforge.base.terminal import printable

MOST_LETTERS = 300
SECRET = re.compile(r"KEY|TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL", re.IGNORECASE)
SHORTEST = 6
"""Letters: what is shorter, such as "true", is no secret."""


def bare(text: str) -> str:
    """A text, or an address alone, with its addresses without names, passwords and queries. Of an address with an @
    after a ?, which may be part of a password or of the query, nothing is left but its kind."""
    text = re.sub(r"(\w+://)([^\s?]*\?\S*@\S*|[^\s?]*@)", r"\1", text)
    return re.sub(r"\?\S+", "", text)


def said(error: BaseException) -> str:
    """Class and first line of an exception, without what the environment has as keys and passwords, and with its
    addresses ``bare``."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = type(error).__name__ + (f": {lines[0]}" if lines else "")
    text = bare(text)
    for name, value in os.environ.items():
        if SECRET.search(name) and len(value) >= SHORTEST:
            text = text.replace(value, "...")
    text = printable(text).rstrip(".")
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 3]}..."
