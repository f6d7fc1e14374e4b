"""The command line of `wattline-calibrate`: measure, fit, check, show, import, schema. Only it prints or exits.

Exit codes: 0 all is well; 1 an internal error; 2 the input, the device or the machine does not allow it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from pydantic import BaseModel
from rich.console import Console

from calibration.measuring.record import MeasurementRecord
from simulator.errors import InputError, WattlineError, nearest_match

BAD_RUN, BAD_INPUT = 1, 2

SCHEMAS: Final[dict[str, type[BaseModel]]] = {"measurement": MeasurementRecord}
"""Files of which `schema` prints the JSON Schema."""

app = typer.Typer(
    name="wattline-calibrate",
    help="Measure a device, fit its profile, check it on a real transformer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_PIPE_COLUMNS = 160
"""Width of tables where there is no terminal to ask."""
_out = Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)
_err = Console(stderr=True)


@app.callback()
def _verbs() -> None:
    """Make every command a verb, also when there is only one."""


@app.command()
def schema(
    file: Annotated[str, typer.Argument(help=f"Which file: {', '.join(SCHEMAS)}.")] = "measurement",
) -> None:
    """Print the JSON Schema of a file, for editors and scripts that check them."""
    with _failures():
        if file not in SCHEMAS:
            raise InputError(f"no file is called '{file}'{nearest_match(file, list(SCHEMAS))}")
        typer.echo(json.dumps(SCHEMAS[file].model_json_schema(), indent=2))


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
    except WattlineError as error:
        print(f"internal error, please report it: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(BAD_RUN) from None


if __name__ == "__main__":
    main()
