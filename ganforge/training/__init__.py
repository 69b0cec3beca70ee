"""The update, the state it changes, and the loop around it."""
