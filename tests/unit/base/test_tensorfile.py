"""base/tensorfile.py: what was written comes back to the bit, and anything else is refused without running code."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.tensorfile import DamagedFileError, read_tensorfile, write_tensorfile
from ganforge.run.snapshot import load_snapshot

TENSORS = {
    "b.weight": torch.arange(6, dtype=torch.float32).view(2, 3) - 0.1,
    "a.bias": torch.tensor([1.5, float("nan"), float("-inf")]),
    "scalar": torch.tensor(7.25),
    "double": torch.tensor([1e-300], dtype=torch.float64),
    "half": torch.tensor([0.1], dtype=torch.bfloat16),
    "count": torch.tensor([2**62], dtype=torch.int64),
    "flags": torch.tensor([True, False, True]),
    "empty": torch.empty(0, 4),
}
FACTS: dict[str, Any] = {"format": 1, "nimg": 640, "list": [1, "ä", None], "deep": {"x": 0.1}}


def same(ours: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    def described(tensor: Tensor) -> tuple[object, ...]:
        return tensor.dtype, tensor.shape, tensor.reshape(-1).view(torch.uint8).numpy().tobytes()

    return ours.keys() == expected.keys() and all(described(ours[k]) == described(expected[k]) for k in expected)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "file.safetensors"
    write_tensorfile(path, "snapshot", TENSORS, FACTS)
    return path


def test_what_was_written_comes_back(whole: Path) -> None:
    tensors, facts = read_tensorfile(whole, "snapshot")
    assert same(tensors, TENSORS)
    assert facts == {"kind": "snapshot"} | FACTS


def test_views_and_gradients_come_back_as_plain_tensors(tmp_path: Path) -> None:
    base = torch.arange(12.0).view(3, 4)
    given = {"turned": base.t(), "part": base[1:, ::2], "learned": base.clone().requires_grad_()}
    write_tensorfile(tmp_path / "f", "snapshot", given, {})
    tensors, _ = read_tensorfile(tmp_path / "f", "snapshot")
    assert all(torch.equal(tensors[name], given[name]) for name in given)
    assert not tensors["learned"].requires_grad


def test_equal_content_gives_equal_bytes(whole: Path, tmp_path: Path) -> None:
    write_tensorfile(tmp_path / "again", "snapshot", dict(reversed(TENSORS.items())), FACTS)
    tensors, _ = read_tensorfile(tmp_path / "again", "snapshot")
    assert same(tensors, TENSORS)


def refused(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(DamagedFileError) as caught:
        read_tensorfile(path, "snapshot")
    assert str(path) in str(caught.value)


def test_any_flipped_bit_is_found(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    for index in range(len(content)):
        changed = bytearray(content)
        changed[index] ^= 1 << (index * 5 % 8)
        refused(changed, tmp_path / "flipped")


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_found(data: st.DataObject, whole: Path) -> None:
    """Or it changes nothing, such as a blank of the header's padding that became another blank."""
    content = bytearray(whole.read_bytes())
    index = data.draw(st.integers(0, len(content) - 1))
    content[index] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[index]))
    path = whole.with_name("changed")
    path.write_bytes(content)
    try:
        tensors, facts = read_tensorfile(path, "snapshot")
    except DamagedFileError:
        return
    assert same(tensors, TENSORS)
    assert facts == {"kind": "snapshot"} | FACTS
    assert content[index] in b" \t\r\n"


def test_any_truncation_is_found(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    for length in range(len(content)):
        refused(content[:length], tmp_path / "short")


@settings(max_examples=100, deadline=None)
@given(tail=st.binary(min_size=1, max_size=40))
def test_anything_added_is_found(tail: bytes, whole: Path) -> None:
    refused(whole.read_bytes() + tail, whole.with_name("long"))


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=300) | st.binary(max_size=300).map(lambda b: b"\x40" + bytes(7) + b"{" + b))
def test_any_other_bytes_are_refused(content: bytes, whole: Path) -> None:
    refused(content, whole.with_name("other"))


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=8), st.integers(0, 400))
def test_any_overwritten_stretch_is_found(stretch: bytes, start: int) -> None:
    """What a disk gives back where a block was never written."""
    content = bytearray(WHOLE_BYTES)
    before = bytes(content)
    content[start : start + len(stretch)] = stretch
    if bytes(content) != before and not stretch.isspace():
        refused(content, SCRATCH)


