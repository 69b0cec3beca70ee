"""What every result file begins with: date, commit, command, machine, versions."""

import datetime
import os
import platform
import shlex
import sys
from pathlib import Path

import torch

from ganforge.base.runtime import environment, peak_memory_mib


def write_results(path: Path, title: str, lines: list[str]) -> None:
    """Write the result file and print it."""
    facts = environment(torch.device("cpu"))
    head = [
        f"# {title}",
        "",
        f"- date: {datetime.datetime.now(datetime.UTC):%Y-%m-%d}, commit {facts['git_commit']}",
        f"- command: `python {shlex.join([os.path.relpath(sys.argv[0]), *sys.argv[1:]])}`",
        f"- machine: {cpu_name()}, {os.cpu_count()} cores, shared with others; {platform.system()}, no GPU used",
        f"- versions: Python {facts['python']}, torch {facts['torch']}",
        "",
    ]
    text = "\n".join([*head, *lines]).rstrip() + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(text)


def cpu_name() -> str:
    """The processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def peak_memory() -> float:
    """The most main memory that this process has held, in MiB."""
    return peak_memory_mib(torch.device("cpu"))["Resources/peak_memory_mib"]
