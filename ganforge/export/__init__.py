"""From a run to what others can use without ganforge."""
