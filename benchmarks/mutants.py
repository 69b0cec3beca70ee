"""Which small mistakes would no test notice? Makes the changes of mutants.toml one by one, and runs the tests.

    python benchmarks/mutants.py                   # all of them; writes benchmarks/results/mutants.md
    python benchmarks/mutants.py --only ema.py     # those of the files that are called so; prints, writes nothing

First all tests in this process's reach (tests/unit and tests/contract) run once unchanged, and coverage.py notes which
test executes which line. Then, for each change, a copy of the package is changed, and a fresh process runs the tests
that execute the changed lines, the quickest first, until one fails. A change of a line that is executed when the module
is imported is shown to all tests that execute anything in that module or in one that imports it, and to those that only
read the source. Tests that take longer than ``PATIENCE`` count as one that notices. A change that all of them pass has
survived: it stands in the table with the reason, which is kept in mutants.toml under "survivors".
"""

import argparse
import ast
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIST = Path(__file__).with_name("mutants.toml")
TESTS = ("tests/unit", "tests/contract")
PATIENCE = 300
"""Seconds for all tests of one change."""
HEAVY = ("torch", "numpy", "scipy.linalg", "pydantic", "pytest", "PIL.Image", "rich.console", "sklearn")
"""Imported once, before the processes are made that run the tests; nothing of ganforge's."""


@dataclass(frozen=True)
class Mutant:
    file: str
    old: str
    new: str

    def lines(self, text: str) -> range:
        """The numbers of the lines that change in the file's text."""
        start = text.index(self.old)
        return range(text.count("\n", 0, start) + 1, text.count("\n", 0, start + len(self.old.rstrip("\n"))) + 2)


def mutants() -> list[Mutant]:
    """All that are listed. Ends with a sentence where one does not stand in its file exactly once."""
    found = [
        Mutant(file, old, new)
        for file, rows in tomllib.loads(LIST.read_text(encoding="utf-8")).items()
        if file != "survivors"
        for old, new in rows
    ]
    for one in found:
        count = (ROOT / "ganforge" / one.file).read_text(encoding="utf-8").count(one.old)
        if count != 1 or one.old == one.new:
            sys.exit(f"{LIST.name}: {one.old!r} stands {count} times in {one.file}, and should stand there once.")
    return found


class Watch:
    """A pytest plugin: the order and choice of tests, and how long each took."""

    def __init__(self, chosen: dict[str, float] | None = None, coverage: Any = None) -> None:
        self.chosen, self.coverage = chosen, coverage
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: list[str] = []

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self.chosen is not None:
            items[:] = sorted(
                (item for item in items if item.nodeid in self.chosen), key=lambda i: self.chosen[i.nodeid]
            )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self.coverage is not None:
            self.coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid} (cannot be imported)")


def in_a_child(folder: Path, work: Any, patience: float) -> dict[str, Any]:
    """What ``work()`` returns, done in ``folder`` by a process of its own, ended after ``patience`` seconds."""
    answer = folder.with_suffix(".json")
    answer.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            nowhere = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            os.chdir(folder)
            os.environ["PYTHONPATH"] = str(folder)
            sys.path.insert(0, str(folder))
            answer.write_text(json.dumps(work()), encoding="utf-8")
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(0)
    end = time.monotonic() + patience
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return {"failed": ["(time)"]}
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # whatever it left running
    if not answer.exists():
        return {"failed": ["(crash)"]}
    return json.loads(answer.read_text(encoding="utf-8"))


