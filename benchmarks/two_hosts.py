"""Two hosts train one run, and the cable between them is pulled: who ends when, with which sentence, and what is left.

    python benchmarks/two_hosts.py           # as root; writes benchmarks/results/two_hosts.md

The hosts are two network namespaces of this machine, joined by a pair of virtual Ethernet devices: torchrun, the store
where the processes hear of each other, and gloo's sums all go through it. The run's folder is on the disk that both
see. It needs Linux, root (or CAP_NET_ADMIN and CAP_SYS_ADMIN), and `ip` of iproute2 with veth devices; nothing of the
machine's own network is touched, and both namespaces are removed at the end.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from crash import check_whole
from reporting import write_results

from ganforge.run.folder import RunFolder

BATCH = 64
TRAIN = [
    "train", "note", "--data", "digits", "--device", "cpu", "--metric-samples", "0", "--batch-size", str(BATCH),
    "--total-nimg", "640000000", "--checkpoint-nimg", "6400", "--report-nimg", "64000", "--snapshot-nimg", "640000000",
    "--g-hidden", "64", "--d-hidden", "64", "--threads", "1",
]  # fmt: skip
PORT = 29500
SHORT_SEC, QUIET_SEC, LONGEST_SEC = 10, 45, 180
"""Of the first cut; between that and the second, since TCP waits for twice as long each time before it tries again; and
that is waited for the end."""


class MissingError(Exception):
    """What is missing, in a sentence."""


@dataclass
class Host:
    """One of the two: its namespace, its end of the cable, and what runs there."""

    number: int
    torchrun: subprocess.Popen[bytes] | None = None
    worker: int = 0
    ended: dict[str, float] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return f"ganforge-{os.getpid()}-{self.number}"

    @property
    def device(self) -> str:
        return f"gan{os.getpid()}-{self.number}"[-15:]

    @property
    def address(self) -> str:
        return f"10.77.0.{self.number + 1}"


def ip(*words: str) -> None:
    """Raises MissingError where it cannot be done."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise MissingError(f"`ip {' '.join(words)}` does not work here: {done.stderr.strip() or done.returncode}")


