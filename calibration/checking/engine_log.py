"""The log of a serving engine: how many tokens it delivered with how many running sequences.

Read are the lines that vLLM writes every few seconds: `... Avg prompt throughput: 474.7 tokens/s, Avg generation
throughput: 9.8 tokens/s, Running: 3 reqs, Waiting: 0 reqs, ...`; other lines are left alone. All of them cover equal
times.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.errors import Fault, InputError

_LINE: Final = re.compile(
    r"Avg prompt throughput: (?P<prompt>[\d.]+) tokens/s,\s+Avg generation throughput: (?P<answer>[\d.]+) tokens/s,\s+"
    r"Running: (?P<running>\d+) reqs"
)


@dataclass(frozen=True, slots=True)
class EngineTrace:
    """What an engine delivered.

    Args:
        tokens_per_s: mean throughput of answers by running sequences, over the lines with so many.
        lines: number of lines by running sequences.
        idle_lines: lines without running sequences or without answers; left out.
    """

    tokens_per_s: dict[int, float]
    lines: dict[int, int]
    idle_lines: int

    @property
    def mean_tokens_per_s(self) -> float:
        """Mean over all lines that count."""
        return sum(self.tokens_per_s[running] * count for running, count in self.lines.items()) / self.lines_in_all

    @property
    def lines_in_all(self) -> int:
        """Lines that count."""
        return sum(self.lines.values())


def is_engine_log(path: Path) -> bool:
    """Return whether a file has a line of an engine.

    Raises:
        InputError: it cannot be read.
    """
    return bool(_LINE.search(_text(path)))


def read_engine_log(path: Path) -> EngineTrace:
    """Return what the lines of an engine say.

    Raises:
        InputError: there is none in which it delivered anything.
    """
    sums: defaultdict[int, float] = defaultdict(float)
    lines: Counter[int] = Counter()
    idle = 0
    for found in _LINE.finditer(_text(path)):
        running, tokens_per_s = int(found["running"]), float(found["answer"])
        if running == 0 or tokens_per_s == 0.0:
            idle += 1
            continue
        sums[running] += tokens_per_s
        lines[running] += 1
    if not lines:
        raise InputError([Fault("no line says that the engine delivered anything", str(path))])
    return EngineTrace({running: sums[running] / lines[running] for running in sorted(lines)}, dict(lines), idle)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise InputError([Fault("no such file", str(path))]) from None
    except OSError as error:
        raise InputError([Fault(f"cannot be read: {error.strerror}", str(path))]) from None
