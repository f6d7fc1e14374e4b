"""Pure functions of numbers: power, time, heat, water, emissions."""
