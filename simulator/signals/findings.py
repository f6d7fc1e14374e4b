"""What is wrong with single rows of a series, and the one rule for it: refuse the file, or repair and list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.documents.text_file import FaultLog

CorruptRule = Literal["refuse", "repair"]
"""`repair`: a row that cannot be right becomes a gap, rows out of order are sorted, repeated rows are kept once."""

Describe = Callable[[int], tuple[str, int | None]]


class Findings:
    """Findings of one file.

    What no rule repairs (a missing column, an unreadable stamp) goes to `log`. What `repair` turns into a gap goes to
    `rows`, which under `refuse` is the same log, so that a refusal names every fault of the file at once.

    Args:
        file: name of the file as given.
        rule: what to do about corrupt rows.
    """

    __slots__ = ("_remarks", "log", "rows", "rule")

    def __init__(self, file: str, rule: CorruptRule = "refuse") -> None:
        self.rule = rule
        self.log = FaultLog(file)
        self.rows = self.log if rule == "refuse" else FaultLog(file)
        self._remarks: list[str] = []

    @property
    def repairs(self) -> bool:
        """Whether corrupt rows are repaired."""
        return self.rule == "repair"

    def doubt(self, bad: NDArray[np.bool_], describe: Describe, path: str = "") -> None:
        """Record the rows marked in `bad` as corrupt; `describe` gives message and line of one."""
        self.rows.add_rows(bad, describe, path)

    def remark(self, text: str) -> None:
        """Record what was done or assumed, for the report."""
        self._remarks.append(f"{self.log.file}: {text}")

    def notes(self) -> tuple[str, ...]:
        """Return what the report must say: remarks, then each corrupt row that became a gap, the first ones in full."""
        if self.rows is self.log or not self.rows.count:
            return tuple(self._remarks)
        shown = self.rows.first()
        listed = [f"{fault}; taken as missing by rule 'repair'" for fault in shown]
        rest = self.rows.count - len(shown)
        more = [f"{self.log.file}: and {rest:,} more corrupt values, taken as missing by rule 'repair'"] if rest else []
        return (*self._remarks, *listed, *more)
