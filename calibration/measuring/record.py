"""The record of a measurement, `measurement.json`: which device, which sensor, which protocol, which files."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from simulator.documents.validation import Section

RECORD_FILE: Final = "measurement.json"
TIME_OVER: Final = "the time was over"
"""Reason of windows that the budget left no time for."""
WINDOWS_FILE: Final = "windows.parquet"
SAMPLES_FILE: Final = "samples.parquet"

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]

DeviceKind = Literal["cuda", "cpu"]
SensorName = Literal["nvml", "nvml-power", "zeus", "rapl", "none"]


class Tool(Section):
    """What measured."""

    name: Literal["wattline-calibrate"] = "wattline-calibrate"
    """Program."""
    version: str
    """Version of Wattline."""
    python: str
    """Version of Python."""
    torch: str
    """Version of torch."""


class PowerLimits(Section):
    """Power limits of the board; read, never set."""

    default_w: Positive | None = None
    """As delivered."""
    enforced_w: Positive | None = None
    """In force while measuring."""
    minimum_w: Positive | None = None
    """Lowest that the board accepts."""
    maximum_w: Positive | None = None
    """Highest that the board accepts."""


class DeviceIdentity(Section):
    """The device measured."""

    kind: DeviceKind
    """A GPU under CUDA, or the processor of the host."""
    vendor: str
    """Maker."""
    name: str
    """Name as the device reports it."""
    memory_bytes: Positive
    """Memory in all."""
    cache_bytes: Positive | None = None
    """Last-level cache, where it is known."""
    compute_units: Count | None = None
    """Streaming multiprocessors, or cores."""
    architecture: str = ""
    """Compute capability, or instruction sets of the processor."""
    power_limits: PowerLimits | None = None
    """Limits of the board; None where there is no sensor."""
    vbios: str = ""
    """Version of the board's firmware."""
    driver: str = ""
    """Version of the driver."""
    runtime: str = ""
    """Version of CUDA that torch was built for; empty on a processor."""
    uuid_hash: str = ""
    """Hash of the device's serial identity, to tell boards apart without naming them."""


class Environment(Section):
    """Around the device."""

    host_hash: str
    """Hash of the host's name, to tell machines apart without naming them."""
    operating_system: str
    """Kernel and distribution."""
    processor: str
    """Processor of the host."""
    threads: Annotated[int, Field(ge=1)]
    """Threads that torch used on the host."""
    cooling: str = ""
    """As the user states it."""
    ambient_c: float | None = None
    """Inlet temperature as the user states it."""
    clock_setting: str = ""
    """Clock limits that somebody had set before; they were left alone."""


class SensorCharacter(Section):
    """What the energy sensor does, found before anything was measured."""

    name: SensorName
    """Backend that read it; `none` means time only."""
    energy_from: Literal["counter", "power_integral", "none"]
    """Whether energy is read from a counter or integrated from power readings."""
    boundary: str
    """What the sensor covers."""
    counter_period_s: NonNegative | None = None
    """Time between two updates of the energy counter."""
    counter_step_j: NonNegative | None = None
    """Smallest change of the energy counter that was seen."""
    update_period_s: NonNegative | None = None
    """Time between two updates of instant power."""
    averaging_window_s: NonNegative | None = None
    """Width of the window over which a reading of instant power averages."""
    lag_s: NonNegative | None = None
    """Age of the newest power that a reading contains."""
    response_unexplained: NonNegative | None = None
    """Root mean square of what window and lag leave unexplained / step between load and pause."""
    average_power_window_s: NonNegative | None = None
    """Width of the window of the field that is documented as an average, where there is one."""
    counter_over_power: Positive | None = None
    """Energy of the counter / integral of instant power, all windows; far from 1 means that one of them misleads."""


class Protocol(Section):
    """How it was measured."""

    mode: Literal["quick", "full"]
    """Size of the plan."""
    budget_s: Positive
    """Time that the plan was made for."""
    seed: int
    """Seed of the random order and of the random inputs."""
    window_s: Positive
    """Shortest time of a window."""
    warmup_s: NonNegative
    """Time for which a kernel runs before the shortest window; before longer ones more in proportion."""
    replicates: Annotated[int, Field(ge=1)]
    """Windows of each point, as far as the time sufficed."""
    sample_period_s: Positive
    """Time between two readings of the sensor inside a window."""
    points: Annotated[int, Field(ge=1)]
    """Points of the plan that the device can run."""
    bracket_s: Positive
    """Time between two idle windows that watch for drift."""


class SkippedPoint(Section):
    """A point of the plan, or one window of it, that was not measured."""

    point: str
    """Its name; of a window with its number."""
    reason: str
    """Why, in words."""


class RawFile(Section):
    """A file beside the record."""

    path: str
    """Relative to the record."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Checksum."""
    rows: Count
    """Rows of the table."""


class MeasurementRecord(Section):
    """One finished measurement of one device."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the format."""
    record: Literal["measurement"]
    """What this file describes."""
    id: str
    """Name of the measurement: device and instant of its plan."""
    started_utc: str
    """ISO 8601: when the plan was made."""
    finished_utc: str
    """ISO 8601: when the last window ended."""
    tool: Tool
    """What measured."""
    device: DeviceIdentity
    """What was measured."""
    environment: Environment
    """Around it."""
    sensor: SensorCharacter
    """What its energy readings mean."""
    protocol: Protocol
    """How it was measured."""
    skipped: tuple[SkippedPoint, ...] = ()
    """Points that this device could not run."""
    invalid_windows: Count
    """Windows that no fit may use; they are in the table with their reasons."""
    windows: RawFile
    """The table of windows (see `calibration.windows`)."""
    samples: RawFile | None = None
    """Readings of the sensor inside the windows; None where there is no sensor."""
    licence: str = ""
    """Terms of the data; the user's to state."""
    notes: str = ""
    """Free text."""
