"""Tests, as examples. What they share is imported by name: ``from tests.workspaces import …``."""
