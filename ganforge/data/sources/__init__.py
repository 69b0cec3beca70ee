"""Where people keep pictures, read in place: what is there, and each picture's bytes or pixels."""
