"""How the accelerators of a serving replica share a model: tensor, attention-data and expert parallelism."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """Ranks of a replica.

    Attention, its KV cache and all that is no expert are split over `tensor` ranks. With `data` above 1 there are that
    many such groups, each with weights, sequences and cache of its own, and all of them share the experts. Experts are
    spread over `expert` groups of accelerators; the accelerators of a group split each of its experts.

    Args:
        tensor: accelerators that share the attention of a sequence.
        data: groups of them (data-parallel attention).
        expert: groups over which experts are spread; 1 splits every expert over all accelerators.
    """

    tensor: int
    data: int = 1
    expert: int = 1

    @property
    def accelerators(self) -> int:
        """Accelerators of the replica."""
        return self.tensor * self.data

    @property
    def expert_tensor(self) -> int:
        """Accelerators that split each expert."""
        return self.accelerators // self.expert
