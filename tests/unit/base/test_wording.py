"""base/wording.py: guesses at what was meant, and values as they are typed."""

from ganforge.base.wording import as_typed, suggestion


def test_a_guess_where_there_is_one() -> None:
    assert suggestion("mnits", ["mnist", "digits"]) == "; did you mean 'mnist'?"
    assert suggestion("xyz", ["mnist", "digits"]) == ""


def test_values_as_they_are_typed() -> None:
    assert (as_typed((1024, 8)), as_typed(None), as_typed(0.5), as_typed("mnist")) == ("1024,8", "None", "0.5", "mnist")
    assert as_typed("x" * 60) == "x" * 60
    assert as_typed("x" * 61) == "x" * 57 + "..."
