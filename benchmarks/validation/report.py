"""What a validation finds: cases, and rows that the simulator says it cannot do."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from simulator.errors import InputError


@dataclass(frozen=True, slots=True)
class Case:
    """One figure, predicted and measured.

    Args:
        case_id: identity of the row, as published.
        metric: what is compared.
        unit: its unit.
        predicted: by the simulator.
        measured: as published.
        used_in_fit: whether a shipped parameter was fitted to this row.
    """

    case_id: str
    metric: str
    unit: str
    predicted: float
    measured: float
    used_in_fit: bool = False

    @property
    def relative_error(self) -> float:
        """Predicted / measured - 1; a measured zero counts as exact or infinitely wrong."""
        if self.measured == 0.0:
            return 0.0 if self.predicted == 0.0 else float("inf")
        return self.predicted / self.measured - 1.0


@dataclass(slots=True)
class Report:
    """Cases and skipped rows of one kind.

    Args:
        kind: kind of the validation.
        cases: what was compared.
        skipped: (case, reason) of what the simulator cannot do.
        notes: what the reader must know of how the cases were predicted.
    """

    kind: str
    cases: list[Case] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def skip(self, case_id: str, reason: str) -> None:
        """Leave a row out, for a reason that the simulator states."""
        self.skipped.append((case_id, reason))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data; the two means are over all cases, None without any."""
        errors = [abs(case.relative_error) for case in self.cases]
        return {
            "kind": self.kind,
            "cases": [{**asdict(case), "relative_error": case.relative_error} for case in self.cases],
            "skipped": [{"case_id": case_id, "reason": reason} for case_id, reason in self.skipped],
            "notes": self.notes,
            "median_abs_error": statistics.median(errors) if errors else None,
            "mape": statistics.fmean(errors) if errors else None,
        }


def reason(error: InputError) -> str:
    """Return why the simulator refuses a scenario, in one line.

    >>> from simulator.errors import Fault
    >>> reason(InputError([Fault("must be > 0, got -3", "hall.yaml", 7, "servers.0.count"), Fault("is empty")]))
    'servers.0.count: must be > 0, got -3; is empty'
    """
    return "; ".join(": ".join(part for part in (fault.path, fault.message) if part) for fault in error.faults)
