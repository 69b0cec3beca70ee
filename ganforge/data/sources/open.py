"""Pictures wherever they are kept: a folder, a zip file, arrays, IDX, Parquet and tar files, Hugging Face data sets."""

import re
import stat
from pathlib import Path

from PIL import Image

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import MAX_MEMORY_BYTES, brief, words
from ganforge.data.sources.entries import Source
from ganforge.data.sources.formats import format_of
from ganforge.data.sources.guarded import Guarded
from ganforge.data.sources.hub import is_saved, open_hub, open_saved
from ganforge.data.sources.npz import open_npz
from ganforge.data.sources.paged import PagedSource, as_paged
from ganforge.data.sources.parquet import ParquetSource
from ganforge.data.sources.picture_folder import FolderSource, list_folder
from ganforge.data.sources.rows import IDX_LABELS, NPY_MAGIC, is_idx, open_idx, open_npy
from ganforge.data.sources.tar import TarSource
from ganforge.data.sources.tree import split_kind
from ganforge.data.sources.zip import ZipSource, open_zip

Opened = Source | Guarded

KINDS = "a folder of pictures, a zip, .npz, .npy, IDX, Parquet or tar file, or hub:OWNER/NAME"
SHARDS = frozenset({".parquet", ".tar"})


def open_source(path: str | Path) -> Source:
    """The pictures at a path, or, for ``hub:OWNER/NAME``, of a data set on the Hugging Face hub; read in this process,
    so that whatever is in them may take its time and memory: for the process that ``open_guarded`` starts.

    Lists the pictures and reads none. What a file is is told by how it begins, not by its name. Raises UserError for
    what is not there, not readable, or holds no pictures.
    """
    name = str(path)
    if name.startswith("hub:"):
        if not re.fullmatch(r"hub:\w[\w.-]*(/\w[\w.-]*)?", name):
            raise UserError(f"{name} is not a name on the Hugging Face hub; write hub:OWNER/NAME.")
        return open_hub(name)
    place = Path(path).expanduser()
    try:
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            return _open_folder(place)
        if not stat.S_ISREG(mode):
            raise UserError(f"{place} is a pipe, socket or device; name {KINDS}.")
        return _open_file(place)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no file or folder {place}; check its name.") from None
    except UserError:
        raise
    except MemoryError:
        most = f"{MAX_MEMORY_BYTES >> 20:,} MiB"
        raise UserError(f"Listing {place} would take more than {most} of memory; split it, or get it again.") from None
    except Exception as error:  # whatever the libraries raise on damaged bytes
        text = getattr(error, "strerror", None) or words(error)
        raise UserError(f"{place} cannot be read ({text}); check its name, and that you may read it.") from None


def open_guarded(path: str | Path) -> Guarded:
    """The same, read by another process within the limits of ``budget``."""
    return Guarded(path)


def picture_at(source: Opened | PagedSource, index: int, most: int | None = None) -> Image.Image:
    """Entry ``index`` as a picture of mode L, LA, RGB or RGBA; if ``most`` is given, made smaller to have no longer
    side. Raises Unreadable."""
    if isinstance(source, Guarded):
        return source.picture(index, most)
    picture, _ = as_paged(source).take(index)
    if most is not None:
        picture.thumbnail((most, most))
    return picture


def _open_file(path: Path) -> Source:
    with path.open("rb") as file:
        begin = file.read(265)
    if not begin:
        raise UserError(f"{path} is empty; name {KINDS}.")
    if begin.startswith((b"PK\3\4", b"PK\5\6")):
        return open_npz(path) if _is_npz(path) else ZipSource(path)
    if begin.startswith(NPY_MAGIC):
        return open_npy(path)
    if begin.startswith(b"PAR1"):
        return ParquetSource(str(path), [path])
    if begin[257:262] == b"ustar" or path.suffix.lower() == ".tar":
        return TarSource(str(path), [path])
    if is_idx(path):
        return open_idx(path)
    if is_idx(path, IDX_LABELS):
        raise UserError(f"{path} holds labels; name the file of their pictures, whose name says idx3.")
    if format_of(begin) not in ("", "TGA"):
        raise UserError(f"{path} is a single picture; name the folder that it is in (of many pages: and --pages all).")
    packed = " (unpack a .tar.gz first)" if begin.startswith(b"\x1f\x8b") else ""
    raise UserError(f"{path} is not of a kind that can be read{packed}; name {KINDS}.")


def shard_kind(path: Path) -> str:
    """The part that a shard belongs to, by a word in its name or its folders': "train" of set-train-0001.tar."""
    words_in = [word for part in path.with_suffix("").parts for word in re.split(r"[^a-z]+", part.casefold())]
    return next((kind for kind in map(split_kind, words_in) if kind), "")


def _is_npz(path: Path) -> bool:
    with open_zip(path) as archive:
        names = archive.namelist()
    return path.suffix.lower() == ".npz" or (bool(names) and all(name.endswith(".npy") for name in names))


def _open_folder(folder: Path) -> Source:
    if is_saved(folder):
        return open_saved(folder)
    listing = list_folder(folder)
    source = FolderSource(folder, listing)
    if source.entries:
        return source
    listed = list_folder(folder, SHARDS)
    shards = listed.files
    for suffix, kind in ((".parquet", ParquetSource), (".tar", TarSource)):
        paths = [folder / name for name in shards if name.lower().endswith(suffix)]
        if paths:
            kinds = {path: shard_kind(path.relative_to(folder)) for path in paths}
            learned = "train" if "train" in kinds.values() else ""
            used = [path for path in paths if kinds[path] == learned] or paths
            opened = kind(str(folder), used)
            opened.skipped += listed.skipped
            opened.skipped += [(brief(path), "not used: it lies beside shards") for path in listing.files]
            opened.skipped += [(brief(path.name), "another split than train") for path in paths if path not in used]
            opened.skipped += [
                (files, why) for files, why in listing.others.lines() if not files.endswith(f"ending in {suffix}")
            ]
            return opened
    idx = sorted(path.name for path in folder.iterdir() if path.is_file() and is_idx(path))
    if idx:
        raise UserError(f"{folder} holds IDX files; name one of them, such as {folder / idx[0]}.")
    seen = ", ".join(f"{files} ({why})" for files, why in listing.others.lines()[:3])
    there = f", only {seen}" if seen else ""
    raised = f" ({listing.skipped[0][0]}: {listing.skipped[0][1]})" if listing.skipped else ""
    raise UserError(f"{folder} holds no pictures{there}{raised}; check the folder's name.")
