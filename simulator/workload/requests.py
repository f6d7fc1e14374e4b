"""Requests as columns: when each arrives and how many tokens it brings and asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_INT64_LIMIT = 2.0**63


@dataclass(frozen=True, slots=True, eq=False)
class RequestTable:
    """Requests in order of arrival; make one with `RequestTable.make`, which checks what is promised here.

    Args:
        arrival_s: seconds since the start of the scenario, >= 0, not decreasing, shape (n,), read-only.
        prompt_tokens: >= 1, shape (n,), read-only.
        output_tokens: >= 1, shape (n,), read-only.
    """

    arrival_s: NDArray[np.float64]
    prompt_tokens: NDArray[np.int64]
    output_tokens: NDArray[np.int64]

    @staticmethod
    def make(arrival_s: ArrayLike, prompt_tokens: ArrayLike, output_tokens: ArrayLike) -> RequestTable:
        """Return a table of three columns; raise ValueError when they are no requests in order of arrival.

        Columns are copied, except arrays of the right type that are read-only already.

        >>> RequestTable.make([0.0, 1.5], [374, 396], [44, 109]).mean_rate_per_s
        0.6666666666666666
        """
        arrival = _column(arrival_s, np.float64, "arrival_s")
        prompt = _column(prompt_tokens, np.int64, "prompt_tokens")
        output = _column(output_tokens, np.int64, "output_tokens")
        if not len(arrival) == len(prompt) == len(output):
            raise ValueError(f"columns differ in length: {len(arrival)}, {len(prompt)} and {len(output)}")
        _refuse("arrival_s must be finite and >= 0", arrival, ~(np.isfinite(arrival) & (arrival >= 0.0)))
        _refuse(
            "arrival_s must not decrease", arrival, np.concatenate(([False], np.diff(arrival) < 0.0))[: len(arrival)]
        )
        _refuse("prompt_tokens must be >= 1", prompt, prompt < 1)
        _refuse("output_tokens must be >= 1", output, output < 1)
        return RequestTable(arrival, prompt, output)

    def __len__(self) -> int:
        return len(self.arrival_s)

    @property
    def mean_rate_per_s(self) -> float | None:
        """Mean rate between the first and the last arrival; None when they do not differ."""
        span_s = float(self.arrival_s[-1] - self.arrival_s[0]) if len(self) else 0.0
        return (len(self) - 1) / span_s if span_s > 0.0 else None

    def same_as(self, other: RequestTable) -> bool:
        """Return whether two tables agree in every bit."""
        return (
            np.array_equal(self.arrival_s, other.arrival_s)
            and np.array_equal(self.prompt_tokens, other.prompt_tokens)
            and np.array_equal(self.output_tokens, other.output_tokens)
        )

    def limited(self, max_requests: int) -> RequestTable:
        """Return the first requests, `max_requests` of them at most."""
        if max_requests < 0:
            raise ValueError(f"max_requests must be >= 0, got {max_requests}")
        return self._rows(slice(max_requests))

    def scaled(self, rate_factor: float) -> RequestTable:
        """Return the same requests at `rate_factor` times the rate: every arrival at 1 / rate_factor of its time.

        Burstiness is kept: the coefficient of variation of the times between arrivals does not change.
        """
        if not 0.0 < rate_factor < math.inf:
            raise ValueError(f"rate_factor must be > 0 and finite, got {rate_factor}")
        return RequestTable.make(self.arrival_s / rate_factor, self.prompt_tokens, self.output_tokens)

    def window(self, start_s: float, end_s: float) -> RequestTable:
        """Return the requests that arrive in [start_s, end_s), with `start_s` as their new zero."""
        if not 0.0 <= start_s <= end_s:
            raise ValueError(f"window must have 0 <= start_s <= end_s, got {start_s} and {end_s}")
        first, last = np.searchsorted(self.arrival_s, (start_s, end_s), side="left")
        part = self._rows(slice(int(first), int(last)))
        return RequestTable.make(part.arrival_s - start_s, part.prompt_tokens, part.output_tokens)

    def clipped(self, max_total_tokens: int) -> RequestTable:
        """Return requests whose prompts are cut so that prompt + output stays within a model's context.

        prompt' = max(1, prompt - max(0, prompt + output - max_total_tokens)), the rule of Vidur (MLSys 2024), which
        takes from the prompt and never from the output. A request whose output alone reaches the limit stays over it.
        """
        if max_total_tokens < 2:
            raise ValueError(f"max_total_tokens must be >= 2, one token in and one out, got {max_total_tokens}")
        excess = np.maximum(0, self.prompt_tokens + self.output_tokens - max_total_tokens)
        return RequestTable.make(self.arrival_s, np.maximum(1, self.prompt_tokens - excess), self.output_tokens)

    def _rows(self, rows: slice) -> RequestTable:
        return RequestTable(self.arrival_s[rows], self.prompt_tokens[rows], self.output_tokens[rows])


def _column(values: ArrayLike, kind: type[np.generic], name: str) -> NDArray[Any]:
    given = np.asarray(values)
    if given.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {given.shape}")
    if given.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold numbers, got {given.dtype}")
    if (
        kind is np.int64
        and given.dtype.kind == "f"
        and not ((np.abs(given) < _INT64_LIMIT) & (np.floor(given) == given)).all()
    ):
        raise ValueError(f"{name} must hold whole numbers")
    column = given if given.dtype == kind and not given.flags.writeable else given.astype(kind)
    column.flags.writeable = False
    return column


def _refuse(rule: str, column: NDArray[Any], bad: NDArray[np.bool_]) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"{rule}, got {column[row]} in row {row}")
