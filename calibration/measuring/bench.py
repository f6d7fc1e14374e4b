"""The bench: one device with its sensor, its sampler, a clock, and a watch over who else uses it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from calibration.measuring import identity as who
from calibration.measuring.board_watch import BoardWatch
from calibration.measuring.clock import Clock, WallClock
from calibration.measuring.no_sensor import NoSensor
from calibration.measuring.nvml import Board
from calibration.measuring.nvml_sensor import NvmlSensor
from calibration.measuring.others import NobodyWatches, Watch, processor_watch, refuse_busy_host
from calibration.measuring.plan import PACES
from calibration.measuring.points import Point
from calibration.measuring.prepared import Prepared
from calibration.measuring.rapl import RaplSensor, has_counters
from calibration.measuring.readings import Sampler, Sensor, ThreadSampler
from calibration.measuring.record import DeviceIdentity, SensorName
from calibration.measuring.runtime import CudaRuntime, ProcessorRuntime, Runtime
from calibration.measuring.torch_device import TorchDevice
from calibration.measuring.zeus_devices import ZeusSensor
from simulator.errors import InputError

SensorChoice = Literal["auto", "nvml", "nvml-power", "zeus", "rapl", "none"]


class Device(Protocol):
    """Makes points ready to run."""

    identity: DeviceIdentity

    def open(self) -> None:
        """Make a context."""
        ...

    def prepare(self, point: Point, seed: int) -> Prepared:
        """Return a point ready to run."""
        ...

    def release(self) -> None:
        """Give memory back."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that a measurement needs of the machine.

    Args:
        device: what runs.
        sensor: what tells energy.
        sampler: reads the sensor while something runs.
        probe_sampler: reads it faster, to find out what the sensor does.
        clock: the measuring clock.
        watch: who else uses the device.
        notes: what the user should know about the choice, in words.
    """

    device: Device
    sensor: Sensor
    sampler: Sampler
    probe_sampler: Sampler
    clock: Clock
    watch: Watch
    notes: tuple[str, ...] = ()


PROBE_PERIOD_S = 0.004
"""Time between readings while the sensor is characterised."""


def open_bench(device: str, sensor: SensorChoice, threads: int | None, *, shared: bool, nvml: Any = None) -> Bench:
    """Return the bench for a device named on the command line.

    Args:
        device: `auto`, `cuda`, `cuda:1`, or `cpu`; auto is the first GPU.
        sensor: backend, or `auto`.
        threads: of torch on a processor; None takes all cores.
        shared: measure although others use the device.
        nvml: the module `pynvml`; None imports it.

    Raises:
        InputError: there is no such device, it is busy, or its sensor cannot be read.
    """
    if device == "cpu":
        return _processor_bench(sensor, threads or who.cores(), shared=shared)
    index = _gpu_index(device)
    return _gpu_bench(index, sensor, shared=shared, nvml=nvml, probe=who.probe_gpu, make_runtime=CudaRuntime)


def _gpu_bench(
    index: int,
    sensor: SensorChoice,
    *,
    shared: bool,
    nvml: Any,
    probe: Callable[[int], dict[str, Any]],
    make_runtime: Callable[[int], Runtime],
) -> Bench:
    # The driver and torch number boards alike only by their place on the bus; this process alone is affected.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    clock = WallClock()
    if sensor == "rapl":
        raise InputError("--sensor rapl reads a processor; a GPU has nvml, nvml-power, zeus or none")
    if sensor in {"zeus", "none"}:
        facts = probe(index)
        return _boardless_bench(index, sensor, facts, clock, make_runtime)
    # The driver is asked first: it says better than torch why there is no GPU.
    Board(0, nvml).close()
    facts = probe(index)
    if facts["cuda"] is None:
        if sensor != "auto":
            raise InputError(f"--sensor {sensor} reads boards of NVIDIA; this torch drives AMD: use --sensor zeus")
        return _boardless_bench(index, "zeus", facts, clock, make_runtime)
    board = _same_board(index, facts, nvml)
    if board.divided():
        raise InputError(f"GPU {index} is divided by MIG: energy of one of its parts is not known; use --sensor none")
    reader = NvmlSensor(board, clock, counter=sensor != "nvml-power")
    board_watch = None if shared else BoardWatch(board, clock.wait)
    notes = []
    if board_watch is not None and not board_watch.lists_processes:
        notes.append("the driver does not list processes: nobody watches whether others use the GPU")
    if not reader.tells_throttling:
        notes.append("the driver does not say why the clock is held down: throttled windows are not found")
    identity = who.gpu_identity(facts, board.facts(), board.power_limits())
    device = TorchDevice(identity, make_runtime(index), clock)
    return _bench(device, reader, clock, board_watch or NobodyWatches(), tuple(notes))


def _boardless_bench(
    index: int, sensor: SensorName, facts: dict[str, Any], clock: Clock, make_runtime: Callable[[int], Runtime]
) -> Bench:
    reader: Sensor = ZeusSensor(index, clock) if sensor == "zeus" else NoSensor(clock)
    identity = who.gpu_identity(facts, {}, reader.power_limits())
    notes = ["nobody watches whether other processes use the GPU, or whether it is throttled"]
    if sensor == "none":
        notes.insert(0, "time only: --sensor none reads no energy")
    return _bench(TorchDevice(identity, make_runtime(index), clock), reader, clock, NobodyWatches(), tuple(notes))


def _processor_bench(sensor: SensorChoice, threads: int, *, shared: bool) -> Bench:
    clock, notes = WallClock(), list[str]()
    reader: Sensor
    if sensor == "zeus":
        reader = ZeusSensor(0, clock)
    elif sensor == "rapl":
        reader = RaplSensor(clock)
    elif sensor == "none":
        reader = NoSensor(clock)
    elif sensor == "auto":
        reader = NoSensor(clock)
        if not has_counters():
            notes.append("time only: this machine has no energy counters of its processor (RAPL)")
        else:
            try:
                reader = RaplSensor(clock)
            except InputError as error:
                notes.append(f"time only: {error}")
    else:
        raise InputError(f"--sensor {sensor} reads a GPU; a processor has rapl, zeus or none")
    watch = NobodyWatches() if shared else processor_watch()
    if not shared:
        refuse_busy_host(watch)
    device = TorchDevice(who.processor_identity(), ProcessorRuntime(threads), clock)
    return _bench(device, reader, clock, watch, tuple(notes))


def _bench(device: TorchDevice, sensor: Sensor, clock: Clock, watch: Watch, notes: tuple[str, ...] = ()) -> Bench:
    period_s = PACES[device.identity.kind].sample_period_s
    sampler = ThreadSampler(sensor, clock, period_s)
    return Bench(device, sensor, sampler, ThreadSampler(sensor, clock, PROBE_PERIOD_S), clock, watch, notes)


def _same_board(index: int, facts: dict[str, Any], nvml: Any) -> Board:
    """Return the board that torch calls `index`: by its identity where torch tells it, else by its place."""
    if facts["uuid"]:
        try:
            return Board(f"GPU-{facts['uuid'].removeprefix('GPU-')}", nvml)
        except InputError:
            # Some virtual machines show torch another identity than the driver's library.
            pass
    board = Board(index, nvml)
    name = board.facts()["name"]
    if name and name != facts["name"]:
        raise InputError(
            f"torch calls GPU {index} '{facts['name']}', the driver '{name}': which board is which cannot be told; "
            "make one visible with CUDA_VISIBLE_DEVICES, or use --sensor none"
        )
    return board


def _gpu_index(device: str) -> int:
    name, _, number = device.partition(":")
    if device == "auto" or (name == "cuda" and (not number or number.isdecimal())):
        return int(number or 0)
    raise InputError(f"--device must be auto, cuda, cuda:NUMBER, cpu or recorded:DIRECTORY, got '{device}'")
