"""metrics/inception.py and inception_weights.py: the published shapes and names, and only known files are opened."""

import hashlib
import os
import pickle
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.stopping import polled_by
from ganforge.metrics import features
from ganforge.metrics.features import build_extractor
from ganforge.metrics.inception import Inception
from ganforge.metrics.inception_weights import DIGEST, FILE, load_inception

SHAPES = {
    "Conv2d_1a_3x3": (32, 149, 149),
    "Conv2d_2a_3x3": (32, 147, 147),
    "Conv2d_2b_3x3": (64, 147, 147),
    "Conv2d_3b_1x1": (80, 73, 73),
    "Conv2d_4a_3x3": (192, 71, 71),
    "Mixed_5b": (256, 35, 35),
    "Mixed_5c": (288, 35, 35),
    "Mixed_5d": (288, 35, 35),
    "Mixed_6a": (768, 17, 17),
    "Mixed_6b": (768, 17, 17),
    "Mixed_6c": (768, 17, 17),
    "Mixed_6d": (768, 17, 17),
    "Mixed_6e": (768, 17, 17),
    "Mixed_7a": (1280, 8, 8),
    "Mixed_7b": (2048, 8, 8),
    "Mixed_7c": (2048, 8, 8),
}
"""What each module puts out: table 1 of arXiv:1512.00567."""

PUBLISHED_BYTES = 95_628_359


@pytest.fixture(scope="module")
def network() -> Inception:
    """With random weights: nobody needs the published ones to be here."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return Inception().eval()


@pytest.fixture(scope="module")
def published(network: Inception, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the published one is: a pickle with the classes' layer in it."""
    path = tmp_path_factory.mktemp("published") / FILE
    torch.save(network.state_dict() | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, path)
    return path


@pytest.fixture(scope="module")
def digest(published: Path) -> str:
    return hashlib.sha256(published.read_bytes()).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a web server on this machine that has the published file."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    handler = partial(QuietHandler, directory=str(published.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}/"
        http.shutdown()
        thread.join()


def inputs_and_outputs(network: Inception, pictures: Tensor) -> tuple[Tensor, dict[str, tuple[int, ...]]]:
    """What the first convolution sees, and the shape of what every module puts out."""
    seen: list[Tensor] = []
    shapes: dict[str, tuple[int, ...]] = {}

    def note_shape(name: str, module: nn.Module, given: object, output: Tensor) -> None:
        shapes[name] = tuple(output.shape[1:])

    hooks = [child.register_forward_hook(partial(note_shape, name)) for name, child in network.named_children()]
    hooks.append(network.Conv2d_1a_3x3.register_forward_pre_hook(lambda module, given: seen.append(given[0].clone())))
    with torch.inference_mode():
        network(pictures)
    for hook in hooks:
        hook.remove()
    return seen[0], shapes


def test_layers_have_the_published_shapes(network: Inception) -> None:
    assert inputs_and_outputs(network, torch.zeros(1, 3, 32, 32, dtype=torch.uint8))[1] == SHAPES


