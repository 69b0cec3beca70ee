"""A run's folder: its names, its files, and nothing of how a run is trained."""
