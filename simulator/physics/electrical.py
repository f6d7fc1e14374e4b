"""Losses of power conversion and distribution.

Losses are interpolated and fitted, never efficiencies: a parabola through efficiency points can pass through zero (a
public "Titanium" fit returns -63 % at full load), while a loss stays a loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.physics.domains import NumberT, require_positive, require_range

TITANIUM_230V = ((0.1, 0.90), (0.2, 0.94), (0.5, 0.96), (1.0, 0.91))
"""80 PLUS Titanium, 230 V internal redundant: (load fraction, lowest certified efficiency)."""

PLATINUM_230V = ((0.2, 0.90), (0.5, 0.94), (1.0, 0.91))
"""80 PLUS Platinum, 230 V internal redundant."""


def psu_loss_w(load_fraction: NumberT, rated_w: float, efficiency_points: Sequence[tuple[float, float]]) -> NumberT:
    """Return the loss of a power supply, from efficiency at a few loads.

    Args:
        load_fraction: output / rated output, 0 to the last point of the table, scalar or array.
        rated_w: rated output (W).
        efficiency_points: (load fraction, output / input), in rising order of load, efficiency above 0 and below 1.

    L_i = x_i (1 / eta_i - 1) P_rated at the points and linear in between. Below the first point the loss is held at
    that of the first point: a supply that is switched on keeps its no-load loss, and an extrapolated line could cross
    zero. Certification tables are lowest efficiencies, so the loss is an upper bound.

    >>> round(psu_loss_w(0.35, 3000.0, TITANIUM_230V), 2)
    50.4
    """
    require_positive("rated_w", rated_w)
    loads: list[float] = []
    losses: list[float] = []
    for load, efficiency in efficiency_points:
        require_positive("load fraction of the table", load - (loads[-1] if loads else 0.0))
        require_range("efficiency of the table", efficiency, 1e-9, 1.0 - 1e-9)
        loads.append(load)
        losses.append(load * (1.0 / efficiency - 1.0) * rated_w)
    require_range("load_fraction", load_fraction, 0.0, loads[-1])
    interpolated: Any = np.interp(load_fraction, loads, losses)
    loss: NumberT = float(interpolated) if isinstance(load_fraction, float | int) else interpolated
    return loss


def psu_input_w(load_fraction: NumberT, rated_w: float, efficiency_points: Sequence[tuple[float, float]]) -> NumberT:
    """Return the power that a power supply draws.

    Args:
        load_fraction: output / rated output, 0 to the last point of the table, scalar or array.
        rated_w: rated output (W).
        efficiency_points: (load fraction, output / input), in rising order of load.

    P_in = x P_rated + L(x), with L of `psu_loss_w`.

    >>> round(psu_input_w(0.2, 3000.0, TITANIUM_230V), 2)
    638.3
    """
    return load_fraction * rated_w + psu_loss_w(load_fraction, rated_w, efficiency_points)


def three_term_loss_w(load_w: NumberT, rated_w: float, coefficients: Sequence[float], units: int = 1) -> NumberT:
    """Return the loss of a UPS, transformer or feeder, shared evenly by parallel units.

    Args:
        load_w: output of all units together (W), at least 0, scalar or array.
        rated_w: rated output of one unit (W).
        coefficients: a, b, c: no-load, proportional and square-law loss over rated power.
        units: active parallel units; redundancy is more units at a lower load each, not an efficiency haircut.

    L = n P_rated (a + b x + c x^2) with x = P / (n P_rated). Rasmussen, Schneider Electric White Paper 113.

    >>> three_term_loss_w(500e3, 1e6, (0.008, 0.012, 0.010))
    16500.0
    """
    require_range("load_w", load_w, 0.0)
    total_rated_w = units * rated_w
    require_positive("units * rated_w", total_rated_w)
    a, b, c = coefficients
    x = load_w / total_rated_w
    loss: NumberT = total_rated_w * (a + x * (b + x * c))
    return loss


def three_term_input_w(load_w: NumberT, rated_w: float, coefficients: Sequence[float], units: int = 1) -> NumberT:
    """Return the power that a stage draws to deliver a load.

    Args:
        load_w: output of all units together (W), at least 0, scalar or array.
        rated_w: rated output of one unit (W).
        coefficients: a, b, c of `three_term_loss_w`.
        units: active parallel units.

    P_in = P_out + L(P_out).

    >>> three_term_input_w(500e3, 1e6, (0.008, 0.012, 0.010))
    516500.0
    """
    return load_w + three_term_loss_w(load_w, rated_w, coefficients, units)
