"""The classes of all shards together, from what their listings told."""

import numpy as np

from ganforge.data.shards.parquet_shard import is_parquet
from ganforge.data.shards.shard_index import Rows, ShardIndex
from ganforge.data.sources.entries import Entry, class_names
from ganforge.data.sources.labels import many_values


def settle_classes(index: ShardIndex) -> tuple[list[str], Rows | None, str]:
    """The classes' names in their order, the number of each class of the index among them, and why there are none.

    Folders and files of labels inside are no classes: a shard by itself does not tell what all of them have.
    """
    held = [shard for shard in index.shards if shard.count]
    unlabelled = sum(shard.unlabelled for shard in held)
    why = next((f"{shard.short_name}: {shard.why}" for shard in held if shard.why), "")
    if not why and not any(shard.noted for shard in held):
        why = "no .cls or .json lies beside the pictures, and folders in shards are no classes"
    elif not why and unlabelled:
        why = f"{unlabelled:,} of {index.count:,} pictures have none beside them"
    elif not why and (many := many_values(len(index.classes), index.count)):
        why = f"what lies beside the pictures holds {many}: names, captions or measurements, and no classes"
    if why:
        return [], None, why
    names = class_names(Entry("", name) for name in index.classes)
    number = {name: at for at, name in enumerate(names)}
    return names, np.array([number[name] for name in index.classes], np.int64), ""


def labels_from(index: ShardIndex) -> str:
    """Where classes come from, for people."""
    return f"{'the column of classes' if is_parquet(index.shards[0].name) else '.cls or .json'} beside each picture"
