"""The command line of `wattline-calibrate`: measure, fit, check, show, import, schema. Only it prints or exits.

Exit codes: 0 all is well; 1 an internal error; 2 the input, the device or the machine does not allow it.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from calibration.checking.traces import checked_trace
from calibration.measuring import report
from calibration.measuring.directory import read_measurement
from calibration.measuring.record import MeasurementRecord
from calibration.showing import plots, tables
from simulator.errors import InputError, WattlineError, nearest_match
from simulator.profiles import catalogue
from simulator.profiles.calibrated import CalibratedProfile

BAD_RUN, BAD_INPUT, STOPPED = 1, 2, 130

SCHEMAS: Final[dict[str, type[BaseModel]]] = {"measurement": MeasurementRecord, "profile": CalibratedProfile}
"""Files of which `schema` prints the JSON Schema."""

PUBLISHED: Final = ("aiconfigurator", "llmservingsim", "vidur")
"""Published formats that `import` reads."""

SensorChoice = Literal["auto", "nvml", "nvml-power", "zeus", "rapl", "none"]

app = typer.Typer(
    name="wattline-calibrate",
    help="Measure a device, fit its profile, check it on a real transformer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_NOTE_EVERY_S = 30.0
"""Seconds between lines about progress where there is no terminal."""
_PIPE_COLUMNS = 160
"""Width of tables where there is no terminal to ask."""
_out = Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)
_err = Console(stderr=True)

Threads = Annotated[int | None, typer.Option(help="Threads on a processor; by default all cores.", min=1)]
Shared = Annotated[bool, typer.Option("--shared", help="Measure although others use the device; it is noted.")]
Device = Annotated[str, typer.Option(help="auto (the first GPU), cuda, cuda:1, or cpu.")]
SensorOption = Annotated[SensorChoice, typer.Option(help="What tells energy; none measures time only.")]


@app.command()
def measure(  # noqa: PLR0913 - options of a command
    out: Annotated[Path, typer.Argument(help="Directory of the measurement; an interrupted one is gone on with.")],
    quick: Annotated[bool, typer.Option("--quick", help="At most 10 minutes; without it at most 45.")] = False,
    device: Annotated[
        str, typer.Option(help="auto (the first GPU), cuda, cuda:1, cpu, or recorded:DIRECTORY.")
    ] = "auto",
    sensor: SensorOption = "auto",
    budget: Annotated[
        float | None, typer.Option(help="Minutes to plan for, in place of those of the mode.", min=0.01)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random order and of the inputs.", min=0)] = 1,
    threads: Threads = None,
    shared: Shared = False,
    cooling: Annotated[str, typer.Option(help="How the device is cooled, for the record.")] = "",
    ambient_c: Annotated[float | None, typer.Option(help="Inlet temperature, for the record.")] = None,
    licence: Annotated[str, typer.Option(help="Terms of the data, for the record.")] = "",
) -> None:
    """Measure a device: kernels, power states and what its sensor does. Nothing of the device is changed."""
    with _failures():
        running = _with_torch("calibration.measuring.running")
        notes = "other processes used the device while it was measured" if shared else ""
        budget_s = None if budget is None else budget * 60.0
        wishes = running.Wishes("quick" if quick else "full", seed, budget_s, cooling, ambient_c, licence, notes)
        with _progress() as notify:
            record = running.run(out, device, sensor, threads, wishes, shared=shared, notify=notify, say=_note)
        _out.print(report.measurement(record))


@app.command()
def check(  # noqa: PLR0913 - options of a command
    profile: Annotated[str, typer.Argument(help="Profile of the device, by path or by name.")],
    device: Device = "auto",
    sensor: SensorOption = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="Shorter windows.")] = False,
    threads: Threads = None,
    shared: Shared = False,
    trace: Annotated[
        Path | None, typer.Option(help="Compare with a log of nvidia-smi or of vLLM instead of running a transformer.")
    ] = None,
    workload: Annotated[
        str | None,
        typer.Option(
            metavar="KEY=VALUE,...",
            help="What ran in the log: model, batch, prompt, answer (tokens); precision, tensor if not bf16, 1.",
        ),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
) -> None:
    """Predict a real transformer that no fit has seen, measure it, and print both with their errors."""
    with _failures():
        loaded = catalogue.accelerator(profile, Path())
        if trace is not None:
            found = checked_trace(trace, loaded, workload)
            _out.print(found.table)
            _write(json_file, found.figures)
            return
        if workload is not None:
            raise InputError("--workload says what ran in the log of --trace")
        checking = _with_torch("calibration.checking.running")
        with _progress() as notify:
            found = checking.run(loaded, device, sensor, threads, quick=quick, shared=shared, notify=notify, say=_note)
        _out.print(checking.table(found))
        _write(json_file, found.as_dict())


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="A directory of a finished measurement, or a profile by name or path.")],
    against: Annotated[
        str | None, typer.Option(help="Profile, by name or path, whose errors on a measurement are shown.")
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Directory for plots of a measurement.")] = None,
) -> None:
    """Show the figures of a profile with their ranges and sources, or the rates and power that were measured."""
    with _failures():
        if not Path(what).is_dir():
            if png is not None or against is not None:
                raise InputError("--png and --against show a measurement; a profile is shown as a table")
            _out.print(tables.profile(catalogue.accelerator(what, Path())))
            return
        record, windows = read_measurement(Path(what))
        _out.print(report.measurement(record))
        _out.print(tables.families(windows))
        model = None if against is None else catalogue.accelerator(against, Path()).record
        if model is not None:
            _out.print(tables.residuals(tables.rates(windows), model))
        if png is not None:
            for path in plots.save_plots(windows, record.id, png, model):
                _out.print(f"written: {path}", highlight=False)


def _write(file: Path | None, content: dict[str, object]) -> None:
    if file is not None:
        try:
            file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{file} cannot be written: {error.strerror}") from None


def _with_torch(module: str) -> Any:
    """Return a module that needs torch, which takes seconds to load and which not every user has.

    Raises:
        InputError: torch is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"torch", "scipy"}:
            raise
        raise InputError(f"needs {error.name}: pip install 'wattline[calibration]'") from None


