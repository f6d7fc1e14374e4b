"""What the performance and power models know of one accelerator, for one number format."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.physics.accelerator_power import PowerModel
from simulator.physics.links import Link
from simulator.physics.roofline import AttentionEfficiency, GemmEfficiency


@dataclass(frozen=True, slots=True)
class HostOverhead:
    """Time between two steps in which the host works and the accelerator waits.

    Args:
        step_s: per step (scheduling, launch of the first kernel).
        sequence_s: per sequence in the step (sampling, detokenization, bookkeeping).
        launch_s: launches of a step's kernels, which run beside the device: only what exceeds its time is waited for.
    """

    step_s: float
    sequence_s: float
    launch_s: float = 0.0

    def exposed_s(self, device_s: float) -> float:
        """Return how long a step that keeps the device busy for `device_s` waits for launches.

        >>> HostOverhead(0.0, 0.0, 0.030).exposed_s(0.010), HostOverhead(0.0, 0.0).exposed_s(0.010)
        (0.02, 0.0)
        """
        return max(self.launch_s - device_s, 0.0)


@dataclass(frozen=True, slots=True)
class Accelerator:
    """Rates and energies of one accelerator for one number format.

    Args:
        peak_flop_per_s: datasheet peak of the arithmetic unit used (dense).
        sixteen_bit_flop_per_s: datasheet peak of the unit that computes attention and the output matrix (dense): in 16
            bits, unless the products are in a wider format.
        bandwidth_bytes_per_s: datasheet memory bandwidth.
        memory_bytes: device memory.
        gemm: achieved fractions of matrix products and elementwise work.
        attention: achieved fractions of attention.
        link: device-to-device link inside a server.
        host: overhead between steps.
        power: power model.
        joules_per_flop: energy per operation in this format.
        sixteen_bit_joules_per_flop: energy per operation of attention and the output matrix.
        low_latency_link: the same link as an all-reduce for small messages uses it; None: there is none.
    """

    peak_flop_per_s: float
    sixteen_bit_flop_per_s: float
    bandwidth_bytes_per_s: float
    memory_bytes: float
    gemm: GemmEfficiency
    attention: AttentionEfficiency
    link: Link
    host: HostOverhead
    power: PowerModel
    joules_per_flop: float
    sixteen_bit_joules_per_flop: float
    low_latency_link: Link | None = None
