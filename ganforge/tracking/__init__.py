"""Experiment trackers: what a run logs, sent to the tools that people have open already."""
