"""Circuits as they are read and drawn: rows with names, the tree, comparison; no screens."""
