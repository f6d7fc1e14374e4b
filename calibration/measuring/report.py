"""A finished measurement in a few lines."""

from __future__ import annotations

from typing import Final

from rich.table import Table

from calibration.measuring.record import TIME_OVER, MeasurementRecord

MOST_NAMED: Final = 3
"""Points that are named for one reason; all are in the record."""


def measurement(record: MeasurementRecord) -> Table:
    """Return what was measured, with which sensor, and what could not be."""
    device, sensor, protocol = record.device, record.sensor, record.protocol
    shown = Table(title=f"measurement {record.id}", title_justify="left", show_header=False, box=None, pad_edge=False)
    shown.add_column(min_width=22)
    shown.add_column(overflow="fold")
    shown.add_row("device", f"{device.vendor} {device.name}, {device.memory_bytes / (1 << 30):.1f} GiB")
    energy = "none: only time was measured" if sensor.name == "none" else f"{sensor.name}: {sensor.boundary}"
    shown.add_row("energy", energy)
    for name, value in (
        ("power is updated every", sensor.update_period_s),
        ("and averaged over", sensor.averaging_window_s),
        ("counter moves every", sensor.counter_period_s),
    ):
        if value is not None:
            shown.add_row(name, f"{value * 1e3:.0f} ms")
    shown.add_row("protocol", f"{protocol.mode}: {protocol.points} points, up to {protocol.replicates} windows of each")
    shown.add_row("a window", f"{protocol.window_s:.3g} s or longer, after {protocol.warmup_s:.2g} s of warming up")
    unusable = f", {record.invalid_windows} of them not to be used" if record.invalid_windows else ", all usable"
    shown.add_row("windows", f"{record.windows.rows:,}{unusable}")
    for reason, points in _by_reason(record).items():
        more = f" and {len(points) - MOST_NAMED} more" if len(points) > MOST_NAMED else ""
        shown.add_row("not measured", f"{', '.join(points[:MOST_NAMED])}{more}: {reason}")
    if record.notes:
        shown.add_row("note", record.notes)
    return shown


def _by_reason(record: MeasurementRecord) -> dict[str, list[str]]:
    """Return the points that were not measured, by reason; windows for which the time was over only by their number."""
    found: dict[str, list[str]] = {}
    late = 0
    for entry in record.skipped:
        if entry.reason == TIME_OVER:
            late += 1
        else:
            found.setdefault(entry.reason, []).append(entry.point)
    if late:
        found[TIME_OVER] = [f"{late:,} windows of the plan"]
    return found
