"""From a workload's section `requests` to a table of requests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simulator.assembly.faults import part
from simulator.assembly.window import Window
from simulator.scenario import inference as section
from simulator.workload.arrivals import ArrivalProcess, DiurnalArrivals, GammaArrivals, PoissonArrivals
from simulator.workload.lengths import (
    ConstantLength,
    EmpiricalLength,
    IndependentLengths,
    LengthDistribution,
    LognormalLength,
)
from simulator.workload.requests import RequestTable
from simulator.workload.synthesis import stream, synthesise
from simulator.workload.traces.azure_llm import read_azure_llm
from simulator.workload.traces.plain_csv import read_csv_requests
from simulator.workload.traces.trace import Trace, TraceColumns, TraceOptions


def request_table(
    workload: section.InferenceWorkload, seed: int, base: Path, window: Window
) -> tuple[RequestTable, list[str]]:
    """Return the requests of a workload and what its file wants said.

    Requests of a closed loop have an arrival of 0: they arrive when a client sends them.

    Args:
        workload: the workload.
        seed: seed of the scenario.
        base: folder that relative file names refer to.
        window: start and duration of the run.
    """
    requests = workload.requests
    match requests:
        case section.SyntheticRequests():
            lengths = _lengths(requests)
            with part("arrivals"):
                arrivals = _arrivals(requests.arrivals, window)
                return synthesise(workload.name, seed, arrivals, lengths, window.duration_s), []
        case section.ClosedLoopRequests():
            lengths = _lengths(requests)
            prompt, output = lengths.sample(requests.requests, stream(seed, f"{workload.name}/lengths"))
            return RequestTable.make(np.zeros(requests.requests), prompt, output), []
        case section.AzureRequests() | section.CsvRequests():
            trace = _trace(requests, base)
            table = _adapted(trace.requests, requests)
            inside = table.window(0.0, window.duration_s)
            return inside, _notes(workload.name, trace, len(table) - len(inside))


def _lengths(requests: section.SyntheticRequests | section.ClosedLoopRequests) -> IndependentLengths:
    with part("prompt_tokens"):
        prompt = _length(requests.prompt_tokens)
    with part("output_tokens"):
        output = _length(requests.output_tokens)
    return IndependentLengths(prompt, output)


def _length(length: section.Lengths) -> LengthDistribution:
    match length:
        case section.ConstantTokens():
            return ConstantLength(length.tokens)
        case section.LognormalTokens():
            return LognormalLength(
                length.median_tokens, length.mean_tokens, length.minimum_tokens, length.maximum_tokens
            )
        case section.EmpiricalTokens():
            return EmpiricalLength.of(length.tokens, length.weights)


def _arrivals(arrivals: section.Arrivals, window: Window) -> ArrivalProcess:
    match arrivals:
        case section.PoissonArrivals():
            return PoissonArrivals(arrivals.rate_per_s)
        case section.GammaArrivals():
            return GammaArrivals(arrivals.rate_per_s, arrivals.coefficient_of_variation)
        case section.DiurnalArrivals():
            return DiurnalArrivals(
                arrivals.mean_rate_per_s,
                arrivals.peak_to_mean,
                arrivals.peak_hour_utc,
                window.start,
                weekend_factor=arrivals.weekend_factor,
            )


def _trace(requests: section.AzureRequests | section.CsvRequests, base: Path) -> Trace:
    options = TraceOptions(requests.zero_tokens, requests.sort)
    if isinstance(requests, section.AzureRequests):
        return read_azure_llm(base / requests.file, options=options)
    columns = TraceColumns(requests.arrival_column, requests.prompt_column, requests.output_column)
    return read_csv_requests(base / requests.file, columns, options=options)


def _adapted(table: RequestTable, requests: section.AzureRequests | section.CsvRequests) -> RequestTable:
    if requests.max_requests is not None:
        table = table.limited(requests.max_requests)
    if requests.rate_factor != 1.0:
        table = table.scaled(requests.rate_factor)
    if requests.max_total_tokens is not None:
        table = table.clipped(requests.max_total_tokens)
    return table


def _notes(name: str, trace: Trace, late: int) -> list[str]:
    notes = []
    if trace.dropped:
        notes.append(f"{name}: {trace.dropped:,} requests without prompt or answer were dropped from {trace.file}")
    if trace.moved:
        notes.append(f"{name}: {trace.moved:,} requests of {trace.file} were put in order of time")
    if late:
        notes.append(f"{name}: {late:,} requests of {trace.file} come after the end of the run and are left out")
    return notes
