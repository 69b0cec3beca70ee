import gzip
import hashlib
import os
from pathlib import Path

import pytest
import torch
from idx_files import idx_bytes, write_idx
from mirror_server import Server, breaks_off, sends
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.stopping import Stopped, polled_by
from ganforge.data import mnist
from ganforge.data.dataset import Dataset

IMAGES, LABELS = mnist.FILES["test"]


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANFORGE_DATA", raising=False)


@pytest.fixture
def digests(images: Tensor, labels: Tensor) -> dict[str, str]:
    """Of the small files that stand in for MNIST's here."""
    small = {IMAGES: images, LABELS: labels}
    return {name: hashlib.sha256(idx_bytes(array)).hexdigest() for name, array in small.items()}


def serve(server: Server, images: Tensor, labels: Tensor, folder: str = "") -> None:
    for name, array in ((IMAGES, images), (LABELS, labels)):
        server.answers[f"/{folder}{name}.gz"] = sends(gzip.compress(idx_bytes(array)))


def check(dataset: Dataset, images: Tensor, labels: Tensor) -> None:
    assert torch.equal(dataset.items, images[:, None])
    assert dataset.items.dtype == torch.uint8
    assert dataset.labels is not None
    assert dataset.labels.dtype == torch.int64
    assert dataset.labels.tolist() == labels.tolist()
    assert dataset.num_classes == 10


