"""From a snapshot and seeds to pictures."""
