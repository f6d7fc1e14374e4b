"""A log of board power: integrals by hand, gaps left out, bad rows refused with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.checking.trace import read_trace
from simulator.errors import InputError

HEADER = "timestamp, index, uuid, power.draw [W], clocks.sm [MHz]"


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_trapezoids_by_hand(tmp_path: Path) -> None:
    """100 to 300 W in a second, 300 W for a second: 200 J + 300 J."""
    samples = ((49, 100), (50, 300), (51, 300))
    rows = [f"2026/07/18 17:57:{second}.500, 0, GPU-a, {watts} W, 1830 MHz" for second, watts in samples]
    (board,) = read_trace(write(tmp_path / "log.csv", *rows))
    assert (board.energy_j, board.duration_s, board.samples, board.gaps) == (500.0, 2.0, 3, 0)
    assert board.mean_w == 250.0


def test_units_may_be_left_out_and_boards_are_kept_apart(tmp_path: Path) -> None:
    samples = [(second, board, watts) for second in (10, 11) for board, watts in ((0, 100), (1, 700))]
    rows = [f"2026/07/18 17:57:{second}.000, {board}, {watts}" for second, board, watts in samples]
    boards = read_trace(write(tmp_path / "log.csv", *rows, header="timestamp, index, power.draw [W]"))
    assert [(board.board, board.energy_j) for board in boards] == [("0", 100.0), ("1", 700.0)]


def test_a_gap_is_left_out_of_time_and_energy(tmp_path: Path) -> None:
    rows = [f"2026/07/18 17:57:{second:02d}.000, 0, GPU-a, 100 W, 0" for second in (0, 1, 2, 3, 33, 34)]
    (board,) = read_trace(write(tmp_path / "log.csv", *rows))
    assert (board.gaps, board.duration_s, board.energy_j) == (1, 4.0, 400.0)


def test_every_bad_row_is_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "log.csv",
        "2026/07/18 17:57:49.469, 0, GPU-a, 100 W, 0",
        "2026/07/18 17:57:50.469, 0, GPU-a, [N/A], 0",
        "yesterday, 0, GPU-a, 100 W, 0",
        "2026/07/18 17:57:51.469, 0",
        "2026/07/18 17:57:52.469, 0, GPU-a, 99999 W, 0",
    )
    with pytest.raises(InputError) as caught:
        read_trace(path)
    assert [(fault.line, fault.message) for fault in caught.value.faults] == [
        (3, "power '[N/A]' is no number: the board does not tell it, or the row is cut"),
        (4, "'yesterday' is no time stamp such as 2026/07/18 17:57:49.469"),
        (5, "the row has too few columns"),
        (6, "power must be >= 0 and <= 5000 W, got 99999"),
    ]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ((), HEADER, "holds fewer than two samples"),
        ((), "time, watts", "the header has no column 'timestamp'"),
        (
            ("2026/07/18 17:57:50.000, 0, a, 1, 1", "2026/07/18 17:57:49.000, 0, a, 1, 1"),
            HEADER,
            "the time stamps of board 0 run backward",
        ),
    ],
)
def test_logs_that_say_nothing(tmp_path: Path, rows: tuple[str, ...], header: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_trace(write(tmp_path / "log.csv", *rows, header=header))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_trace(tmp_path / "log.csv")
