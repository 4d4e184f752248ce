"""What every kind of job has in common: a frozen, strict pydantic model.

One declaration serves the command line (``key=value``), TOML, the form in the app, the checks
before anything starts, and the reference page. Field descriptions are that documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from store.ids import check_id

if TYPE_CHECKING:
    from store import Workspace


class Spec(BaseModel):
    """A job that can be asked for."""

    # A worker reads the spec of one kind: what checks a kind is built when it is first asked for.
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        allow_inf_nan=False,
        defer_build=True,
    )

    kind: ClassVar[str]
    says: ClassVar[str]
    """One sentence: what the job makes."""
    gives_way: ClassVar[Mapping[str, tuple[str, ...]]] = {"revision": ("model",)}
    """Key → keys that say the same or bring it along. A workspace's default for it was meant for
    jobs that say none of these, and is left aside where one is given.
    """

    name: str | None = Field(
        None,
        description="name for what the job makes, instead of its own",
        json_schema_extra={"path": False},
    )
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, or a GPU: cuda, cuda:1"
    )

    @field_validator("name")
    @classmethod
    def _can_be_part_of_an_id(cls, name: str | None) -> str | None:
        """Refused before anything runs, not when what was made is to be named."""
        return None if name is None else check_id(name, "name")

    def outputs(self) -> list[str]:
        """Ids of the dictionaries this job will make, known before it runs; later stages of a
        pipeline name them.
        """
        return []

    def check(self, ws: Workspace) -> None:
        """Raises AskedWrongly for what a quick look shows to go wrong in `ws`, before the job is
        submitted; reads files, imports nothing heavy.
        """

    def check_rows(self, ws: Workspace) -> None:
        """`check` of what the tables of `ws` must hold for it; called only where no job goes before
        this one that could still write them.
        """

    def inputs(self) -> list[str]:
        """Ids of the dictionaries this job reads."""
        return []
