"""The mode graph of the economizer: each transition on either side of its dead band."""

from __future__ import annotations

import pytest

from simulator.physics.economizer import DeadBands, EconomizerMode, wanted_mode

FREE, PARTIAL, MECHANICAL = EconomizerMode.FREE, EconomizerMode.PARTIAL, EconomizerMode.MECHANICAL
BANDS = DeadBands(1.1, 0.5, 1.2, 0.4)


@pytest.mark.parametrize(
    ("mode", "economizer_leaving_c", "expected"),
    [
        (FREE, 19.1, FREE),
        (FREE, 19.2, PARTIAL),
        (PARTIAL, 18.4, FREE),
        (PARTIAL, 18.5, PARTIAL),
        (PARTIAL, 27.4, PARTIAL),
        (PARTIAL, 27.6, MECHANICAL),
        (MECHANICAL, 26.8, MECHANICAL),
        (MECHANICAL, 26.7, PARTIAL),
    ],
)
def test_transitions(mode: EconomizerMode, economizer_leaving_c: float, expected: EconomizerMode) -> None:
    # Setpoint 18 and return 28 degC; d1 1.1, d2 0.5, d3 1.2, d4 0.4 K.
    found = wanted_mode(mode, BANDS, setpoint_c=18.0, return_c=28.0, economizer_leaving_c=economizer_leaving_c)
    assert found is expected


def test_free_goes_before_mechanical_when_the_load_is_tiny() -> None:
    # Return only 0.3 K above the setpoint: pre-cooling is not worth it, and not needed.
    found = wanted_mode(PARTIAL, BANDS, setpoint_c=18.0, return_c=18.3, economizer_leaving_c=18.0)
    assert found is FREE


@pytest.mark.parametrize("bands", [(0.5, 0.5, 1.1, 0.5), (1.1, 1.1, 1.1, 0.5)])
def test_bands_that_let_the_modes_alternate_are_refused(bands: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="alternate for ever"):
        DeadBands(*bands)
