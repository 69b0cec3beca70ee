"""sampling/save.py: single pictures as files, read back with their classes, gone on with to the same bytes."""

import contextlib
import csv
import json
import re
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Barrier, Lock

import numpy as np
import pytest
import torch
from PIL import Image
from untrained import make_run

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.picture_format import PictureFormat
from ganforge.base.stopping import Stopped, polled_by
from ganforge.cli.main import main
from ganforge.data.dataset import Dataset
from ganforge.data.load import load as load_data
from ganforge.run.lock import acquire
from ganforge.sampling import into_archive
from ganforge.sampling import model as model_file
from ganforge.sampling import save as save_file
from ganforge.sampling.balance import counts_for, labels_like
from ganforge.sampling.model import Model, load

NAMES = ("cat", "a/b, 'x'", "train")
SEEDS = range(150)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    run = make_run(tmp_path_factory.mktemp("told") / "run", (3, 5, 9), num_classes=3, class_names=NAMES)
    return load(run.path, "cpu")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(make_run(tmp_path_factory.mktemp("plain") / "run", noise="normal").path, "cpu")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(into_archive, "SHARD", 70)


def stopping_after(batches: int) -> AbstractContextManager[None]:
    left = [batches]

    def poll() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Stopped("SIGINT")

    return polled_by(poll)


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_stream_is_the_sample_in_pieces(model: Model) -> None:
    pieces = list(model.stream(SEEDS))
    assert [len(one) for one in pieces] == [64, 64, 22]
    assert torch.equal(torch.cat(pieces), model.sample(SEEDS))
    assert torch.equal(torch.cat(list(model.stream("3,5", "cat"))), model.sample([3, 5], "cat"))
    with pytest.raises(UserError, match="Truncation is for normal noise"):
        model.stream(SEEDS, truncation=0.5)  # at once, not when the first is asked for


def test_a_streams_truncation(plain: Model) -> None:
    assert torch.equal(next(plain.stream([4], truncation=0.5)), plain.pictures(plain.z([4]) / 2))


def test_a_folder_is_read_by_the_rules_of_others(model: Model, tmp_path: Path) -> None:
    """ImageFolder's: a class for each sub-folder, numbered in their order; StyleGAN's: the pairs in dataset.json."""
    assert model.save(f"{tmp_path}/f/", SEEDS) == [tmp_path / "f"]
    out, pictures = tmp_path / "f", model.sample(SEEDS).permute(0, 2, 3, 1).numpy()
    folders = sorted(path.name for path in out.iterdir() if path.is_dir())
    assert folders == ["0-cat", "1-a_b_x", "2-train"]
    labels = dict(json.loads((out / "dataset.json").read_text())["labels"])
    with (out / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["seed"]) for row in rows] == list(SEEDS)
    assert rows[4] | {"file": ""} == {"file": "", "seed": "4", "class": "1", "nimg": "640", "truncation": "1.0"}
    for row in rows:
        seed, path = int(row["seed"]), out / row["file"]
        assert path.name == f"seed{seed:08}-class{seed % 3}.png"
        assert folders.index(path.parent.name) == labels[row["file"]] == int(row["class"]) == seed % 3
        with Image.open(path) as picture:
            assert np.array_equal(np.asarray(picture), pictures[seed])
    assert len(list(out.rglob("*.png"))) == len(labels) == 150


@pytest.mark.parametrize("name", ["f/", "f.zip", "f.npz", "f.tar"])
def test_ganforge_reads_them_back_with_their_classes(name: str, model: Model, tmp_path: Path) -> None:
    written = model.save(f"{tmp_path}/{name}", SEEDS)
    assert all(path.exists() for path in written)
    data = load_data(tmp_path if name == "f.tar" else written[0])
    assert data.class_names == tuple(sorted(NAMES))
    got = {
        (item.numpy().tobytes(), data.class_names[label]) for item, label in zip(data.items, data.labels, strict=True)
    }
    made = model.sample(SEEDS)
    assert got == {(item.numpy().tobytes(), NAMES[seed % 3]) for seed, item in zip(SEEDS, made, strict=True)}


