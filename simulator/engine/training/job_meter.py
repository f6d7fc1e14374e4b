"""Books the use of a gang job at the power of its current phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.engine.compute.account import Account
from simulator.engine.compute.hall import Hall, Placement
from simulator.physics.training_energy import StepUse


@dataclass(frozen=True, slots=True)
class Rates:
    """Use per second of one accelerator of a job in one of its phases.

    Args:
        compute_w: power of computing.
        transfer_w: power of communication.
        wait_w: power of waiting.
        busy_share: share of time in which it works or communicates.
        network_bytes_per_s: traffic across servers.
    """

    compute_w: float
    transfer_w: float
    wait_w: float
    busy_share: float
    network_bytes_per_s: float

    @property
    def power_w(self) -> float:
        """Power in all."""
        return self.compute_w + self.transfer_w + self.wait_w

    @classmethod
    def of(cls, use: StepUse) -> Rates:
        """Return the rates of a phase that repeats a step."""
        return cls(
            use.compute_j / use.time_s,
            use.transfer_j / use.time_s,
            use.wait_j / use.time_s,
            use.busy_s / use.time_s,
            use.network_bytes / use.time_s,
        )

    @classmethod
    def waiting(cls, power_w: float) -> Rates:
        """Return the rates of a phase in which the accelerators only hold the job."""
        return cls(0.0, 0.0, power_w, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Pace:
    """What the phases of a job cost under one power cap.

    Args:
        step_s: duration of a step.
        step_rates: use while stepping.
        evaluation_s: duration of an evaluation.
        evaluation_rates: use while evaluating.
    """

    step_s: float
    step_rates: Rates
    evaluation_s: float
    evaluation_rates: Rates


class JobMeter:
    """Integrates the use of one job, at constant power within each phase.

    Args:
        hall: hall of the job.
        placement: its accelerators.
        account: account of the job.
        now_s: when it starts.
    """

    def __init__(self, hall: Hall, placement: Placement, account: Account, now_s: float) -> None:
        self._hall = hall
        self._account = account
        self._servers = _as_slice(placement.servers)
        self._counts = np.array(placement.counts, dtype=np.float64)
        self._accelerators = placement.accelerators
        self._spans_servers = len(placement.servers) > 1
        self._rates = Rates.waiting(0.0)
        self._booked_s = now_s
        self._last: tuple[Rates, float, NDArray[np.float64]] | None = None
        self.energy_j = 0.0
        """Energy of the job's accelerators so far."""

    def enter(self, rates: Rates, now_s: float) -> None:
        """Begin a phase."""
        self.settle(now_s)
        self._rates = rates

    def settle(self, now_s: float) -> None:
        """Book the current phase up to now."""
        duration_s, self._booked_s = now_s - self._booked_s, now_s
        if duration_s <= 0.0:
            return
        rates, accelerator_s = self._rates, self._accelerators * duration_s
        account = self._account
        account.compute_j += rates.compute_w * accelerator_s
        account.transfer_j += rates.transfer_w * accelerator_s
        account.wait_j += rates.wait_w * accelerator_s
        account.accelerator_s += accelerator_s
        power_w = rates.power_w
        self.energy_j += power_w * accelerator_s
        last = self._last
        # Most plant steps lie within one phase, and book the same.
        if last is None or last[0] is not rates or last[1] != duration_s:
            sent = rates.network_bytes_per_s * duration_s if self._spans_servers else 0.0
            each = np.array([power_w * duration_s, rates.busy_share * duration_s, sent])
            self._last = last = (rates, duration_s, each[:, None] * self._counts)
        self._hall.book_gang(self._servers, last[2])


def _as_slice(servers: tuple[int, ...]) -> slice | NDArray[np.int64]:
    """Return the indices of servers, as a slice where they follow one another: it is added to much faster."""
    first = servers[0]
    if servers == tuple(range(first, first + len(servers))):
        return slice(first, first + len(servers))
    return np.array(servers, dtype=np.int64)
