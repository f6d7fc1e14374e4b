"""Energy of a training step of one accelerator, and what a power cap does to it."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.physics.accelerator import Accelerator
from simulator.physics.accelerator_power import StepLoad
from simulator.physics.training_plan import Step


@dataclass(frozen=True, slots=True)
class StepUse:
    """Time and energy of one step as an average accelerator of the job uses them.

    Args:
        time_s: duration of the step.
        busy_s: part of it in which the accelerator works or communicates.
        compute_j: energy of computing.
        transfer_j: energy of communication, waiting for it included.
        wait_j: energy of waiting for other pipeline stages and for the host.
        network_bytes: bytes sent across servers.
    """

    time_s: float
    busy_s: float
    compute_j: float
    transfer_j: float
    wait_j: float
    network_bytes: float

    @property
    def energy_j(self) -> float:
        """Energy in all."""
        return self.compute_j + self.transfer_j + self.wait_j


def step_use(step: Step, accelerator: Accelerator, cap_w: float, stretched_to_s: float | None = None) -> StepUse:
    """Return the use of a step.

    While kernels run the board draws its static power and the energy of operations and traffic, within the delivered
    limit; in exposed communication and in pipeline bubbles kernels poll, at most at the cap; between steps the board
    idles with its context. A cap below the delivered limit slows arithmetic, and the pipeline with it.

    Args:
        step: time and load of the step at the delivered limit.
        accelerator: rates and energies.
        cap_w: power cap of the board.
        stretched_to_s: duration published for the step; all its parts take proportionally longer (or shorter) while
            operations and traffic stay. None: as modelled.
    """
    power, work = accelerator.power, step.work
    stretch = 1.0 if stretched_to_s is None else stretched_to_s / step.time_s
    byte_j = power.joules_per_byte * work.memory_bytes
    core_j = accelerator.joules_per_flop * work.flop + accelerator.sixteen_bit_joules_per_flop * work.sixteen_bit_flop
    load = StepLoad(
        gemm_compute_s=0.0,
        gemm_memory_s=0.0,
        sharpness=1.0,
        compute_s=stretch * work.clock_s,
        fixed_s=stretch * (work.compute_s - work.clock_s),
        core_energy_j=core_j + power.byte_core_fraction * byte_j,
        other_energy_j=(1.0 - power.byte_core_fraction) * byte_j,
    )
    active = power.run(load, cap_w)
    exposed_s, overhead_s = stretch * work.exposed_s, stretch * step.overhead_s
    busy_s = active.time_s + exposed_s
    slowdown = busy_s / (load.time_s() + exposed_s)
    bubble_s = stretch * step.bubble_s * slowdown
    polling_w = min(power.comm_wait_w, cap_w)
    return StepUse(
        time_s=busy_s + bubble_s + overhead_s,
        busy_s=busy_s,
        compute_j=active.energy_j,
        transfer_j=polling_w * exposed_s + power.joules_per_link_byte * work.link_bytes,
        wait_j=polling_w * bubble_s + power.idle_context_w * overhead_s,
        network_bytes=work.network_bytes,
    )
