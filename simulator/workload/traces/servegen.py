"""Clients as ServeGen describes them: how often each asks and how much, by window of time, from a production service.

A client has two files. Rates (CSV without header): start of a window of 600 s, mean rate, coefficient of variation of
the times between arrivals, and a fitted family, which is not read: arrivals are gamma with the measured mean and
variation. Lengths (JSON): start of a window of 21,600 s, then per field a distribution, written as a Python dict inside
a string. Fields used: `input_tokens` and `output_tokens`, drawn independently; files of multimodal clients have other
fields and are refused.

Source: Y. Xiang et al., "ServeGen: Workload Characterization and Generation of Large Language Model Serving in
Production", arXiv:2505.09999 (2025), and the data released with it.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.documents.csv_rows import Layout, read_header, read_rows
from simulator.documents.json_file import load_json_object
from simulator.documents.text_file import FaultLog, checked_text_file
from simulator.workload.arrivals import LARGEST_VARIATION, ArrivalProcess, GammaArrivals, PoissonArrivals
from simulator.workload.lengths import EmpiricalLength, IndependentLengths
from simulator.workload.requests import RequestTable
from simulator.workload.synthesis import stream

_LIMIT_BYTES = 100_000_000
_FIELDS = ("window start", "rate", "coefficient of variation", "family", "shape", "scale")
_INPUT, _OUTPUT = "input_tokens", "output_tokens"


@dataclass(frozen=True, slots=True, eq=False)
class Client:
    """A client.

    Args:
        name: its name, which seeds its random streams.
        starts_s: starts of the windows of rates, seconds from the start of the data, increasing, shape (n,).
        end_s: end of the last of them.
        rates_per_s: mean rate in each, >= 0.
        variations: coefficient of variation in each; 0 where it is not known.
        length_starts_s: starts of the windows of lengths that have any, increasing.
        lengths: their distributions.
        notes: what the report must say.
    """

    name: str
    starts_s: NDArray[np.float64]
    end_s: float
    rates_per_s: NDArray[np.float64]
    variations: NDArray[np.float64]
    length_starts_s: tuple[float, ...]
    lengths: tuple[IndependentLengths, ...]
    notes: tuple[str, ...] = ()

    def requests(self, seed: int, workload: str, span_s: tuple[float, float], rate_factor: float) -> RequestTable:
        """Return the requests of a span of the data, with its start as 0 s.

        Args:
            seed: seed of the scenario.
            workload: name of the workload.
            span_s: first and last instant, within the windows.
            rate_factor: multiplies the rates; variation stays.
        """
        ends = np.append(self.starts_s[1:], self.end_s)
        arrivals, prompts, outputs = [np.zeros(0)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for row in np.flatnonzero((ends > span_s[0]) & (self.starts_s < span_s[1]) & (self.rates_per_s > 0.0)):
            # A stream for each window: what is drawn does not depend on where the span begins.
            name = f"{workload}/{self.name}/{self.starts_s[row]:.0f}"
            process = _process(float(self.rates_per_s[row]) * rate_factor, float(self.variations[row]))
            length_s = float(ends[row] - self.starts_s[row])
            at_s = process.times(length_s, stream(seed, f"{name}/arrivals")) + self.starts_s[row]
            prompt, output = self._lengths_at(float(self.starts_s[row])).sample(
                len(at_s), stream(seed, f"{name}/lengths")
            )
            inside = (at_s >= span_s[0]) & (at_s < span_s[1])
            arrivals.append(at_s[inside] - span_s[0])
            prompts.append(prompt[inside])
            outputs.append(output[inside])
        return RequestTable.make(np.concatenate(arrivals), np.concatenate(prompts), np.concatenate(outputs))

    def _lengths_at(self, t_s: float) -> IndependentLengths:
        """Return the lengths of the last window that begins by then and has any, else of the first."""
        return self.lengths[max(bisect_right(self.length_starts_s, t_s) - 1, 0)]


def read_client(name: str, rates: str | Path, lengths: str | Path) -> Client:
    """Return a client from its two files.

    Args:
        name: its name.
        rates: file of rates.
        lengths: file of lengths.
    """
    starts_s, rates_per_s, variations = _rates(rates)
    step_s = float(np.min(np.diff(starts_s))) if len(starts_s) > 1 else 600.0
    length_starts_s, distributions = _lengths(lengths)
    wild = int((variations > LARGEST_VARIATION).sum())
    note = (
        f"{rates}: {wild:,} windows have a coefficient of variation above {LARGEST_VARIATION:g} and are drawn with that"
    )
    return Client(
        name=name,
        starts_s=starts_s,
        end_s=float(starts_s[-1]) + step_s,
        rates_per_s=rates_per_s,
        variations=np.minimum(variations, LARGEST_VARIATION),
        length_starts_s=length_starts_s,
        lengths=distributions,
        notes=(note,) if wild else (),
    )


def merged(tables: list[RequestTable]) -> RequestTable:
    """Return the requests of several clients in order of arrival; at the same instant, in the order of the clients."""
    arrival_s = np.concatenate([table.arrival_s for table in tables])
    order = np.argsort(arrival_s, kind="stable")
    return RequestTable.make(
        arrival_s[order],
        np.concatenate([table.prompt_tokens for table in tables])[order],
        np.concatenate([table.output_tokens for table in tables])[order],
    )


def _process(rate_per_s: float, variation: float) -> ArrivalProcess:
    """Return arrivals of a mean rate and variation; where a single arrival tells no variation, Poisson arrivals."""
    return GammaArrivals(rate_per_s, variation) if variation > 0.0 else PoissonArrivals(rate_per_s)


def _rates(path: str | Path) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    file = checked_text_file(path, _LIMIT_BYTES)
    log = FaultLog(str(path))
    if len(read_header(file)) != len(_FIELDS):
        log.add(f"has {len(read_header(file))} fields, expected {len(_FIELDS)}: {', '.join(_FIELDS)}", 1)
        log.raise_if_any()
    rows = read_rows(file, Layout(_FIELDS, 1, None, (0, 1, 2)), log)
    starts_s, rates_per_s, variations = rows.numbers
    lines = np.asarray(rows.lines)
    for position in (1, 2):
        _check_not_negative(rows.numbers[position], lines, _FIELDS[position], log)
    back = np.diff(starts_s, prepend=-np.inf) <= 0.0
    log.add_rows(back, lambda row: (f"{starts_s[row]:g} is not after the window before", int(lines[row])), _FIELDS[0])
    _check_not_negative(starts_s, lines, _FIELDS[0], log)
    log.raise_if_any()
    return starts_s, rates_per_s, variations


def _check_not_negative(values: NDArray[np.float64], lines: NDArray[np.int64], name: str, log: FaultLog) -> None:
    log.add_rows(values < 0.0, lambda row: (f"{values[row]:g} is below 0", int(lines[row])), name)


def _lengths(path: str | Path) -> tuple[tuple[float, ...], tuple[IndependentLengths, ...]]:
    file = checked_text_file(path, _LIMIT_BYTES)
    log = FaultLog(str(path))
    windows: list[tuple[float, IndependentLengths]] = []
    for start, fields in load_json_object(file, log.file, "a file of lengths").items():
        try:
            window = _window(fields)
            if window is not None:
                windows.append((float(start), window))
        except ValueError as error:
            log.add(str(error), path=start)
    if not windows:
        log.add("has no window with lengths")
    log.raise_if_any()
    windows.sort(key=lambda window: window[0])
    return tuple(start for start, _ in windows), tuple(lengths for _, lengths in windows)


def _window(fields: object) -> IndependentLengths | None:
    """Return the distributions of a window, None when it is empty."""
    if not isinstance(fields, dict):
        raise ValueError("must be a JSON object")
    found = []
    for name in (_INPUT, _OUTPUT):
        if name not in fields:
            raise ValueError(f"has no {name}; only clients with text alone are supported")
        found.append(_distribution(name, fields[name]))
    prompt, output = found
    return None if prompt is None or output is None else IndependentLengths(prompt, output)


def _distribution(name: str, text: object) -> EmpiricalLength | None:
    """Return the distribution written as a Python dict of tokens and probabilities, without lengths of 0."""
    try:
        table = ast.literal_eval(str(text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"{name} is not a dict of tokens and probabilities") from None
    if not isinstance(table, dict):
        raise ValueError(f"{name} is not a dict of tokens and probabilities")
    lengths = {tokens: weight for tokens, weight in table.items() if tokens != 0}
    if not lengths:
        return None
    try:
        return EmpiricalLength.of(list(lengths), list(lengths.values()))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: {error}") from None