def copy_to(folder: Path) -> Path:
    """The package and its tests, without what git does not keep."""
    folder.mkdir(parents=True)
    for name in ("ganforge", "tests", "benchmarks", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "Makefile", "constraints.txt", "SECURITY.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def look_once(folder: Path) -> dict[str, Any]:
    """All tests unchanged: {"seconds": by test, "lines": {file: {line: tests}}, "failed": tests}."""

    def work() -> dict[str, Any]:
        import coverage
        import pytest

        cov = coverage.Coverage(data_file=str(folder / "coverage.db"), include=[f"{folder}/ganforge/*"])
        cov.start()
        watch = Watch(coverage=cov)
        pytest.main(["-p", "no:cacheprovider", *TESTS], plugins=[watch])
        cov.stop()
        data = cov.get_data()
        names = {str(path.relative_to(folder / "ganforge")): path for path in (folder / "ganforge").rglob("*.py")}
        lines = {
            name: {str(line): tests for line, tests in data.contexts_by_lineno(str(path)).items()}
            for name, path in names.items()
        }
        return {"seconds": watch.seconds, "lines": lines, "failed": watch.failed}

    seen = in_a_child(folder, work, 3600)
    if "lines" not in seen:
        said = folder.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
        sys.exit(f"The tests did not run to their end: {seen['failed'][0]} {said[-2000:]}")
    return seen


def importers(file: str, root: Path) -> Iterator[str]:
    """The files of ganforge that import from this one. root: where it lies."""
    module = "ganforge." + file.removesuffix(".py").replace("/", ".")
    for path in (root / "ganforge").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        if any(node.module == module or f"{node.module}.{n.name}" == module for node in froms for n in node.names):
            yield str(path.relative_to(root / "ganforge"))


def tests_for(one: Mutant, seen: dict[str, Any], root: Path) -> dict[str, float]:
    """The tests that may notice, and how long each takes. root: a copy as it was when the tests were looked at."""
    lines = seen["lines"].get(one.file, {})
    text = (root / "ganforge" / one.file).read_text(encoding="utf-8")
    found = {test for line in one.lines(text) for test in lines.get(str(line), ()) if test}
    tree = ast.parse(text)
    inside = {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for number in range(node.body[0].lineno, (node.end_lineno or 0) + 1)
    }
    if not inside.issuperset(one.lines(text)):  # executed at import
        for file in (one.file, *importers(one.file, root)):
            found |= {test for tests in seen["lines"].get(file, {}).values() for test in tests if test}
        found |= seen["seconds"].keys() - {t for of in seen["lines"].values() for tests in of.values() for t in tests}
    return {test: seen["seconds"].get(test, 0.0) for test in found}


def try_out(one: Mutant, folder: Path, chosen: dict[str, float]) -> str:
    """The test that noticed, or nothing."""

    def work() -> dict[str, Any]:
        import pytest

        watch = Watch(chosen)
        files = sorted({test.split("::")[0] for test in chosen})
        pytest.main(["-x", "-p", "no:cacheprovider", *files], plugins=[watch])
        return {"failed": watch.failed, "ran": len(watch.seconds)}

    path = folder / "ganforge" / one.file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(one.old, one.new), encoding="utf-8")
    try:
        found = in_a_child(folder, work, PATIENCE)
    finally:
        path.write_text(text, encoding="utf-8")
    if not found["failed"] and not found["ran"]:
        return "(no test ran: is the list of tests out of date?)" if chosen else ""
    return found["failed"][0] if found["failed"] else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="changes of files with this in their names, or with this in them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seen", type=Path, help="keep here, or take from here, which test executes which line")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "mutants.md")
    given = parser.parse_args()
    listed = [one for one in mutants() if given.only in one.file or given.only in one.old]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for name in HEAVY:
        __import__(name)
    with tempfile.TemporaryDirectory() as place:
        whole, *folders = [copy_to(Path(place) / f"copy{number}") for number in range(given.jobs + 1)]
        if given.seen is not None and given.seen.exists():
            seen = json.loads(given.seen.read_text(encoding="utf-8"))
        else:
            seen = look_once(whole)
            if given.seen is not None:
                given.seen.write_text(json.dumps(seen), encoding="utf-8")
        broken = set(seen["failed"])
        print(f"{len(seen['seconds']):,} tests, {len(broken)} of which fail as it is: {sorted(broken)[:5]}", flush=True)
        free, verdicts = list(folders), {}

        def run(one: Mutant) -> None:
            folder = free.pop()
            chosen = {test: took for test, took in tests_for(one, seen, whole).items() if test not in broken}
            verdicts[one] = try_out(one, folder, chosen)
            free.append(folder)
            print(f"{verdicts[one] or 'SURVIVED'}  {one.file}: {one.old!r} -> {one.new!r}", flush=True)

        with ThreadPoolExecutor(given.jobs) as pool:
            list(pool.map(run, listed))
    if not given.only:
        write(given.out, listed, verdicts)


def write(out: Path, listed: list[Mutant], verdicts: dict[Mutant, str]) -> None:
    from reporting import write_results

    reasons = {(file, old, new): why for file, old, new, why in survivors()}
    alive = [one for one in listed if not verdicts[one]]
    share = 1 - len(alive) / len(listed)
    lines = [
        f"{len(listed)} changes, {len(listed) - len(alive)} noticed: {share:.1%}.",
        "",
        "| file | changes | noticed |",
    ]
    lines.append("|---|---|---|")
    for file in dict.fromkeys(one.file for one in listed):
        of = [one for one in listed if one.file == file]
        lines.append(f"| {file} | {len(of)} | {sum(bool(verdicts[one]) for one in of)} |")
    lines += ["", "## Survivors", ""]
    for one in alive:
        why = reasons.get((one.file, one.old, one.new), "no reason known: a test is missing")
        lines.append(f"- `{one.file}`: `{' '.join(one.old.split())}` -> `{' '.join(one.new.split())}`: {why}")
    write_results(out, "Changes that tests notice", lines)


def survivors() -> list[list[str]]:
    """[file, old, new, why nothing can notice it]."""
    found: list[list[str]] = tomllib.loads(LIST.read_text(encoding="utf-8")).get("survivors", [])
    return found


if __name__ == "__main__":
    main()
