"""The machine: which device to compute on, and the facts that a result depends on."""

import contextlib
import ctypes
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ganforge._version import __version__
from ganforge.base.errors import UserError
from ganforge.base.given import shown


def choose_device(name: str | torch.device) -> torch.device:
    """The device for a name such as `auto`, `cpu`, `cuda:1` or `mps`. Raises UserError where there is none."""
    if not isinstance(name, str | torch.device):
        raise UserError(f"A device must be given by its name, such as 'cpu', not {shown(name)}.")
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError):
        raise UserError(
            f"The device {name!r} cannot be used here (there is none, or this PyTorch was built without it); "
            "try cpu, or auto for the best there is."
        ) from None
    if device.type == "meta":
        raise UserError("The device 'meta' holds no numbers; try cpu, or auto for the best there is.")
    return device


def keep_freed_memory() -> None:
    """Ask glibc's malloc to keep what is freed instead of giving it back to the system, and Linux for huge pages under
    large tensors; elsewhere, do nothing. To be called before the first tensor is made: PyTorch asks only once.

    A step allocates its gradients anew. Where their memory went back to the system in between, each of its pages costs
    a fault when it is written again. Small pages cost address look-ups in each pass over weights and moments.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # read by PyTorch's c10/core/impl/alloc_cpu.cpp
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
        libc.mallopt(m_trim_threshold, 2**30)
        libc.mallopt(m_mmap_threshold, 2**25)  # the most that glibc accepts


def environment(device: torch.device) -> dict[str, Any]:
    """What the numbers of a run depend on beside its settings: versions, device, threads, and the code's commit."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "ganforge": __version__,
        "git_commit": _git_commit(),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "platform": platform.platform(),
        "device": str(device),
        "device_name": name,
        "threads": torch.get_num_threads(),
    }


def ask_for_deterministic_products() -> None:
    """To be called before the first product on a GPU, when cuBLAS looks for this variable."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@contextlib.contextmanager
def deterministic_operations(wanted: bool) -> Iterator[None]:
    """In the context, if wanted, operations on a GPU give the same bits each time, and those that cannot raise
    RuntimeError. To be prepared by ``ask_for_deterministic_products``."""
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on the device; a copy to a GPU waits for nothing."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def widened(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in float64, where it is; on the CPU if its device has no float64 (Apple's)."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def peak_memory_mib(device: torch.device) -> dict[str, float]:
    """The most memory that this process has held so far, in MiB: main memory, and the device's where it has its own."""
    peaks: dict[str, float] = {}
    if sys.platform != "win32":
        peaks["Resources/peak_memory_mib"] = _peak_main_memory_mib()
    if device.type == "cuda":
        peaks["Resources/peak_device_mib"] = torch.cuda.max_memory_allocated(device) / 2**20
    return peaks


def disk_left(folder: Path) -> dict[str, float]:
    """What may still be written where the folder lies, in MiB; nothing where the system does not tell."""
    try:
        return {"Resources/disk_left_mib": shutil.disk_usage(folder).free / 2**20}
    except OSError:
        return {}


def _peak_main_memory_mib() -> float:
    """On Linux by VmHWM, since there ru_maxrss begins with what the parent held when it started this process."""
    status = Path("/proc/self/status")
    if status.exists():
        [peak] = (line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 2**10
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def is_out_of_memory(error: Exception) -> bool:
    """Does the error say that main memory or the device's is used up? (For a CPU and for Apple's GPUs, PyTorch has no
    class for it.)"""
    said = ("DefaultCPUAllocator", "bad_alloc", "MPS backend out of memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error) for words in said)


def _git_commit() -> str | None:
    """The commit of the checkout that this package runs from, with `+` if it was changed; None outside a checkout."""
    root = Path(__file__).parents[2]
    try:
        if not (root / ".git").exists():
            return None
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=root, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip() + ("+" if changed.returncode else "")
