"""Reading IDX files, MNIST's format: a short header, then unsigned bytes; gzipped or not.

Source: the format's description in "The MNIST database of handwritten digits" (LeCun, Cortes, Burges):
two zero bytes, a type code, the number of dimensions, each dimension as a big-endian 32-bit integer, the
data.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ganforge.base.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

CHUNK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
MAX_BYTES = 1 << 28
"""The most that is unpacked: five times MNIST's pictures."""
UNSIGNED_BYTE = 0x08
OTHER_TYPES = {0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers"} | {
    0x0D: "32-bit floats",
    0x0E: "64-bit floats",
}
AGAIN = "get the file again"


def to_tensor(unpacked: bytearray) -> "Tensor":
    """The array in what ``unpack_idx`` returned; it shares the memory."""
    import torch  # here, as processes that only decode pictures go without it

    dims = unpacked[3]
    shape = struct.unpack_from(f">{dims}I", unpacked, 4)
    return torch.frombuffer(unpacked, dtype=torch.uint8, offset=4 + 4 * dims).view(shape)


def unpack_idx(path: Path) -> bytearray:
    """The unpacked bytes of an IDX file, header included, checked to be as many as the header promises.

    Memory grows with the bytes that are there, never with what the header promises. Raises UserError.
    """
    try:
        with path.open("rb") as raw:
            if raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC:
                raw.seek(0)
                with gzip.GzipFile(fileobj=raw) as unzipped:
                    return _read_exactly(unzipped, path)
            raw.seek(0)
            return _read_exactly(raw, path)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; check the folder's name.") from error
    except EOFError as error:
        raise UserError(f"{path} is cut off: its gzip data ends too early; {AGAIN}.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} is damaged: its gzip data cannot be unpacked ({error}); {AGAIN}.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path} cannot be read ({reason}); check that it is a file you may read.") from error


def _read_exactly(stream: IO[bytes] | gzip.GzipFile, path: Path) -> bytearray:
    header = stream.read(4)
    shape_bytes = 4 * _dimensions(header, path)
    header += stream.read(shape_bytes)
    if len(header) < 4 + shape_bytes:
        raise UserError(f"{path} is cut off: its IDX header is incomplete; {AGAIN}.")
    shape = struct.unpack(f">{shape_bytes // 4}I", header[4:])
    sizes = " x ".join(f"{size:,}" for size in shape)
    if 0 in shape:
        raise UserError(f"{path} holds nothing: its header says {sizes}; use a file with data in it.")
    promised = len(header) + math.prod(shape)
    content = bytearray(header)
    # One byte more than promised shows surplus data, and makes gzip check its checksum at the end.
    while len(content) <= promised and (chunk := stream.read(min(CHUNK_BYTES, promised + 1 - len(content)))):
        content += chunk
        if len(content) > MAX_BYTES:
            raise UserError(f"{path} unpacks to more than {MAX_BYTES >> 20} MiB ({sizes}), which is too much; {AGAIN}.")
    if len(content) > promised:
        raise UserError(f"{path} holds more bytes than its header promises ({sizes}); {AGAIN}.")
    if len(content) < promised:
        found, wanted = len(content) - len(header), promised - len(header)
        fault = f"its header promises {sizes} = {wanted:,} bytes of data, and there are {found:,}"
        raise UserError(f"{path} is cut off: {fault}; {AGAIN}.")
    return content


def _dimensions(magic: bytes, path: Path) -> int:
    """1 for labels, 3 for pictures, from the first four bytes; anything else raises UserError."""
    wanted = "use an IDX file of unsigned bytes, such as MNIST's"
    if not magic:
        raise UserError(f"{path} is empty; {AGAIN}.")
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise UserError(f"{path} is no IDX file, gzipped or not (it starts with 0x{magic.hex()}); {wanted}.")
    if magic[2] in OTHER_TYPES:
        raise UserError(f"{path} holds {OTHER_TYPES[magic[2]]}, not unsigned bytes; {wanted}.")
    if magic[2] != UNSIGNED_BYTE or magic[3] not in (1, 3):
        fault = f"has the magic number 0x{magic.hex()}, neither pictures (0x00000803) nor labels (0x00000801)"
        raise UserError(f"{path} {fault}; {wanted}.")
    return magic[3]
