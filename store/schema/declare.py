"""What a table and a macro are declared with, and the columns that many tables share."""

from __future__ import annotations

from dataclasses import dataclass, field

TOKEN_LOGITS = "STRUCT(token VARCHAR, logit FLOAT)[]"
"""DuckDB type of a list of tokens with the logit a feature adds to each."""


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: str
    """DuckDB type, as SQL writes it."""
    says: str
    """What a value means, in a few words."""
    unit: str = ""
    nullable: bool = False
    """Whether null may stand for "not measured"."""


@dataclass(frozen=True)
class Table:
    """One table: what its rows say and how they lie on disk."""

    name: str
    says: str
    columns: tuple[Column, ...]
    sort: tuple[str, ...] = ()
    """Columns that the writer sorts by within a part; a trailing ``-`` means descending."""
    source: str = "tables"
    """Where the rows lie: ``tables`` (``tables/<name>/<run>/part-*.parquet``), ``corpora``,
    ``dictionaries``, ``jobs`` or ``labels`` (the files of those folders)."""
    public: bool = True
    """Whether the table is part of the public contract (listed by ``saetui docs tables``)."""
    row_group: int = 122_880
    """Rows in a Parquet row group."""

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`; raises KeyError."""
        return {column.name: column for column in self.columns}[name]


@dataclass(frozen=True)
class Macro:
    """A table macro that users call as ``FROM name(…)``."""

    name: str
    arguments: tuple[str, ...]
    says: str
    example: str = field(default="")


DICTIONARY = Column(
    "dictionary", "VARCHAR", "dictionary id, e.g. tiny/L2.resid_post/topk-512-k16-s0"
)
FEATURE = Column("feature", "UINTEGER", "index of the feature in its dictionary, from 0")
RUN = Column("run", "VARCHAR", "name of the run that made it: the job's id, or the name given")
CORPUS = Column("corpus", "VARCHAR", "corpus id")
DOC = Column("doc", "UINTEGER", "document of the corpus, from 0")
POS = Column("pos", "USMALLINT", "token position in the document, from 0")
ACTIVATION = Column(
    "activation", "FLOAT", "how strongly the feature fires", "units of the model activation"
)
