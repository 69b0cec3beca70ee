"""Files that are not called like pictures: which of them are some all the same, and how many others there are."""

from collections import Counter
from collections.abc import Callable

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import brief
from ganforge.data.sources.entries import suffix_of
from ganforge.data.sources.formats import HEIF_EXTRA, NO_PICTURES, format_of, heif_is_read

NOT_READ = "no pictures of a kind that is read"
MAX_ENDINGS = 50
"""So many are told one by one."""


class OtherFiles:
    """Counts them by their endings."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, bool]] = Counter()

    def is_picture(self, path: str, begin: Callable[[], bytes]) -> bool:
        """begin: gives the file's first ``LOOKED_AT`` bytes, or fewer; not called where the name says enough."""
        suffix = suffix_of(path)
        known = "" if suffix in NO_PICTURES else format_of(begin())
        if known not in ("", "TGA") and (known != "HEIF" or heif_is_read()):  # TGA: too little tells it
            return True
        self._counts[suffix, known == "HEIF"] += 1
        return False

    def refuse_most(self, name: str, count: int) -> None:
        """Raises UserError where most pictures are HEIC's, which are not read here. count: those that are."""
        heif = sum(held for (_, is_heif), held in self._counts.items() if is_heif)
        if heif > count > 0:
            raise UserError(
                f"{name} holds {heif:,} {HEIF_EXTRA}, and {count:,} others; install that, or remove them to go on "
                "without them."
            )

    def lines(self) -> list[tuple[str, str]]:
        """For ``skipped``: how many of each ending were passed over, the most frequent first."""
        told, found = self._counts.most_common(MAX_ENDINGS), []
        for (suffix, is_heif), count in told:
            ending = f"ending in {brief(suffix)}" if suffix else "without an ending"
            found.append((_files(count, ending), HEIF_EXTRA if is_heif else NOT_READ))
        if more := self._counts.total() - sum(count for _, count in told):
            found.append((_files(more, "with other endings"), NOT_READ))
        return found


def _files(count: int, which: str) -> str:
    return f"{count:,} file{'s' * (count != 1)} {which}"
