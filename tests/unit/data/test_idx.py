import gzip
import struct
import tracemalloc
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from idx_files import idx_bytes, write_idx

from ganforge.base.errors import UserError
from ganforge.data.idx import to_tensor, unpack_idx

shapes = st.one_of(st.tuples(st.integers(1, 40)), st.tuples(*[st.integers(1, 6)] * 3))
arrays = st.builds(
    lambda shape, seed: torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)),
    shapes,
    st.integers(0, 1000),
)
many = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(array=arrays, zipped=st.booleans())
def test_reads_back_what_was_written(tmp_path: Path, array: torch.Tensor, zipped: bool) -> None:
    content = idx_bytes(array)
    path = tmp_path / "name-without-suffix"
    path.write_bytes(gzip.compress(content) if zipped else content)
    read = to_tensor(unpack_idx(path))
    assert read.dtype == torch.uint8
    assert torch.equal(read, array)


@many
@given(array=arrays, zipped=st.booleans(), data=st.data())
def test_a_cut_file_is_a_user_error(tmp_path: Path, array: torch.Tensor, zipped: bool, data: st.DataObject) -> None:
    content = gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array)
    path = tmp_path / "cut"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(UserError, match="cut"):
        to_tensor(unpack_idx(path))


@many
@given(array=arrays, zipped=st.booleans(), data=st.data())
def test_an_altered_header_is_a_user_error_or_harmless(
    tmp_path: Path, array: torch.Tensor, zipped: bool, data: st.DataObject
) -> None:
    content = bytearray(gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array))
    header_bytes = 10 if zipped else 4 + 4 * array.ndim
    content[data.draw(st.integers(0, header_bytes - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "altered"
    path.write_bytes(content)
    try:
        read = to_tensor(unpack_idx(path))
    except UserError as error:
        assert str(path) in str(error)
    else:
        assert torch.equal(read, array)


@many
@given(
    content=st.binary(max_size=60),
    prefix=st.sampled_from([b"", b"\x1f\x8b\x08", b"\0\0\x08\x01", b"\0\0\x08\x03"]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, prefix: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(prefix + content)
    try:
        read = to_tensor(unpack_idx(path))
    except UserError:
        return
    assert idx_bytes(read) == prefix + content


def header(kind: int, *shape: int) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "no IDX file, gzipped or not"),
        (b"\0\0", "no IDX file"),
        (header(0x0D, 2) + bytes(8), "32-bit floats, not unsigned bytes"),
        (header(0x08, 2, 2) + bytes(4), "magic number 0x00000802"),
        (header(0x07, 2) + bytes(2), "magic number 0x00000701"),
        (header(0x08, 2, 3)[:3] + b"\x03" + bytes(5), "header is incomplete"),
        (header(0x08, 2, 3, 4) + bytes(23), "promises 2 x 3 x 4 = 24 bytes of data, and there are 23"),
        (header(0x08, 2, 3, 4) + bytes(25), "more bytes than its header promises"),
        (header(0x08, 0), "holds nothing"),
        (header(0x08, 5, 0, 4), "5 x 0 x 4"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (gzip.compress(b"PK\3\4 no", mtime=0), "no IDX file"),
        (gzip.compress(header(0x08, 9) + bytes(9), mtime=0)[:-4], "gzip data ends too early"),
        (gzip.compress(header(0x08, 9) + bytes(9), mtime=0)[:-8] + bytes(8), "gzip data cannot be unpacked"),
        (gzip.compress(header(0x08, 9) + bytes(8), mtime=0), "= 9 bytes of data, and there are 8"),
    ],
)
def test_names_the_file_and_the_fault(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "faulty-idx"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        to_tensor(unpack_idx(path))
    assert str(path) in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        to_tensor(unpack_idx(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="cannot be read"):
        to_tensor(unpack_idx(tmp_path))


@pytest.mark.parametrize("zipped", [False, True])
def test_memory_follows_the_file_not_the_header(tmp_path: Path, zipped: bool) -> None:
    content = header(0x08, 4_000_000_000, 60_000, 60_000) + bytes(1000)
    path = tmp_path / "boastful"
    path.write_bytes(gzip.compress(content) if zipped else content)
    tracemalloc.start()
    with pytest.raises(UserError, match="cut off"):
        to_tensor(unpack_idx(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_unpacks_no_more_than_promised(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(header(0x08, 10) + bytes(64 << 20)))
    tracemalloc.start()
    with pytest.raises(UserError, match="more bytes than its header promises"):
        to_tensor(unpack_idx(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_the_array_can_be_written_to(tmp_path: Path) -> None:
    path = write_idx(tmp_path / "labels", torch.tensor([1, 2, 3], dtype=torch.uint8))
    read = to_tensor(unpack_idx(path))
    read[0] = 9
    assert read.tolist() == [9, 2, 3]
    assert to_tensor(unpack_idx(path)).tolist() == [1, 2, 3]
