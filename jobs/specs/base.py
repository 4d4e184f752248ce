"""What every kind of job has in common: a frozen, strict pydantic model.

One declaration serves the command line (``key=value``), TOML, the form in the app, the checks
before anything starts, and the reference page. Field descriptions are that documentation.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from store.ids import check_id


class Spec(BaseModel):
    """A job that can be asked for."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    kind: ClassVar[str]
    says: ClassVar[str]
    """One sentence: what the job makes."""

    name: str | None = Field(None, description="name for what the job makes, instead of its own")
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

    def inputs(self) -> list[str]:
        """Ids of the dictionaries this job reads."""
        return []
