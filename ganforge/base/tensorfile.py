"""Tensors and facts in one safetensors file that proves itself whole: what snapshots and checkpoints are made of."""

import hashlib
import json
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.files import open_plain, write_atomically
from ganforge.base.wording import as_typed, refuse_odd_name

MAX_HEADER = 2**24
"""Bytes of names, shapes and facts; the largest network that can be asked for needs a quarter of them."""
MAX_TENSORS = 2**16
INSTEAD = {"snapshot": "; take another copy of it, or another snapshot of its run"}
"""What to do where a file of a kind is damaged; of others, whoever reads them says it."""
Shapes = dict[str, tuple[int, ...]]
"""Of tensors, by name."""


class DamagedFileError(UserError):
    """The file is not what was written: cut off, changed, or another kind of file. The message says which."""


def _damaged(kind: str, path: Path, why: str) -> DamagedFileError:
    advice = INSTEAD.get(kind, "")
    return DamagedFileError(f"The {kind} {path} is damaged{why}{advice}.")


def is_tensorfile(path: Path) -> bool:
    """Is it one by its name, or by its first bytes: the length of a header, and the brace that begins it?"""
    if path.suffix.lower() == ".safetensors":
        return True
    try:
        with open_plain(path) as file:
            begin = file.read(9)
    except OSError:
        return False
    return begin[8:] == b"{" and int.from_bytes(begin[:8], "little") <= MAX_HEADER


def write_tensorfile(path: Path, kind: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write aside, read back and verify, sync, rename to ``path``. ``facts`` must be JSON.

    Raises OSError (disk full, no permission) or DamagedFileError (what came back is not what was written); a file that
    was at ``path`` before is then still there.
    """
    cpu = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"kind": kind} | facts)
    content = _in_order(save(cpu, metadata={"ganforge": text, "sha256": _digest(text, cpu)}))

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)
        try:
            read_tensorfile(temporary, kind)
        except UserError as error:  # what cannot be read back is no better than what is damaged
            raise DamagedFileError(str(error)) from None

    write_atomically(path, write)


def _in_order(content: bytes) -> bytes:
    """A file of safetensors with the strings in its header in the order of their names, which is left to chance there.
    The header is filled up to a multiple of 8, as there."""
    start = 8 + int.from_bytes(content[:8], "little")
    held = json.loads(content[8:start])
    strings = {"__metadata__": dict(sorted(held.pop("__metadata__").items()))}
    text = json.dumps(strings | held, separators=(",", ":"), ensure_ascii=False).encode()
    header = text + b" " * (-len(text) % 8)
    return b"".join((len(header).to_bytes(8, "little"), header, memoryview(content)[start:]))


def read_tensorfile(
    path: Path, kind: str, check: Callable[[dict[str, Any], Shapes], object] = lambda facts, shapes: None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors (on the CPU) and facts of a file that ``write_tensorfile`` wrote. Runs no code from the file.

    check: is given the facts and the tensors' shapes before a tensor is read; what it raises goes out. Raises UserError
    where there is no such plain file, and DamagedFileError where it is not whole or not of this ``kind``.
    """
    refuse_odd_name(path)
    try:
        with open_plain(path) as file:
            start, header = file.read(9), b""
            if (size := int.from_bytes(start[:8], "little")) <= MAX_HEADER:
                header = start[8:] + file.read(max(0, size - 1))
    except OSError as error:
        raise UserError(f"The {kind} {path} cannot be read: {error.strerror}.") from None
    if start[8:] != b"{":
        what = "a pickle, which could run code when loaded" if _is_pickle(start) else "not a safetensors file"
        raise DamagedFileError(f"{path} is {what}; ganforge loads only {kind} files that it wrote itself.")
    if size > MAX_HEADER:
        raise _damaged(kind, path, ", or larger in its facts than any that ganforge writes")
    metadata, shapes = _outline(path, kind, header)
    facts = _facts(path, kind, metadata)
    check(facts, shapes)  # before the file is opened as a whole, which takes memory for what it promises
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in shapes}
    except (SafetensorError, OSError, RuntimeError) as error:
        raise _damaged(kind, path, f" or cut off ({as_typed(str(error))})") from None
    if metadata.get("sha256") != _digest(metadata["ganforge"], tensors):
        raise _damaged(kind, path, ": its content does not match its SHA-256")
    # Copied, since they lie in the mapped file, which may be changed or cut off from now on.
    return {name: tensor.clone() for name, tensor in tensors.items()}, facts


def _outline(path: Path, kind: str, header: bytes) -> tuple[dict[str, str], Shapes]:
    """The strings and the tensors' shapes in a header of safetensors. Raises DamagedFileError."""
    try:
        held = json.loads(header)
        metadata = held.pop("__metadata__", {})
        shapes = {str(name): tuple(map(operator.index, tensor["shape"])) for name, tensor in held.items()}
        if not isinstance(metadata, dict):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _damaged(kind, path, " or cut off (its header is none)") from None
    if len(shapes) > MAX_TENSORS:
        raise DamagedFileError(f"{path} holds {len(shapes):,} tensors, more than any {kind} of ganforge's.")
    return metadata, shapes


def _facts(path: Path, kind: str, metadata: dict[str, str]) -> dict[str, Any]:
    if "ganforge" not in metadata:
        raise DamagedFileError(f"{path} holds tensors but was not written by ganforge, so it is no {kind}.")
    try:
        facts = json.loads(metadata["ganforge"])
    except (ValueError, RecursionError):
        raise _damaged(kind, path, ": its facts are no JSON") from None
    if not isinstance(facts, dict) or not isinstance(facts.get("kind"), str):
        raise DamagedFileError(f"{path} does not say what it is, so it is not a {kind}.")
    if facts["kind"] != kind:
        raise DamagedFileError(f"{path} is a {as_typed(facts['kind'])}, not a {kind}.")
    return facts


def _digest(text: str, tensors: dict[str, Tensor]) -> str:
    """SHA-256 of the facts and of each tensor's name, type, shape and bytes, in the order of the names."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _is_pickle(start: bytes) -> bool:
    return start[:1] == b"\x80" or start[:4] == b"PK\x03\x04"
