"""What a series is: whose it is, how fine, and, for a carbon intensity, which emissions of which energy it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

FactorBasis = Literal["average_consumption", "average_generation", "marginal", "unstated"]
FactorBoundary = Literal["direct", "life_cycle", "unstated"]


@dataclass(frozen=True, slots=True)
class EmissionFactor:
    """What a carbon intensity counts.

    Args:
        basis: the mix consumed in an area (imports included), the mix generated in it, or the units that respond to a
            change in load. An inventory uses averages; a marginal factor belongs to differences between two runs only.
        boundary: emissions at the power stations, or of their whole life cycle with fuel supply and construction.
    """

    basis: FactorBasis = "unstated"
    boundary: FactorBoundary = "unstated"

    @property
    def is_marginal(self) -> bool:
        """Whether the factor belongs to differences between two runs."""
        return self.basis == "marginal"

    def inventory_refusal(self) -> str | None:
        """Return why the factor cannot enter an inventory, None when it can."""
        if not self.is_marginal:
            return None
        return (
            "a marginal factor says what a difference between two runs emits; an inventory needs an average factor "
            "(average_consumption or average_generation)"
        )

    def difference_refusal(self) -> str | None:
        """Return why the factor cannot weigh a difference between two runs, None when it can."""
        if self.is_marginal:
            return None
        hint = "; where it is one, say so: factor: {basis: marginal}" if self.basis == "unstated" else ""
        return f"must be a marginal factor, is {_words(self.basis)}{hint}"

    def __str__(self) -> str:
        if self == EmissionFactor():
            return "basis and boundary unstated"
        return f"{_words(self.basis)}, {_words(self.boundary)}"


@dataclass(frozen=True, slots=True)
class SignalOrigin:
    """Where a signal of a site comes from, for the manifest and the report.

    Args:
        signal: name of the signal, as in the scenario.
        provider: who publishes the values; "scenario" when they stand there.
        resolution_s: how long a value holds; None when it never changes.
        factor: what a carbon intensity counts; None for other signals.
    """

    signal: str
    provider: str
    resolution_s: int | None
    factor: EmissionFactor | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the entries of the manifest."""
        entries: dict[str, Any] = {"provider": self.provider, "resolution_s": self.resolution_s}
        if self.factor is not None:
            entries |= {"basis": self.factor.basis, "boundary": self.factor.boundary}
        return entries

    def __str__(self) -> str:
        held = "constant" if self.resolution_s is None else f"every {self.resolution_s:,} s"
        counted = "" if self.factor is None else f"; {self.factor}"
        return f"{_words(self.signal)}: {self.provider}, {held}{counted}"


def _words(name: str) -> str:
    return name.replace("_", " ").replace("life cycle", "life-cycle")
