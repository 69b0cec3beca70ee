"""Which recipe suits the data, where none is named."""

from pathlib import Path
from typing import Any

from ganforge.data.catalog import DATA_SETS
from ganforge.data.load import load
from ganforge.recipes.catalog import recipe, usual_recipe
from ganforge.training.progress import Progress


def suited_recipe(changes: dict[str, Any], progress: Progress) -> str:
    """The name of ``usual_recipe`` for what the changed settings name as data, which it says; pictures are prepared for
    that, and found prepared when the run begins. Raises UserError where settings or data will not do."""
    data = str(changes.get("data", "mnist"))
    shape = None
    if data not in DATA_SETS:
        usual = recipe(usual_recipe(data)[0], **changes)
        data_dir = None if usual.data_dir is None else Path(usual.data_dir)
        shape = load(
            usual.data, data_dir=data_dir, max_images=usual.max_images, say=progress.say, **usual.data_settings()
        ).shape
    name, why = usual_recipe(data, shape)
    progress.say(why)
    return name
