"""Promise 7: bad input gets one clear sentence and exit status 2; no traceback, and nothing half-written."""

import contextlib
import gzip
import json
import pickle
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import ganforge
from ganforge.base.tensorfile import read_tensorfile, write_tensorfile
from ganforge.cli.main import main
from ganforge.config import Config
from ganforge.data import mnist
from ganforge.run.folder import RunFolder

TRAIN = ["train", "note", "--data=digits", "--device=cpu"]
SMALL = {
    "data": "digits", "g_hidden": [8], "d_hidden": [8], "z_dim": 4, "batch_size": 64, "total_nimg": 640,
    "device": "cpu", "seed": 5,
}  # fmt: skip


SUBJECTS = "|".join(
    [*Config.model_fields, "a penalty", "the relativistic objective", "run", "nowhere", "taken", "papers"]
)
"""What a sentence may begin with that does not begin with a capital letter."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ganforge.train("note", out=tmp_path_factory.mktemp("finished") / "run", **SMALL).path


@pytest.fixture
def run(finished: Path, folder: Path) -> RunFolder:
    """A finished run of one's own, at ./run."""
    shutil.copytree(finished, folder / "run")
    return RunFolder("run")


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def complaint(arguments: list[str], capsys: pytest.CaptureFixture[str], lines: int = 1) -> str:
    """What ganforge says to a command that it must refuse, without touching the disk."""
    before = tree(Path.cwd().parent)
    capsys.readouterr()
    status = main(arguments)
    told = capsys.readouterr()
    assert status == 2, told.err
    assert tree(Path.cwd().parent) == before
    assert told.err.startswith("ganforge: ")
    assert told.err.count("\n") == lines, told.err
    assert told.err.endswith((".\n", ").\n", "?\n"))
    assert "Traceback" not in told.err
    assert "  " not in told.err.replace("\n  ", "\n")
    assert re.match(rf"ganforge: ([A-Z'.]|\S*[_/]|(?:{SUBJECTS})\b)", told.err), told.err
    return told.err