def test_an_npz_is_the_evaluators(model: Model, plain: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "a.npz", SEEDS)
    with np.load(tmp_path / "a.npz") as arrays:
        assert np.array_equal(arrays["arr_0"], model.sample(SEEDS).permute(0, 2, 3, 1).numpy())
        assert arrays["arr_0"].dtype == np.uint8
        assert arrays["arr_1"].tolist() == [seed % 3 for seed in SEEDS]
        assert arrays["seeds"].tolist() == list(SEEDS)
        assert (arrays["nimg"], arrays["truncation"]) == (640, 1.0)
    plain.save(tmp_path / "b.npz", [7, 3], truncation=0.5)
    with np.load(tmp_path / "b.npz") as arrays:
        assert "arr_1" not in arrays
        assert (arrays["seeds"].tolist(), arrays["truncation"]) == ([7, 3], 0.5)


def test_shards_are_webdatasets(model: Model, tmp_path: Path) -> None:
    written = [path.name for path in model.save(tmp_path / "s-{00000}.tar", SEEDS)]
    assert written == ["s-00000.tar", "s-00001.tar", "s-00002.tar", "s-index.csv"]
    with tarfile.open(tmp_path / "s-00002.tar") as shard:
        assert shard.getnames()[:3] == [f"seed00000140-class2.{ending}" for ending in ("png", "cls", "json")]
        files = [shard.extractfile(name) for name in shard.getnames()[1:3]]
        assert [file and file.read() for file in files] == [b"2", b'{"label": "train"}']
    assert len((tmp_path / "s-index.csv").read_text().splitlines()) == 151


@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.parametrize("name", ["f/", "f.zip", "f.npz", "f.tar"])
def test_what_was_stopped_goes_on_to_the_same_bytes(
    name: str, batches: int, model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    model.save(f"{whole}/{name}", SEEDS)
    with pytest.raises(Stopped), stopping_after(batches):
        model.save(f"{halves}/{name}", SEEDS)
    assert f"{64 * batches} of 150 pictures are saved; the same command goes on" in capsys.readouterr().err
    assert bytes_in(halves) != bytes_in(whole)
    made = list[int]()
    z = Model.z
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Model, "z", lambda self, seeds: made.extend(seeds) or z(self, seeds))
        model.save(f"{halves}/{name}", SEEDS)
    assert sorted(made) == list(SEEDS[64 * batches :])  # only what was left
    assert f"{64 * batches} of 150 pictures are there already" in capsys.readouterr().err
    assert bytes_in(halves) == bytes_in(whole)


