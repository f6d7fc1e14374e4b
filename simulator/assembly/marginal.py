"""A marginal intensity for the difference between runs that have ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from simulator.assembly.faults import part
from simulator.assembly.series import SeriesReader
from simulator.assembly.window import Window
from simulator.documents.plain_values import plain_value
from simulator.documents.validation import Section, try_validate
from simulator.documents.yaml_source import Document
from simulator.errors import InputError
from simulator.scenario.carbon import Carbon
from simulator.signals.base import Signal


class _Marginal(Section):
    """A section that stands alone."""

    marginal: Carbon


def marginal_signal(
    described: Mapping[str, Any], base: Path, start_utc: str, duration_s: float
) -> tuple[Signal, tuple[str, ...]]:
    """Return a marginal intensity (g/kWh) over the span of a run, and what its reader assumed.

    Args:
        described: the keys of section `emissions.marginal`.
        base: folder that relative file names refer to.
        start_utc: start of the run (ISO 8601).
        duration_s: its length.

    Raises:
        InputError: it cannot be read, does not cover the span, or is an average.
    """
    data = plain_value({"marginal": dict(described)}, "marginal")
    record, faults = try_validate(_Marginal, Document("marginal", data))
    if record is None:
        raise InputError(faults)
    reader = SeriesReader(base, Window(datetime.fromisoformat(start_utc), duration_s))
    with part("marginal"):
        signal, factor = reader.carbon(record.marginal)
        refusal = factor.difference_refusal()
        if refusal is not None:
            raise ValueError(refusal)
    return signal, tuple(dict.fromkeys(reader.notes))
