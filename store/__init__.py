"""The memory: a workspace of Parquet and safetensors files, and DuckDB views over them."""

from store.errors import AskedWrongly, SaetuiError
from store.parquet import write_rows
from store.workspace import CorpusFiles, DictionaryFiles, Workspace

__all__ = [
    "AskedWrongly",
    "CorpusFiles",
    "DictionaryFiles",
    "SaetuiError",
    "Workspace",
    "write_rows",
]
