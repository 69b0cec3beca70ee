"""What runs a model in the browser: two files of the npm package onnxruntime-web, fetched once and known by digest."""

import hashlib
import os
import tarfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.files import reason, write_atomically
from ganforge.base.stopping import poll
from ganforge.base.terminal import complain, printable
from ganforge.base.user_cache import cache_folder
from ganforge.data.download import NoMirror, download

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
REGISTRY = "https://registry.npmjs.org"
TARBALL = f"{PACKAGE}-{VERSION}.tgz"
TARBALL_SHA512 = (
    "ab4cbe26baedba45d2cec05610c71c55fa97db92d19a8b171c5f8269126683ca"
    "590a5cdc57bb2f35ce2b298de32f4d956fb42644c0ecd528a0a91e025c07ca61"
)
"""What the registry calls the package's `integrity`, in hexadecimal."""
FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""By name in the package's `dist`, SHA-256: the script, and WebAssembly for processors alone."""


def runtime_files(
    given: Path | None = None,
    *,
    digests: Mapping[str, str] = FILES,
    tarball_sha512: str = TARBALL_SHA512,
) -> dict[str, Path]:
    """Where the files of ``digests`` lie, by name, whole.

    given: a folder that holds them, such as the package's `dist`; without it they are taken from the user's cache,
    into which they are fetched from the npm registry that `npm_config_registry` names, or npm's own. Raises UserError
    for other files than these, and where there is nothing to fetch from.
    """
    folder = given or cache_folder(PACKAGE)
    paths = {name: folder / name for name in digests}
    try:
        wrong = [path for name, path in paths.items() if not _is_right(path, "sha256", digests[name])]
        if given is not None and wrong:
            raise UserError(_other_file(wrong[0]))
        if wrong:
            _fetch(folder, digests, tarball_sha512)
    except NoMirror as error:
        raise UserError(
            f"{PACKAGE} is not in {folder} and could not be downloaded ({error}); try again with a network, or unpack "
            f"{TARBALL} elsewhere and name its folder package/dist with --wasm-dir."
        ) from error
    except OSError as error:
        raise UserError(
            f"The files of {PACKAGE} cannot be had: {reason(error)}; name others with --wasm-dir."
        ) from error
    return paths


def registry() -> str:
    """The registry's address, as npm takes it from the environment."""
    named = (os.environ.get(name, "").strip() for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"))
    return next((one for one in named if one), REGISTRY).rstrip("/")


def _fetch(folder: Path, digests: Mapping[str, str], tarball_sha512: str) -> None:
    """The package into the folder, its files beside it, and the package away again: most of it is not needed."""
    tarball = folder / TARBALL
    mirror = f"{registry()}/{PACKAGE}/-/"
    download([mirror], TARBALL, tarball, lambda fetched: _is_right(fetched, "sha512", tarball_sha512))
    try:
        with tarfile.open(tarball) as package:
            for name in digests:
                poll()
                file = package.extractfile(f"package/dist/{name}")
                assert file is not None
                write_atomically(folder / name, partial(_write, file.read()))
    finally:
        tarball.unlink(missing_ok=True)


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _is_right(path: Path, kind: str, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            right = hashlib.file_digest(file, kind).hexdigest() == digest
    except FileNotFoundError:
        return False
    if not right and path.parent == cache_folder(PACKAGE) and path.name in FILES:
        complain(printable(f"{path} in the cache is damaged: fetching it again"))
    return right


def _other_file(path: Path) -> str:
    what = "is not the one" if path.exists() else "is not there; it is one"
    return f"{path} {what} of {PACKAGE} {VERSION}; name the folder package/dist of {TARBALL} with --wasm-dir."
