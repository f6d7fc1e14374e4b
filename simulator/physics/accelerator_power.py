"""Electric power of an accelerator: energy roofline, states, and a power cap that slows the work it limits.

Energy of a step = static power x time + energy per operation x operations + energy per byte x bytes. Operations and
bytes are *achieved*, from the performance model; utilisation counters are never used, because they read 100 % at a
fifth of the power limit in decode.

Sources: Choi, Bedard, Fowler, Vuduc, "A roofline model of energy", IPDPS 2013; scaling with clock: dynamic power
~ f V(f)^2, so that energy per operation ~ g^(exponent - 1) at relative clock g, down to the clock at which the voltage
is at its floor; below it an operation costs the same at any clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

MINIMUM_CLOCK = 0.15
"""Lowest relative clock that a cap can enforce; below it work is duty-cycled. 210 MHz of 1,410 MHz on A100."""

_BISECTIONS = 52
"""Halvings of the clock interval: the width falls below one unit in the last place."""


@dataclass(frozen=True, slots=True)
class PowerModel:
    """Power of one accelerator board.

    Args:
        idle_w: no process on the device.
        idle_context_w: a process holds memory (weights loaded), nothing runs.
        comm_wait_w: kernels spin in a collective that waits for other ranks.
        static_w: constant part while kernels run.
        joules_per_flop: energy per operation at full clock, by number format.
        joules_per_byte: energy per byte of device memory traffic at full clock.
        byte_core_fraction: share of `joules_per_byte` that scales with the core's clock and voltage, 0 to 1.
        joules_per_link_byte: energy per byte sent over the device-to-device link.
        cap_w: power limit as delivered (TDP).
        minimum_cap_w: lowest limit that the board accepts.
        clock_exponent: exponent of dynamic power in relative clock, above 1.
        voltage_floor_clock: relative clock below which the voltage falls no further, 0 to 1.
    """

    idle_w: float
    idle_context_w: float
    comm_wait_w: float
    static_w: float
    joules_per_flop: dict[str, float]
    joules_per_byte: float
    byte_core_fraction: float
    joules_per_link_byte: float
    cap_w: float
    minimum_cap_w: float
    clock_exponent: float
    voltage_floor_clock: float = 0.0

    def run(self, load: StepLoad, cap_w: float) -> StepOutcome:
        """Return the duration and energy of a step under a cap; at the limit as delivered it takes its own time."""
        within = load.within(self.static_w, self.cap_w)
        return run_step(within, self.static_w, self.clock_exponent, cap_w, self.voltage_floor_clock)


@dataclass(frozen=True, slots=True)
class StepLoad:
    """What one accelerator does in one step, at full clock.

    Args:
        gemm_compute_s: time of the matrix products if only arithmetic limited them; grows as 1 / clock.
        gemm_memory_s: time of the same products if only memory limited them.
        sharpness: exponent of the smooth maximum of the two.
        compute_s: other time that grows as 1 / clock.
        fixed_s: time that does not depend on the clock.
        core_energy_j: dynamic energy that scales with the clock's voltage.
        other_energy_j: dynamic energy that does not.
    """

    gemm_compute_s: float
    gemm_memory_s: float
    sharpness: float
    compute_s: float
    fixed_s: float
    core_energy_j: float
    other_energy_j: float

    def time_s(self, clock: float = 1.0) -> float:
        """Return the duration at a relative clock."""
        gemm_s = smooth_maximum(self.gemm_compute_s / clock, self.gemm_memory_s, self.sharpness)
        return gemm_s + self.compute_s / clock + self.fixed_s

    def within(self, static_w: float, limit_w: float) -> StepLoad:
        """Return the load with its energy reduced to what the delivered power limit allows at full clock.

        The measured rates already contain the throttling at that limit, so the time stays.
        """
        dynamic_j = self.core_energy_j + self.other_energy_j
        allowed_j = (limit_w - static_w) * self.time_s()
        if dynamic_j <= allowed_j:
            return self
        share = allowed_j / dynamic_j
        return replace(self, core_energy_j=self.core_energy_j * share, other_energy_j=self.other_energy_j * share)

    def dynamic_energy_j(self, clock: float, exponent: float, voltage_floor: float = 0.0) -> float:
        """Return the energy beside static power at a relative clock."""
        return self.core_energy_j * math.pow(max(clock, voltage_floor), exponent - 1.0) + self.other_energy_j


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """Duration, energy and relative clock of a step under a power cap."""

    time_s: float
    energy_j: float
    clock: float


def run_step(load: StepLoad, static_w: float, exponent: float, cap_w: float, voltage_floor: float = 0.0) -> StepOutcome:
    """Return the duration and energy of a step under a power cap.

    Without a binding cap the clock is 1. Otherwise the clock g solves mean power P(g) = cap, where compute-bound time
    grows as 1/g and core energy falls as max(g, floor)^(exponent - 1). If even the lowest clock draws more, the work is
    duty-cycled: T = dynamic energy / (cap - static power). Work is never dropped: a capped step takes longer, and its
    mean power is the cap.

    Args:
        load: the step at full clock.
        static_w: constant power while kernels run.
        exponent: exponent of dynamic power in the clock, > 1.
        cap_w: power limit, > static_w.
        voltage_floor: relative clock below which the voltage falls no further.

    Raises:
        ValueError: the cap does not exceed static power, so no work could ever be done under it.

    >>> load = StepLoad(0.010, 0.002, 8.0, 0.0, 0.0, core_energy_j=8.0, other_energy_j=0.5)
    >>> free, capped = run_step(load, 100.0, 2.5, 1000.0), run_step(load, 100.0, 2.5, 600.0)
    >>> round(free.energy_j / free.time_s), round(capped.energy_j / capped.time_s), round(capped.clock, 4)
    (950, 600, 0.8014)
    """
    if cap_w <= static_w:
        raise ValueError(f"cap_w must exceed the static power {static_w} W, got {cap_w}")
    time_s = load.time_s()
    energy_j = static_w * time_s + load.dynamic_energy_j(1.0, exponent, voltage_floor)
    if energy_j <= cap_w * time_s:
        return StepOutcome(time_s, energy_j, 1.0)
    budget_w = cap_w - static_w
    low, high = MINIMUM_CLOCK, 1.0
    if load.dynamic_energy_j(low, exponent, voltage_floor) > budget_w * load.time_s(low):
        time_s = load.dynamic_energy_j(low, exponent, voltage_floor) / budget_w
        return StepOutcome(time_s, cap_w * time_s, low)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if load.dynamic_energy_j(middle, exponent, voltage_floor) > budget_w * load.time_s(middle):
            high = middle
        else:
            low = middle
    time_s = load.time_s(low)
    return StepOutcome(time_s, static_w * time_s + load.dynamic_energy_j(low, exponent, voltage_floor), low)


def energy_roofline_j(
    flop: float, traffic_bytes: float, rates: tuple[float, float], energies: tuple[float, float, float]
) -> float:
    """Return the energy of a kernel by the energy roofline: E = W e_flop + Q e_byte + P_const T, T = max(W/F, Q/B).

    Args:
        flop: operations W.
        traffic_bytes: memory traffic Q (bytes).
        rates: peak operations per second F and bytes per second B.
        energies: joules per operation, joules per byte, constant power (W).

    >>> round(energy_roofline_j(4e12, 1e10, (989e12, 4.8e12), (3e-13, 2e-11, 120.0)), 7)
    1.8853387
    """
    peak_flop_per_s, peak_bytes_per_s = rates
    joules_per_flop, joules_per_byte, constant_w = energies
    time_s = max(flop / peak_flop_per_s, traffic_bytes / peak_bytes_per_s)
    return flop * joules_per_flop + traffic_bytes * joules_per_byte + constant_w * time_s


def two_term_power_w(activity: tuple[float, float], gains_w: tuple[float, float], idle_w: float, cap_w: float) -> float:
    """Return power linear in compute and memory activity, limited by a cap: min(cap, idle + k_c A_c + k_m A_m).

    Args:
        activity: achieved / peak operations and bandwidth, each 0 to 1.
        gains_w: power added at full compute and at full memory activity (W).
        idle_w: power at zero activity (W).
        cap_w: power limit (W).

    >>> two_term_power_w((0.9, 0.4), (430.0, 170.0), 110.0, 700.0)
    565.0
    """
    return min(cap_w, idle_w + gains_w[0] * activity[0] + gains_w[1] * activity[1])


def smooth_maximum(first: float, second: float, sharpness: float) -> float:
    """Return (a^q + b^q)^(1/q) of two scalars.

    Twin of `simulator.physics.roofline.smooth_maximum` for a bisection, where numpy's overhead would dominate.
    """
    larger, smaller = (first, second) if first >= second else (second, first)
    if larger == 0.0:
        return 0.0
    return larger * math.pow(1.0 + math.pow(smaller / larger, sharpness), 1.0 / sharpness)
