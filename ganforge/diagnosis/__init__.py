"""What goes wrong in a run: seen in its settings, its data and its log, with what to do about it."""