# --- the command line itself


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["no command 'trian'; did you mean 'train'?", "`ganforge --help`"]),
        (["train", "note", "digits"], ["'digits' is one argument too many; did you mean --data digits?"]),
        ([*TRAIN, "--max-images=1"], ["max_images cannot be '1'", "greater than or equal to 2"]),
        (["--verbose"], ["no option '--verbose'", "`ganforge --help`"]),
        (["train", "noet"], ["no recipe 'noet'", "did you mean 'note'?"]),
        (["train", "progan"], ["no recipe 'progan'", "the recipes: note"]),
        (["train", "note", "extra"], ["'extra' is one argument too many", "`ganforge train --help`"]),
        (["train", "--data", "minst"], ["no data set 'minst'", "did you mean 'mnist'?"]),
        (["train", "--data", "cifar10"], ["no data set 'cifar10'", "mnist, digits, ring, grid"]),
        (["train", "--data", ""], ["no data set ''", "digits"]),
        ([*TRAIN, "--zdim", "5"], ["no option '--zdim'", "did you mean '--z-dim'?"]),
        ([*TRAIN, "--z_dim=5"], ["no option '--z_dim'", "did you mean '--z-dim'?"]),
        ([*TRAIN, "--total", "5"], ["no option '--total'"]),
        ([*TRAIN, "--tota=5"], ["no option '--tota'"]),
        ([*TRAIN, "--z-dim"], ["--z-dim", "expected one argument"]),
        ([*TRAIN, "--no-fused-adam=1"], ["--no-fused-adam", "argument"]),
        ([*TRAIN, "-x"], ["no option '-x'"]),
        (["resume"], ["required", "RUN", "`ganforge resume --help`"]),
        (["sample"], ["required", "RUN_OR_SNAPSHOT"]),
        (["data", "inspect"], ["Which data set?", "mnist, digits, ring, grid"]),
        (["data", "inspect", "minst"], ["no data set 'minst'", "did you mean 'mnist'?"]),
        (["data", "show"], ["'show'", "list", "inspect"]),
        (["data", "inspect", "digits", "--split", "valid"], ["'valid'", "train", "test"]),
    ],
)
def test_command_line(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(arguments, capsys)
    assert all(word in said for word in words), said


# --- settings

WHOLE = "it should be a whole number"
ABOVE_0 = "it should be greater than 0"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--z-dim=0", ["z_dim cannot be '0'", ABOVE_0]),
        ("--z-dim=-3", ["z_dim cannot be '-3'", ABOVE_0]),
        ("--z-dim=many", ["z_dim cannot be 'many'", WHOLE]),
        ("--z-dim=1.5", ["z_dim cannot be '1.5'", WHOLE]),
        ("--z-dim=nan", ["z_dim cannot be 'nan'", WHOLE]),
        ("--z-dim=inf", ["z_dim cannot be 'inf'", WHOLE]),
        ("--z-dim=", ["z_dim cannot be ''", WHOLE]),
        ("--z-dim=1000000000000", ["z_dim cannot be '1000000000000'", "less than or equal to 65536"]),
        ("--z-dim=" + "9" * 5000, ["z_dim cannot be '999", "9...'", "it should be a smaller number"]),
        ("--g-hidden=0", ["g_hidden cannot be '0'", ABOVE_0]),
        ("--g-hidden=-1", ["g_hidden cannot be '-1'", ABOVE_0]),
        ("--g-hidden=64,,32", ["g_hidden cannot be '64,,32'", WHOLE]),
        ("--g-hidden=64;32", ["g_hidden cannot be '64;32'", WHOLE, "several with commas between them"]),
        ("--g-hidden=(64,32)", ["g_hidden cannot be '(64,32)'", WHOLE]),
        ("--g-hidden=1.5e0", ["g_hidden cannot be '1.5e0'", WHOLE]),
        ("--d-hidden=256,9999999999", ["d_hidden cannot be '256,9999999999'", "less than or equal to 65536"]),
        ("--batch-size=1", ["batch_size cannot be '1'", "greater than or equal to 2"]),
        ("--batch-size=-64", ["batch_size cannot be '-64'", "greater than or equal to 2"]),
        ("--batch-size=99999999999", ["batch_size cannot be '99999999999'", "less than or equal to 65536"]),
        ("--lr=0", ["lr cannot be '0'", ABOVE_0]),
        ("--lr=-0.1", ["lr cannot be '-0.1'", ABOVE_0]),
        ("--lr=nan", ["lr cannot be 'nan'", "a finite number"]),
        ("--lr=inf", ["lr cannot be 'inf'", "a finite number"]),
        ("--lr=1e-999", ["lr cannot be '1e-999'", ABOVE_0]),
        ("--lr=fast", ["lr cannot be 'fast'", "it should be a number"]),
        ("--beta1=1", ["beta1 cannot be '1'", "less than 1"]),
        ("--beta1=nan", ["beta1 cannot be 'nan'"]),
        ("--beta2=-0.5", ["beta2 cannot be '-0.5'", "greater than or equal to 0"]),
        ("--noise=cauchy", ["noise cannot be 'cauchy'", "'uniform' or 'normal'"]),
        ("--seed=-1", ["seed cannot be '-1'", "greater than or equal to 0"]),
        ("--seed=9223372036854775808", ["seed cannot be", "less than 9223372036854775808"]),
        ("--total-nimg=0", ["total_nimg cannot be '0'", ABOVE_0]),
        ("--total-nimg=-5", ["total_nimg cannot be '-5'", ABOVE_0]),
        ("--total-nimg=" + "9" * 400, ["total_nimg cannot be '999", "less than 9223372036854775808"]),
        ("--report-nimg=0", ["report_nimg cannot be '0'", ABOVE_0]),
        ("--checkpoint-nimg=-1", ["checkpoint_nimg cannot be '-1'", ABOVE_0]),
        ("--checkpoint-sec=0", ["checkpoint_sec cannot be '0'", ABOVE_0]),
        ("--checkpoint-sec=nan", ["checkpoint_sec cannot be 'nan'", "a finite number"]),
        ("--keep-checkpoints=0", ["keep_checkpoints cannot be '0'", ABOVE_0]),
        ("--keep-snapshots=none", ["keep_snapshots cannot be 'none'", WHOLE]),
        ("--grid-size=33", ["grid_size cannot be '33'", "less than or equal to 32"]),
        ("--ema-halflife-nimg=0", ["ema_halflife_nimg cannot be '0'", ABOVE_0]),
        ("--max-images=0", ["max_images cannot be '0'", "greater than or equal to 2"]),
        ("--milestone-nimg=1000", ["milestone_nimg = 1000", "not a multiple of snapshot_nimg = 64000"]),
        ("--log=wnadb", ["log cannot be 'wnadb'", "one or more of tensorboard, wandb, mlflow, trackio"]),
        ("--log=wandb,", ["log cannot be 'wandb,'", "one or more of tensorboard, wandb, mlflow, trackio"]),
        ("--log=", ["log cannot be ''", "one or more of tensorboard, wandb, mlflow, trackio"]),
        ("--threads=0", ["threads cannot be '0'", ABOVE_0]),
        ("--threads=100000", ["threads cannot be '100000'", "less than or equal to 1024"]),
        ("--device=quantum", ["device 'quantum' cannot be used here", "try cpu"]),
        ("--device=cuda:99", ["device 'cuda:99' cannot be used here", "try cpu"]),
        ("--device=meta", ["'meta' holds no numbers", "try cpu"]),
        ("--device=hpu", ["device 'hpu' cannot be used here", "try cpu"]),
        ("--device=", ["device '' cannot be used here", "try cpu"]),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_settings(option: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint([*TRAIN, option], capsys)
    assert all(word in said for word in words), said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--generator=vit"],
            ["generator cannot be 'vit'", "'mlp', 'dcgan', 'upsample', 'resnet', 'r3gan' or 'smooth'"],
        ),
        (["--generator=recurrent"], ["generator cannot be 'recurrent'"]),
        (["--discriminator="], ["discriminator cannot be ''", "'logistic'"]),
        (["--objective=wgan-gp"], ["objective cannot be 'wgan-gp'", "'wgan', 'hinge'", " or '"]),
        (["--d-norm=group"], ["d_norm cannot be 'group'", "'batch', 'layer', 'spectral' or 'unnormalised'"]),
        (["--augment=flip"], ["augment cannot be 'flip'", "'none', 'translation', 'diffaugment' or 'ada'"]),
        (["--optimizer=sgd"], ["optimizer cannot be 'sgd'", "'adam' or 'rmsprop'"]),
        (["--precision=float16"], ["precision cannot be 'float16'", "'float32', 'tf32' or 'bfloat16'"]),
        (["--burn-in-curve=step"], ["burn_in_curve cannot be 'step'", "'cosine' or 'linear'"]),
        (["--conditional=yes"], ["--conditional", "argument"]),
        (["--r1-gamma=-1"], ["r1_gamma cannot be '-1'", "greater than or equal to 0"]),
        (["--gp-weight=inf"], ["gp_weight cannot be 'inf'", "a finite number"]),
        (["--dragan-weight=nan"], ["dragan_weight cannot be 'nan'"]),
        (["--clip=0"], ["clip cannot be '0'", ABOVE_0]),
        (["--d-steps=0"], ["d_steps cannot be '0'", "greater than or equal to 1"]),
        (["--d-steps=1001"], ["d_steps cannot be '1001'", "less than or equal to 1000"]),
        (["--d-lr=0"], ["d_lr cannot be '0'", ABOVE_0]),
        (["--beta2-end=1"], ["beta2_end cannot be '1'", "less than 1"]),
        (["--burn-in-nimg=0"], ["burn_in_nimg cannot be '0'", ABOVE_0]),
        (["--g-width=0", "--generator=dcgan"], ["g_width cannot be '0'", ABOVE_0]),
        (["--g-width=8"], ["g_width is for the other families; mlp has no channels"]),
        (["--d-norm=layer"], ["d_norm is for a dcgan D, not for mlp"]),
        (["--accumulate=3"], ["accumulate = 3 does not divide batch_size = 128"]),
        (["--accumulate=128"], ["accumulate = 128 leaves parts of 1 picture; leave 2 or more in each"]),
        (["--accumulate=2", "--dragan-weight=10"], ["dragan_weight looks at the whole batch; set accumulate to 1"]),
        (
            ["--discriminator=dcgan", "--gp-weight=10"],
            ["gp_weight and dragan_weight need d_norm layer, spectral or unnormalised, since batch mixes the pictures"],
        ),
        (["--objective=relativistic"], ["the relativistic objective", "set shared_noise to false"]),
        (["--lr-end=0.1"], ["lr_end, beta2_end, gamma_end and ema_burn_in need burn_in_nimg"]),
        (["--burn-in-nimg=100"], ["burn_in_nimg needs lr_end, beta2_end, gamma_end or ema_burn_in, where to go"]),
        (["--gamma-end=0.1", "--burn-in-nimg=100"], ["gamma_end needs r1_gamma or r2_gamma"]),
        (
            ["--beta2-end=0.9", "--burn-in-nimg=100", "--optimizer=rmsprop"],
            ["beta2_end is Adam's, and optimizer is rmsprop"],
        ),
        (["--ema-rampup"], ["ema_rampup needs ema_halflife_nimg"]),
        (["--data=ring", "--augment=ada"], ["Points are not augmented, and ring consists of them; leave augment out."]),
        (["--generator=r3gan", "--g-width=3"], ["R3GAN's groups of 16 channels do not divide a block"]),
        (["--generator=r3gan", "--g-width=8", "--group-size=9"], ["R3GAN's groups of 9 channels do not divide"]),
        (["--r1-gamma=weak"], ["r1_gamma cannot be 'weak': it should be a number, or 'auto'"]),
        (["--r1-gamma=1", "--penalty-interval=0"], ["penalty_interval cannot be '0'"]),
        (["--penalty-interval=16"], ["penalty_interval needs r1_gamma or r2_gamma"]),
        (["--g-hidden=65536,65536"], ["G would have 4,305,584,192 weights, and 1,073,741,824 are the most"]),
        (["--d-hidden=65536,65536"], ["D would have 4,299,358,209 weights", "choose smaller sizes"]),
        (["--blocks=2"], ["blocks is for r3gan networks, and neither G nor D is one"]),
        (["--d-base-size=2"], ["d_base_size is for the convolutional families; mlp"]),
        (["--init-from=nowhere"], ["There is no run or snapshot nowhere; check the path."]),
        (["--init-from=."], [" is not a run folder: it has no config.json"]),
    ],
    ids=" ".join,
)
def test_settings_of_networks_and_objectives(
    options: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint([*TRAIN, *options], capsys)
    assert all(word in said for word in words), said
    assert "?." not in said
    assert len(said) < 400


def test_several_faults_are_told_together(capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint([*TRAIN, "--z-dim=0", "--lr=nan"], capsys)
    assert "z_dim cannot be '0'" in said
    assert "; lr cannot be 'nan'" in said


def test_networks_that_do_not_fit_into_memory(capsys: pytest.CaptureFixture[str]) -> None:
    code = """
import resource, sys
from ganforge.cli.main import main
import torch
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30), used + (2 << 30)))
sys.exit(main(sys.argv[1:]))
"""
    if sys.platform != "linux":
        pytest.skip("only Linux limits the address space")
    command = [sys.executable, "-c", code, *TRAIN, "--g-hidden=24000,24000", "--threads=1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    assert done.stderr == "ganforge: The data and networks do not fit into the memory of cpu; make them smaller.\n"
    assert not Path("runs").exists()


# --- the folder of a new run


def file_in_the_way() -> str:
    Path("taken").write_text("a letter")
    return "taken"


def below_a_file() -> str:
    return f"{file_in_the_way()}/run"


def not_empty() -> str:
    Path("papers").mkdir()
    Path("papers/letter.txt").write_text("a letter")
    return "papers"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (file_in_the_way, ["taken is a file, not a folder", "--out"]),
        (below_a_file, ["taken is a file, not a folder", "--out"]),
        (not_empty, ["papers is not empty and holds no run", "--out"]),
        (lambda: "n" * 300, ["File name too long"]),
    ],
)
def test_out(make: Callable[[], str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint([*TRAIN, f"--out={make()}"], capsys)
    assert all(word in said for word in words), said


def test_out_is_a_run(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint([*TRAIN, "--out=run"], capsys)
    assert "run already holds a run (640 of 640 images); continue it with `ganforge resume run`" in said
    assert "--out" in said


# --- MNIST's files


def idx(shape: tuple[int, ...], kind: int = 8, cut: int = 0) -> bytes:
    content = struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape) + bytes(torch.Size(shape).numel())
    return content[: len(content) - cut]


def shorn(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty", "get the file again"]),
        (b"hello, world", ["is no IDX file", "use an IDX file"]),
        (b"\x00\x00\x08", ["is no IDX file"]),
        (idx((3, 28, 28), cut=100), ["is cut off", "promises 3 x 28 x 28", "get the file again"]),
        (idx((3, 28, 28))[:10], ["is cut off", "header is incomplete"]),
        (shorn(gzip.compress(torch.randint(256, (5000,), dtype=torch.uint8).numpy().tobytes())), ["is no IDX file"]),
        (shorn(gzip.compress(idx((3, 28, 28)), mtime=0)), ["is cut off", "gzip data ends too early"]),
        (gzip.compress(idx((3, 28, 28)))[:-8] + bytes(8), ["is damaged", "get the file again"]),
        (idx((3, 28, 28), kind=13), ["32-bit floats, not unsigned bytes"]),
        (idx((3, 28)), ["magic number 0x00000802"]),
        (idx((0, 28, 28)), ["holds nothing", "0 x 28 x 28"]),
        (idx((3, 28, 28)) + b"more", ["more bytes than its header promises"]),
        (struct.pack(">I3I", 0x803, 2**32 - 1, 2**32 - 1, 2**32 - 1), ["is cut off"]),
        (idx((3, 28, 28)), ["its content is not MNIST's", "Fashion-MNIST", "--data-dir"]),
    ],
    ids=range(14),
)
def test_idx_files(content: bytes, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("files").mkdir()
    path = Path("files/train-images-idx3-ubyte")
    path.write_bytes(content)
    said = complaint(["train", "note", "--data-dir=files"], capsys)
    assert str(path) in said
    assert all(word in said for word in words), said


def test_files_that_do_not_belong_together(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    Path("files").mkdir()
    for name, content in (("train-images-idx3-ubyte", idx((5, 28, 28))), ("train-labels-idx1-ubyte", idx((4,)))):
        monkeypatch.setitem(mnist.DIGESTS, name, hashlib.sha256(content).hexdigest())  # type: ignore[arg-type]
        Path("files", name).write_bytes(content)
    said = complaint(["train", "note", "--data-dir=files"], capsys)
    assert "holds 5 pictures" in said
    assert "4 labels" in said
    assert "use two files that belong together" in said


def test_a_data_folder_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert "The data folder nowhere does not exist; check --data-dir" in complaint(
        ["train", "note", "--data-dir=nowhere"], capsys
    )


def test_no_network_and_no_data(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "files").mkdir()
    cache = folder.parent / "cache"
    (cache / "ganforge" / "mnist").mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("GANFORGE_DATA", raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ganforge.data.download.RETRY_AFTER_S", (0.01,))
    before = tree(folder.parent)
    assert main(["train", "note", "--data-dir=files"]) == 2
    said = capsys.readouterr().err
    assert tree(folder.parent) == before
    assert "Traceback" not in said
    message = said[said.index("ganforge: ") :]
    assert "train-images-idx3-ubyte.gz is not on this machine and could not be downloaded" in message
    assert f"Looked in: files, files/mnist, files/MNIST/raw, {cache}/ganforge/mnist. " in message
    assert "ossci-datasets.s3.amazonaws.com: the proxy gave no connection" in message
    assert "--data-dir FOLDER" in message
    assert "GANFORGE_DATA" in message
    assert "--data digits, which needs no download" in message


# --- resuming


def set_config(run: RunFolder, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(run.config.read_text())
    change(content)
    run.config.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda run: run.config.unlink(), ["run is not a run folder", "no config.json"]),
        (lambda run: run.config.write_text(run.config.read_text()[:100]), ["run/config.json cannot be read as JSON"]),
        (lambda run: run.config.write_bytes(b"\xff\xfe\x00"), ["run/config.json cannot be read as JSON"]),
        (lambda run: run.config.write_text("[]"), ["run/config.json holds no settings"]),
        (lambda run: run.config.write_text('{"settings": 5}'), ["run/config.json holds no settings"]),
        (lambda run: set_config(run, lambda c: c.pop("data")), ["run/config.json is damaged", "data and environment"]),
        (lambda run: set_config(run, lambda c: c.update(data=3)), ["run/config.json is damaged"]),
        (lambda run: set_config(run, lambda c: c.pop("environment")), ["run/config.json is damaged"]),
        (lambda run: set_config(run, lambda c: c.update(environment=[])), ["run/config.json is damaged"]),
        (
            lambda run: set_config(run, lambda c: c["settings"].update(z_dim="many")),
            ["run/config.json", "z_dim cannot be 'many'", WHOLE],
        ),
        (
            lambda run: set_config(run, lambda c: c["settings"].update(g_hidden=[4, None])),
            ["run/config.json", "g_hidden cannot be '4,None'", WHOLE],
        ),
        (
            lambda run: set_config(run, lambda c: c["settings"].update(warmup=3)),
            ["run/config.json", "no setting 'warmup'"],
        ),
        (
            lambda run: set_config(run, lambda c: c["settings"].update(data="faces")),
            ["cannot go on with other settings", "data: digits in the run, faces asked for"],
        ),
        (
            lambda run: set_config(run, lambda c: c["data"].update(fingerprint="0")),
            ["The data set digits is not the one that run began with", "start a new run"],
        ),
        (
            lambda run: [path.write_bytes(path.read_bytes()[:-9]) for _, path in run.all_checkpoints()],
            [
                "run has no checkpoint that is whole",
                "is damaged or cut off",
                "Put back a copy of one, or start a new run with this one's settings from its newest snapshot, by "
                "`--init-from run/snapshots/000000640.safetensors`; nothing was changed",
            ],
        ),
    ],
    ids=range(15),
)
def test_resuming_a_damaged_run(
    spoil: Callable[[RunFolder], object], words: list[str], run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(run)
    said = complaint(["resume", "run", "--total-nimg=1280"], capsys)
    assert all(word in said for word in words), said


def test_resuming_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert "There is no folder nowhere; check the path." in complaint(["resume", "nowhere"], capsys)


def test_resuming_with_other_settings(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(["resume", "run", "--z-dim=5", "--g-hidden=9,9", "--no-fused-adam", "--total-nimg=900"], capsys)
    assert "z_dim: 4 in the run, 5 asked for" in said
    assert "g_hidden: 8 in the run, 9,9 asked for" in said
    assert "fused_adam: True in the run, False asked for" in said
    assert "start a new run" in said
    assert "total_nimg: " not in said
    assert "What may change: capture, checkpoint_nimg, " in said


def test_resuming_with_a_wrong_setting(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert "total_nimg cannot be '0'" in complaint(["resume", "run", "--total-nimg=0"], capsys)
    assert "no option '--recipe'" in complaint(["resume", "run", "--recipe=note"], capsys)


def test_a_setting_is_judged_beside_the_runs_own(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(["resume", "run", "--snapshot-nimg=100", "--milestone-nimg=150"], capsys)
    assert "milestone_nimg = 150 is not a multiple of snapshot_nimg = 100" in said
    changes = ["--snapshot-nimg=320", "--milestone-nimg=640", "--total-nimg=1280"]
    assert main(["resume", "run", *changes]) == 0
    assert main(["resume", "run", "--milestone-nimg=960", "--total-nimg=1600"]) == 0


def test_resuming_a_finished_run(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(["resume", "run"], capsys)
    assert "run is finished: it had 640 images, and the total is 640" in said
    assert "to train longer, `ganforge resume run --total-nimg 1280`" in said


@pytest.mark.parametrize("state", ["finished", "stopped"])
def test_resuming_a_run_whose_checkpoints_are_gone(
    state: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    run.write_status(state, 640, 640)
    shutil.rmtree(run.path / "checkpoints")
    before = tree(run.path)
    said = complaint(["resume", "run", "--total-nimg=1280"], capsys)
    assert "run has no checkpoint to go on from, but 640 images in status.json, 1 row in stats.jsonl, " in said
    assert (
        "put its checkpoints back into run/checkpoints, or start a new run with this one's settings from its newest "
        in said
    )
    assert "`ganforge sample run`" in said
    assert tree(run.path) == before


def test_training_longer_without_a_learning_rate_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    falling = ["--lr-end=0", "--burn-in-nimg=640", "--total-nimg=640", "--metric-samples=0", "--out=slow"]
    assert main(["train", "note", "--data=digits", *falling]) == 0
    assert "the learning rates have fallen to 0" not in capsys.readouterr().out
    assert main(["resume", "slow", "--total-nimg=1280"]) == 0
    assert "the learning rates have fallen to 0" in capsys.readouterr().out


def test_subfolders_that_are_gone_are_made_again(run: RunFolder) -> None:
    shutil.rmtree(run.path / "snapshots")
    assert main(["resume", "run", "--total-nimg=1280"]) == 0
    assert run.all_snapshots()


def test_resuming_to_less_than_there_is(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    run.write_status("stopped", 640, 1280)
    said = complaint(["resume", "run", "--total-nimg=320"], capsys)
    assert "run is finished: it had 640 images, and the total is 320; to train longer" in said


def test_two_processes_in_one_run(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; from ganforge.run.folder import RunFolder\n"
    code += "with RunFolder(sys.argv[1]).lock(): print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, "run"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        said = complaint(["resume", "run", "--total-nimg=1280"], capsys)
        other.stdin.close()
    assert "Another process is training in run; wait for it, or stop it first" in said
    assert main(["resume", "run", "--total-nimg=1280"]) == 0


# --- snapshots


class Trap:
    """Unpickled, it leaves a file behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (Path("sprung").absolute(), "the pickle ran"))


def newest(run: RunFolder) -> Path:
    return run.all_snapshots()[-1][1]


def rewrite(run: RunFolder, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """A snapshot whose hash is right and whose content is not."""
    tensors, facts = read_tensorfile(newest(run), "snapshot")
    change(tensors, facts)
    write_tensorfile(newest(run), "snapshot", tensors, {name: facts[name] for name in facts if name != "kind"})


def without_weights(run: RunFolder) -> None:
    """Neither a snapshot nor a checkpoint."""
    for path in [newest(run), *(path for _, path in run.all_checkpoints())]:
        path.unlink()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 4
    path.write_bytes(content)


WEIGHT = "layers.0.weight"
INSTEAD = "take another copy of it, or another snapshot of its run."


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_weights, ["run has no snapshot yet", "--snapshot-nimg"]),
        (lambda run: newest(run).write_bytes(b""), ["not a safetensors file"]),
        (lambda run: newest(run).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99)), ["not a safetensors file"]),
        (lambda run: newest(run).write_bytes(newest(run).read_bytes()[:-20]), ["is damaged or cut off", INSTEAD]),
        (lambda run: newest(run).write_bytes(newest(run).read_bytes()[:40]), ["is damaged or cut off", INSTEAD]),
        (lambda run: flip(newest(run)), ["is damaged: its content does not match its SHA-256; ", INSTEAD]),
        (lambda run: newest(run).write_bytes(pickle.dumps(Trap())), ["is a pickle, which could run code when loaded"]),
        (lambda run: torch.save({"G": Trap()}, newest(run)), ["is a pickle, which could run code when loaded"]),
        (lambda run: save_file({"x": torch.zeros(2)}, newest(run)), ["was not written by ganforge"]),
        (lambda run: shutil.copy(run.all_checkpoints()[-1][1], newest(run)), ["is a checkpoint, not a snapshot"]),
        (lambda run: rewrite(run, lambda t, f: t.pop(WEIGHT)), ["does not fit its own settings", "is missing"]),
        (lambda run: rewrite(run, lambda t, f: t.update(extra=torch.zeros(1))), ["extra is not known"]),
        (
            lambda run: rewrite(run, lambda t, f: t.update({WEIGHT: torch.zeros(2, 2)})),
            [f"{WEIGHT} is (2, 2) instead of (8, 4)"],
        ),
        (
            lambda run: rewrite(run, lambda t, f: t.update({WEIGHT: t[WEIGHT].double()})),
            [f"{WEIGHT} is torch.float64 instead of torch.float32"],
        ),
        (
            lambda run: rewrite(run, lambda t, f: t[WEIGHT].fill_(float("nan"))),
            [f"{WEIGHT} holds numbers that are not finite"],
        ),
        (lambda run: rewrite(run, lambda t, f: f.update(format=99)), ["has format 99", "this ganforge reads 1"]),
        (lambda run: rewrite(run, lambda t, f: f.pop("shape")), ["lacks valid settings, shape or nimg"]),
        (lambda run: rewrite(run, lambda t, f: f.update(settings=None)), ["lacks valid settings"]),
        (
            lambda run: rewrite(run, lambda t, f: f["settings"].update(z_dim=-1)),
            ["snapshots/", "z_dim cannot be '-1'"],
        ),
        (lambda run: rewrite(run, lambda t, f: f["settings"].update(style=1)), ["no setting 'style'"]),
    ],
    ids=range(20),
)
def test_snapshots(
    spoil: Callable[[RunFolder], object], words: list[str], run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(run)
    said = complaint(["sample", "run", "--device=cpu"], capsys)
    assert all(word in said for word in words), said
    assert not Path("sprung").exists()


def test_the_trap_would_have_sprung() -> None:
    pickle.loads(pickle.dumps(Trap()))
    assert Path("sprung").read_text() == "the pickle ran"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], ["There is no run or snapshot nowhere; check the path."]),
        (["."], [". is not a run folder: it has no config.json"]),
        (["run/config.json"], ["run/config.json is not a safetensors file"]),
        (["run", "--seeds", ""], ["The seeds '' are not numbers and ranges such as 0-63"]),
        (["run", "--seeds", "few"], ["The seeds 'few' are not"]),
        (["run", "--seeds", "-5"], ["The seeds '-5' are not"]),
        (["run", "--seeds", "9-3"], ["The seeds '9-3' are not"]),
        (["run", "--seeds", "1,,2"], ["The seeds '1,,2' are not"]),
        (["run", "--seeds", "1.5"], ["The seeds '1.5' are not"]),
        (["run", "--seeds", "1-2-3"], ["The seeds '1-2-3' are not"]),
        (["run", "--seeds", "0-99999999999"], ["are 100,000,000,000 pictures; ask for at most 100,000"]),
        (["run", "--seeds", "7" * 5000], ["The seeds '777", "are not"]),
        (["run", "--out", "no/such/folder.png"], ["There is no folder no/such; make it", "--out"]),
        (["run", "--out", "run"], ["run holds ", "already, and pictures are not mixed", "choose another --out"]),
        (["run", "--out", "a.jpg"], ["The picture is a PNG file", "ends in .png, not 'a.jpg'"]),
        (["run", "--device", "cuda:99"], ["device 'cuda:99' cannot be used here"]),
    ],
)
def test_sampling(arguments: list[str], words: list[str], run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(["sample", *arguments], capsys)
    assert all(word in said for word in words), said
    assert len(said) < 300


@pytest.mark.parametrize("arguments", [["train", "--data=digits", "--metric-samples=1"], ["evaluate", "--samples=5"]])
def test_too_few_samples_are_not_the_datas_fault(
    arguments: list[str], run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    verb, *options = arguments
    main([verb, *(["run"] if verb == "evaluate" else ["note", "--total-nimg=640"]), *options])
    said = capsys.readouterr()
    assert "pictures are too few to judge by; give at least 10." in said.out + said.err


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["sample", "run"], "samples.png"),
        (["sample", "run", "--out=mine.png"], "mine.png"),
        (["sample", "run", "--interpolate=1,2"], "walk.webp"),
        (["sample", "run", "--interpolate=1,2", "--frames=2", "--out=mine.gif"], "mine.gif"),
        (["compare", "run"], "compare.png"),
        (["data", "inspect", "digits"], "digits-train.png"),
        (["data", "inspect", "run/snapshots"], "snapshots-sheet.png"),
        (["evaluate", "run", "--samples=20", "--out=."], "nearest-run.png"),
    ],
)
def test_what_is_not_ganforges_own_is_not_overwritten(
    arguments: list[str], name: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_bytes(b"of somebody's own")
    said = complaint(arguments, capsys)
    assert (
        f"The file {name} is not overwritten, since nothing in it shows that ganforge made it; choose another" in said
    )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["sample", "run", "--seeds={}"], "samples.png"),
        (["sample", "run", "--interpolate=1,2{}", "--frames=2"], "walk.webp"),
        (["sample", "run", "--interpolate=1,2{}", "--frames=2", "--out=walk.gif"], "walk.gif"),
        (["compare", "run"], "compare.png"),
        (["data", "inspect", "digits"], "digits-train.png"),
        (["evaluate", "run", "--samples=20", "--out=."], "nearest-run.png"),
    ],
)
def test_what_ganforge_made_is_made_anew(arguments: list[str], name: str, run: RunFolder) -> None:
    for number in range(2):
        assert main([argument.format(number) for argument in arguments]) == 0
        assert Path(name).is_file()


def test_help_shows_the_defaults_of_the_recipe_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["r3gan", "--data", "digits"], ["--data", "digits", "r3gan"]):
        with contextlib.suppress(SystemExit):
            main(["train", *arguments, "--help"])
        assert "(default: relativistic)" in " ".join(capsys.readouterr().out.split())


def test_a_contact_sheet_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").write_text("a letter")
    assert main(["data", "inspect", "digits", "--out", "taken/sheet.png"]) == 2
    assert "There is no folder taken; make it, or choose another place with --out." in capsys.readouterr().err
    assert main(["data", "inspect", "digits", "--out", "sheet.jpg"]) == 2
    assert "ends in .png, not 'sheet.jpg'" in capsys.readouterr().err
    assert main(["compare", ".", "--out", "plot.svg"]) == 2
    assert "ends in .png, not 'plot.svg'" in capsys.readouterr().err


# --- the same in a process of its own


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "note", "--data=digits", "--z-dim=0"], "z_dim cannot be '0': it should be greater than 0."),
        (["resume", "nowhere"], "There is no folder nowhere; check the path."),
    ],
)
def test_a_real_process(arguments: list[str], words: str, folder: Path) -> None:
    command = [sys.executable, "-m", "ganforge", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"ganforge: {words}\n")
    assert tree(folder.parent) == {"here": None}
