"""Sparse dictionaries: architectures, the sparse step, training, profiling, quality."""
