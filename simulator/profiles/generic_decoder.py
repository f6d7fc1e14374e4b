"""A decoder of which only the size is known: `decoder-7b`, `decoder-350m`, `decoder-1.3b`.

Time and energy of a step follow from parameters and tokens first; layers and width decide launches, exchanges and
attention, which are the smaller part. The shape is that of published decoders of the same size.
"""

from __future__ import annotations

import hashlib
import math
import re
from typing import Final

from simulator.errors import InputError
from simulator.physics.transformer import parameter_count
from simulator.profiles.models import ModelRecord
from simulator.profiles.sourced import Profile, Provenance

_NAME: Final = re.compile(r"decoder-(\d+(?:\.\d+)?)([mbt])", re.IGNORECASE)
_SCALE: Final = {"m": 1e6, "b": 1e9, "t": 1e12}
_LEAST, _MOST = 2e7, 1e13

LAYER_FACTOR, LAYER_EXPONENT = 0.0485, 0.2917
"""Layers = 0.0485 N^0.2917: least squares on the 40 dense decoders that are shipped (410 million to 406 billion
parameters), mean error 13 %; GPT-2 XL is deepest (48 layers against 24)."""

_VOCABULARY = 50_304
_HEAD_DIM = 128
_SMALL_HEAD_DIM = 64
_SMALL = 1e9
"""Below it heads have 64 channels and the output matrix is the embedding."""
_SHARED, _HEAD_STEP = 3e9, 8
"""From there on decoders are trained on several accelerators, so their heads come in eights."""

_SOURCE = Provenance(
    kind="estimated",
    source=(
        "shape of the dense decoders shipped with Wattline at the stated number of parameters: layers = "
        f"{LAYER_FACTOR} N^{LAYER_EXPONENT} (mean error 13 %), a gated block, embeddings of {_VOCABULARY:,} rows"
    ),
    note="Only the size was given. State the model by name or by its config.json where it is known.",
)


def is_generic(name: str) -> bool:
    """Return whether a name asks for a decoder by its size.

    >>> is_generic("decoder-7b"), is_generic("llama-2-7b")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


def generic_decoder(name: str) -> Profile[ModelRecord]:
    """Return the decoder of a size.

    Args:
        name: `decoder-` and the number of parameters with m, b or t for millions, billions or trillions.

    Raises:
        InputError: the size is outside of what decoders have.

    >>> generic_decoder("decoder-6.7b").record.layers
    36
    """
    match = _NAME.fullmatch(name)
    assert match is not None
    parameters = float(match[1]) * _SCALE[match[2].lower()]
    if not _LEAST <= parameters <= _MOST:
        raise InputError(f"'{name}': a decoder has 20m to 10t parameters")
    layers = max(round(LAYER_FACTOR * parameters**LAYER_EXPONENT), 2)
    head_dim = _HEAD_DIM if parameters >= _SMALL else _SMALL_HEAD_DIM
    # 12 L h^2 + V' h = N: attention 4 h^2, the block 8 h^2, one or two embeddings.
    rows = _VOCABULARY * (1.0 if parameters < _SMALL else 2.0)
    width = (math.sqrt(rows**2 + 48.0 * layers * parameters) - rows) / (24.0 * layers)
    step = _HEAD_STEP if parameters >= _SHARED else 1
    heads = step * max(round(width / (head_dim * step)), 1)
    record = _record(name.lower(), parameters, layers, heads, head_dim, 1)
    # The width is rounded to whole heads; the block takes what is left, so that the parameters are those asked for.
    missing = parameters - parameter_count(record.transformer())
    channels = max(round(missing / (3.0 * layers * record.hidden_size)), 0) + 1
    record = _record(name.lower(), parameters, layers, heads, head_dim, channels)
    return Profile(record, {"": _SOURCE}, name, hashlib.sha256(name.lower().encode()).hexdigest())


def _record(name: str, parameters: float, layers: int, heads: int, head_dim: int, channels: int) -> ModelRecord:
    return ModelRecord.model_validate(
        {
            "schema": 1,
            "profile": "model",
            "name": name,
            "title": f"Decoder of {parameters / 1e9:g} billion parameters, shape assumed",
            "context_tokens": 1_048_576,
            "kind": "decoder",
            "layers": layers,
            "hidden_size": heads * head_dim,
            "heads": heads,
            "kv_heads": heads,
            "head_dim": head_dim,
            "ffn_size": channels,
            "gated": True,
            "vocabulary": _VOCABULARY,
            "tied_embeddings": parameters < _SMALL,
        }
    )
