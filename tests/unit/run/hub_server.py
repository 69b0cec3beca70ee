"""A stub of the hub's HTTP interface on this machine: repositories in memory, and what can be wrong with them."""

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NEWER = "f" * 40
TOKEN = "hf_ThisIsASecretOfTheTest"


@dataclass
class Repo:
    """files: by name. private, gated: as the hub has them. told: sizes that are told in place of the true ones."""

    files: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    library: str | None = "ganforge"
    sha: str = COMMIT
    told: dict[str, int] = field(default_factory=dict)


@dataclass
class Hub:
    """repos: by OWNER/NAME. fault: what the server does wrong. tokens: what came as authorization, by path.
    commits: what was committed. elsewhere: where files are redirected to. asked: methods and paths."""

    repos: dict[str, Repo] = field(default_factory=dict)
    fault: str = ""
    tokens: dict[str, str | None] = field(default_factory=dict)
    commits: list[list[dict[str, Any]]] = field(default_factory=list)
    elsewhere: str = ""
    asked: list[str] = field(default_factory=list)
    uploaded: dict[str, bytes] = field(default_factory=dict)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def answer(self, status: int, content: Any = b"", **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)
        self.close_connection = True

    def seen(self) -> str:
        path = self.path.partition("?")[0]
        self.hub.asked.append(f"{self.command} {path}")
        self.hub.tokens[path] = self.headers.get("Authorization")
        return path

    def do_GET(self) -> None:
        path, fault = self.seen(), self.hub.fault
        if path.startswith("/api/models/"):
            return self.info(path.removeprefix("/api/models/"))
        if "/resolve/" not in path:
            return self.answer(404)
        repo, _, rest = path.removeprefix("/").partition("/resolve/")
        content = self.hub.repos[repo].files[rest.partition("/")[2]]
        if self.hub.elsewhere:
            return self.answer(302, Location=f"{self.hub.elsewhere}{path}")
        if fault == "cut":
            return self.answer(200, content[: len(content) // 2], Content_Length=str(len(content)))
        if fault == "short":
            return self.answer(200, content[: len(content) // 2])
        if fault == "endless":
            return self.endless(content)
        if fault == "other":
            content = bytes(len(content))
        if fault == "file 500":
            return self.answer(500)
        return self.answer(200, content)

    def endless(self, content: bytes) -> None:
        """Without a length: until nobody listens any more."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(10_000):
                self.wfile.write(content)
        self.close_connection = True

    def info(self, rest: str) -> None:
        name, _, revision = rest.partition("/revision/")
        repo, fault = self.hub.repos.get(name), self.hub.fault
        if fault == "401":
            return self.answer(401, {"error": "Invalid username or password."})
        if fault == "gated":
            return self.answer(403, {"error": TOKEN}, X_Error_Code="GatedRepo", X_Error_Message="gated")
        if fault == "500":
            return self.answer(500, {"error": "x"})
        if fault == "html":
            return self.answer(200, b"<html>Sign in to the hotel's network</html>")
        if fault == "not the hub":
            return self.answer(200, [1, 2])
        if repo is None:
            return self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        if revision not in ("", "main", repo.sha):
            return self.answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
        siblings = [
            {"rfilename": name, "size": repo.told.get(name, len(content)), "blobId": "0" * 40}
            | ({"lfs": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 1}}
               if name.endswith(".safetensors") else {})
            for name, content in repo.files.items()
        ]  # fmt: skip
        facts = {"id": name, "modelId": name, "sha": None if fault == "no commit" else repo.sha, "siblings": siblings,
                 "private": repo.private, "gated": False, "downloads": 0, "likes": 0, "tags": []}  # fmt: skip
        return self.answer(200, facts | ({"library_name": repo.library} if repo.library else {}))

    def do_POST(self) -> None:
        path = self.seen()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        hub = self.hub
        if hub.fault == "401":
            return self.answer(401, {"error": "Invalid username or password."})
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
            private = asked.get("private", asked.get("visibility") == "private")
            hub.repos.setdefault(name, Repo(private=bool(private)))
            return self.answer(200, {"url": f"{hub.url}/{name}"})
        if path == "/verify":
            return self.answer(200, {})
        if path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if "/preupload/" in path:
            modes = [
                {"path": each["path"], "shouldIgnore": False, "oid": None,
                 "uploadMode": "lfs" if each["path"].endswith(".safetensors") else "regular"}
                for each in json.loads(body)["files"]
            ]  # fmt: skip
            return self.answer(200, {"files": modes})
        if path.endswith("/info/lfs/objects/batch"):
            place = hub.elsewhere or hub.url
            objects = [
                {"oid": each["oid"], "size": each["size"],
                 "actions": {"upload": {"href": f"{place}/lfs/{each['oid']}"}, "verify": {"href": f"{place}/verify"}}}
                for each in json.loads(body)["objects"]
            ]  # fmt: skip
            return self.answer(200, {"transfer": "basic", "objects": objects})
        if "/commit/" in path:
            if hub.fault == "commit 500":
                return self.answer(403, {"error": "no"})
            lines = [json.loads(line) for line in body.splitlines()]
            hub.commits.append(lines)
            repo = hub.repos[path.removeprefix("/api/models/").partition("/commit/")[0]]
            for line in lines:
                if line["key"] == "file":
                    repo.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                if line["key"] == "lfsFile":
                    repo.files[line["value"]["path"]] = hub.uploaded[line["value"]["oid"]]
            repo.sha = NEWER
            return self.answer(200, {"commitUrl": f"{hub.url}/c/{NEWER}", "commitOid": NEWER, "success": True})
        return self.answer(404)

    def do_PUT(self) -> None:
        path = self.seen()
        self.hub.uploaded[path.rpartition("/")[2]] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)


@contextlib.contextmanager
def serving() -> Iterator[Hub]:
    """A hub at ``hub.url``."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("TheHandler", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def point_at(url: str, patch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does where it is set before the library is imported."""
    path = constants.HUGGINGFACE_CO_URL_TEMPLATE.partition("/{repo_id}")
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{url}{path[1]}{path[2]}")
    patch.setattr(constants, "ENDPOINT", url)
