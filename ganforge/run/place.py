"""Where a run goes that was given no folder: a place that no other process gets."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.data.catalog import folder_name
from ganforge.run.folder import RunFolder
from ganforge.run.paths import next_free


def usual_place(recipe: str, data: str) -> Path:
    """Where a run goes that was given no folder: runs/<recipe>-<data>, with a number where that is taken."""
    return next_free(Path("runs"), f"{recipe}-{folder_name(data)}")


@contextlib.contextmanager
def usual_folder(recipe: str, data: str) -> Iterator[RunFolder]:
    """In the context, the ``usual_place`` as a new, empty folder, which is removed again if nothing was put into it.

    It is made by the very look whether it is free, so that of processes that start together each gets another. Raises
    UserError where it cannot be made.
    """
    folder = RunFolder(usual_place(recipe, data))
    parent = folder.path.parent
    had_parent = parent.is_dir()
    try:
        parent.mkdir(exist_ok=True)
        while not _makes(folder):
            folder = RunFolder(usual_place(recipe, data))
    except OSError as error:
        raise UserError(f"The run folder cannot be made ({reason(error)}); choose another place with --out.") from None
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):  # it is not empty, or is gone
            folder.path.rmdir()
            if not had_parent:
                parent.rmdir()


def _makes(folder: RunFolder) -> bool:
    try:
        folder.path.mkdir()
    except FileExistsError:
        return False
    return True
