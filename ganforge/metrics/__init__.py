"""How good is it? Features of pictures, figures computed from features, and the protocol that a figure carries."""
