import gzip
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from picture_files import RANDOM, header_at

from ganforge.base.errors import UserError
from ganforge.data.sources.decode import Header
from ganforge.data.sources.entries import class_names
from ganforge.data.sources.open import open_source, picture_at
from ganforge.data.sources.pixel_kinds import Unreadable

BATCH = RANDOM.integers(256, size=(6, 5, 4, 3), dtype=np.uint8)
ALPHA = RANDOM.integers(256, size=(6, 5, 7, 4), dtype=np.uint8)


def read_all(path: Path) -> np.ndarray:
    source = open_source(path)
    order = [3, 4, 1, 5, 0, 2]
    rows = {index: source.read(index) for index in order}
    assert [entry.name for entry in source.entries] == [f"picture {row}" for row in range(6)]
    source.close()
    return np.stack([rows[index] for index in range(6)])


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (BATCH, BATCH),
        (BATCH.transpose(0, 3, 1, 2), BATCH),
        (BATCH[..., :1], BATCH[..., :1]),
        (BATCH[..., :1].transpose(0, 3, 1, 2), BATCH[..., :1]),
        (BATCH[..., 0], BATCH[..., 0]),
        (ALPHA, ALPHA),
        (ALPHA.transpose(0, 3, 1, 2), ALPHA),
    ],
    ids=["NHWC", "NCHW", "NHW1", "N1HW", "NHW", "NHW4", "N4HW"],
)
def test_arrays_in_either_order(tmp_path: Path, array: np.ndarray, wanted: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "b.npz", images=array)
    np.savez_compressed(tmp_path / "c.npz", array)
    for name in ("a.npy", "b.npz", "c.npz"):
        assert np.array_equal(read_all(tmp_path / name), wanted)


def test_arrays_as_pictures(tmp_path: Path) -> None:
    for array, mode in ((BATCH[..., 0], "L"), (BATCH[..., :1], "L"), (BATCH, "RGB"), (ALPHA, "RGBA")):
        np.save(tmp_path / "a.npy", array)
        source = open_source(tmp_path / "a.npy")
        assert header_at(source, 2) == Header(array.shape[2], 5, mode)
        assert picture_at(source, 2).mode == mode
        assert np.array_equal(np.asarray(picture_at(source, 2)), array[2].squeeze())
        source.close()


@pytest.mark.parametrize(
    ("labels", "names"),
    [(np.arange(6) % 2 * 9, ["0", "9"]), (list("abcabc"), ["a", "b", "c"]), (np.ones((6, 1)), ["1"])],
)
def test_labels_in_an_npz(tmp_path: Path, labels: object, names: list[str]) -> None:
    np.savez(tmp_path / "a.npz", images=BATCH, labels=labels)
    source = open_source(tmp_path / "a.npz")
    assert (class_names(source.entries), source.labels_from, source.kind) == (names, "array 'labels'", "array")
    source.close()


@pytest.mark.parametrize(
    ("labels", "why"),
    [(np.arange(6) / 4, r"numbers that are not whole \(0\.25 for picture 1\): measurements"),
     (np.eye(6, dtype=int), r"several values for one picture \(\['6 numbers'\] for picture 0\)"),
     (np.array([3, 1, -1, 1, 2, 2]), r"array 'labels' gives no class to 1 of 6 pictures, such as picture 2"),
     (np.full(6, -2), r"what is no class \(-2 for picture 0\)")],
)  # fmt: skip
def test_labels_that_are_no_classes(tmp_path: Path, labels: np.ndarray, why: str) -> None:
    np.savez(tmp_path / "a.npz", images=BATCH, labels=labels)
    source = open_source(tmp_path / "a.npz")
    assert ({entry.label for entry in source.entries}, source.labels_from) == ({None}, "")
    assert re.search(why, source.no_labels)
    source.close()


@pytest.mark.parametrize(
    ("labels", "fault"),
    [(np.arange(5), "holds 6 pictures and 5 labels"), (np.ones(6, complex), "are not whole numbers from 0, or texts"),
     (np.ones((6, 1, 1), int), "are not whole numbers")],
)  # fmt: skip
def test_labels_of_another_kind(tmp_path: Path, labels: np.ndarray, fault: str) -> None:
    np.savez(tmp_path / "a.npz", images=BATCH, labels=labels)
    with pytest.raises(UserError, match=fault):
        open_source(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("array", "held"),
    [
        (BATCH.astype(complex), r"complex128 \[6, 5, 4, 3\]; save the pictures as numbers"),
        (BATCH[0, 0], r"uint8 \[4, 3\]; save"),
        (BATCH[:0], r"uint8 \[0, 5, 4, 3\]; save"),
        (BATCH[..., :2], r"uint8 \[6, 5, 4, 2\]; save"),
        (np.asfortranarray(BATCH), r"uint8 \[6, 5, 4, 3\] in Fortran's order; save numpy\.ascontiguousarray"),
    ],
    ids=["complex", "flat", "empty", "two channels", "Fortran"],
)
def test_arrays_that_are_no_pictures(tmp_path: Path, array: np.ndarray, held: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=rf"a\.npy holds {held}"):
        open_source(tmp_path / "a.npy")


