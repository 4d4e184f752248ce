"""Sparse dictionaries: architectures, the sparse step, training, profiling, quality."""

from __future__ import annotations

from jobs.dictionary.architectures import ARCHITECTURES
from jobs.dictionary.base import Dictionary
from jobs.dictionary.code import SparseCode
from jobs.dictionary.saved import load, load_folder, save_folder

__all__ = ["ARCHITECTURES", "Dictionary", "SparseCode", "load", "load_folder", "save_folder"]
