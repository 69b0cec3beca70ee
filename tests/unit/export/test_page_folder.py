"""The folder of an exported page: whole or not at all, and nobody else's files are touched."""

import os
from pathlib import Path

import pytest

from ganforge.base.errors import UserError
from ganforge.export.page_folder import refuse_other_folder, written_aside

MARK = '<meta name="generator" content="ganforge 0">'


def page(folder: Path, mark: str = MARK) -> Path:
    folder.mkdir()
    (folder / "index.html").write_text(mark)
    (folder / "model.json").write_text("{}")
    return folder


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with written_aside(tmp_path / "page") as aside:
        (aside / "index.html").write_text("new")
        assert not (tmp_path / "page").exists()
    assert content(tmp_path) == {"page/index.html": "new"}
    assert (tmp_path / "page").stat().st_mode & 0o777 == 0o777 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("fault", [OSError("full"), KeyboardInterrupt()])
def test_or_not_at_all(tmp_path: Path, fault: BaseException) -> None:
    before = content(page(tmp_path / "page"))
    with pytest.raises(type(fault)), written_aside(tmp_path / "page") as aside:
        (aside / "index.html").write_text("new")
        raise fault
    assert content(tmp_path / "page") == before
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_an_earlier_page_gives_way(tmp_path: Path) -> None:
    page(tmp_path / "page")
    (tmp_path / "page" / "walk.js").write_text("old")
    with written_aside(tmp_path / "page") as aside:
        (aside / "index.html").write_text("new")
    assert content(tmp_path) == {"page/index.html": "new"}


def test_and_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(page(tmp_path / "page"))
    rename = Path.rename

    def fails(path: Path, target: Path) -> Path:
        if target == tmp_path / "page" and (path / "index.html").read_text() == "new":
            raise OSError("no")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OSError, match="no"), written_aside(tmp_path / "page") as aside:
        (aside / "index.html").write_text("new")
    assert content(tmp_path / "page") == before
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_a_file_that_came_meanwhile_stays(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mine\.txt"), written_aside(page(tmp_path / "page")) as aside:
        (aside / "index.html").write_text("new")
        (tmp_path / "page" / "mine.txt").write_text("mine")
    assert content(tmp_path)["page/mine.txt"] == "mine"


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    refuse_other_folder(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    refuse_other_folder(tmp_path / "empty")
    refuse_other_folder(page(tmp_path / "ours"))
    (page(tmp_path / "git") / ".git").mkdir()
    page(tmp_path / "other", "<meta>")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "index.html").write_text(MARK)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "ours")
    refused = {
        "git": r"holds other files than a page's \(\.git\)", "other": "index.html is not overwritten",
        "half": r"\(index.html\)", "file": "is not a folder", "link": "is not a folder",
        "no/page": "There is no folder", "..": "no name for", "": "no name for",
    }  # fmt: skip
    for name, sentence in refused.items():
        with pytest.raises(UserError, match=sentence):
            refuse_other_folder(tmp_path / name if name else Path())