@pytest.mark.parametrize(("at_once", "share"), [(2, 3), (1, 6)])
def test_batches_are_made_at_once_by_equal_shares_of_the_threads(
    at_once: int, share: int, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU one at a time: as with at_once = 1."""
    threads, running, before = set[int](), list[int](), torch.get_num_threads()
    together, z, busy = Barrier(2, timeout=20), Model.z, Lock()

    def watched(self: Model, seeds: list[int]) -> torch.Tensor:
        threads.add(torch.get_num_threads())
        assert torch.backends.cudnn.allow_tf32 is False
        with contextlib.nullcontext() if at_once == 2 else refused_twice(busy):
            running.append(1)
            if at_once == 2 and len(running) <= 2:
                together.wait()  # raises where a second one does not come
            return z(self, seeds)

    monkeypatch.setattr(Model, "z", watched)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(model_file, "MAKERS", at_once)
    monkeypatch.setattr(save_file, "usual_workers", lambda: 2)
    torch.set_num_threads(6)
    try:
        model.save(f"{tmp_path}/f/", SEEDS)
        assert threads == {share}
        assert torch.get_num_threads() == 6
        assert torch.backends.cudnn.allow_tf32 is True
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def refused_twice(lock: Lock) -> Iterator[None]:
    """Raise AssertionError where another thread is within."""
    assert lock.acquire(blocking=False)
    try:
        time.sleep(0.05)
        yield
    finally:
        lock.release()


@pytest.mark.parametrize("name", ["f/", "f.zip", "f.npz", "f.tar"])
def test_what_was_killed_in_the_middle_of_a_write_is_made_whole(name: str, model: Model, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    model.save(f"{whole}/{name}", SEEDS)
    with pytest.raises(Stopped), stopping_after(2):
        model.save(f"{cut}/{name}", SEEDS)
    [last] = [cut / "f" / "index.csv"] if name == "f/" else list(cut.glob("*.part"))
    content = last.read_bytes()
    last.write_bytes(content[: len(content) // 2 + 3])
    model.save(f"{cut}/{name}", SEEDS)
    assert bytes_in(cut) == bytes_in(whole)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_picture_that_was_spoiled_is_made_again(kind: str, plain: Model, tmp_path: Path) -> None:
    """Empty, cut off, with zeros at its end or its beginning, or something else by that name."""
    plain.save(tmp_path / "f", range(9), kind=kind)
    before = bytes_in(tmp_path / "f")
    path = sorted((tmp_path / "f").glob("seed*"))[4]
    content = path.read_bytes()
    half = len(content) // 2
    spoiled = [
        b"",
        content[:-1],
        content[:half] + bytes(len(content) - half),
        bytes(half) + content[half:],
        b"mine" * 99,
    ]
    for other in spoiled:
        path.write_bytes(other)
        plain.save(tmp_path / "f", range(9), kind=kind)
        assert bytes_in(tmp_path / "f") == before


def test_nothing_is_written_through_a_link(plain: Model, tmp_path: Path) -> None:
    plain.save(tmp_path / "f", range(5))
    (tmp_path / "mine").write_bytes(b"mine")
    path = tmp_path / "f" / "seed00000003.png"
    path.unlink()
    path.symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match=r"cannot be written: \S*seed00000003\.png: .*symbolic links"):
        plain.save(tmp_path / "f", range(5))
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_a_shard_cut_between_a_picture_and_its_class_is_made_whole(model: Model, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    model.save(whole / "f.tar", range(20))
    with tarfile.open(whole / "f-00000.tar") as shard:
        end = shard.getmembers()[4].offset  # behind the second picture
    cut.mkdir()
    with pytest.raises(Stopped), stopping_after(0):
        model.save(cut / "f.tar", range(20))
    (cut / "f.tar.part").write_bytes((whole / "f-00000.tar").read_bytes()[:end])
    model.save(cut / "f.tar", range(20))
    assert bytes_in(cut) == bytes_in(whole)


def test_what_is_whole_is_not_made_again(plain: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain.save(tmp_path / "f", range(5))
    before = bytes_in(tmp_path)
    plain.save(tmp_path / "f", range(5))
    assert "All 5 pictures were there already." in capsys.readouterr().err
    assert bytes_in(tmp_path) == before


@pytest.mark.parametrize("name", ["f/", "f.zip", "f.npz", "f.tar"])
def test_nothing_is_mixed_and_nothing_overwritten(name: str, plain: Model, tmp_path: Path) -> None:
    """Neither somebody's files, nor other pictures of our own, whole or begun."""
    out = f"{tmp_path}/{name}"
    if name == "f/":
        (tmp_path / "f" / "deep").mkdir(parents=True)
    theirs = {"f/": "f/deep/mine.txt", "f.tar": "f-00001.tar"}.get(name, name)
    (tmp_path / theirs).write_bytes(b"mine")
    with pytest.raises(UserError, match=rf"holds \S*{theirs.removeprefix('f/')} already, and pictures are not mixed"):
        plain.save(out, SEEDS)
    assert bytes_in(tmp_path) == {theirs: b"mine"}
    (tmp_path / theirs).unlink()
    with pytest.raises(Stopped), stopping_after(1):
        plain.save(out, SEEDS)
    before = bytes_in(tmp_path)
    with pytest.raises(UserError, match=r"holds other pictures: they differ in truncation; give the same options"):
        plain.save(out, SEEDS, truncation=0.5)
    assert bytes_in(tmp_path) == before


@pytest.mark.parametrize("name", ["f/", "f.zip", "f.npz", "f.tar"])
def test_pictures_of_another_subject_are_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of another snapshot of the run, of another run, and of other weights where all else is the same."""
    run = make_run(tmp_path / "run", nimg=640)
    (tmp_path / "out").mkdir()
    out, model = tmp_path / "out" / name, load(run.path, "cpu")
    with pytest.raises(Stopped), stopping_after(1):
        model.save(f"{out}/" if name == "f/" else out, SEEDS)
    before = bytes_in(tmp_path / "out")
    make_run(run.path, nimg=1280)
    other = make_run(tmp_path / "other", nimg=640, g_hidden=(16,), precision="bfloat16")
    with torch.no_grad():
        next(model.G.parameters()).add_(0.01)
    said = "holds other pictures: they differ in {}; give the same options to go on with them, or choose another --out."
    with pytest.raises(UserError, match=re.escape(said.format("model"))):
        model.save(out, SEEDS)
    for source, differ in ((run.path, "model, nimg"), (other.path, "model, precision")):
        assert main(["sample", str(source), "--count", "150", "--device", "cpu", "--out", str(out)]) == 2
        assert said.format(differ) in capsys.readouterr().err
    assert bytes_in(tmp_path / "out") == before
    assert main(["sample", str(run.snapshot(640)), "--count", "150", "--device", "cpu", "--out", str(out)]) == 0


@pytest.mark.parametrize("name", ["f/", "f.zip", "f.npz", "f.tar"])
def test_where_nothing_can_be_written_nothing_is_said_to_stay(name: str, plain: Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    for folder in filter(Path.exists, (tmp_path / "file", Path("/proc"))):  # where a lock cannot be made, either
        with pytest.raises(UserError, match=r"^The pictures cannot be written: .*; choose another --out\.$"):
            plain.save(f"{folder}/{name}", SEEDS)


def test_what_was_written_before_a_full_disk_stays(plain: Model, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganforge.sampling.into_folder.IntoFolder.add", raising(OSError(28, "No space left on device")))
        with pytest.raises(UserError, match=r"No space left on device; what was written before stays, and the same"):
            plain.save(tmp_path / "f", SEEDS)
    plain.save(tmp_path / "f", SEEDS)
    plain.save(tmp_path / "g", SEEDS)
    assert bytes_in(tmp_path / "f") == bytes_in(tmp_path / "g")


def raising(error: Exception) -> Callable[..., None]:
    def raise_it(*_: object) -> None:
        raise error

    return raise_it


def test_a_run_is_no_place_for_pictures_and_its_lock_stays(
    plain: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even while nobody trains there; nor what somebody calls as ours is called."""
    run = make_run(tmp_path / "run")
    run.lock_file.write_bytes(b"")
    for out in (run.path, tmp_path / "theirs"):
        out.mkdir(exist_ok=True)
        (out / ".pictures.lock").write_bytes(b"theirs")
        before = bytes_in(out)
        assert sample(plain, "--out", f"{out}/") == 2
        assert re.search(r"holds .* already, and pictures are not mixed", capsys.readouterr().err)
        assert bytes_in(out) == before
    with acquire(run.lock_file), pytest.raises(UserError, match="pictures are not mixed"):
        plain.save(run.path, SEEDS)
    assert run.lock_file.exists()
    (tmp_path / "new").mkdir()
    with acquire(tmp_path / "new" / ".lock"), pytest.raises(UserError, match=r"new holds \.lock already"):
        plain.save(tmp_path / "new", SEEDS)  # a run that begins


def test_two_processes_do_not_save_into_one_folder(plain: Model, tmp_path: Path) -> None:
    with acquire(tmp_path / ".pictures.lock"), pytest.raises(UserError, match=r"^Another process is saving"):
        plain.save(tmp_path, SEEDS)


def test_a_strangers_picture_among_ours_is_refused(plain: Model, tmp_path: Path) -> None:
    plain.save(tmp_path / "f", range(5))
    (tmp_path / "f" / "other.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"f holds other\.png, which is none of these pictures; move it away\.$"):
        plain.save(tmp_path / "f", range(5))


def test_the_kinds_of_pictures(plain: Model, tmp_path: Path) -> None:
    [exact] = plain.sample([3])[:, 0].numpy()
    large = exact.repeat(3, 0).repeat(3, 1)
    for kind, ending in (("png", "png"), ("jpeg", "jpg"), ("webp", "webp")):
        plain.save(tmp_path / kind, [3], kind=kind, upscale=3)
        with Image.open(tmp_path / kind / f"seed00000003.{ending}") as picture:
            assert (picture.format, picture.size) == (kind.upper(), (24, 24))
            error = np.abs(np.asarray(picture.convert("L")).astype(int) - large).max()
        assert error == 0 if kind != "jpeg" else 0 < error < 60
    sizes = []
    for quality in (np.int64(10), 90):
        plain.save(tmp_path / f"q{quality}", [3], kind="jpeg", quality=quality)
        sizes.append((tmp_path / f"q{quality}" / "seed00000003.jpg").stat().st_size)
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("side", [3, 64, 66])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_keeps_every_pixel_and_bears_our_mark(side: int, channels: int, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (side, side - 1, channels), np.uint8)
    path = tmp_path / "a.png"
    [content] = PictureFormat().encode(picture.transpose(2, 0, 1)[None])
    path.write_bytes(content)
    with Image.open(path) as read:
        assert read.mode == {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
        assert np.array_equal(np.asarray(read).reshape(picture.shape), picture)
    with Image.open(path) as read:
        read.verify()
    refuse_foreign(path)


def test_points_go_into_an_array_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = load(make_run(tmp_path / "run", (2,), data="ring").path, "cpu")
    with pytest.raises(UserError, match=r"^This model makes points, not pictures; save them with .* \.npz\.$"):
        points.save(tmp_path / "f", [1])
    points.save(tmp_path / "p.npz", SEEDS)
    with np.load(tmp_path / "p.npz") as arrays:
        assert np.array_equal(arrays["arr_0"], points.sample(SEEDS).numpy())
    with pytest.raises(UserError, match=r"p\.npz already, and points are not mixed with what is there; choose"):
        points.save(tmp_path / "p.npz", SEEDS)
    with pytest.raises(Stopped), stopping_after(1):
        points.save(tmp_path / "q.npz", SEEDS)
    points.save(tmp_path / "q.npz", SEEDS)
    said = capsys.readouterr().err
    assert "64 of 150 points are saved; " in said
    assert "64 of 150 points are there already; going on." in said


def test_several_threads_encode(plain: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganforge.sampling.save.usual_workers", lambda: 3)
    meet = threading.Barrier(3, timeout=20)
    work = into_archive.IntoZip.work
    monkeypatch.setattr(into_archive.IntoZip, "work", lambda *given: (meet.wait(), work(*given))[1])
    plain.save(tmp_path / "a.zip", range(64 * 3))  # else the barrier breaks
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert file.namelist()[:192] == [f"seed{seed:08}.png" for seed in range(192)]


def classed(labels: list[int], num_classes: int, names: tuple[str, ...] = ()) -> Dataset:
    items = torch.zeros(len(labels), 1, 4, 4, dtype=torch.uint8)
    return Dataset("some", "here", items, torch.tensor(labels), num_classes, class_names=names)


def test_labels_like() -> None:
    labels = labels_like([1, 0, 6, 3], 20)
    assert torch.bincount(labels).tolist() == [2, 0, 12, 6]
    assert torch.bincount(labels[:10], minlength=4).tolist() == [1, 0, 6, 3]
    assert sorted(torch.bincount(labels_like([1, 1, 1], 8)).tolist()) == [2, 3, 3]
    assert counts_for(("b", "a"), 2, classed([0, 0, 1], 2, ("a", "b"))) == [1, 2]
    assert counts_for(("b", "c", "a"), 3, classed([0, 0, 1], 2, ("a", "b"))) == [1, 0, 2]
    assert counts_for((), 3, classed([0, 0, 1], 3)) == [2, 1, 0]
    with pytest.raises(UserError, match=r"^The data have the class 'c', of which the model was not told\.$"):
        counts_for(("b", "a"), 2, classed([0, 1], 2, ("a", "c")))
    for number in (1, 3):
        with pytest.raises(UserError, match=rf"^The data have {number} classes, and the model was told of 2\.$"):
            counts_for((), 2, classed([0, number - 1], number))
    with pytest.raises(UserError, match=r"^some has no classes \(none are told\)\.$"):
        counts_for((), 2, Dataset("some", "here", torch.zeros(2, 1, 4, 4, dtype=torch.uint8)))


def sample(model: Model, *options: str) -> int:
    return main(["sample", str(model.path), "--device", "cpu", *options])


def test_from_the_command_line(model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "f"
    assert sample(model, "--per-class", "2", "--class", "cat,train", "--out", f"{out}/") == 0
    assert capsys.readouterr().out == f"4 pictures in {out}\n"
    rows = [line.split(",") for line in (out / "index.csv").read_text().splitlines()[1:]]
    assert [(row[1], row[2]) for row in rows] == [("0", "0"), ("1", "2"), ("2", "0"), ("3", "2")]
    for count, more in (("5", "1 more file"), ("71", "2 more files")):
        assert sample(model, "--count", count, "--out", f"{tmp_path}/{count}.tar") == 0
        assert capsys.readouterr().out == f"{count} pictures in {tmp_path}/{count}-00000.tar and {more}\n"
    assert sample(model, "--count", "5", "--out", f"{tmp_path}/a.npz") == 0
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["arr_1"].tolist() == [0, 1, 2, 0, 1]


def test_classes_like_some_data(tmp_path: Path) -> None:
    model = load(make_run(tmp_path / "run", num_classes=10).path, "cpu")
    assert sample(model, "--balance-like", "digits", "--count", "1797", "--out", f"{tmp_path}/a.npz") == 0
    labels = load_data("digits").labels
    with np.load(tmp_path / "a.npz") as arrays:
        share = 1797 / len(labels)
        assert np.abs(np.bincount(arrays["arr_1"]) - np.bincount(labels) * share).max() <= 1
        assert len(arrays["arr_1"]) == 1797


def test_what_is_left_out_of_the_data_for_classes_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/broken.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (len(name), ord(name[0]), ord(name[2]))).save(tmp_path / "data" / name)
    (tmp_path / "data" / "b" / "broken.png").write_bytes(b"\x89PNG")
    told = load(make_run(tmp_path / "told", num_classes=2).path, "cpu")
    assert sample(told, "--balance-like", str(tmp_path / "data"), "--out", f"{tmp_path}/a.npz") == 0
    assert "left out: b/broken.png (damaged or cut off)" in capsys.readouterr().err


@pytest.mark.parametrize("way", ["--class cat", "--class 3", "--around 1 --class cat", "--interpolate 1,2 --class cat"])
def test_a_class_of_a_model_that_is_told_none(
    way: str, plain: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / ("a.webp" if "interpolate" in way else "a.png")
    assert sample(plain, *way.split(), "--out", str(out)) == 2
    assert (
        capsys.readouterr().err == f"ganforge: The model in {plain.path} is not told any class; leave the class out.\n"
    )


def test_points_are_no_balance_for_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even where there are as many modes as classes; for points they are one."""
    told = load(make_run(tmp_path / "told", num_classes=8).path, "cpu")
    points = load(make_run(tmp_path / "points", (2,), data="ring", num_classes=8).path, "cpu")
    assert sample(told, "--balance-like", "ring", "--count", "8", "--out", f"{tmp_path}/a.npz") == 2
    assert "The items of ring are points, and the model makes pictures" in capsys.readouterr().err
    assert sample(points, "--balance-like", "ring", "--count", "8", "--out", f"{tmp_path}/a.npz") == 0


def test_a_grids_own_enlargement_is_said(plain: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.png"
    enlarged = ", enlarged 16 times (--scale 1: 8 x 8 pixels each)"
    for options, size, told in (([], (258, 128), enlarged), (["--scale", "1"], (18, 8), "")):
        assert sample(plain, "--seeds", "1,2", "--out", str(out), *options) == 0
        assert capsys.readouterr().out == f"2 pictures in {out}{told}\n"
        with Image.open(out) as picture:
            assert picture.size == size
