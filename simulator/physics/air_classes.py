"""Temperature envelopes of air at the servers, by class of equipment."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.physics.domains import require_positive, require_range


@dataclass(frozen=True, slots=True)
class AirClass:
    """What air a class of equipment may breathe (degC).

    Args:
        recommended_low_c: lower end of the recommended range.
        recommended_high_c: its upper end.
        allowable_low_c: lower end of the allowable range.
        allowable_high_c: its upper end, up to the height from which thin air lowers it.
        derating_above_m: that height.
        derating_m_per_k: further height that lowers the upper end by a kelvin; None for a class without derating.
    """

    recommended_low_c: float
    recommended_high_c: float
    allowable_low_c: float
    allowable_high_c: float
    derating_above_m: float
    derating_m_per_k: float | None

    def __post_init__(self) -> None:
        require_range("recommended_low_c", self.recommended_low_c, self.allowable_low_c, self.recommended_high_c)
        require_range("recommended_high_c", self.recommended_high_c, self.recommended_low_c, self.allowable_high_c)
        if self.derating_m_per_k is not None:
            require_positive("derating_m_per_k", self.derating_m_per_k)

    def allowable_high_at_c(self, altitude_m: float) -> float:
        """Return the upper end of the allowable range at an altitude: thin air carries less heat.

        >>> a2 = AirClass(18.0, 27.0, 10.0, 35.0, 900.0, 300.0)
        >>> a2.allowable_high_at_c(0.0), a2.allowable_high_at_c(2100.0)
        (35.0, 31.0)
        """
        if self.derating_m_per_k is None:
            return self.allowable_high_c
        return self.allowable_high_c - max(altitude_m - self.derating_above_m, 0.0) / self.derating_m_per_k