@pytest.fixture(autouse=True, scope="module")
def _files(whole: Path) -> None:
    global WHOLE_BYTES, SCRATCH
    WHOLE_BYTES, SCRATCH = whole.read_bytes(), whole.with_name("scratch")


def test_other_content_under_the_same_digest_is_found(tmp_path: Path) -> None:
    """The digest covers names, types, shapes and facts, not only the tensors' bytes."""
    path = tmp_path / "file"
    write_tensorfile(path, "snapshot", {"a": torch.tensor([1.0, 2.0])}, {"nimg": 1})
    content = path.read_bytes()
    for old, new in (
        (b'"a":', b'"b":'),
        (b'"shape":[2]', b'"shape":[2,1]'),
        (b'"F32"', b'"I32"'),
        (b'\\"nimg\\": 1', b'\\"nimg\\": 2'),
    ):
        assert old in content
        changed = content.replace(old, new)
        length = int.from_bytes(changed[:8], "little") + len(new) - len(old)
        refused(length.to_bytes(8, "little") + changed[8:], path)


class CreatesFile:
    """Unpickling it makes a folder, which shows that code was run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def pickles(payload: object) -> dict[str, bytes]:
    import io

    found = {f"protocol {n}": pickle.dumps(payload, protocol=n) for n in range(pickle.HIGHEST_PROTOCOL + 1)}
    for name, zipped in (("torch zip", True), ("torch old", False)):
        buffer = io.BytesIO()
        torch.save(payload, buffer, _use_new_zipfile_serialization=zipped)
        found[name] = buffer.getvalue()
    header = b"\x80\x02c{"  # looks like a pickle and has a brace where safetensors has one
    found["disguised"] = header + b"\x00" * 4 + b"{" + found["protocol 2"]
    return found


@pytest.mark.parametrize("form", pickles(None))
def test_a_pickle_is_refused_and_does_not_run(form: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    content = pickles({"weight": torch.ones(2), "bomb": CreatesFile(mark)})[form]
    path = tmp_path / "model.safetensors"
    refused(content, path)
    for load in (load_snapshot, ganforge.load):
        with pytest.raises(UserError, match=r"pickle|safetensors"):
            load(path)
    assert not mark.exists()
    if form == "protocol 2":  # the bomb is a real one
        pickle.loads(content)
        assert mark.exists()


def test_a_pickle_is_called_by_its_name(tmp_path: Path) -> None:
    for form in ("protocol 4", "torch zip", "torch old"):
        (tmp_path / "f").write_bytes(pickles({"a": 1})[form])
        with pytest.raises(DamagedFileError, match="is a pickle, which could run code when loaded"):
            read_tensorfile(tmp_path / "f", "snapshot")


def test_foreign_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    for metadata in (None, {"format": "pt"}):
        save_file({"a": torch.ones(2)}, path, metadata)
        with pytest.raises(DamagedFileError, match="was not written by ganforge"):
            read_tensorfile(path, "snapshot")
    save_file({"a": torch.ones(2)}, path, {"ganforge": json.dumps({"kind": "snapshot"})})
    with pytest.raises(DamagedFileError, match="does not match its SHA-256"):
        read_tensorfile(path, "snapshot")


def test_what_was_read_does_not_depend_on_the_file_any_more(tmp_path: Path) -> None:
    """A file that is mapped into memory would change under the reader's hands, or end the process if it is cut off."""
    path = tmp_path / "file"
    write_tensorfile(path, "snapshot", {"a": torch.ones(10_000)}, {})
    tensors, _ = read_tensorfile(path, "snapshot")
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert torch.equal(tensors["a"], torch.ones(10_000))


