"""What a battery is asked to do while there is a grid; every policy takes surplus generation as well."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

from simulator.signals.base import Signal

_ROUNDING = 1e-9


class BatteryPolicy(ABC):
    """Says what a battery should do; what it can do, and what the connection allows, is settled afterwards."""

    __slots__ = ()

    @abstractmethod
    def request_w(self, net_w: float, start_s: float, end_s: float) -> float:
        """Return the power to charge with, below 0 to discharge with; infinite for all that is possible.

        Args:
            net_w: load less generation on site, below 0 for surplus.
            start_s: start of the interval.
            end_s: its end.
        """


@final
class Backup(BatteryPolicy):
    """Stay full for outages."""

    __slots__ = ()

    def request_w(self, net_w: float, start_s: float, end_s: float) -> float:  # noqa: ARG002
        """Charge with all that is possible."""
        return math.inf


@final
class SelfConsumption(BatteryPolicy):
    """Take surplus generation, and give it back as soon as the load exceeds generation."""

    __slots__ = ()

    def request_w(self, net_w: float, start_s: float, end_s: float) -> float:  # noqa: ARG002
        """Make import and export as small as possible."""
        return -net_w


@final
class PeakShaving(BatteryPolicy):
    """Hold import at a target: give what the load exceeds it by, take what it leaves below.

    Args:
        target_w: import to hold.
    """

    __slots__ = ("_target_w",)

    def __init__(self, target_w: float) -> None:
        self._target_w = target_w

    def request_w(self, net_w: float, start_s: float, end_s: float) -> float:  # noqa: ARG002
        """Bring import to the target."""
        return self._target_w - net_w


@final
class Arbitrage(BatteryPolicy):
    """Charge while a signal is low and discharge while it is high: price for money, carbon intensity for emissions.

    Args:
        signal: price or carbon intensity.
        low: threshold at or below which to charge.
        high: threshold at or above which to discharge.
    """

    __slots__ = ("_high", "_low", "_signal")

    def __init__(self, signal: Signal, low: Signal, high: Signal) -> None:
        self._signal, self._low, self._high = signal, low, high

    def request_w(self, net_w: float, start_s: float, end_s: float) -> float:
        """Charge or discharge with all that is possible, or take surplus only."""
        value = self._signal.mean(start_s, end_s)
        # Thresholds are values of the signal itself, and a mean may be off by its last digit.
        slack = _ROUNDING * abs(value)
        if value - slack <= self._low.at(start_s):
            return math.inf
        if value + slack >= self._high.at(start_s):
            return -math.inf
        return max(-net_w, 0.0)
