"""The feature extractors' names, for ``--help``; importing this loads nothing else."""

NAMES = ("classifier", "channel classifier", "random", "coordinates", "inception")
