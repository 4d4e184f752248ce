"""Tasks: behaviours to find circuits of, as prompts with a right answer.

A task is read from a file, made from a template or chosen by SQL (`jobs.task.load`), then made
ready for one model: tokenised, checked, split by content (`jobs.task.prepare`). Templates are free
of torch, so that the face can list them.
"""
