"""How often the fit's 95 % intervals hold the truth: ``python -m benchmarks.calibration_coverage [--json OUT]``.

Synthetic windows of a known device, seen through a sensor with an unknown gain, a coarse and lagging counter, and
errors of points and windows (`benchmarks.synthetic_windows`), are fitted seed by seed. Of 100 seeds, 95 intervals of
each parameter should hold its true value; by chance alone, 90 or more do with a probability of 98.9 %.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.synthetic_windows import Noise, Truth, windows
from calibration.fitting.profile import estimates
from calibration.fitting.window_fits import Options, Sensor, fit_windows, usable
from simulator.profiles import catalogue

BASE = "h100-sxm-80gb"


def intervals(seed: int, truth: Truth, gain: float = Noise().gain) -> dict[str, tuple[float, float, float]]:
    """Return (low, value, high) of each parameter fitted to the windows of a seed.

    Args:
        seed: seed of all errors.
        truth: the device.
        gain: half width of the error of the sensor's gain, of which the fit knows.
    """
    base = catalogue.accelerator(BASE, Path()).record
    rows, _ = usable(windows(seed, truth, Noise(gain=gain)), base)
    fits = fit_windows(rows, base, Options(sensor=Sensor(), samples=0, compare=False, gain_u=gain / 3.0**0.5))
    return {entry.name: (entry.low, entry.value, entry.high) for fitted in fits for entry in estimates(fitted)}


def coverage(seeds: range, gain: float = Noise().gain) -> dict[str, dict[str, float]]:
    """Return, by parameter, how many intervals hold the truth, and mean bias and half width relative to it."""
    truth = Truth()
    hits = dict.fromkeys(truth.values, 0)
    bias, width = dict.fromkeys(truth.values, 0.0), dict.fromkeys(truth.values, 0.0)
    everywhere = 0
    for seed in seeds:
        found = intervals(seed, truth, gain)
        inside = {path: found[path][0] <= value <= found[path][2] for path, value in truth.values.items()}
        everywhere += all(inside.values())
        for path, value in truth.values.items():
            low, best, high = found[path]
            hits[path] += inside[path]
            bias[path] += (best / value - 1.0) / len(seeds)
            width[path] += 0.5 * (high - low) / value / len(seeds)
    result = {
        path: {"inside": hits[path], "of": len(seeds), "bias": bias[path], "half_width": width[path]} for path in hits
    }
    return {**result, "all at once": {"inside": everywhere, "of": len(seeds), "bias": 0.0, "half_width": 0.0}}


def main() -> None:
    """Run the study and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration_coverage", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="number of synthetic measurements")
    parser.add_argument("--gain", type=float, default=Noise().gain, help="half width of the error of the sensor's gain")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    found = coverage(range(arguments.seeds), arguments.gain)
    for path, entry in found.items():
        print(
            f"{path:<40} {entry['inside']:4.0f} of {entry['of']:.0f}   mean error {entry['bias']:+.2%}   "
            f"half width {entry['half_width']:.2%}"
        )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