def test_an_npz_that_does_not_say_which_array_it_is(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", pixels=BATCH, others=BATCH)
    with pytest.raises(
        UserError, match=r"a\.npz holds 2 arrays with the axes of pictures, none .*: pixels, others; rename"
    ):
        open_source(tmp_path / "a.npz")


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("sprung"),)


def test_no_code_from_an_array_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trap = np.empty(1, object)
    trap[0] = Trap()
    np.savez("a.npz", images=trap)
    np.save("b.npy", trap)
    Path("c.npy").write_bytes(pickle.dumps(Trap()))
    np.savez("d.npz", images=BATCH, labels=trap)
    for name, fault in (("a.npz", r"object \[1\]"), ("b.npy", r"object \[1\]"), ("c.npy", "not of a kind"),
                        ("d.npz", "cannot be read as arrays")):  # fmt: skip
        with pytest.raises(UserError, match=fault):
            open_source(name)
    assert not Path("sprung").exists()


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_a_cut_off_array_file(tmp_path: Path, kept: float) -> None:
    np.savez_compressed(tmp_path / "a.npz", BATCH)
    np.save(tmp_path / "a.npy", BATCH)
    for name in ("a.npz", "a.npy"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: int(len(content) * kept)])
        with pytest.raises(UserError, match=rf"{name} .*(; save it again|; get it again|not of a kind)"):
            open_source(tmp_path / name)


def test_a_file_cut_off_after_it_was_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", RANDOM.integers(256, size=(6, 500, 400, 3), dtype=np.uint8))
    source = open_source(tmp_path / "a.npy")
    before = source.fingerprint()
    with (tmp_path / "a.npy").open("r+b") as file:
        file.truncate(3_000_000)
    with pytest.raises(Unreadable, match="cut off"):
        source.read(5)
    assert source.fingerprint() != before
    source.close()


def idx(magic: int, *shape: int, data: bytes | None = None) -> bytes:
    size = int(np.prod(shape))
    return struct.pack(f">I{len(shape)}I", magic, *shape) + (
        bytes(i % 251 for i in range(size)) if data is None else data
    )


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_and_their_labels(tmp_path: Path, packed: bool) -> None:
    pack = gzip.compress if packed else bytes
    end = ".gz" if packed else ""
    (tmp_path / f"some-images-idx3-ubyte{end}").write_bytes(pack(idx(0x803, 3, 4, 5)))
    alone = open_source(tmp_path / f"some-images-idx3-ubyte{end}")
    assert (alone.kind, alone.labels_from, len(alone.entries)) == ("idx", "", 3)
    assert np.array_equal(alone.read(2), np.arange(40, 60, dtype=np.uint8).reshape(4, 5))
    assert np.array_equal(alone.read(0), np.arange(20, dtype=np.uint8).reshape(4, 5))
    alone.close()
    (tmp_path / "some-labels-idx1-ubyte").write_bytes(idx(0x801, 3, data=b"\7\1\7"))
    source = open_source(tmp_path / f"some-images-idx3-ubyte{end}")
    assert [entry.label for entry in source.entries] == ["7", "1", "7"]
    assert source.labels_from == "some-labels-idx1-ubyte"
    source.close()
    (tmp_path / "some-labels-idx1-ubyte").write_bytes(idx(0x801, 2))
    with pytest.raises(UserError, match=r"holds 3 pictures and .* 2 labels; get them again"):
        open_source(tmp_path / f"some-images-idx3-ubyte{end}")


def test_idx_files_that_lie(tmp_path: Path) -> None:
    path = tmp_path / "images"
    for content in (idx(0x803, 3, 4, 5)[:-1], idx(0x803, 3, 4, 5) + b"x", idx(0x803, 0, 4, 5), b"\0\0\x08\x03",
                    gzip.compress(idx(0x803, 2**31, 99, 99, data=b""))):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(
            UserError, match=r"images does not hold what its header promises \(.*\); get the file again"
        ):
            open_source(path)
    path.write_bytes(idx(0x801, 3))
    with pytest.raises(UserError, match="images holds labels; name the file of their pictures"):
        open_source(path)


def test_a_gzip_file_that_is_cut_off_is_unreadable_from_there(tmp_path: Path) -> None:
    noise = RANDOM.integers(256, size=60_000, dtype=np.uint8).tobytes()
    (tmp_path / "images.gz").write_bytes(gzip.compress(idx(0x803, 60, 10, 100, data=noise))[:30_000])
    source = open_source(tmp_path / "images.gz")
    assert source.read(3).tobytes() == noise[3000:4000]
    with pytest.raises(Unreadable, match=r"cannot be unpacked|cut off"):
        source.read(59)
    source.close()


def test_a_folder_of_idx_files(tmp_path: Path) -> None:
    (tmp_path / "train-images").write_bytes(idx(0x803, 3, 4, 5))
    with pytest.raises(UserError, match=r"holds IDX files; name one of them, such as .*train-images"):
        open_source(tmp_path)
