"""Types that several sections share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field


def _in_utc(instant: datetime) -> datetime:
    if instant.utcoffset() != timedelta(0):
        raise ValueError(f"must be in UTC (end in Z), got an offset of {instant.strftime('%z')}")
    return instant


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant in UTC."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$", max_length=60)]
"""Name of an entity: lower-case letters, digits, '-' and '_'; it is one part of a dotted path."""

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
FilePath = Annotated[str, Field(min_length=1)]
"""Path of a file, relative to the scenario file (to the working directory when set on the command line)."""
