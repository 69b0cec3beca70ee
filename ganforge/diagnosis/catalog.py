"""The troubles that a run may have: what each means and what to do, told beside the function that sees it.

A trouble is one file with its record and the function ``look``. A ``Check`` looks before training at the settings, the
data and one step that is only tried (``before.Start``); a ``Detector`` looks at the log so far (``history.History``).
Both return what they saw (``Seen``), or None. No other code has to know of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ganforge.base.records import Record, read_records

Sureness = Literal["certain", "likely", "possible"]


class Seen(NamedTuple):
    """text: what was seen, with its numbers, as a clause: "fakes differ 0.08 times as much as reals do". sure: that it
    is this trouble, not only something like it. about: what a remedy's words may name, by name."""

    text: str
    sure: Sureness = "likely"
    about: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Remedy:
    """Something to do about a trouble, as a change of settings, or in words alone.

    does: in words, an imperative: "lower both learning rates to a tenth". change: settings by name, each with a value,
    with "recipe" (the recipe's own value) or a factor as "x0.1". It is left out where it changes nothing, or the
    settings would not go together. command: where nothing is to be trained anew, what to type instead; RUN in it is the
    run's path. only: (setting, values): offered only where that setting is one of these. mends: may --on-trouble mend
    make this change in a run that goes on? undoes: does it take the recipe's own values, and nothing else? Where that
    changes something, no other change is advised: what was tried instead mostly did not help
    (benchmarks/results/remedies.md).
    """

    does: str
    change: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    only: tuple[str, tuple[Any, ...]] = ("", ())
    mends: bool = False

    @property
    def undoes(self) -> bool:
        return bool(self.change) and all(value == "recipe" for value in self.change.values())


@dataclass(frozen=True, kw_only=True)
class Trouble(Record):
    """What is true of a trouble. name: as `mode-collapse`, and its heading in docs/troubleshooting.md. meaning: what it
    means, in two or three sentences for anybody.

    title: what is wrong, in a few words that go on after "it went wrong: ". for_objective: what it means with this one,
    by the objective's name. grave: has a run gone wrong that ends so? Else it is a word of advice. of_length: does it
    depend on how long the run is to be? What a check sees of that is looked for again where a run is given another
    length; what a detector sees is said, and stands in status.json, but not in findings.jsonl, since a longer run would
    not see it at the same rows; nor does it stop or mend a run. remedies: the best first, as
    benchmarks/results/remedies.md ranks them.
    """

    title: str
    for_objective: Mapping[str, str] = field(default_factory=dict)
    grave: bool = True
    of_length: bool = False
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Check(Trouble):
    """A trouble that shows before training.

    foretells: is it of settings that mostly end badly, and not a fault by itself? Then the log has the last word: it is
    over where the early phase is, and nothing grave lasts.
    """

    foretells: bool = False


@dataclass(frozen=True, kw_only=True)
class Detector(Trouble):
    """A trouble that shows in the log.

    patience: seen in so many rows in turn, it is found, and not seen in as many, it is over. needs: columns that its
    rows have to have; where they have not (runs of older versions, other data), nobody can look. ruins: does it leave
    weights that no setting mends? Then --on-trouble mend goes back to the best checkpoint, if figures are far worse.
    """

    patience: int = 2
    needs: tuple[str, ...] = ()
    ruins: bool = False


DETECTORS = read_records("ganforge.diagnosis", Detector)
CHECKS = read_records("ganforge.diagnosis", Check)
