"""Imports go one way, few modules see the settings, and looking at the help does not load PyTorch."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import ganforge

ROOT = Path(ganforge.__file__).parent

BELOW = {
    "base": set(),
    "data": {"base"},
    "networks": {"base"},
    "objectives": {"base"},
    "metrics": {"base", "data", "networks", "objectives"},
    "run": {"base", "data", "networks", "objectives", "metrics"},
    "diagnosis": {"base", "data", "networks", "objectives", "metrics", "run"},
    "tracking": {"base", "run"},
    "training": {"base", "data", "networks", "objectives", "metrics", "run", "diagnosis", "tracking"},
    "sampling": {"base", "data", "networks", "objectives", "metrics", "run"},
    "judging": {"base", "data", "networks", "objectives", "metrics", "run", "diagnosis", "training", "sampling"},
    "export": {"base", "data", "networks", "objectives", "metrics", "run", "sampling"},
    "viewer": {"base", "data", "objectives", "metrics", "run", "diagnosis", "sampling", "judging"},
}
"""What each part may import, itself aside. Parts that stand side by side are not in each other's set."""
BELOW["recipes"] = set()
BELOW["cli"] = {*BELOW, "config", "recipes"}
SETTINGS = {
    "config": {"base", "data", "networks", "objectives", "training"},
    "recipes.catalog": {"base", "config", "data", "networks"},
    "diagnosis.command": {"config", "recipes"},
    "training.build": {"config"},
    "training.feed": {"config"},
    "training.start": {"config", "recipes"},
    "training.suited": {"recipes"},
    "training.opening_look": {"config", "recipes"},
    "training.check_only": {"config"},
    "training.execute": {"config"},
    "training.follower": {"config"},
    "training.machine_facts": {"config"},
    "training.loop": {"config"},
    "training.actions": {"config"},
    "training.health": {"config"},
    "training.watching": {"config"},
    "training.resume_checks": {"config"},
    "training.measure": {"config"},
    "training.parts": {"config"},
    "training.nonfinite": {"config"},
    "sampling.model": {"config"},
    "viewer.read.recipe_settings": {"config", "recipes"},
    "viewer.read.training_data": {"config"},
}
"""Who may import the settings, too; the settings themselves import no more of a room than its settings."""


def module_name(path: Path) -> str:
    """training/optimizer.py -> training.optimizer; data/__init__.py -> data."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(source: str) -> set[str]:
    """Full names of all modules, and of all that is taken out of them, wherever in the file the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_parts(source: str) -> set[str]:
    """The parts of ganforge that a file imports: `base`, `config`, `run`, ..."""
    return {name.split(".")[1] for name in imported(source) if name.startswith("ganforge.")} - {"_version"}


def faults(name: str, source: str) -> set[str]:
    """Parts that the module ``name`` may not import but does."""
    part = name.partition(".")[0]
    return own_parts(source) - {part} - BELOW.get(part, set()) - SETTINGS.get(name, set())


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}
MODULES = {name: path for name, path in MODULES.items() if name not in ("__init__", "__main__")}


def test_imports_go_one_way() -> None:
    found = {name: faults(name, path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
    assert {name: parts for name, parts in found.items() if parts} == {}
    assert len(found) > 100


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Names on a circle, if there is one; of several, any."""
    rest = {name: set(others) for name, others in graph.items()}
    while ends := [name for name, others in rest.items() if not others & rest.keys()]:
        rest = {name: others for name, others in rest.items() if name not in ends}
    return sorted(rest)


def test_no_two_files_need_each_other() -> None:
    graph = {}
    for name, path in MODULES.items():
        taken = {one.removeprefix("ganforge.") for one in imported(path.read_text(encoding="utf-8"))}
        graph[name] = ({one if one in MODULES else one.rpartition(".")[0] for one in taken} & MODULES.keys()) - {name}
    assert circle(graph) == []
    assert sum(map(len, graph.values())) > 500
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["a", "b", "c"]


def test_every_part_has_its_place() -> None:
    assert {name.partition(".")[0] for name in MODULES} <= BELOW.keys() | SETTINGS.keys() | {"_version"}


def test_faults_are_seen() -> None:
    assert faults("data.load", "from ganforge.networks.construct import build_generator") == {"networks"}
    assert faults("networks.construct", "from ganforge import objectives") == {"objectives"}
    assert faults("run.folder", "import ganforge.training.state") == {"training"}
    assert faults("sampling.model", "def f():\n    from ganforge.training.loop import Loop") == {"training"}
    assert faults("training.state", "from ganforge.config import Config") == {"config"}
    assert faults("viewer.page", "from ganforge.training.loop import Loop") == {"training"}
    assert faults("base.images", "if x:\n    import ganforge.config") == {"config"}
    assert not faults("training.build", "from ganforge.config import Config\nimport torch\nimport ganforge._version")


def test_the_update_imports_torch_and_objectives_only() -> None:
    names = imported(MODULES["training.adversarial"].read_text(encoding="utf-8"))
    own = {name.rpartition(".")[0] for name in names if name.startswith("ganforge")}
    assert own == {"ganforge.base.gradients", "ganforge.objectives.losses", "ganforge.objectives.penalties"} | {
        f"ganforge.training.{name}" for name in ("accumulate", "optimizer", "step_inputs")
    }
    others = {name.partition(".")[0] for name in names} - {"ganforge"}
    assert others - {"torch"} <= sys.stdlib_module_names


def modules_loaded(*arguments: str) -> set[str]:
    """The modules that a fresh interpreter loads."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


HEAVY = {"torch", "numpy", "PIL", "sklearn", "safetensors", "rich"}


COMMANDS = [
    ["--help"], ["train", "--help"], ["train", "note", "--help"], ["resume", "--help"], ["sample", "--help"],
    ["report", "--help"], ["export", "--help"], ["data", "--help"], ["recipes"], ["data"], ["--version"],
    ["push", "--help"], ["runs", "--help"], ["help"], ["help", "FD"], ["completion", "bash"],
]  # fmt: skip
ONE_AFTER_THE_OTHER = """
import contextlib, json, sys
from ganforge.cli.main import main
commands, heavy = json.loads(sys.argv[1])
for words in [[], *commands]:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(None):
        if words:
            main(words)
    loaded = sorted({*heavy} & sys.modules.keys())
    assert not loaded, (words or "importing ganforge.cli.main", loaded)
"""


@pytest.mark.parametrize("arguments", [("-c", "import ganforge"), ("-m", "ganforge", "--help")], ids=" ".join)
def test_nothing_heavy_is_loaded(arguments: tuple[str, ...]) -> None:
    loaded = modules_loaded(*arguments)
    assert loaded >= {"ganforge", "ganforge._version"}
    assert not loaded & HEAVY


def test_nor_by_any_command_that_only_tells() -> None:
    """One interpreter for all: the first at fault is named."""
    given = json.dumps([COMMANDS, sorted(HEAVY)])
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, given], capture_output=True, text=True, cwd=ROOT.parent
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_loaded_is_seen() -> None:
    assert modules_loaded("-c", "import ganforge; ganforge.grid") >= {"torch", "numpy", "PIL"}


@pytest.mark.parametrize("name", [name for name in ganforge.__all__ if name != "__version__"])
def test_every_public_name_leads_somewhere(name: str) -> None:
    assert getattr(ganforge, name).__module__.startswith("ganforge.")


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = ganforge.trian
