"""Time between iterations that no operator table holds, from the part of a recorded run in which nothing is prefilled.

Once the last prompt of a run has been processed, and if nothing waits then, every iteration gives each running request
one token. The request with the last first token therefore tells how many iterations pass until its end, and the ends
of the others tell how many sequences and cached tokens each iteration has. What the iterations last beyond the sum of
their operators, per iteration, is the step overhead.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.validation.vllm_run import Run
from simulator.engine.serving.iteration_cost import IterationCost

MINIMUM_ITERATIONS: Final = 50
"""Fewer would let the instants of a single token decide."""
_PASSES: Final = 4
"""Passes over the iterations' instants, which depend on their durations and these on who still runs; they settle."""


@dataclass(frozen=True, slots=True)
class DecodeOnly:
    """The part of a run without prefill.

    Args:
        iterations: its iterations.
        measured_s: how long it lasted.
        predicted_s: sum of the operators, without time of the host.
    """

    iterations: int
    measured_s: float
    predicted_s: float


def decode_only(run: Run, cost: IterationCost) -> DecodeOnly | None:
    """Return the part of a run after its last prompt, or None when there is none, it is short, or requests wait in it.

    Args:
        run: a recorded run of one replica.
        cost: its iterations, without time of the host.
    """
    table = run.requests
    begin_s = float(table.first_token_ts.max())
    last = table[table.first_token_ts == begin_s]
    iterations, end_s = int(last.output_toks.max()) - 1, float(last.last_token_ts.max())
    if run.replicas > 1 or iterations < MINIMUM_ITERATIONS or run.waits_after(begin_s):
        return None
    running = table[table.last_token_ts > begin_s]
    ends_s, total = running.last_token_ts.to_numpy(float), (running.input_toks + running.output_toks).to_numpy(int)
    durations_s = np.full(iterations, (end_s - begin_s) / iterations)
    for _ in range(_PASSES):
        instants_s = begin_s + np.cumsum(durations_s) * (end_s - begin_s) / durations_s.sum()
        # A request whose last token appears with the end of iteration i takes part in iterations 0 to i.
        ending = np.minimum(np.searchsorted(instants_s, ends_s - 0.5 * durations_s.mean()), iterations + 10**6)
        late = ends_s > end_s
        # Those that outlast the part go on at its last pace.
        ending[late] = iterations + np.round((ends_s[late] - end_s) / durations_s[-1]).astype(int) - 1
        for index in range(iterations):
            runs = ending >= index
            # The last token is emitted, never cached: in its last iteration a request attends to all but that one.
            attended = np.maximum(total[runs] - 1 - (ending[runs] - index), 1)
            durations_s[index] = cost.decode(int(runs.sum()), int(attended.sum()))[0]
    return DecodeOnly(iterations, end_s - begin_s, float(durations_s.sum()))


def step_overhead_s(parts: list[DecodeOnly]) -> float:
    """Return the time per iteration that operators leave unexplained: the median of the parts, none below 0.

    The median, so that one run whose operators are predicted badly does not decide for the others of its device.

    >>> round(step_overhead_s([DecodeOnly(100, 2.1, 2.0), DecodeOnly(300, 3.6, 3.0), DecodeOnly(100, 1.0, 2.0)]), 9)
    0.001
    """
    return statistics.median(max(part.measured_s - part.predicted_s, 0.0) / part.iterations for part in parts)
