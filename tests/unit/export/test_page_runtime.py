"""The browser's runtime: fetched once, from the registry that is named, and only if it is what was published."""

import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganforge.base.errors import UserError
from ganforge.base.user_cache import cache_folder, downloads
from ganforge.export import page_runtime
from ganforge.export.page_runtime import FILES, PACKAGE, REGISTRY, TARBALL, registry, runtime_files

CONTENT = {"a.mjs": b"script", "b.wasm": b"binary"}
DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


def tarball(files: dict[str, bytes] = CONTENT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as package:
        for name, content in (files | {"other.js": b"not needed"}).items():
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(content)
            package.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


PACKED = tarball()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """A registry that sends ``PACKED``; the paths that it was asked for."""
    paths: list[str] = []

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PACKED)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/npm/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield paths
    server.shutdown()
    server.server_close()


def get(given: Path | None = None, sha512: str = hashlib.sha512(PACKED).hexdigest()) -> dict[str, Path]:
    return runtime_files(given, digests=DIGESTS, tarball_sha512=sha512)


def test_it_is_fetched_once(asked: list[str]) -> None:
    for _ in range(2):
        assert {name: path.read_bytes() for name, path in get().items()} == CONTENT
    assert asked == [f"/npm/{PACKAGE}/-/{TARBALL}"]
    assert sorted(path.name for path in cache_folder(PACKAGE).iterdir()) == sorted(CONTENT)  # the rest is away
    assert downloads() == {cache_folder(PACKAGE): 12}


def test_what_is_damaged_is_fetched_again(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(page_runtime, "FILES", DIGESTS)
    get()["a.mjs"].write_bytes(b"another")
    assert get()["a.mjs"].read_bytes() == b"script"
    assert len(asked) == 2
    assert "a.mjs in the cache is damaged" in capsys.readouterr().err


def test_another_package_is_not_taken(asked: list[str]) -> None:
    with pytest.raises(UserError, match=r"could not be downloaded \(127.0.0.1:\d+: sent something else .* --wasm-dir"):
        get(sha512="0" * 128)
    assert list(cache_folder(PACKAGE).iterdir()) == []


def test_offline_nothing_is_asked(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANFORGE_OFFLINE", "1")
    with pytest.raises(UserError, match="nowhere, since GANFORGE_OFFLINE is set"):
        get()
    assert asked == []


def test_a_folder_of_ones_own(asked: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.mjs is not there; it is one of onnxruntime-web"):
        get(tmp_path)
    for name, content in CONTENT.items():
        (tmp_path / name).write_bytes(content)
    assert get(tmp_path) == {name: tmp_path / name for name in CONTENT}
    (tmp_path / "b.wasm").write_bytes(b"binarY")
    with pytest.raises(UserError, match=r"b\.wasm is not the one of onnxruntime-web"):
        get(tmp_path)
    assert asked == []


def test_the_registry_is_npms_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    assert registry() == REGISTRY
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://upper.example/")
    assert registry() == "https://upper.example"
    monkeypatch.setenv("npm_config_registry", "https://lower.example")
    assert registry() == "https://lower.example"


def test_digests_are_whole() -> None:
    assert [len(digest) for digest in FILES.values()] == [64, 64]
    assert len(page_runtime.TARBALL_SHA512) == 128
