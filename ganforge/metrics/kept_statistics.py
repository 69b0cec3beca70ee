"""What was measured of real pictures, kept in the user's cache: nothing of it is measured twice."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.files import is_there
from ganforge.base.tensorfile import DamagedFileError, read_tensorfile, write_tensorfile
from ganforge.base.terminal import complain
from ganforge.base.user_cache import cache_folder

T = TypeVar("T")


def kept_or_measured(
    kind: str,
    parts: list[object],
    whose: str,
    cache_dir: Path | None,
    from_file: Callable[[dict[str, Tensor], dict[str, Any]], T],
    measure: Callable[[], T],
    to_file: Callable[[T], tuple[dict[str, Tensor], dict[str, Any]]],
) -> T:
    """What the cache holds, if it is whole and was made by the same; else what ``measure`` gives, which is kept then.

    kind: of the file. parts: all that it depends on, as JSON. whose: of what it is, for messages. cache_dir: None for
    the user's own. from_file: raises KeyError, TypeError or ValueError for what ``to_file`` cannot have given. A cache
    that cannot be written is reported, and done without.
    """
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
    folder = cache_dir or cache_folder("statistics")
    path = folder / f"{key}.safetensors"
    if is_there(path):
        try:
            return from_file(*read_tensorfile(path, kind))
        except (DamagedFileError, KeyError, TypeError, ValueError):
            complain(f"{path} in the cache is damaged: measuring {whose} again")
        except UserError as error:
            complain(f"{error} Measuring {whose} again.")
    found = measure()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_tensorfile(path, kind, *to_file(found))
    except (OSError, DamagedFileError) as error:
        complain(f"The statistics of {whose} are not kept in {folder}: {getattr(error, 'strerror', error)}")
    return found
