"""Causes and circuits: interventions on features, attribution, circuit search, faithfulness.

Plain functions over tensors: they know a model, bases spliced into it and prompts, and nothing of
jobs, files or screens.
"""
