"""The transformer under check computes what it claims: decode continues prefill, and training learns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from calibration.checking.decoder import Decoder
from calibration.checking.phases import CPU_PHASES, Phase
from simulator.physics.transformer import Transformer

SHAPE = Transformer(
    kind="decoder", layers=2, hidden_size=64, heads=4, kv_heads=2, head_dim=16, ffn_size=96, gated=True,
    vocabulary=128, tied_embeddings=False,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("phase", CPU_PHASES, ids=lambda phase: phase.name)
def test_every_phase_runs(phase: Phase) -> None:
    decoder = Decoder(SHAPE, torch.device("cpu"), torch.float32, seed=3)
    out = decoder.call(Phase(phase.kind, phase.sequences, 16))()
    assert isinstance(out, torch.Tensor)
    assert out.shape == (() if phase.kind == "training" else (phase.sequences,))


def test_sequences_of_a_batch_do_not_see_one_another() -> None:
    """The same prompt twice in a batch says twice the same; alone it says it too."""
    decoder = Decoder(SHAPE, torch.device("cpu"), torch.float32, seed=3)
    prompt = torch.arange(12) % SHAPE.vocabulary
    said = []
    for count in (1, 3):
        decoder._tokens = lambda *_, n=count: prompt.repeat(n)  # type: ignore[method-assign,misc]
        said.append(decoder.call(Phase("prefill", count, 12))())
    assert said[1].tolist() == said[0].tolist() * 3  # type: ignore[attr-defined]


def test_training_learns() -> None:
    """The same tokens again and again: the loss falls from ln(vocabulary)."""
    decoder = Decoder(SHAPE, torch.device("cpu"), torch.float32, seed=3)
    step = decoder.call(Phase("training", 2, 16))
    losses = [float(step()) for _ in range(60)]  # type: ignore[arg-type]
    assert losses[-1] < losses[0]
