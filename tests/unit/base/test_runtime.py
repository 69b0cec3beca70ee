"""base/runtime.py: what the machine says of itself."""

import pytest

from ganforge.base.runtime import is_out_of_memory


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shapes do not fit"), False),
    ],
)
def test_memory_that_is_used_up_is_known(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected
