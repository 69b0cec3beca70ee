"""The summary of the data that opens a run: one line on what it is, notes on what was made of it, and what is kept."""

from typing import Any

from ganforge.data.dataset import Dataset


def data_notes(dataset: Dataset, *, mirror: bool, conditional: bool) -> list[str]:
    """What the person should know of the pictures: what was made of them, and what becomes of their classes. Built-in
    data sets, whose classes are known, are passed over."""
    lines = list(dataset.notes)
    if mirror:
        lines.append(f"mirror: {2 * dataset.count:,} pictures, each of the {dataset.count:,} and its mirror image")
    if dataset.labels_from:
        used = "told to the networks" if conditional else "not used by these settings"
        lines.append(f"labels: found, {dataset.num_classes:,} classes ({dataset.labels_from}), {used}")
    elif dataset.notes:
        lines.append(f"labels: none{': ' * bool(dataset.no_labels)}{dataset.no_labels}")
    return lines


def one_line(dataset: Dataset) -> str:
    """mnist (50,000 items of 1 x 28 x 28; where they came from)"""
    shape = " x ".join(str(n) for n in dataset.shape)
    return f"{dataset.name} ({dataset.count:,} items of {shape}; {dataset.source})"


def sample_note(seen: int, count: int) -> str:
    """Of which pictures the nearest ones, and figures, are: "" where they are of all."""
    if seen >= count:
        return ""
    return (
        f"Of shards only a sample is compared with, {seen:,} of the {count:,} pictures learned from: a copy of one of "
        "the others is not noticed."
    )


def data_facts(dataset: Dataset) -> dict[str, Any]:
    """What config.json keeps of the data."""
    facts = {
        "name": dataset.name,
        "source": dataset.source,
        "count": dataset.count,
        "shape": list(dataset.shape),
    }
    if dataset.class_names:
        facts["class_names"] = list(dataset.class_names)
    if dataset.range is not None:
        facts["range"] = list(dataset.range)
    if dataset.shards is not None:
        facts["sample"] = {"count": len(dataset), "fingerprint": dataset.shards.sample_digest}
    return facts | {"num_classes": dataset.num_classes, "fingerprint": dataset.fingerprint()}
