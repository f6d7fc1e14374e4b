"""From a workload's section `requests` to a table of requests."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from simulator.assembly.faults import part
from simulator.assembly.window import Window
from simulator.documents.text_file import refuse
from simulator.errors import Fault, InputError
from simulator.scenario import inference as section
from simulator.units import SECONDS_PER_HOUR
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
from simulator.workload.traces.burstgpt import read_burstgpt
from simulator.workload.traces.mooncake import read_mooncake
from simulator.workload.traces.plain_csv import read_csv_requests
from simulator.workload.traces.qwen_bailian import read_qwen_bailian
from simulator.workload.traces.servegen import merged, read_client
from simulator.workload.traces.splitwise_sim import read_splitwise_sim
from simulator.workload.traces.trace import Trace, TraceColumns, TraceOptions
from simulator.workload.traces.vidur import read_vidur


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
        case section.ServeGenRequests():
            return _servegen(requests, workload.name, seed, base, window)
    trace = _trace(requests, base)
    later = trace.requests.window(requests.from_h * SECONDS_PER_HOUR, math.inf) if requests.from_h else trace.requests
    table = _adapted(later, requests)
    inside = table.window(0.0, window.duration_s)
    early, late = len(trace.requests) - len(later), len(table) - len(inside)
    return inside, _notes(workload.name, trace, early, late)


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


def _trace(requests: section.TraceRequests, base: Path) -> Trace:
    options, path = TraceOptions(requests.zero_tokens, requests.sort), base / requests.file
    match requests:
        case section.AzureRequests():
            return read_azure_llm(path, options=options)
        case section.CsvRequests():
            columns = TraceColumns(requests.arrival_column, requests.prompt_column, requests.output_column)
            return read_csv_requests(path, columns, options=options)
        case section.VidurRequests():
            return read_vidur(path, options=options)
        case section.SplitwiseRequests():
            return read_splitwise_sim(path, options=options)
        case section.BurstGptRequests():
            return read_burstgpt(path, model=requests.model, log_type=requests.log_type, options=options)
        case section.MooncakeRequests():
            return read_mooncake(path, options=options)
        case section.QwenRequests():
            return read_qwen_bailian(path, request_type=requests.request_type, options=options)


def _servegen(
    requests: section.ServeGenRequests, name: str, seed: int, base: Path, window: Window
) -> tuple[RequestTable, list[str]]:
    """Return the requests of all clients over the run, and what their files want said."""
    names = [client.name for client in requests.clients]
    if len(set(names)) < len(names):
        raise InputError([Fault(f"names must differ, got {', '.join(names)}", path="clients")])
    start_s = requests.from_h * SECONDS_PER_HOUR
    span_s = (start_s, start_s + window.duration_s)
    tables: list[RequestTable] = []
    notes: list[str] = []
    for client in sorted(requests.clients, key=lambda client: client.name):
        read = read_client(client.name, base / client.file, base / client.lengths.file)
        if span_s[0] < read.starts_s[0] or read.end_s < span_s[1]:
            first_h, last_h = read.starts_s[0] / SECONDS_PER_HOUR, read.end_s / SECONDS_PER_HOUR
            needed = f"the run needs hours {span_s[0] / SECONDS_PER_HOUR:g} to {span_s[1] / SECONDS_PER_HOUR:g}"
            raise refuse(str(base / client.file), f"covers hours {first_h:g} to {last_h:g}, {needed}")
        notes += read.notes
        tables.append(read.requests(seed, name, span_s, requests.rate_factor))
    table = merged(tables)
    return (table if requests.max_total_tokens is None else table.clipped(requests.max_total_tokens)), notes


def _adapted(table: RequestTable, requests: section.TraceRequests) -> RequestTable:
    if requests.max_requests is not None:
        table = table.limited(requests.max_requests)
    if requests.rate_factor != 1.0:
        table = table.scaled(requests.rate_factor)
    if requests.max_total_tokens is not None:
        table = table.clipped(requests.max_total_tokens)
    return table


def _notes(name: str, trace: Trace, early: int, late: int) -> list[str]:
    notes = []
    if trace.dropped:
        notes.append(f"{name}: {trace.dropped:,} requests without prompt or answer were dropped from {trace.file}")
    if trace.moved:
        notes.append(f"{name}: {trace.moved:,} requests of {trace.file} were put in order of time")
    if early:
        notes.append(f"{name}: {early:,} requests of {trace.file} come before the hour at which the run begins")
    if late:
        notes.append(f"{name}: {late:,} requests of {trace.file} come after the end of the run and are left out")
    return notes
