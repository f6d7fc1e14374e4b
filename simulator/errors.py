"""The exception tree.

    WattlineError
    ├── InputError        a file, an option or an argument is wrong; carries every fault found (command line: exit 2)
    ├── AuditError        a run ended whose balances do not close (exit 1)
    └── InvariantError    something that cannot happen happened: our bug (exit 1)

Past the edge (loading and assembly) only `AuditError` and `InvariantError` are raised, save that a scenario may ask the
run itself to stop: `out_of_range: error` of a chiller, or a command of the caller's own controller that cannot be.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class WattlineError(Exception):
    """Base of everything that Wattline raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input.

    Args:
        message: what is wrong, with the value, the allowed range or the nearest match.
        file: file name as the user gave it, or an option such as ``--set``; empty when neither applies.
        line: line in the file, counted from 1; None when the fault has no line.
        path: dotted path of the field inside the file, empty for the file as a whole.
    """

    message: str
    file: str = ""
    line: int | None = None
    path: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


class InputError(WattlineError):
    """Input that cannot be used; `faults` lists everything found, not only the first.

    >>> print(InputError([Fault("must be > 0, got -3", "hall.yaml", 7, "servers.hall-a.count")]))
    hall.yaml:7: servers.hall-a.count: must be > 0, got -3
    """

    def __init__(self, faults: Iterable[Fault] | str) -> None:
        self.faults: tuple[Fault, ...] = (Fault(faults),) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class AuditError(WattlineError):
    """A run whose balances do not close: its numbers must not be used."""


class InvariantError(WattlineError):
    """An internal rule was broken. This is a bug in Wattline, not in the input: please report it."""


def nearest_match(word: str, choices: Sequence[str]) -> str:
    """Return ``'; did you mean X?'`` for the closest choice in either case, or all choices when none is close.

    >>> nearest_match("dgx-h10", ["dgx-h100", "dgx-a100"])
    "; did you mean 'dgx-h100'?"
    >>> nearest_match("zzz", ["a", "b"])
    '; known: a, b'
    """
    by_lower_case = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), by_lower_case, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{by_lower_case[close[0]]}'?"
    return f"; known: {', '.join(sorted(choices))}" if choices else ""
