"""The mode graph of an integrated water-side economizer, with dead bands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EconomizerMode(StrEnum):
    """Who cools the chilled water."""

    FREE = "free"
    """The economizer alone; the chillers are off."""
    PARTIAL = "partial"
    """The economizer pre-cools the returning water and the chillers finish it."""
    MECHANICAL = "mechanical"
    """The chillers alone."""


@dataclass(frozen=True, slots=True)
class DeadBands:
    """Margins of the four transitions (K).

    Args:
        free_to_partial_k: d1, supply above setpoint that calls the chillers.
        partial_to_mechanical_k: d2, pre-cooling below which the economizer is not worth running.
        mechanical_to_partial_k: d3, pre-cooling that the economizer must promise to be started; above d2.
        partial_to_free_k: d4, supply above setpoint that the economizer alone may leave; below d1.
    """

    free_to_partial_k: float
    partial_to_mechanical_k: float
    mechanical_to_partial_k: float
    partial_to_free_k: float

    def __post_init__(self) -> None:
        if not self.free_to_partial_k > self.partial_to_free_k:
            raise ValueError(
                f"free_to_partial_k must be > partial_to_free_k ({self.partial_to_free_k:g}), "
                f"got {self.free_to_partial_k:g}: the modes would alternate for ever"
            )
        if not self.mechanical_to_partial_k > self.partial_to_mechanical_k:
            raise ValueError(
                f"mechanical_to_partial_k must be > partial_to_mechanical_k ({self.partial_to_mechanical_k:g}), "
                f"got {self.mechanical_to_partial_k:g}: the modes would alternate for ever"
            )


def wanted_mode(
    mode: EconomizerMode, bands: DeadBands, *, setpoint_c: float, return_c: float, economizer_leaving_c: float
) -> EconomizerMode:
    """Return the mode that the graph would move to, or the present one when no transition is wanted.

    Args:
        mode: the present mode.
        bands: margins of the four transitions.
        setpoint_c: setpoint of the chilled water supply (degC).
        return_c: chilled water returning from the coils (degC).
        economizer_leaving_c: chilled water leaving the economizer (degC); in mechanical mode the temperature that it
            would have, wet bulb + tower approach + heat exchanger approach.

    FREE -> PARTIAL if T_eco > T_set + d1; PARTIAL -> FREE if T_eco <= T_set + d4; PARTIAL -> MECHANICAL if
    T_ret < T_eco + d2; MECHANICAL -> PARTIAL if T_ret > T_eco + d3. A transition fires when its condition has held for
    the waiting time. Modelica Buildings, Applications.DataCenters.ChillerCooled.Controls.CoolingMode, after Stein 2009,
    ASHRAE Transactions 115(2). Where both transitions out of PARTIAL are wanted, FREE goes first: it costs less.

    >>> bands = DeadBands(1.1, 0.5, 1.1, 0.5)
    >>> wanted_mode(EconomizerMode.PARTIAL, bands, setpoint_c=18.0, return_c=28.0, economizer_leaving_c=18.4).value
    'free'
    """
    if mode is EconomizerMode.FREE:
        return EconomizerMode.PARTIAL if economizer_leaving_c > setpoint_c + bands.free_to_partial_k else mode
    if mode is EconomizerMode.MECHANICAL:
        return EconomizerMode.PARTIAL if return_c > economizer_leaving_c + bands.mechanical_to_partial_k else mode
    if economizer_leaving_c <= setpoint_c + bands.partial_to_free_k:
        return EconomizerMode.FREE
    return EconomizerMode.MECHANICAL if return_c < economizer_leaving_c + bands.partial_to_mechanical_k else mode
