"""Shards: tar files that are learned from where they lie, without preparing all of their pictures."""
