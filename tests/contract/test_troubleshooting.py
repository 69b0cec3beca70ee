"""docs/troubleshooting.md tells all troubles as their records do.

Where a record was changed: `python tests/contract/test_troubleshooting.py` writes the page anew.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganforge.base.wording import listed, option_text
from ganforge.config import Config
from ganforge.diagnosis.catalog import CHECKS, DETECTORS, Check, Detector, Remedy, Trouble
from ganforge.diagnosis.told import DOCS
from ganforge.objectives.catalog import OBJECTIVES

PAGE = Path(__file__).parents[2] / DOCS
NAMES = ("Adam's ", "DiffAugment", "ADA")
"""That a title may begin with, though it goes on after "it went wrong: "."""
BACK = "`--on-trouble mend` goes back to the best checkpoint, if that is far better."
AGAIN = "a trouble's record has changed: run `python tests/contract/test_troubleshooting.py`"
HEAD = """# Troubleshooting

What ganforge looks for in a run, what it means, and what to do. Training says it at once, `ganforge diagnose RUN` tells
all of it for any run, and so do the page and the report. A run goes wrong where something **grave** lasts; the rest is
advice. Some of these troubles come early, when G has not learned anything yet, and go by themselves: what is over is
told, and is no fault.

With `--on-trouble stop` a run is saved and ends, with exit status 4, when something grave is found in its log. With
`--on-trouble mend` the first of its remedies that a run may take as it goes on is taken, for each grave trouble once
when it is found, at most three times in a run, however often that is resumed or made longer; it is said and logged in
`findings.jsonl`, and a resumed run does it again. `config.json` keeps the settings that the run began with; snapshots
and checkpoints tell beside these what was mended, and `diagnose`, the page, the report and a card have a line for each.

Some troubles leave weights that no setting mends; they are marked below. There a mend also **goes back to the best
checkpoint**, where the figure of what G makes now, measured at once, lies over 1.5 times as high above the floor as
that of the best snapshot (which counts as twice the floor at least), and alone where there is no setting to change. G,
D, their optimizers, the average and ADA's p are those of then, while pictures, noise and schedules go on, and settings
stay as they are mended. A run with `mend` keeps that checkpoint (`checkpoints/best.safetensors`), and saves one at once
when it has gone back. Where it is missing or damaged, that is said, and the setting alone is changed. Other troubles
that were first seen before it went back are not mended, since what they were seen in is gone. Without figures
(`--metric-samples 0`) no run goes back.

Tried on [planted faults and healthy runs](../benchmarks/results/diagnosis.md), on other seeds than the numbers were
set on: of 14 faults with three seeds and more, one run in 55 was not called by its name, and of 150 healthy runs four
had something grave, which their own figures bore out. So were [the remedies](../benchmarks/results/remedies.md), with
three seeds: what undoes a change of the recipe stands first and alone, since a new run with it has the healthy run's
figures. Of what was tried instead, R1 did as well against a D that was too fast and a clip that was too loose, and
nothing against a beta1 of 0.99 and a z of one number; a faster or slower D, and a tenth of a penalty, did not help.
Where nothing had been changed, R1 helped, as for the note on a ring. `--on-trouble mend` saved runs whose rates, or
D's, were far too low, and the note on a ring; runs that far too high rates, or a beta1 of 0.99, had ruined it did not
save, nor did it quite mend others, so that a mended run that still goes wrong is advised to begin anew. Three runs
that a burst of such rates had ruined midway ended, by going back, about as good as they had been before it (FD/random
10 to 17), and stayed ruined with the same settings alone (69 to 104); where such rates last, what a run goes back to is
lost again. DiffAugment
ended overfitting, and in runs as short as these the pictures were no better for it.

