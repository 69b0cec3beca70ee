"""Samples of a snapshot for the explore page, drawn in a process of their own."""
