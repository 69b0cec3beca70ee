"""Sizes: what has outgrown its file, function or list of parameters is taken apart before it is merged."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import ganforge

ROOT = Path(ganforge.__file__).parent
FILES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}
FILE, FUNCTION, PARAMETERS = 250, 60, 8
SHORT = {"training/adversarial.py": 120, "training/loop.py": 120}
SAME_EVERYWHERE = {"__init__.py", "settings.py", "catalog.py"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))


def lines(function: Function) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def parameters(function: Function) -> int:
    """All but self and cls."""
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def too_large(name: str, source: str) -> list[str]:
    count = source.count("\n")
    found = [f"{name}: {count} lines"] if count > SHORT.get(name, FILE) else []
    for function in functions(source):
        if lines(function) > FUNCTION:
            found.append(f"{name}: {function.name} has {lines(function)} lines")
        if parameters(function) > PARAMETERS:
            found.append(f"{name}: {function.name} has {parameters(function)} parameters")
    return found


def test_nothing_has_outgrown_its_place() -> None:
    assert [fault for name, source in FILES.items() for fault in too_large(name, source)] == []
    assert FILES.keys() >= SHORT.keys()


def test_no_file_name_stands_twice() -> None:
    names = Counter(Path(name).name for name in FILES)
    assert sorted(name for name, count in names.items() if count > 1 and name not in SAME_EVERYWHERE) == []


def test_what_is_too_large_is_seen() -> None:
    assert too_large("a.py", "x = 1\n" * 251) == ["a.py: 251 lines"]
    assert too_large("training/loop.py", "x = 1\n" * 121) == ["training/loop.py: 121 lines"]
    assert too_large("a.py", "def f():\n" + "    x = 1\n" * 60) == ["a.py: f has 61 lines"]
    nine = ", ".join(f"a{number}" for number in range(9))
    assert too_large("a.py", f"class A:\n    def f(self, *, {nine}): ...\n") == ["a.py: f has 9 parameters"]
    assert too_large("a.py", f"def f(self, {nine[4:]}): ...\n") == []
