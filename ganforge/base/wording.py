"""How what was typed, or is to be typed, is worded."""

import difflib
import os
import reprlib
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.terminal import printable

LONGEST = 60
"""Characters of what somebody typed, or of what stood in a file, that a sentence repeats."""


NEAR = 0.65
"""How alike two spellings are, from 0 to 1, of which one may be a slip for the other: two letters changed places in a
short word, or a third of it is another."""


def suggestion(name: str, known: Any) -> str:
    """`; did you mean 'mnist'?` where something known is spelled much like ``name``, else nothing."""
    if len(name) > LONGEST:
        return ""
    bare = {str(one).lstrip("-").lower(): one for one in known}
    wanted = name.lstrip("-").lower()
    begun = [one for one in bare if one.startswith(wanted) and len(wanted) >= 4]
    close = begun if len(begun) == 1 else difflib.get_close_matches(wanted, bare, n=1, cutoff=NEAR)
    return f"; did you mean {bare[close[0]]!r}?" if close else ""


def option_text(value: Any) -> str:
    """A setting's value in full, as one types it on the command line."""
    if isinstance(value, list | tuple):
        return ",".join(map(option_text, value))
    return "none" if value is None else str(value)


def as_typed(value: Any) -> str:
    """The same for a sentence: in one line, and cut short where it is too much. The value may be anything that JSON can
    hold."""
    text = ",".join(map(_word, value[:LONGEST])) if isinstance(value, list | tuple) else _word(value)
    return printable(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float | None) else reprlib.repr(value)


def listed(names: Iterable[str], word: str) -> str:
    """`mlp`, `mlp or dcgan`, `mlp, dcgan or r3gan`, where the word is "or"; nothing of nothing."""
    *first, last = names or [""]
    return f"{', '.join(first)} {word} {last}" if first else last


def pasted(path: str | Path) -> str:
    """A path in a command that people copy: quoted where the shell would take it apart."""
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def refuse_odd_name(path: str | Path) -> None:
    """Raise UserError for a path that is no UTF-8, which the library that reads weights does not take."""
    names = sys.getfilesystemencoding()
    if names.lower() != "utf-8" and not str(path).isascii():
        what = f"holds other letters than ASCII's, and this Python takes names of files for {names}"
        raise UserError(f"The name {printable(str(path))} {what}; set PYTHONUTF8=1 in the environment.")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UserError(f"The name {printable(str(path))} is not valid UTF-8; choose another.") from None


WRONG_TYPES = {"int_parsing": "a whole number", "int_type": "a whole number", "int_from_float": "a whole number"} | {
    "int_parsing_size": "a smaller number",
    "float_parsing": "a number",
    "string_type": "a name or a path",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
}


def sentences(faults: Sequence[Any], values: dict[str, Any]) -> list[str]:
    """What pydantic's errors say, each once. values: all that were given.

    Of a setting that is a number or a word, pydantic tells twice what it is not; here it is told once."""
    words = {fault["loc"][0]: fault["ctx"]["expected"] for fault in faults if of_a_word(fault)}
    said = {sentence(fault, values): fault["loc"][:1] for fault in faults if not of_a_word(fault)}
    return [text + "".join(f", or {words[name]}" for name in names if name in words) for text, names in said.items()]


def of_a_word(fault: Any) -> bool:
    """Is this what is wrong with a value as one of the words that may stand in place of a number?"""
    return len(fault["loc"]) > 1 and fault["type"] == "literal_error"


def sentence(fault: Any, values: dict[str, Any]) -> str:
    """What one of them says."""
    if not fault["loc"]:
        return str(fault["ctx"]["error"])
    name = str(fault["loc"][0])
    message = (fault["msg"][0].lower() + fault["msg"][1:]).replace("input should", "it should")
    if wanted := WRONG_TYPES.get(fault["type"]):
        message = f"it should be {wanted}"
        if len(fault["loc"]) > 1 and isinstance(fault["loc"][1], int):
            message += ", or several with commas between them"
    return f"{name} cannot be '{as_typed(values.get(name))}': {message}"
