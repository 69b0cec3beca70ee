import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganforge.base.errors import UserError
from ganforge.base.sizes import LARGEST_SIDE, parse_size, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [("64", (64, 64)), ("64x96", (64, 96)), (" 1X2 ", (1, 2)), ("4096", (4096, 4096)), ("3×5", (3, 5))],
)
def test_height_comes_first(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@given(st.integers(1, LARGEST_SIDE), st.integers(1, LARGEST_SIDE))
def test_there_and_back(height: int, width: int) -> None:
    assert parse_size(size_text(height, width)) == (height, width)


@pytest.mark.parametrize(
    "text", ["", "0", "64x0", "4097", "64x", "x64", "64x64x3", "-5", "6.5", "64,96", "٣", "9" * 500]
)
def test_anything_else_is_one_short_sentence(text: str) -> None:
    with pytest.raises(UserError, match="give height x width in pixels, such as 64 or 64x96") as error:
        parse_size(text)
    assert len(str(error.value)) < 200
