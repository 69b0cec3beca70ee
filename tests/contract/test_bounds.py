"""No published hole is let in: pyproject.toml's lower bounds, docs/security.md and constraints.txt agree."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
HOLES = {
    "filelock": "3.20.3", "pillow": "13.0.0", "nicegui": "3.12.0", "pyarrow": "23.0.1", "requests": "2.33.0",
    "jinja2": "3.1.6", "torch": "2.13.0", "urllib3": "2.8.0", "datasets": "5.2.0", "setuptools": "78.1.1",
    "scikit-learn": "1.5.0",
}  # fmt: skip
"""The first release without the holes that docs/security.md names."""
IDENTIFIER = re.compile(r"(CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3})")


def requirements(of: str) -> dict[str, Requirement]:
    """What pyproject.toml asks for: to run with all extras, or to build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    texts = {"run": [*project["project"]["dependencies"], *extras["hub"], *extras["view"]],
             "build": project["build-system"]["requires"]}[of]  # fmt: skip
    return {Requirement(text).name: Requirement(text) for text in texts}


def lower_bound(requirement: Requirement) -> Version:
    (bound,) = (part.version for part in requirement.specifier if part.operator == ">=")
    return Version(bound)


def bounds() -> dict[str, Version]:
    wanted = requirements("run") | requirements("build")
    return {name: lower_bound(requirement) for name, requirement in wanted.items()}


def listed() -> dict[str, tuple[Version, str]]:
    """docs/security.md's table: the package, its bound, and what was published."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    section = text[text.index("## Lower bounds") : text.index("## To repeat")]
    rows = re.findall(r"^\| ([\w-]+) \| ([\d.]+) \| (.+?) \|", section, re.MULTILINE)
    return {name: (Version(bound), published) for name, bound, published in rows}


@pytest.mark.parametrize(("name", "mended"), HOLES.items(), ids=HOLES)
def test_no_release_with_a_published_hole_is_admitted(name: str, mended: str) -> None:
    assert bounds()[name] >= Version(mended)


def test_the_table_tells_the_bounds_and_why() -> None:
    table, asked = listed(), bounds()
    assert table.keys() == HOLES.keys()
    for name, (bound, published) in table.items():
        assert bound == asked[name], name
        assert IDENTIFIER.search(published), f"{name}: no advisory is named"


def test_every_dependency_is_spoken_of() -> None:
    """Those without a hole are named, too: somebody has looked."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    (others,) = re.findall(r"^The others \(([^)]*)\)", text, re.MULTILINE)
    assert set(others.replace("\n", " ").split(", ")) == bounds().keys() - HOLES.keys()


def test_the_pinned_versions_keep_to_the_bounds() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.lower().replace("_", "-").split("==") for line in lines if "==" in line)
    for name, requirement in requirements("run").items():
        assert Version(pins[name]) in requirement.specifier, name
