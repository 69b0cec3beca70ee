"""The page beside a training."""

import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from ganforge.base.errors import UserError
from ganforge.viewer import background_page
from ganforge.viewer.background_page import page_beside, require_page


def is_open(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_page_lives_as_long_as_the_context(tmp_path: Path) -> None:
    with page_beside(tmp_path / "run") as lines:
        found = re.search(r"http://\S+", lines[0])
        assert found is not None
        assert is_open(found[0])
        assert "ssh -L" in lines[-1]
    assert not is_open(found[0])


def test_the_page_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from ganforge.viewer.background_page import page_beside\n"
    code += "with page_beside(Path(sys.argv[1])) as lines: print(lines[0], flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    found = re.search(r"http://\S+", parent.stdout.readline())
    assert found is not None
    assert is_open(found[0])
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while is_open(found[0]):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.skipif(shutil.which("false") is None, reason="no program that only fails")
def test_a_page_that_cannot_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_page.sys, "executable", shutil.which("false"))
    with page_beside(tmp_path) as lines:
        assert lines == ["The page could not be started; training continues without it."]


def test_without_nicegui_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_page, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'ganforge\[view\]'"):
        require_page()
