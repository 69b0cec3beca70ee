"""A run as one file that needs nothing else."""
