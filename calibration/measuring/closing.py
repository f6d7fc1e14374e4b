"""Opening and closing a measurement: what its plan is made for, and the record at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calibration.measuring import identity as who
from calibration.measuring.bench import Bench
from calibration.measuring.directory import MeasurementDirectory
from calibration.measuring.plan import PACES, Mode, Plan, make_plan
from calibration.measuring.point_sets import gpu_points, processor_points
from calibration.measuring.points import STATES, Point
from calibration.measuring.record import (
    DeviceIdentity,
    Environment,
    MeasurementRecord,
    Protocol,
    RawFile,
    SensorCharacter,
    SkippedPoint,
    Tool,
)
from calibration.windows import Window
from simulator.errors import InputError


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asks for.

    Args:
        mode: quick or full.
        seed: of order and inputs.
        budget_s: another time than that of the mode.
        cooling: words for the record.
        ambient_c: inlet temperature for the record.
        licence: terms of the data, for the record.
        notes: words for the record.
    """

    mode: Mode
    seed: int
    budget_s: float | None = None
    cooling: str = ""
    ambient_c: float | None = None
    licence: str = ""
    notes: str = ""


def candidate_points(identity: DeviceIdentity) -> tuple[list[Point], list[SkippedPoint]]:
    """Return the points that a device computes, and those whose number format it lacks."""
    lacks = who.unsupported(identity)
    cache_bytes = identity.cache_bytes or 0.0
    if identity.kind == "cpu":
        points = processor_points(cache_bytes, ("fp32", "bf16", "fp16"))
    else:
        points = gpu_points(cache_bytes, "fp16" if lacks("bf16") else "bf16")
    reasons = {point.name: lacks(point.number_format) if point.number_format else None for point in points}
    skipped = [SkippedPoint(point=name, reason=reason) for name, reason in reasons.items() if reason]
    return [point for point in points if not reasons[point.name]], skipped


def begin(directory: MeasurementDirectory, bench: Bench, wishes: Wishes) -> None:
    """Make the plan for a device and write it, with what it was made for."""
    identity = bench.device.identity
    points, skipped = candidate_points(identity)
    plan = make_plan(points, identity.kind, wishes.mode, wishes.seed, wishes.budget_s)
    threads = getattr(getattr(bench.device, "runtime", None), "threads", who.cores())
    header = {
        "started_utc": _now(),
        "tool": who.tool().model_dump(),
        "device": identity.model_dump(),
        "environment": who.environment(threads, wishes.cooling, wishes.ambient_c).model_dump(),
        "sensor": bench.sensor.name,
        "skipped": [entry.model_dump() for entry in skipped],
        "licence": wishes.licence,
        "notes": wishes.notes,
    }
    directory.write_plan(plan, header)


def recorded_header(record: MeasurementRecord, wishes: Wishes) -> dict[str, Any]:
    """Return the header of a replay: device, host and program of the measurement that is played."""
    return {
        "started_utc": record.started_utc,
        "tool": record.tool.model_dump(),
        "device": record.device.model_dump(),
        "environment": record.environment.model_dump(),
        "sensor": record.sensor.name,
        "skipped": [entry.model_dump() for entry in record.skipped],
        "licence": wishes.licence or record.licence,
        "notes": wishes.notes or f"replay of {record.id}",
    }


def refuse_other_device(path: Path, header: dict[str, Any], bench: Bench) -> None:
    """Refuse to go on with a measurement of another device or with another sensor."""
    identity, before = bench.device.identity, DeviceIdentity.model_validate(header["device"])
    if (before.kind, before.uuid_hash) != (identity.kind, identity.uuid_hash):
        raise InputError(
            f"{path} holds a measurement of another device ({before.name}), this is {identity.name}; choose another "
            "directory"
        )
    if header["sensor"] != bench.sensor.name:
        raise InputError(
            f"{path} was begun with --sensor {header['sensor']}, this is {bench.sensor.name}; go on with the same, or "
            "choose another directory"
        )


def finish(
    directory: MeasurementDirectory,
    plan: Plan,
    header: dict[str, Any],
    character: SensorCharacter,
    skipped: dict[str, str],
) -> MeasurementRecord:
    """Write tables and record of a measurement and return the record.

    Args:
        directory: with all windows.
        plan: the plan.
        header: what it was made for.
        character: what the sensor does.
        skipped: points that could not be run, with reasons, beside those that the header names.
    """
    windows = [window for window, _, _ in directory.windows().values()]
    device = DeviceIdentity.model_validate(header["device"])
    reasons = [SkippedPoint.model_validate(entry) for entry in header["skipped"]]
    reasons += [SkippedPoint(point=name, reason=reason) for name, reason in skipped.items()]
    stem = "-".join("".join(sign if sign.isalnum() else " " for sign in device.name.lower()).split())

    def record(table: RawFile, samples: RawFile | None) -> MeasurementRecord:
        return MeasurementRecord.model_validate(
            {
                "schema": 1,
                "record": "measurement",
                "id": f"{stem}-{header['started_utc'][:10]}",
                "started_utc": header["started_utc"],
                "finished_utc": _now(),
                "tool": Tool.model_validate(header["tool"]),
                "device": device,
                "environment": _surroundings(header, windows),
                "sensor": character.model_copy(update={"counter_over_power": _counter_over_power(windows)}),
                "protocol": _protocol(plan, device, windows),
                "skipped": tuple(reasons),
                "invalid_windows": sum(not window.valid for window in windows),
                "windows": table,
                "samples": samples,
                "licence": header["licence"],
                "notes": header["notes"],
            }
        )

    return directory.finish(record)


def _protocol(plan: Plan, device: DeviceIdentity, windows: list[Window]) -> Protocol:
    pace = PACES[device.kind]
    # Shorter than planned where windows took more time than the plan knew of.
    shortest_s = min([plan.window_s, *(window.duration_s for window in windows)])
    return Protocol(
        mode=plan.mode,
        budget_s=plan.budget_s,
        seed=plan.seed,
        window_s=shortest_s,
        warmup_s=plan.warmup_s * shortest_s / plan.window_s,
        replicates=plan.replicates,
        sample_period_s=pace.sample_period_s,
        points=len({window.point for window in windows}),
        bracket_s=pace.bracket_s,
    )


def _surroundings(header: dict[str, Any], windows: list[Window]) -> Environment:
    found = Environment.model_validate(header["environment"])
    if any("clock_setting" in window.throttle_reasons.split("+") for window in windows):
        return found.model_copy(update={"clock_setting": "somebody had limited the clocks before; left as it was"})
    return found


def _counter_over_power(windows: list[Window]) -> float | None:
    """Return energy of the counter / integral of instant power over windows that computed."""
    both = [
        (window.energy_j, window.mean_power_w * window.duration_s)
        for window in windows
        if window.valid and window.family not in STATES and window.energy_j and window.mean_power_w
    ]
    integral = sum(power for _, power in both)
    return sum(energy for energy, _ in both) / integral if integral > 0.0 else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
