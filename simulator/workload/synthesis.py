"""Requests made from an arrival process and length distributions, and the random streams behind them."""

from __future__ import annotations

import numpy as np

from simulator.workload.arrivals import ArrivalProcess
from simulator.workload.lengths import RequestLengths
from simulator.workload.requests import RequestTable

_SEED_LIMIT = 2**32


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator of a seed and a name: the same for the same pair, independent for any other.

    A stream is known by its name and not by a count, so that adding a workload leaves the others bit-identical.

    >>> [int(stream(7, name).integers(1000)) for name in ("chat", "code", "chat")]
    [865, 474, 865]
    """
    if not 0 <= seed < _SEED_LIMIT:  # a longer seed would spill into the words of the name
        raise ValueError(f"seed must be 0 to {_SEED_LIMIT - 1}, got {seed}")
    if not name or "\0" in name:
        raise ValueError(f"name of a stream must not be empty or hold a zero byte, got {name!r}")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *name.encode()])))


def synthesise(
    name: str, seed: int, arrivals: ArrivalProcess, lengths: RequestLengths, duration_s: float
) -> RequestTable:
    """Return the requests of a workload in [0, duration_s).

    Arrivals and lengths have a stream each, so a change of the one leaves the other as it was.

    Args:
        name: name of the workload, unique in the scenario.
        seed: seed of the scenario.
        arrivals: when requests come.
        lengths: how long their prompts and outputs are.
        duration_s: length of the scenario.
    """
    arrival_s = arrivals.times(duration_s, stream(seed, f"{name}/arrivals"))
    prompt_tokens, output_tokens = lengths.sample(len(arrival_s), stream(seed, f"{name}/lengths"))
    return RequestTable.make(arrival_s, prompt_tokens, output_tokens)
