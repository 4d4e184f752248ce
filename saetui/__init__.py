"""The face: the command line and the terminal workbench."""