@contextlib.contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Joined by a cable. Raises MissingError where that cannot be had."""
    if not sys.platform.startswith("linux") or shutil.which("ip") is None:
        raise MissingError("Network namespaces need Linux and `ip` (of iproute2), which is not here.")
    if os.geteuid():
        raise MissingError("Network namespaces need root; nothing was changed.")
    hosts = Host(0), Host(1)
    try:
        for host in hosts:
            ip("netns", "add", host.namespace)
        first, second = hosts
        ip("link", "add", first.device, "netns", first.namespace, "type", "veth",
           "peer", "name", second.device, "netns", second.namespace)  # fmt: skip
        for host in hosts:
            ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", host.device)
            for device in ("lo", host.device):
                ip("-n", host.namespace, "link", "set", device, "up")
        yield hosts
    finally:
        for host in hosts:
            if is_there(host) and host.torchrun is not None:
                os.killpg(host.torchrun.pid, signal.SIGKILL)
            with contextlib.suppress(MissingError):
                ip("netns", "del", host.namespace)


def start(host: Host, first: Host, arguments: list[str], log: Path) -> None:
    """torchrun on a host, with one process."""
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{first.address}:{PORT}", "--rdzv-id", "two-hosts"]
    rendezvous += ["--rdzv-conf", f"is_host={int(host is first)}", "--local-addr", host.address]
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", *rendezvous]
    host.torchrun = subprocess.Popen(
        ["ip", "netns", "exec", host.namespace, *command, "-m", "ganforge", *arguments],
        env=os.environ | {"GLOO_SOCKET_IFNAME": host.device, "OMP_NUM_THREADS": "1"},
        stdout=log.open("wb"), stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    host.worker, host.ended = 0, {}


def worker_of(host: Host) -> int:
    """The id of the process that trains there; 0 where there is none yet."""
    assert host.torchrun is not None
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{host.torchrun.pid}/task/{host.torchrun.pid}/children").read_text().split():
            if b"RANK=" in Path(f"/proc/{child}/environ").read_bytes():
                return int(child)
    return 0


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)


def saved(run: RunFolder) -> int:
    return max((nimg for nimg, _ in run.all_checkpoints()), default=0) if run.exists() else 0


def begin(hosts: tuple[Host, Host], arguments: list[str], run: RunFolder, logs: Path) -> None:
    """Both train, and have saved something."""
    before = saved(run)
    for host in hosts:
        start(host, hosts[0], arguments, logs / f"{host.number}.log")
    wait_until(lambda: saved(run) > before, 120, "the first checkpoint")
    for host in hosts:
        host.worker = worker_of(host)


def set_cable(hosts: tuple[Host, Host], state: str) -> None:
    ip("-n", hosts[1].namespace, "link", "set", hosts[1].device, state)


def watch_the_end(hosts: tuple[Host, Host]) -> None:
    """Note when each process and each torchrun has ended, in seconds from now."""
    begun = time.monotonic()
    while time.monotonic() - begun < LONGEST_SEC and any(len(host.ended) < 2 for host in hosts):
        for host in hosts:
            assert host.torchrun is not None
            if "process" not in host.ended and is_gone(host.worker):
                host.ended["process"] = time.monotonic() - begun
            if "torchrun" not in host.ended and host.torchrun.poll() is not None:
                host.ended["torchrun"] = time.monotonic() - begun
        time.sleep(0.05)


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def said(logs: Path, host: Host) -> str:
    lines = (logs / f"{host.number}.log").read_text(errors="replace").splitlines()
    return " ".join(line for line in lines if line.startswith("ganforge: ")) or "(nothing of ganforge's)"


def is_there(host: Host) -> bool:
    return host.torchrun is not None and host.torchrun.poll() is None


def end_by_hand(host: Host) -> str:
    """A torchrun that does not end by itself: how it does."""
    assert host.torchrun is not None
    begun = time.monotonic()
    host.torchrun.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        host.torchrun.wait(LONGEST_SEC)
        return f"ends {time.monotonic() - begun:.0f} s after a SIGTERM"
    os.killpg(host.torchrun.pid, signal.SIGKILL)
    return f"does not end within {LONGEST_SEC} s of a SIGTERM, and was killed"


def try_all(hosts: tuple[Host, Host], folder: Path) -> list[str]:
    """The lines of the results. Raises AssertionError where something is lost."""
    run, lines = RunFolder(folder / "run"), []
    begin(hosts, [*TRAIN, "--out", str(run.path)], run, folder)
    set_cable(hosts, "down")
    time.sleep(SHORT_SEC)
    set_cable(hosts, "up")
    up, reached = time.monotonic(), saved(run)
    wait_until(lambda: saved(run) > reached or is_gone(hosts[0].worker), 60, "training after the short cut")
    assert not is_gone(hosts[0].worker), said(folder, hosts[0])
    lines += [f"**Cut for {SHORT_SEC} s**: both go on, {time.monotonic() - up:.0f} s after the cable was back.", ""]
    time.sleep(QUIET_SEC)
    reached = saved(run)
    set_cable(hosts, "down")
    watch_the_end(hosts)
    lines += [
        "**Cut for good**:",
        "",
        "| host | its process ended after | its torchrun | said |",
        "|---|---|---|---|",
    ]
    for host in hosts:
        times = [f"{host.ended[what]:.0f} s" if what in host.ended else f"not within {LONGEST_SEC} s"
                 for what in ("process", "torchrun")]  # fmt: skip
        place = f"{host.number}, of rank {host.number}" + ", where the store is" * (host.number == 0)
        lines.append(f"| {place} | {' | '.join(times)} | {said(folder, host).replace('|', ' ')} |")
    newest = check_whole(run, reached)
    status = run.read_status()
    lines += ["", f"The newest checkpoint, of {newest:,} images, is whole; status.json: {status['state']}."]
    lines += [
        f"The torchrun of host {host.number}, after that, {end_by_hand(host)}." for host in hosts if is_there(host)
    ]
    set_cable(hosts, "up")
    total = newest + 100 * BATCH
    for host in hosts:
        start(host, hosts[0], ["resume", str(run.path), "--total-nimg", str(total)], folder / f"{host.number}.log")
    statuses = [host.torchrun.wait(240) for host in hosts if host.torchrun is not None]
    assert statuses == [0, 0] and run.read_status()["state"] == "finished", said(folder, hosts[0])
    lines.append(
        f"With the cable back, `resume` on both hosts goes on from it to {run.read_status()['nimg']:,} images."
    )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "two_hosts.md")
    given = parser.parse_args()
    try:
        with two_hosts() as hosts, tempfile.TemporaryDirectory() as folder:
            write_results(given.out, "Two hosts, and a cable that is pulled", try_all(hosts, Path(folder)))
    except MissingError as error:
        print(f"two_hosts.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