def _slow_notes() -> Callable[[float, float, str], None]:
    """Return what writes a line now and then, for logs of long runs; short runs write none."""
    told_s = [time.monotonic()]

    def tell(done: float, total: float, label: str) -> None:
        if time.monotonic() - told_s[0] >= _NOTE_EVERY_S:
            told_s[0] = time.monotonic()
            _note(f"{done / total if total > 0.0 else 1.0:.0%}: {label}")

    return tell


def _note(text: str) -> None:
    _err.print(f"note: {text}", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _progress() -> Iterator[Callable[[float, float, str], None]]:
    """Show how far it is where somebody watches; yields what is told of it."""
    if not sys.stderr.isatty():
        yield _slow_notes()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err, transient=True) as shown:
        task = shown.add_task("starting", total=1.0)

        def notify(done: float, total: float, label: str) -> None:
            shown.update(task, completed=done, total=total, description=label[:40].ljust(40))

        yield notify


@app.command()
def schema(
    file: Annotated[str, typer.Argument(help=f"Which file: {', '.join(SCHEMAS)}.")] = "measurement",
) -> None:
    """Print the JSON Schema of a file, for editors and scripts that check them."""
    with _failures():
        if file not in SCHEMAS:
            raise InputError(f"no file is called '{file}'{nearest_match(file, list(SCHEMAS))}")
        typer.echo(json.dumps(SCHEMAS[file].model_json_schema(), indent=2))


@app.command()
def fit(
    measurement: Annotated[Path, typer.Argument(help="Directory of a finished measurement.")],
    base: Annotated[
        str | None, typer.Option(help="Profile of what was not measured; by default that of the device's name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Profile to write; by default profile.json in the directory.")
    ] = None,
    peaks: Annotated[
        Literal["auto", "datasheet", "measured"],
        typer.Option(help="Peaks that fractions refer to: of the base profile, or the highest rates measured."),
    ] = "auto",
    samples: Annotated[int, typer.Option(min=0, help="Bootstrap samples; 0 for none.")] = 200,
) -> None:
    """Fit a device profile to a measurement and write it beside its windows."""
    with _failures():
        verbs = _with_torch("calibration.fitting.verbs")
        for part in verbs.fit(measurement, base, out or measurement / "profile.json", peaks, samples):
            _out.print(part)


@app.command(name="import")
def import_(
    kind: Annotated[str, typer.Argument(help=f"Published format: {', '.join(PUBLISHED)}.")],
    paths: Annotated[list[Path], typer.Argument(help="Files or folders in that format.")],
    base: Annotated[str, typer.Option(help="Profile of the datasheet and of what the tables do not tell.")],
    out: Annotated[Path, typer.Option(help="Profile to write; its windows go beside it.")],
) -> None:
    """Fit a device profile to tables that others measured."""
    with _failures():
        for part in _with_torch("calibration.fitting.verbs").import_(kind, paths, base, out):
            _out.print(part)


def main() -> None:
    """Run the command line."""
    app()


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what Wattline raises on purpose into a message and an exit code."""
    try:
        yield
    except InputError as error:
        for fault in error.faults:
            # Plain and unwrapped, one line each: scripts parse these lines.
            print(" ".join(str(fault).splitlines()), file=sys.stderr)  # noqa: T201
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        print("stopped; windows measured so far are kept, the same command goes on", file=sys.stderr)  # noqa: T201
        raise typer.Exit(STOPPED) from None
    except WattlineError as error:
        print(f"internal error, please report it: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(BAD_RUN) from None


if __name__ == "__main__":
    main()
