"""The token that visitors of the page must bring: from the command line, the environment, or a file."""

import os
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.files import reason

VARIABLE = "GANFORGE_TOKEN"
LONGEST = 1_000


def given_token(option: str | None, file: Path | None) -> str | None:
    """The one that was given, None where none was. Raises UserError for two, an empty one, and one with blanks."""
    given = {"--token": option, "--token-file": _read(file), VARIABLE: os.environ.get(VARIABLE)}
    known = {name: token for name, token in given.items() if token is not None}
    if option is not None and file is not None:
        raise UserError("--token and --token-file are both given; give one of them.")
    if not known:
        return None
    name, token = next(iter(known.items()))
    if not token.isascii() or not token.isprintable() or " " in token or not 0 < len(token) <= LONGEST:
        raise UserError(
            f"The token that {name} gives must have 1 to {LONGEST:,} letters, digits and signs, without blanks; with "
            "an empty one anybody could look."
        )
    return token


def _read(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        with file.open("rb") as opened:
            content = opened.read(LONGEST + 100)
        return content.decode("utf-8").strip()
    except OSError as error:
        raise UserError(f"The token cannot be read: {reason(error)}; give another --token-file.") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} holds no text, so no token; give another --token-file.") from None