def test_another_kind_is_refused(whole: Path) -> None:
    with pytest.raises(DamagedFileError, match="is a snapshot, not a checkpoint"):
        read_tensorfile(whole, "checkpoint")


def test_a_missing_file_and_a_folder_are_no_damage(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(UserError, match="cannot be read") as caught:
            read_tensorfile(path, "snapshot")
        assert not isinstance(caught.value, DamagedFileError)


def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_tensorfile(path, "snapshot", TENSORS, FACTS)
    before = path.read_bytes()

    def writes_rubbish(temporary: Path, content: bytes) -> int:
        with temporary.open("wb") as file:
            return file.write(content[:-1] + bytes([content[-1] ^ 1]))

    monkeypatch.setattr(Path, "write_bytes", writes_rubbish)
    with pytest.raises(DamagedFileError):
        write_tensorfile(path, "snapshot", {"a": torch.ones(3)}, {})
    monkeypatch.setattr(Path, "write_bytes", lambda temporary, content: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        write_tensorfile(path, "snapshot", {"a": torch.ones(3)}, {})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_more_tensors_or_facts_than_ganforge_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.safetensors"
    write_tensorfile(path, "snapshot", {str(n): torch.zeros(1) for n in range(5)}, {"text": "x" * 1_000})
    assert len(read_tensorfile(path, "snapshot")[0]) == 5
    monkeypatch.setattr("ganforge.base.tensorfile.MAX_TENSORS", 4)
    with pytest.raises(DamagedFileError, match="holds 5 tensors, more than any snapshot of ganforge's"):
        read_tensorfile(path, "snapshot")
    monkeypatch.setattr("ganforge.base.tensorfile.MAX_HEADER", 1_000)
    with pytest.raises(DamagedFileError, match="larger in its facts than any that ganforge writes"):
        read_tensorfile(path, "snapshot")


@pytest.mark.parametrize("text", ["", "x", "[]", "3", '{"kind": 3}', "{}", "[" * 100_000])
def test_facts_that_are_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    save_file({"a": torch.ones(2)}, path, {"ganforge": text, "sha256": "0"})
    with pytest.raises(DamagedFileError, match=r"its facts are no JSON|does not say what it is"):
        read_tensorfile(path, "snapshot")


def test_a_check_sees_the_shapes_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    write_tensorfile(path, "snapshot", {"a": torch.ones(2, 3)}, {"n": 1})
    flip = bytearray(path.read_bytes())
    flip[-1] ^= 1
    path.write_bytes(flip)

    def check(facts: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
        assert (facts, shapes) == ({"kind": "snapshot", "n": 1}, {"a": (2, 3)})
        raise UserError("another")

    with pytest.raises(UserError, match="another"):
        read_tensorfile(path, "snapshot", check)


def test_what_cannot_be_read_back_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file stays, and whoever writes hears of damage, not of a mistake of the user's."""
    path = tmp_path / "a.safetensors"
    write_tensorfile(path, "kind", {"w": torch.ones(2)}, {})
    before = path.read_bytes()

    def unreadable(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("ganforge.base.tensorfile.open_plain", unreadable)
    with pytest.raises(DamagedFileError, match="cannot be read: Input/output error"):
        write_tensorfile(path, "kind", {"w": torch.zeros(2)}, {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_content_has_the_same_bytes(tmp_path: Path) -> None:
    """Forty times, since safetensors orders two strings by chance."""
    tensors = {"b": torch.ones(2), "a": torch.zeros(3), "n": torch.tensor(1), "ä": torch.ones(1)}
    written = set()
    for number in range(40):
        write_tensorfile(tmp_path / f"{number}.safetensors", "snapshot", tensors, {"name": "狗"})
        written.add((tmp_path / f"{number}.safetensors").read_bytes())
    assert len(written) == 1
    [content] = written
    size = int.from_bytes(content[:8], "little")
    assert size % 8 == 0
    assert list(json.loads(content[8 : 8 + size])["__metadata__"]) == ["ganforge", "sha256"]
    loaded, _ = read_tensorfile(tmp_path / "0.safetensors", "snapshot")
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
