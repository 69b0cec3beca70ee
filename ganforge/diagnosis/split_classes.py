"""Are the classes parts of a data set, such as train and test?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="split-classes",
    order=60,
    title="the classes are parts of a data set, not kinds of pictures",
    meaning="Folders named train and test were taken for classes. G would be told which part a picture is of, and "
    "would learn from the pictures that are meant to judge it.",
    source="our own rule",
    remedies=(
        Remedy("do not tell the networks the class", {"conditional": False}, only=("conditional", (True,))),
        Remedy("give the folder of one part as --data, and the other as --test-data"),
    ),
)

PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "holdout", "held-out"}


def look(start: Start) -> Seen | None:
    """All of them have names of parts."""
    names = start.items.class_names
    if len(names) < 2 or not {name.lower() for name in names} <= PARTS:
        return None
    return Seen(f"classes named {', '.join(names)}", "likely")
