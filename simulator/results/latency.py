"""Latency of requests: distributions over the completed requests of a workload."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.records import ABSENT, COMPLETED, IN_FLIGHT, OUTCOMES, RequestLog


def request_table(name: str, log: RequestLog) -> pd.DataFrame:
    """Return a row per arrived request; instants in seconds since the start, missing where they did not happen.

    TTFT = first token - arrival; TPOT = (E2E - TTFT) / (output tokens - 1); E2E = last token - arrival; queue = start
    of the first iteration that worked on the request - arrival.
    """
    arrival, first = _instants(log.arrival_s), _instants(log.first_token_s)
    scheduled, finished = _instants(log.scheduled_s), _instants(log.finished_s)
    output = np.frombuffer(log.output_tokens, dtype=np.int64)
    more = output > 1
    tpot = np.full(len(output), np.nan)
    np.divide(finished - first, output - 1, out=tpot, where=more)
    replica = np.frombuffer(log.replica, dtype=np.int64)
    table = pd.DataFrame(
        {
            "workload": name,
            "request": np.arange(len(output)),
            "arrival_s": arrival,
            "queue_s": scheduled - arrival,
            "ttft_s": first - arrival,
            "tpot_s": tpot,
            "e2e_s": finished - arrival,
            "prompt_tokens": np.frombuffer(log.prompt_tokens, dtype=np.int64).copy(),
            "output_tokens": output.copy(),
            "generated_tokens": np.frombuffer(log.generated_tokens, dtype=np.int64).copy(),
            "preemptions": np.frombuffer(log.preemptions, dtype=np.int64).copy(),
            "replica": pd.array(np.where(replica < 0, 0, replica), dtype="Int64"),
            "accelerator_energy_j": np.frombuffer(log.accelerator_energy_j, dtype=np.float64).copy(),
            "outcome": np.array(OUTCOMES)[np.frombuffer(log.outcome, dtype=np.int8)],
        }
    )
    table.loc[replica < 0, "replica"] = pd.NA
    return table[~np.isnan(arrival)].reset_index(drop=True)


def _instants(column: object) -> NDArray[np.float64]:
    values = np.frombuffer(column, dtype=np.float64).copy()  # type: ignore[call-overload]
    values[values == ABSENT] = np.nan
    return values  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Mean and percentiles (s); None when nothing was observed."""

    mean_s: float | None
    p50_s: float | None
    p90_s: float | None
    p99_s: float | None

    @classmethod
    def of(cls, values: pd.Series[float]) -> Distribution:
        """Return the distribution of the values that are there."""
        there = values.dropna().to_numpy(dtype=np.float64)
        if not len(there):
            return cls(None, None, None, None)
        p50, p90, p99 = (float(value) for value in np.quantile(there, [0.5, 0.9, 0.99]))
        return cls(float(there.mean()), p50, p90, p99)


def counted(requests: pd.DataFrame, ramp_fraction: float) -> pd.DataFrame:
    """Return the completed requests that statistics count: all but the first `ramp_fraction` of those that arrived."""
    ended = settled(requests, ramp_fraction)
    return ended[ended.outcome == OUTCOMES[COMPLETED]]


def settled(requests: pd.DataFrame, ramp_fraction: float) -> pd.DataFrame:
    """Return the requests of a workload whose outcome is known, completed or rejected, without the ramp."""
    after_ramp = np.arange(len(requests)) >= ramp_fraction * len(requests)
    return requests[after_ramp & (requests.outcome != OUTCOMES[IN_FLIGHT])]
