"""What a series can hold: the name of a quantity with its unit, and the values that it may take."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity and its allowed range.

    Args:
        name: name with the unit as its last word.
        low: lowest allowed value, in that unit.
        high: highest allowed value, in that unit.
        noted_below: lower values are allowed, but counted in the report.
    """

    name: str
    low: float = -math.inf
    high: float = math.inf
    noted_below: float = -math.inf

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"{self.name}: low must be below high, got {self.low} and {self.high}")


CARBON_INTENSITY = Quantity("carbon_intensity_g_per_kwh", 0.0, 5000.0)
"""Assumption: the bound is several times that of any power station, so only slips of unit and corrupt rows pass it."""

PRICE = Quantity("price_usd_per_kwh", -5.0, 50.0, noted_below=0.0)
"""Wholesale prices may be negative. Assumption: the bounds, 5,000 below and 50,000 USD/MWh above zero, are wider than
the price limits of the markets whose files are read; a value beyond them is a corrupt row or a slip of unit."""

OUTPUT_FRACTION = Quantity("output_fraction", 0.0, 1.0)
"""Output of a plant over its rated power."""

DRY_BULB = Quantity("dry_bulb_c", -90.0, 60.0)
"""Assumption: wider than any weather, so that only slips of unit, sign or missing code fall outside."""

RELATIVE_HUMIDITY = Quantity("relative_humidity", 0.0, 1.0)
PRESSURE = Quantity("pressure_pa", 31_000.0, 120_000.0)
"""Bounds of the atmospheric station pressure in the EPW data dictionary (EnergyPlus Auxiliary Programs, field N9)."""

IRRADIANCE = Quantity("irradiance_w_per_m2", 0.0, 1500.0)
"""Above the sun's 1,361 W/m2 outside the atmosphere, since clouds at the edge of the sun reflect more for minutes."""

CLOUD_COVER = Quantity("cloud_cover", 0.0, 1.0)
WIND = Quantity("wind_m_per_s", 0.0, 120.0)
"""The fastest gust on record is 113 m/s."""
