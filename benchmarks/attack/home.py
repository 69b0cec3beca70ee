"""A user's home around every attempt: files of the user's own, none of which may be touched."""

import os
import stat
import sys
import tempfile
from pathlib import Path

MARK = b"THE USER'S OWN"
"""How every file begins that no attempt may touch; and what no page may show."""
OWN = (
    ".bash-history", ".gitconfig-work", ".env-production", ".config-backup/settings-2.json", "thesis",
    "pictures/my-cat-000000640.png", "project/.env-production", "project/.pre-commit-config.yaml", "project/notes.txt",
    "project/samples-of-mine.png", "project/.part-of-mine/.lock-mine", "project/run-notes/.tmp-mine",
)  # fmt: skip
OWN_IN_RUN = (
    ".notes-of-mine", "notes.txt", "fakes-old-000999999.png", "evaluation-mine-notes.json.bak", ".stats-backup.jsonl",
    "snapshots/my-favourite-000000320.safetensors", "snapshots/.keep-me", "snapshots/.favourite-1.safetensors",
    "checkpoints/backup-000000320.safetensors", "checkpoints/.backup-2.safetensors", "album/.private-notes",
)  # fmt: skip
TIME_NS = 1_700_000_000_000_000_000

Seen = dict[str, tuple[object, ...]]


def lay_out(place: Path) -> None:
    """A home, and beside it what belongs to the attempt."""
    for name in ("home/project", "cache", "tmp"):
        (place / name).mkdir(parents=True, exist_ok=True)
    for name in OWN:
        put(place / "home" / name)


def put(path: Path) -> None:
    """A file of the user's own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(MARK + b": " + path.name.encode() + b"\n")
    os.utime(path, ns=(TIME_NS, TIME_NS))


def put_in_run(run: Path) -> None:
    """What a user may keep in a run folder; and a link to the home, as one keeps for convenience."""
    for name in OWN_IN_RUN:
        put(run / name)
    (run / "home").symlink_to(run.parents[1], target_is_directory=True)


def move_in(place: Path, stage: str) -> None:
    """In the child: be at home, with the cache and the outputs of this attempt."""
    for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, "stdout", 0), (2, "stderr", 0)):
        path = name if number == 0 else place / f"{stage}.{name}"
        handle = os.open(path, flags or os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
        os.close(handle)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the child's life
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.environ |= {"HOME": str(place / "home"), "XDG_CACHE_HOME": str(place / "cache"), "TMPDIR": str(place / "tmp")}
    tempfile.tempdir = None
    os.chdir(place / "home" / "project")


def look(home: Path) -> Seen:
    """Every name in the home: of the user's own files all that can be seen, of the others that they are there."""
    seen: Seen = {}
    for folder, folders, files in os.walk(home):
        for name in [*folders, *files]:
            path = Path(folder, name)
            key = str(path.relative_to(home))
            state = path.lstat()
            seen[key] = ("there",)
            if stat.S_ISREG(state.st_mode) and state.st_size < 4096:
                content = path.read_bytes()
                if content.startswith(MARK):
                    seen[key] = (state.st_mode, state.st_mtime_ns, state.st_ino, content)
    return seen


def changes(before: Seen, after: Seen) -> list[str]:
    """What was touched; and what is new outside the folder in which the command was given."""
    own = {name: state for name, state in before.items() if len(state) > 1}
    lost = [f"{name} is gone" for name in own if name not in after]
    changed = [f"{name} is changed" for name in own if name in after and after[name] != own[name]]
    new = [f"{name} is new" for name in after if name not in before and not name.startswith("project/")]
    return [*lost, *changed, *new]
