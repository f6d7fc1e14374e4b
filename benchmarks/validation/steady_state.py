"""A replica that always decodes the same number of sequences: what its mean iteration lasts and draws.

With n sequences of L output tokens each, n / L prompts begin per iteration. Where that is below one, that share of the
iterations has a prompt, the others none; above, every iteration has so many.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.engine.serving.batch import Prefill
from simulator.engine.serving.iteration_cost import IterationCost


@dataclass(frozen=True, slots=True)
class SteadyState:
    """Of a replica with a constant batch.

    Args:
        median_s: duration of an iteration of the commoner kind, with or without prompts: the median time of a token.
        mean_s: mean duration of an iteration.
        mean_j: mean energy of an iteration, all accelerators together.
    """

    median_s: float
    mean_s: float
    mean_j: float


def steady_state(cost: IterationCost, sequences: int, prompt_tokens: int, output_tokens: float) -> SteadyState:
    """Return the steady state of a replica.

    Args:
        cost: its iterations.
        sequences: sequences that decode at any time.
        prompt_tokens: tokens of each prompt.
        output_tokens: mean tokens of an answer.
    """
    span = cost.model.span
    context = round(prompt_tokens + 0.5 * output_tokens)
    attended = sequences * (context if span is None else span.attended(context))
    decode_s, decode_j = cost.decode(sequences, attended)
    begin = sequences / output_tokens
    prompts = max(round(begin), 1)
    share = begin / prompts
    pairs = 0.5 * prompt_tokens * (prompt_tokens + 1) if span is None else span.pairs(0, prompt_tokens)
    keys = prompt_tokens if span is None else span.keys(0, prompt_tokens)
    prefill = Prefill(
        tokens=prompts * prompt_tokens,
        pairs=prompts * pairs,
        keys=prompts * keys,
        chunks=prompts,
        logits=prompts,
        longest_chunk=prompt_tokens,
        longest_keys=keys,
    )
    mixed_s, mixed_j = cost.mixed(sequences, attended, prefill)
    # Above one prompt per iteration all have some; the rounding of their number is made good by the share.
    plain = max(1.0 - share, 0.0)
    return SteadyState(
        median_s=decode_s if share < 0.5 else mixed_s,
        mean_s=plain * decode_s + share * mixed_s if share <= 1.0 else decode_s + share * (mixed_s - decode_s),
        mean_j=plain * decode_j + share * mixed_j if share <= 1.0 else decode_j + share * (mixed_j - decode_j),
    )
