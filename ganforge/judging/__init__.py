"""How good pictures are: evaluated against data, and runs compared with each other."""
