"""A plant known by its total only: the published PUE of a site as an explicit input."""

from __future__ import annotations

from typing import final

from simulator.engine.facility.plant import CoolingPlant, CoolingStep
from simulator.errors import InputError, InvariantError
from simulator.physics.psychrometrics import STANDARD_PRESSURE_PA


@final
class FixedOverheadPlant(CoolingPlant):
    """A plant whose power is a fixed fraction of the heat it removes; it knows no weather and uses no water.

    With a power chain without losses the heat is the IT power and the site's PUE is 1 + the fraction: this is how a run
    reproduces published figures that were made with an assumed PUE. It cannot answer what a change would save.

    Args:
        overhead_fraction: power of the plant over its heat, at least 0; the published PUE minus 1.
    """

    __slots__ = ("_overhead_fraction",)

    def __init__(self, overhead_fraction: float) -> None:
        if not 0.0 <= overhead_fraction < float("inf"):
            raise InputError(f"overhead_fraction must be >= 0, got {overhead_fraction:g}")
        self._overhead_fraction = overhead_fraction

    def step(
        self,
        dt_s: float,
        heat_w: float,
        dry_bulb_c: float,  # noqa: ARG002
        wet_bulb_c: float,  # noqa: ARG002
        pressure_pa: float = STANDARD_PRESSURE_PA,  # noqa: ARG002
        liquid_heat_w: float = 0.0,  # noqa: ARG002
    ) -> CoolingStep:
        """Advance by a step of any length; the weather plays no part."""
        if not (dt_s > 0.0 and heat_w >= 0.0):
            raise InvariantError(f"cooling step of {dt_s} s with {heat_w} W")
        overhead_w = self._overhead_fraction * heat_w
        return CoolingStep(dt_s, heat_w, overhead_power_w=overhead_w, heat_rejected_w=heat_w + overhead_w)
