"""`ganforge help WORD`: what a word of ganforge's means, from the records and documents that tell it elsewhere."""

import argparse
import shutil
import textwrap
from collections.abc import Sequence

from ganforge.base.errors import UserError
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import tell
from ganforge.base.wording import as_typed, suggestion
from ganforge.cli.meanings import Meaning, all_meanings, bare
from ganforge.cli.options import Parser

SUMMARY = "what a word means: a command, option, recipe, loss, penalty, network, figure, term"
WIDEST, INDENT = 112, 4 * " "
MOST = 12
"""Words that are named where one is not known."""


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument(
        "word", metavar="WORD", nargs="*",
        help="such as train, r1_gamma, --fps, wgan-gp, hinge, gp, dcgan, FD, or nimg (default: what there is)",
    )  # fmt: skip


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    meanings = all_meanings(given.parsers)
    if not given.word:
        tell(overview(meanings))
        return 0
    word = " ".join(given.word)
    found = look_up(word, meanings)
    if not found:
        raise UserError(f"There is no help on '{as_typed(word)}'{near(word, meanings)} (`ganforge help` lists all).")
    tell("\n\n".join(rendered(each) for each in found))
    return 0


def look_up(word: str, meanings: Sequence[Meaning]) -> list[Meaning]:
    """All that the word means: as it is written, or else in any case, with - or _, and of `FD/classifier` both
    parts."""
    for same in (str, bare):
        if found := [each for each in meanings if same(word) in map(same, each.words)]:
            return found
    first, _, second = word.partition("/")
    return look_up(first, meanings) + look_up(second, meanings) if first and second else []


def near(word: str, meanings: Sequence[Meaning]) -> str:
    """What it may have been meant for."""
    known = list(dict.fromkeys(each for meaning in meanings for each in meaning.words))
    within = [each for each in known if bare(word) in bare(each)] if len(bare(word)) > 2 else []
    if within:
        each = list({bare(word): word for word in reversed(within)}.values())[::-1]
        return f"; it is part of {', '.join(each[:MOST])}" + ", ..." * (len(each) > MOST)
    return suggestion(word, known)


def width() -> int:
    """Characters in a line."""
    return min(WIDEST, max(40, shutil.get_terminal_size((100, 24)).columns))


def rendered(meaning: Meaning) -> str:
    """A heading, and the paragraphs below it; what is laid out already stays as it is."""
    heading = f"{', '.join(meaning.words)}: {meaning.kind}"
    if meaning.laid_out:
        return f"{heading}\n\n{meaning.paragraphs[0]}"
    filled = (indented(text) for text in meaning.paragraphs if text)
    return "\n".join([heading, *filled])


def indented(text: str) -> str:
    """The text below a heading, in lines of ``width``."""
    return textwrap.fill(text, width(), initial_indent=INDENT, subsequent_indent=INDENT,
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip


def overview(meanings: Sequence[Meaning]) -> str:
    """All words, by what they are."""
    kinds: dict[str, list[str]] = {}
    for meaning in meanings:
        words = kinds.setdefault(meaning.kind.partition(" (")[0], [])
        known = {*map(bare, words)}
        words += list({bare(word): word for word in reversed(meaning.words) if bare(word) not in known}.values())[::-1]
    return "\n\n".join(f"{kind}:\n{indented(', '.join(words))}" for kind, words in kinds.items())
