"""Named, complete settings: the table, and how a recipe is taken from it."""
