"""Named conversion factors, used only at the edges: files read, tables printed.

Below the edge every quantity is in the SI unit that its name ends with (see `docs/nomenclature.md`).
"""

SECONDS_PER_MINUTE = 60.0
SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86_400.0
HOURS_PER_YEAR = 8760.0
SECONDS_PER_YEAR = HOURS_PER_YEAR * SECONDS_PER_HOUR

JOULES_PER_KWH = 3.6e6
JOULES_PER_MWH = 3.6e9
WATTS_PER_KW = 1e3
WATTS_PER_MW = 1e6

GRAMS_PER_KG = 1e3
GRAMS_PER_POUND = 453.59237
"""Exact, by definition of the international pound."""
LITRES_PER_M3 = 1e3

BYTES_PER_GB = 1e9
BYTES_PER_GIB = 2.0**30
BITS_PER_BYTE = 8.0
BYTES_PER_S_PER_GBPS = 1e9 / BITS_PER_BYTE
"""One gigabit per second in bytes per second."""

ZERO_CELSIUS_K = 273.15
