"""Decoders by their size alone, against the published decoders of the same size."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.physics.transformer import forward_flop, parameter_count
from simulator.profiles import catalogue


@pytest.mark.parametrize("size", ["20m", "70m", "410m", "1.3b", "6.7b", "13b", "65b", "175b", "540.35b", "1t"])
def test_parameters_are_those_asked_for(size: str) -> None:
    asked = float(size[:-1]) * {"m": 1e6, "b": 1e9, "t": 1e12}[size[-1]]
    model = catalogue.model(f"decoder-{size}", Path()).record
    assert parameter_count(model.transformer()) == pytest.approx(asked, rel=0.02)
    assert model.hidden_size == model.heads * model.head_dim
    assert asked < 3e9 or model.heads % 8 == 0, "tensor parallelism of a server must divide the heads"


@pytest.mark.parametrize("name", ["llama-2-7b", "pythia-6.9b", "olmo-2-7b", "llama-2-70b", "gpt3-175b"])
def test_operations_are_close_to_those_of_the_published_model(name: str) -> None:
    known = catalogue.model(name, Path()).record.transformer()
    parameters = parameter_count(known)
    guess = catalogue.model(f"decoder-{parameters / 1e9:.3f}b", Path()).record.transformer()
    flop = [forward_flop(model, 2048.0, 2048.0, 2048.0) for model in (guess, known)]
    assert flop[0] / flop[1] == pytest.approx(1.0, abs=0.04)
    assert guess.layers / known.layers == pytest.approx(1.0, abs=0.2)


def test_a_size_that_no_decoder_has_is_refused() -> None:
    with pytest.raises(InputError, match="20m to 10t"):
        catalogue.model("decoder-1m", Path())


def test_provenance_says_that_the_shape_is_assumed() -> None:
    profile = catalogue.model("Decoder-7B", Path())
    assert {figure.kind for figure in profile.figures().values()} == {"estimated"}
