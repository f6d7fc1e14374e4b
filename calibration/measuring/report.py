"""A finished measurement in a few lines."""

from __future__ import annotations

from rich.table import Table

from calibration.measuring.record import MeasurementRecord


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
    shown.add_row("protocol", f"{protocol.mode}: {protocol.points} points, {protocol.replicates} windows of each")
    shown.add_row("a window", f"{protocol.window_s:.3g} s after {protocol.warmup_s:.2g} s of warming up")
    shown.add_row("windows", f"{record.windows.rows:,}, of which {record.invalid_windows} may not be used")
    for entry in record.skipped[:10]:
        shown.add_row("not measured", f"{entry.point}: {entry.reason}")
    if len(record.skipped) > 10:
        shown.add_row("", f"and {len(record.skipped) - 10} more, in the record")
    return shown
