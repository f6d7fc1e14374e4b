"""The command line: `wattline run | validate | schema | compare | profiles`. Only this module prints or exits.

Exit codes: 0 all is well; 1 the run failed or a balance does not close; 2 the input is bad; 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from simulator import api
from simulator.errors import AuditError, Fault, InputError, WattlineError
from simulator.profiles import catalogue
from simulator.results import plots, store, text_report
from simulator.results.result import Result
from simulator.scenario.loader import Scenario, parse_setting
from simulator.scenario.schema import ScenarioRecord

BAD_RUN, BAD_INPUT, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="wattline",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_PIPE_COLUMNS = 160
"""Width of tables where there is no terminal to ask."""
_out = Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)
_err = Console(stderr=True)

Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Set a value, as in servers.hall-a.count=4; may be repeated."),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        _out.print(version("wattline"), highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Simulate datacenters that train and serve large models: energy, water, carbon, cost."""


@app.command()
def run(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (YAML).")],
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the result; by default runs/NAME.")] = None,
    engine: Annotated[
        Literal["stretch", "iteration"],
        typer.Option(help="How serving advances: in closed-form stretches, or the slow reference, by iteration."),
    ] = "stretch",
) -> None:
    """Run a scenario, print its report, and save tables and plots."""
    with _failures():
        loaded = _load(scenario, settings)
        place = out or Path("runs") / loaded.name
        store.check_place(place)
        with _progress(loaded) as progress:
            result = api.run(loaded, progress, engine)
        directory = api.save(result, place)
        drawn = plots.save_plots(result, directory)
        for block in text_report.report(result):
            _out.print(block)
        files = ", ".join(["summary.json, tables (Parquet)", *(path.name for path in drawn)])
        _out.print(f"saved to {_shown(directory)}: {files}", highlight=False)


@app.command()
def validate(
    scenarios: Annotated[list[Path], typer.Argument(help="Scenario files (YAML).")],
    settings: Settings = None,
) -> None:
    """Check scenarios without running them; every fault is reported at once."""
    failed = False
    for path in scenarios:
        try:
            loaded = _load(path, settings)
            api.check(loaded)
        except InputError as error:
            failed = True
            _print_faults(error)
        else:
            _out.print(f"{path}: ok", highlight=False)
    if failed:
        raise typer.Exit(BAD_INPUT)


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors that complete and check them."""
    typer.echo(json.dumps(ScenarioRecord.model_json_schema(), indent=2))


@app.command()
def compare(
    directories: Annotated[list[Path], typer.Argument(help="Directories of results; the first is the base.")],
    marginal: Annotated[
        str | None,
        typer.Option(
            metavar="SERIES",
            help="Marginal carbon intensity that weighs the differences, with the keys of emissions.marginal, as in "
            "'{kind: watttime, file: moer.csv, value_column: MOER, unit: lb_per_mwh}'; by default that of the runs.",
        ),
    ] = None,
) -> None:
    """Compare results, each against the first."""
    with _failures():
        series = _marginal(marginal) if marginal is not None else None
        results = _told_apart([api.load_result(directory) for directory in directories], directories)
        choices = api.choices(*results, marginal=series)
        interim = any(result.summary.kpi_basis == "interim" for result in results)
        _out.print(text_report.comparison(api.compare(*results), interim))
        for part in text_report.choices(choices):
            _out.print(part)


@app.command()
def profiles(
    name: Annotated[str | None, typer.Argument(help="Profile to show; without it, all are listed.")] = None,
) -> None:
    """List the shipped profiles, or show one with the source of every figure."""
    with _failures():
        if name is None:
            for kind in (*catalogue.KINDS, "facilities"):
                _out.print(f"[bold]{kind}[/bold]: {', '.join(catalogue.shipped_names(kind))}", highlight=False)
            return
        _out.print(text_report.profile(catalogue.any_profile(name)))


def main() -> None:
    """Run the command line."""
    app()


def _told_apart(results: list[Result], directories: list[Path]) -> list[Result]:
    """Return results of one scenario under the names of their directories, where these differ."""
    folders = [directory.resolve().name for directory in directories]
    if len({result.name for result in results}) == len(results) or len(set(folders)) < len(folders):
        return results
    pairs = zip(results, folders, strict=True)
    return [replace(result, manifest={**result.manifest, "scenario": folder}) for result, folder in pairs]


def _marginal(text: str) -> dict[str, Any]:
    _, value = parse_setting(f"marginal={text}")
    if not isinstance(value, dict):
        raise InputError([Fault(f"must be a section such as {{kind: watttime, ...}}, got {text!r}", "--marginal")])
    return value


def _load(path: Path, settings: list[str] | None) -> Scenario:
    return api.load(path, dict(parse_setting(text) for text in settings or []))


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what Wattline raises on purpose into a message and an exit code."""
    try:
        yield
    except InputError as error:
        _print_faults(error)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        raise typer.Exit(INTERRUPTED) from None
    except AuditError as error:
        print(f"the run ended, but its numbers must not be used: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(BAD_RUN) from None
    except WattlineError as error:
        print(f"internal error, please report it: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(BAD_RUN) from None


def _print_faults(error: InputError) -> None:
    for fault in error.faults:
        # Plain and unwrapped, one line each: editors and scripts parse these lines.
        print(" ".join(str(fault).splitlines()), file=sys.stderr)  # noqa: T201
    count = len(error.faults)
    print(f"{count} fault{'s' if count != 1 else ''}", file=sys.stderr)  # noqa: T201


@contextmanager
def _progress(scenario: Scenario) -> Iterator[Callable[[float], None] | None]:
    """Show how far the simulated clock has come, when someone is looking."""
    if not _err.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err, transient=True) as bar:
        task = bar.add_task(scenario.name, total=scenario.record.duration_h * 3600.0)
        yield lambda t_s: bar.update(task, completed=t_s)


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


if __name__ == "__main__":
    main()