@pytest.mark.parametrize("folder", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("named_by", ["option", "environment"])
def test_finds_local_files_without_a_network(
    tmp_path: Path,
    images: Tensor,
    labels: Tensor,
    digests: dict[str, str],
    folder: str,
    suffix: str,
    named_by: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_idx(tmp_path / folder / f"{IMAGES}{suffix}", images)
    write_idx(tmp_path / folder / f"{LABELS}{suffix}", labels)
    if named_by == "environment":
        monkeypatch.setenv("GANFORGE_DATA", str(tmp_path))
    data_dir = tmp_path if named_by == "option" else None
    cache = tmp_path / "cache"
    dataset = mnist.load_mnist("test", data_dir, cache_dir=cache, mirrors=(), digests=digests)
    check(dataset, images, labels)
    assert str(tmp_path) in dataset.source
    assert not cache.exists()


def test_downloads_the_splits_two_files_once(
    server: Server, tmp_path: Path, images: Tensor, labels: Tensor, digests: dict[str, str]
) -> None:
    serve(server, images, labels)
    cache = tmp_path / "cache"
    for _ in range(2):
        dataset = mnist.load_mnist("test", cache_dir=cache, mirrors=[server.url], digests=digests)
        check(dataset, images, labels)
    assert server.asked == [f"/{IMAGES}.gz", f"/{LABELS}.gz"]
    assert {path.name for path in cache.iterdir()} == {f"{IMAGES}.gz", f"{LABELS}.gz"}


def test_a_mirror_with_another_data_set_is_passed_over(
    server: Server, tmp_path: Path, images: Tensor, labels: Tensor, digests: dict[str, str]
) -> None:
    serve(server, 255 - images, labels, "fashion/")
    server.answers[f"/fashion/{LABELS}.gz"] = breaks_off(gzip.compress(idx_bytes(labels)))
    serve(server, images, labels, "good/")
    mirrors = [f"{server.url}fashion/", f"{server.url}good/"]
    check(
        mnist.load_mnist("test", cache_dir=tmp_path, mirrors=mirrors, digests=digests),
        images,
        labels,
    )


@pytest.mark.parametrize("zipped", [True, False])
def test_a_local_file_with_other_content_is_refused_and_kept(
    server: Server,
    tmp_path: Path,
    images: Tensor,
    labels: Tensor,
    digests: dict[str, str],
    zipped: bool,
) -> None:
    serve(server, images, labels)
    path = write_idx(tmp_path / (f"{IMAGES}.gz" if zipped else IMAGES), 255 - images)
    before = path.read_bytes()
    with pytest.raises(UserError, match="Fashion-MNIST") as error:
        mnist.load_mnist("test", tmp_path, cache_dir=tmp_path / "c", mirrors=[server.url], digests=digests)
    assert str(path) in str(error.value)
    assert path.read_bytes() == before
    assert server.asked == []


def test_a_damaged_local_file_is_refused(
    tmp_path: Path,
    images: Tensor,
    labels: Tensor,
    digests: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write_idx(tmp_path / "mnist" / f"{IMAGES}.gz", images)
    path.write_bytes(path.read_bytes()[:-9])
    monkeypatch.setenv("GANFORGE_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"images-idx3-ubyte\.gz is cut off"):
        mnist.load_mnist("test", cache_dir=tmp_path / "cache", mirrors=(), digests=digests)


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_cache_file_is_said_aloud_and_fetched_again(
    server: Server,
    tmp_path: Path,
    images: Tensor,
    labels: Tensor,
    digests: dict[str, str],
    damage: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    serve(server, images, labels)
    path = write_idx(tmp_path / f"{IMAGES}.gz", images if damage == "cut" else 255 - images)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:40])
    write_idx(tmp_path / f"{LABELS}.gz", labels)
    dataset = mnist.load_mnist("test", cache_dir=tmp_path, mirrors=[server.url], digests=digests)
    check(dataset, images, labels)
    assert f"{path} in the cache is damaged" in capsys.readouterr().err
    assert server.asked == [f"/{IMAGES}.gz"]
    assert gzip.decompress(path.read_bytes()) == idx_bytes(images)


def test_without_data_and_network_the_error_helps(
    refused_url: str, tmp_path: Path, digests: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganforge.data.download.RETRY_AFTER_S", ())
    monkeypatch.setenv("GANFORGE_DATA", str(tmp_path / "env"))
    (tmp_path / "given").mkdir()
    with pytest.raises(UserError) as error:
        mnist.load_mnist(
            "test", tmp_path / "given", cache_dir=tmp_path / "cache", mirrors=[refused_url], digests=digests
        )
    message = str(error.value)
    folders = [tmp_path / "given", tmp_path / "given/mnist", tmp_path / "env/mnist", tmp_path / "cache"]
    for piece in (*folders, "127.0.0.1", "no connection", "--data-dir", "GANFORGE_DATA", "--data digits"):
        assert str(piece) in message


def test_pictures_and_labels_must_be_as_many(
    tmp_path: Path, images: Tensor, labels: Tensor, digests: dict[str, str]
) -> None:
    write_idx(tmp_path / IMAGES, images)
    write_idx(tmp_path / LABELS, labels[:-1])
    digests[LABELS] = hashlib.sha256(idx_bytes(labels[:-1])).hexdigest()
    with pytest.raises(UserError, match=r"6 pictures .* 5 labels"):
        mnist.load_mnist("test", tmp_path, cache_dir=tmp_path / "cache", mirrors=(), digests=digests)


def test_pictures_must_be_pictures(tmp_path: Path, labels: Tensor, digests: dict[str, str]) -> None:
    write_idx(tmp_path / IMAGES, labels)
    write_idx(tmp_path / LABELS, labels)
    digests[IMAGES] = digests[LABELS]
    with pytest.raises(UserError, match="must hold pictures"):
        mnist.load_mnist("test", tmp_path, cache_dir=tmp_path / "cache", mirrors=(), digests=digests)


def test_stopping_between_the_files_keeps_the_finished_one(
    server: Server, tmp_path: Path, images: Tensor, labels: Tensor, digests: dict[str, str]
) -> None:
    serve(server, images, labels)

    def poll() -> None:
        if len(server.asked) == 2:
            raise Stopped("SIGINT")

    with polled_by(poll), pytest.raises(Stopped):
        mnist.load_mnist("test", cache_dir=tmp_path, mirrors=[server.url], digests=digests)
    assert [path.name for path in tmp_path.iterdir()] == [f"{IMAGES}.gz"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom file rights bind")
def test_a_cache_that_cannot_be_written(server: Server, tmp_path: Path, digests: dict[str, str]) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match=r"cannot write .* --data-dir"):
        mnist.load_mnist("test", cache_dir=tmp_path / "cache", mirrors=[server.url], digests=digests)


def test_a_cache_path_that_is_a_file(server: Server, tmp_path: Path, digests: dict[str, str]) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .* --data-dir"):
        mnist.load_mnist("test", cache_dir=tmp_path / "cache", mirrors=[server.url], digests=digests)


def test_wrong_split_or_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no split 'valid'"):
        mnist.load_mnist("valid")
    with pytest.raises(UserError, match="nowhere does not exist"):
        mnist.load_mnist("train", tmp_path / "nowhere")


@pytest.mark.parametrize(("split", "count", "first"), [("train", 60_000, [5, 0, 4]), ("test", 10_000, [7, 2, 1])])
def test_the_real_files(real_data: Path, tmp_path: Path, split: str, count: int, first: list[int]) -> None:
    dataset = mnist.load_mnist(split, real_data, cache_dir=tmp_path, mirrors=())
    assert dataset.items.shape == (count, 1, 28, 28)
    assert dataset.labels is not None
    assert dataset.labels[:3].tolist() == first
    assert dataset.labels.unique().tolist() == list(range(10))


def test_the_real_files_with_the_splits_exchanged(real_data: Path, tmp_path: Path) -> None:
    for name, other in zip(mnist.FILES["test"], mnist.FILES["train"], strict=True):
        (tmp_path / f"{other}.gz").write_bytes((real_data / "mnist" / f"{name}.gz").read_bytes())
    with pytest.raises(UserError, match=r"10,000 x 28 x 28.* not MNIST's"):
        mnist.load_mnist("train", tmp_path, cache_dir=tmp_path / "cache", mirrors=())
