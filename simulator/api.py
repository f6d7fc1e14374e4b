"""Orchestration: load a scenario, run it, compare runs. No arithmetic lives here."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from simulator.assembly.build import assemble
from simulator.assembly.marginal import marginal_signal
from simulator.assembly.serving import ServingEngine
from simulator.documents.plain_values import plain_value
from simulator.documents.yaml_source import Document
from simulator.engine.control import Controller
from simulator.engine.datacenter import Progress
from simulator.results import choices as results_choices
from simulator.results import comparison, store
from simulator.results.ledger import LedgerBuilder
from simulator.results.result import Result, build_result
from simulator.scenario.loader import Scenario, load_scenario, scenario_from
from simulator.signals.base import Signal

compare = comparison.compare


def load(path: str | Path, values: Mapping[str, Any] | None = None) -> Scenario:
    """Load a scenario file.

    Args:
        path: the YAML file.
        values: values to set at dotted paths, such as ``{"servers.hall-a.count": 4}``.

    Raises:
        InputError: with every fault of the file.
    """
    return load_scenario(Path(path), values)


def from_dict(data: Mapping[str, Any], base: str | Path = ".") -> Scenario:
    """Return a scenario from plain data with the keys of a scenario file.

    Args:
        data: the content.
        base: folder that relative file names refer to.

    Raises:
        InputError: with every fault.
    """
    return scenario_from(Document("scenario", plain_value(data, "scenario")), Path(base))


def check(scenario: Scenario) -> None:
    """Put a scenario together without running it.

    Raises:
        InputError: with everything that keeps it from working.
    """
    assemble(scenario)


def run(
    scenario: Scenario | str | Path,
    progress: Progress | None = None,
    engine: ServingEngine = "stretch",
    controllers: Sequence[Controller] = (),
) -> Result:
    """Run a scenario.

    Args:
        scenario: a loaded scenario, or the path of a scenario file.
        progress: called with the simulated time in seconds at every plant step.
        engine: how serving replicas advance: in closed-form stretches, or one iteration at a time as the slow
            reference does. Both give the same instants and energies.
        controllers: policies of your own, which see the run at plant steps and set power caps.

    Raises:
        InputError: the scenario is not valid or cannot work, or a controller asks for what cannot be.
        AuditError: a balance does not close.
    """
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    loaded = scenario if isinstance(scenario, Scenario) else load(scenario)
    books: dict[str, LedgerBuilder] = {}
    assembly = assemble(loaded, engine, lambda site, chapter: books[site].add(chapter), controllers)
    for name, site in assembly.context.sites.items():
        clock, export = assembly.context.clock(name), site.accounting.tariff.export_usd_per_kwh
        books[name] = LedgerBuilder(site.carbon_g_per_kwh, site.price_usd_per_kwh, clock, export)
    records = assembly.datacenter.run(progress)
    manifest = {
        "wattline": version("wattline"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in ("simpy", "numpy", "pandas", "pyarrow")},
        "serving_engine": engine,
    }
    ledgers = {name: builder.ledger for name, builder in books.items()}
    result = build_result(records, ledgers, assembly.context, manifest)
    result.manifest["wall_s"] = round(time.perf_counter() - wall_s, 3)
    result.manifest["cpu_s"] = round(time.process_time() - cpu_s, 3)
    return result


def choices(*results: Result, marginal: Mapping[str, Any] | None = None, base: str | Path = ".") -> pd.DataFrame:
    """Return what can be said of each run as a choice against the first: marginal emissions, payback, present value.

    Args:
        results: the runs; see `simulator.results.choices` for the columns.
        marginal: a marginal intensity with the keys of section `emissions.marginal`, for runs that carry none or
            another. It weighs the difference between the runs and enters no inventory.
        base: folder that relative file names refer to.

    Raises:
        InputError: the intensity cannot be read, does not cover the runs, or is no marginal one.
    """
    signal: Signal | None = None
    said: tuple[str, ...] = ()
    if marginal is not None and results:
        longest_s = max(float(result.manifest["simulated_s"]) for result in results)
        signal, said = marginal_signal(marginal, Path(base), results[0].manifest["start_utc"], longest_s)
    return results_choices.choices(*results, marginal_g_per_kwh=signal, said=said)


def save(result: Result, directory: str | Path) -> Path:
    """Save a result to a directory, atomically; a result that is there already is replaced."""
    return store.save(result, Path(directory))


def load_result(directory: str | Path) -> Result:
    """Load a result that was saved to a directory."""
    return store.load(Path(directory))
