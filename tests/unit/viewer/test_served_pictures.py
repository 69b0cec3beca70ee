"""Pictures of runs are served, and nothing else."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from some_runs import PNG, make_run
from starlette.responses import Response

from ganforge.viewer import served_pictures
from ganforge.viewer.read.run_index import Catalogue
from ganforge.viewer.served_pictures import serve_picture


def body(answer: Response) -> bytes:
    """All that is sent."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.sleep(3_600)

    asyncio.run(answer({"type": "http", "method": "GET", "asgi": {"spec_version": "2.4"}}, receive, send))
    return b"".join(message.get("body", b"") for message in sent)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    make_run(tmp_path / "runs" / "a")
    make_run(tmp_path / "outside")
    return Catalogue(tmp_path / "runs")


def test_a_grid_and_the_reals(catalogue: Catalogue) -> None:
    for kind, nimg in (("fakes", 1_000), ("reals", -1)):
        answer = serve_picture(catalogue, kind, "a", nimg, None)
        assert answer.status_code == 200
        assert body(answer) == PNG
        assert answer.media_type == "image/png"


def test_what_the_browser_has_is_not_sent_again(catalogue: Catalogue, tmp_path: Path) -> None:
    first = serve_picture(catalogue, "fakes", "a", 1_000, None)
    again = serve_picture(catalogue, "fakes", "a", 1_000, first.headers["etag"])
    assert (again.status_code, body(again)) == (304, b"")
    path = tmp_path / "runs" / "a" / "fakes-000001000.png"
    path.write_bytes(PNG + b"more")
    assert body(serve_picture(catalogue, "fakes", "a", 1_000, first.headers["etag"])) == PNG + b"more"


@pytest.mark.parametrize(
    ("kind", "run_id", "nimg"),
    [("fakes", "a", 999), ("fakes", "a", -1), ("fakes", "a", 10**30), ("fakes", "b", 1_000), ("fakes", "../outside", 0),
     ("fakes", "../outside", 1_000), ("config", "a", 0), ("../a/config.json", "a", 0), ("evolution", "a", 0),
     ("nearest", "a", 0), ("reals", "", 0), ("reals", "/", 0)],
)  # fmt: skip
def test_all_else_is_not_there(catalogue: Catalogue, kind: str, run_id: str, nimg: int) -> None:
    answer = serve_picture(catalogue, kind, run_id, nimg, None)
    assert answer.status_code == 404
    assert PNG not in body(answer)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_lead_nowhere(catalogue: Catalogue, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "a"
    (run / "fakes-000001000.png").unlink()
    (run / "fakes-000001000.png").symlink_to(tmp_path / "outside" / "reals.png")
    (run / "evolution.webp").symlink_to("/etc/hostname")
    assert serve_picture(catalogue, "fakes", "a", 1_000, None).status_code == 404
    assert serve_picture(catalogue, "evolution", "a", -1, None).status_code == 404


def test_a_picture_of_any_size_is_not_read_into_memory(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_pictures, "LARGEST_BYTES", len(PNG) - 1)
    assert serve_picture(catalogue, "reals", "a", -1, None).status_code == 404


def test_a_small_file_of_very_many_pixels_is_not_sent(catalogue: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a" / "reals.png"
    Image.new("1", (9_000, 9_000)).save(path)
    assert path.stat().st_size < 100_000
    assert serve_picture(catalogue, "reals", "a", -1, None).status_code == 404


def test_what_is_no_picture_is_not_sent_as_one(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "runs" / "a" / "reals.png").write_bytes(b"<script>")
    assert serve_picture(catalogue, "reals", "a", -1, None).status_code == 404


@pytest.mark.skipif(os.name == "nt", reason="there are no named pipes on Windows")
def test_a_pipe_is_not_waited_for(catalogue: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a" / "reals.png"
    path.unlink()
    os.mkfifo(path)
    assert serve_picture(catalogue, "reals", "a", -1, None).status_code == 404