def test_parameters_have_the_published_names_and_sizes(network: Inception) -> None:
    state = network.state_dict()
    convolutions = [name for name in state if name.endswith("conv.weight")]
    assert len(convolutions) == 94 and len(state) == 94 * 6
    assert sum(parameter.numel() for parameter in network.parameters()) == 21_785_568
    assert state["Conv2d_1a_3x3.conv.weight"].shape == (32, 3, 3, 3)
    assert state["Mixed_5b.branch5x5_2.bn.running_var"].shape == (64,)
    assert state["Mixed_6c.branch7x7dbl_5.conv.weight"].shape == (192, 160, 1, 7)
    assert state["Mixed_7a.branch7x7x3_4.conv.weight"].shape == (192, 192, 3, 3)
    assert state["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)
    held = sum(tensor.nbytes for tensor in state.values()) + 4 * 1008 * 2049
    assert 0 < PUBLISHED_BYTES - held < 100_000  # the rest is the pickle's names and padding


def test_the_pools_by_which_it_differs(network: Inception) -> None:
    corner = torch.zeros(1, 1, 8, 8)
    corner[..., 0, 0] = 1
    assert network.Mixed_7b.pool(corner)[..., :2, :2].flatten().tolist() == pytest.approx([1 / 4, 1 / 6, 1 / 6, 1 / 9])
    assert network.Mixed_7c.pool(corner)[..., :2, :2].flatten().tolist() == [1, 1, 1, 1]


def test_pictures_are_resized_with_half_pixel_centres_and_no_antialiasing(network: Inception) -> None:
    columns = torch.arange(598, dtype=torch.float32) % 256
    wide = columns.byte().expand(1, 1, 598, 598)
    seen, _ = inputs_and_outputs(network, wide)
    assert seen.shape == (1, 3, 299, 299)
    between = (columns[0::2] + columns[1::2]) / 2  # column i of the result lies at 2 i + 1/2
    assert torch.allclose(seen, (between / 127.5 - 1).expand(1, 3, 299, 299), atol=1e-5)
    narrow = torch.tensor([0, 255], dtype=torch.uint8).expand(1, 1, 2, 2)
    at = ((torch.arange(299) + 0.5) * 2 / 299 - 0.5).clamp(0, 1)
    assert torch.allclose(inputs_and_outputs(network, narrow)[0][0, 0, 0], 2 * at - 1, atol=1e-5)


def test_a_safetensors_file_and_the_published_pickle_give_the_same_network(
    network: Inception, published: Path, digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tmp_path / "weights.safetensors"
    save_file({name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}, ours)
    before = torch.get_rng_state()
    for loaded in (load_inception(ours), load_inception(published, digest=digest)):
        assert not loaded.training
        assert all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), before)
    monkeypatch.setattr(features, "MAX_BATCH_SIZE", 2)
    extractor = build_extractor("inception", (1, 28, 28), torch.device("cpu"), ours)
    pictures = torch.arange(784, dtype=torch.float32).div(4).byte().view(1, 1, 28, 28)
    vectors, probabilities = extractor.extract(pictures)
    assert vectors.shape == (1, extractor.dims) == (1, 2048) and probabilities is None
    with torch.inference_mode():
        assert torch.allclose(vectors, network(pictures.expand(1, 3, 28, 28))[0], rtol=1e-3, atol=1e-4)


def test_the_published_file_is_downloaded_once_and_a_damaged_one_again(
    published: Path, digest: str, mirror: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    polls = []

    def load() -> str:
        with polled_by(lambda: polls.append("now")):
            load_inception(None, cache_dir=tmp_path, mirror=mirror, digest=digest)
        return capfd.readouterr().err

    assert f"fetching {mirror}{FILE}" in load()
    assert (tmp_path / FILE).read_bytes() == published.read_bytes()
    assert len(polls) > 100  # with every piece, so that a slow download can be stopped
    assert load() == ""
    (tmp_path / FILE).write_bytes(b"cut off")
    assert f"{tmp_path / FILE} in the cache is damaged: fetching it again" in load()


def test_a_download_with_another_digest_is_refused(mirror: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"not in {re.escape(str(tmp_path))} and could not be .* sent something else"):
        load_inception(cache_dir=tmp_path, mirror=mirror)
    assert list(tmp_path.iterdir()) == []


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.trace),)


def test_an_unknown_pickle_is_refused_unread(tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / FILE
    torch.save({"weights": Malicious(trace)}, path)
    with pytest.raises(UserError, match="SHA-256 differs"):
        load_inception(path)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):  # even one of the right digest
        load_inception(path, digest=hashlib.sha256(path.read_bytes()).hexdigest())
    assert not trace.exists()


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing.pth cannot be read: No such file"):
        load_inception(tmp_path / "missing.pth")
    with pytest.raises(UserError, match=r"missing.safetensors cannot be read: No such file"):
        load_inception(tmp_path / "missing.safetensors")
    cut_off = tmp_path / "cut.safetensors"
    cut_off.write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(UserError, match="damaged or no safetensors file"):
        load_inception(cut_off)
    other = tmp_path / "other.safetensors"
    save_file({"Conv2d_1a_3x3.conv.weight": torch.zeros(32, 3, 3, 3)}, other)
    with pytest.raises(UserError, match="holds other tensors than FID's Inception network"):
        load_inception(other)


def test_the_digest_is_the_one_in_the_files_name() -> None:
    assert re.fullmatch("[0-9a-f]{64}", DIGEST) and FILE.endswith(f"-{DIGEST[:8]}.pth")
