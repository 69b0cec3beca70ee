"""Generators and discriminators, sized by the data's shape."""
