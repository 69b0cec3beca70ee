"""How a complaint about something that was typed is worded."""

import difflib
from typing import Any


def suggestion(name: str, known: Any) -> str:
    """`; did you mean 'mnist'?` where something known is spelled much like ``name``, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?".removesuffix("?") + "?" if close else ""


def as_typed(value: Any) -> str:
    """A setting's value as one types it on the command line, cut short where somebody typed too much."""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


WRONG_TYPES = {"int_parsing": "a whole number", "int_type": "a whole number", "int_from_float": "a whole number"} | {
    "int_parsing_size": "a smaller number",
    "float_parsing": "a number",
    "float_type": "a number",
}


def sentence(fault: Any, values: dict[str, Any]) -> str:
    """What one of pydantic's errors says, by the setting's name. values: all that were given."""
    if not fault["loc"]:
        return str(fault["ctx"]["error"])
    name = str(fault["loc"][0])
    message = (fault["msg"][0].lower() + fault["msg"][1:]).replace("input should", "it should")
    if wanted := WRONG_TYPES.get(fault["type"]):
        message = f"it should be {wanted}"
        if len(fault["loc"]) > 1:
            message += ", or several with commas between them"
    return f"{name} cannot be {as_typed(values.get(name))!r}: {message}"