This page is made of the records beside the functions that look (`ganforge/diagnosis/`); the numbers of the log are
explained in [run-folder.md](run-folder.md#statsjsonl).
"""


def page() -> str:
    troubles: list[Trouble] = [*CHECKS.values(), *DETECTORS.values()]
    rows = [f"| [{one.name}](#{one.name}) | {one.title} | {kind(one)} |" for one in troubles]
    table = ["| name | what is wrong | |", "|---|---|---|", *rows, ""]
    return "\n".join([HEAD, *table, *(line for one in troubles for line in section(one))])


def kind(trouble: Trouble) -> str:
    return f"{'grave' if trouble.grave else 'advice'}, {'while training' if seen_in(trouble) else 'before training'}"


def seen_in(trouble: Trouble) -> tuple[str, ...]:
    return (trouble.needs or ("the log",)) if isinstance(trouble, Detector) else ()


def section(trouble: Trouble) -> Iterator[str]:
    yield from (f"## {trouble.name}", "", f"**{trouble.title[:1].upper()}{trouble.title[1:]}.** {trouble.meaning}", "")
    if isinstance(trouble, Detector):
        columns = listed([f"`{one}`" for one in trouble.needs], "and") or "the log as a whole"
        yield from (f"Seen in {columns}; found once it was seen in {count(trouble.patience)} in turn.", "")
    else:
        over = "; over where the log shows nothing grave once the early phase is past" if foretells(trouble) else ""
        yield from (f"Seen in the settings and the data, before training{over}.", "")
    for objective, meaning in trouble.for_objective.items():
        yield f"- With `{objective}`: {meaning}"
    yield from [""] * bool(trouble.for_objective)
    if trouble.remedies:
        yield from ("What to do:", "")
        yield from (f"{number}. {remedy_text(one)}" for number, one in enumerate(trouble.remedies, start=1))
        yield ""
    if isinstance(trouble, Detector) and trouble.ruins:
        yield from (BACK, "")
    yield from (f"From: {trouble.source}.", "")


def foretells(trouble: Trouble) -> bool:
    return isinstance(trouble, Check) and trouble.foretells


def count(rows: int) -> str:
    return "one row" if rows == 1 else f"{rows} rows"


def remedy_text(remedy: Remedy) -> str:
    changes = ", ".join(change_text(name, value) for name, value in remedy.change.items())
    typed = f"`{remedy.command}`" if remedy.command else changes
    setting, values = remedy.only
    only = f"where `{setting}` is {listed([f'`{option_text(value)}`' for value in values], 'or')}" if setting else ""
    mends = "`--on-trouble mend` does it" if remedy.mends and "on_trouble" in Config.model_fields else ""
    return f"{remedy.does[:1].upper()}{remedy.does[1:]}{f': {typed}' if typed else ''}" + "".join(
        f"; {part}" for part in (only, mends) if part) + "."  # fmt: skip


def change_text(name: str, value: Any) -> str:
    option = f"--{name.replace('_', '-')}"
    if value == "recipe":
        return f"`{option}` as the recipe has it"
    if isinstance(value, str) and value[:1] == "x" and value[1:2].isdigit():
        return f"`{option}` times {value[1:]}"
    if isinstance(value, bool):
        return f"`{option}`" if value else f"`--no-{option[2:]}`"
    return f"`{option} {option_text(value)}`"


def test_the_page_is_what_the_records_tell() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), AGAIN


def test_each_trouble_has_its_heading_and_says_what_it_may() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, trouble in {**CHECKS, **DETECTORS}.items():
        assert f"\n## {name}\n" in text
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), "else the link to its heading would not hold"
        assert trouble.for_objective.keys() <= OBJECTIVES.keys()
        assert trouble.title[:1].islower() or trouble.title[1:2] in (" ", "'") or trouble.title.startswith(NAMES)
        assert not trouble.title.endswith(".")
        assert trouble.meaning.endswith(".")
        assert trouble.source
        assert not trouble.source.endswith(".")


def test_remedies_in_words() -> None:
    assert change_text("lr", "x0.1") == "`--lr` times 0.1"
    assert change_text("d_norm", "recipe") == "`--d-norm` as the recipe has it"
    assert change_text("shared_noise", False) == "`--no-shared-noise`"
    text = remedy_text(Remedy("lower it", {"lr": 0.5, "clip": None}, only=("augment", ("none", "ada")), mends=True))
    assert text == (
        "Lower it: `--lr 0.5`, `--clip none`; where `augment` is `none` or `ada`"
        + "; `--on-trouble mend` does it" * ("on_trouble" in Config.model_fields) + "."
    )  # fmt: skip
    assert remedy_text(Remedy("go on", command="ganforge resume RUN")) == "Go on: `ganforge resume RUN`."


def test_a_check_is_told_to_be_one() -> None:
    check = Check(name="a", order=1, meaning="M.", source="S", title="t")
    assert "Seen in the settings and the data, before training." in [*section(check)]
    assert kind(check) == "grave, before training"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
