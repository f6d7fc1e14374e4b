"""A synthetic GPU on a virtual clock: its true power is known, its sensor lags, averages and ticks; and a fake NVML."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import pynvml
import pytest
import torch

from benchmarks.synthetic_board import Cost, SyntheticDevice, SyntheticSensor, TruePower, VirtualSampler
from calibration.measuring import bench as bench_module
from calibration.measuring import closing, identity
from calibration.measuring.bench import Bench
from calibration.measuring.clock import VirtualClock
from calibration.measuring.others import NobodyWatches
from calibration.measuring.points import Point
from calibration.measuring.record import DeviceIdentity
from calibration.measuring.runtime import ProcessorRuntime

IDLE_W, CONTEXT_W, BUSY_W = 70.0, 90.0, 650.0
REPETITION_S = 0.00137


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


IDENTITY = DeviceIdentity(
    kind="cuda", vendor="NVIDIA", name="Synthetic 9", memory_bytes=80e9, cache_bytes=50e6, compute_units=132,
    architecture="9.0", uuid_hash="0123456789abcdef",
)  # fmt: skip


def every_kernel_alike(point: Point, _seed: int) -> Cost:
    """Every kernel takes `REPETITION_S` and draws `BUSY_W`."""
    return Cost(None, None) if point.family in {"idle", "idle_context"} else Cost(REPETITION_S, BUSY_W)


@pytest.fixture
def synthetic_bench() -> Callable[..., Bench]:
    """Return a bench of a synthetic GPU; keywords are those of its sensor."""

    def make(*, uuid_hash: str = IDENTITY.uuid_hash, watch=None, overhead_s: float = 0.0, **sensor: object) -> Bench:
        clock, power = VirtualClock(), TruePower()
        power.watts[0] = IDLE_W
        reader = SyntheticSensor(power, clock, **sensor)
        identity = IDENTITY.model_copy(update={"uuid_hash": uuid_hash})
        device = SyntheticDevice(identity, clock, power, every_kernel_alike, CONTEXT_W, overhead_s)
        sampler, probe = VirtualSampler(reader, clock, 0.02), VirtualSampler(reader, clock, 0.004)
        return Bench(device, reader, sampler, probe, clock, watch or NobodyWatches())

    return make


class FakeNVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"code {value}")
        self.value = value


class FakeMismatchError(Exception):
    pass


class FakeNvml:
    """The module `pynvml` over one board: other functions that it has are not supported, functions that it lacks fail.

    `fails` maps a function to its error code.
    """

    NVMLError = FakeNVMLError
    NVMLLibraryMismatchError = FakeMismatchError
    NVML_SUCCESS = 0
    NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_NO_PERMISSION = 3, 4
    NVML_ERROR_DRIVER_NOT_LOADED, NVML_ERROR_LIBRARY_NOT_FOUND = 9, 12
    NVML_ERROR_GPU_IS_LOST, NVML_ERROR_LIB_RM_VERSION_MISMATCH = 15, 18
    NVML_FI_DEV_POWER_INSTANT, NVML_FI_DEV_POWER_AVERAGE = 186, 185

    def __init__(self) -> None:
        self.fails: dict[str, int] = {}
        self.mismatched: set[str] = set()
        self.boards, self.processes, self.busy_percent = 1, [], 0
        self.reasons = 0x4
        self.mig = (0, 0)
        self.calls: list[str] = []
        self.millijoules = 1_000_000

    def __getattr__(self, name: str):
        if not name.startswith("nvml"):
            raise AttributeError(name)
        answer = getattr(type(self), f"_{name}", None)
        if answer is None and not hasattr(pynvml, name):
            raise AttributeError(name)

        def call(*arguments: object) -> object:
            self.calls.append(name)
            if name in self.mismatched:
                raise FakeMismatchError(name)
            if name in self.fails:
                raise FakeNVMLError(self.fails[name])
            if answer is None:
                raise FakeNVMLError(self.NVML_ERROR_NOT_SUPPORTED)
            return answer(self, *arguments)

        return call

    def _nvmlInit(self) -> None:  # noqa: N802
        pass

    _nvmlShutdown = _nvmlInit  # noqa: N815

    def _nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self.boards

    def _nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def _nvmlDeviceGetTotalEnergyConsumption(self, *_: object) -> int:  # noqa: N802
        self.millijoules += 900
        return self.millijoules

    def _nvmlDeviceGetFieldValues(self, _handle: int, wanted: list[int]) -> list[SimpleNamespace]:  # noqa: N802
        return [SimpleNamespace(nvmlReturn=0, value=SimpleNamespace(uiVal=431_000 + number)) for number in wanted]

    def _nvmlDeviceGetPowerUsage(self, *_: object) -> int:  # noqa: N802
        return 420_000

    def _nvmlDeviceGetTemperature(self, *_: object) -> int:  # noqa: N802
        return 88

    def _nvmlDeviceGetClockInfo(self, *_: object) -> int:  # noqa: N802
        return 1320

    def _nvmlDeviceGetCurrentClocksEventReasons(self, *_: object) -> int:  # noqa: N802
        return self.reasons

    _nvmlDeviceGetCurrentClocksThrottleReasons = _nvmlDeviceGetCurrentClocksEventReasons  # noqa: N815

    def _nvmlDeviceGetComputeRunningProcesses(self, *_: object) -> list[SimpleNamespace]:  # noqa: N802
        return [SimpleNamespace(pid=pid) for pid in self.processes]

    def _nvmlDeviceGetUtilizationRates(self, *_: object) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(gpu=self.busy_percent)

    def _nvmlDeviceGetName(self, *_: object) -> bytes:  # noqa: N802
        return b"Synthetic 9"

    def _nvmlDeviceGetUUID(self, *_: object) -> str:  # noqa: N802
        return "GPU-0000"

    def _nvmlDeviceGetMigMode(self, *_: object) -> tuple[int, int]:  # noqa: N802
        return self.mig

    def _nvmlDeviceGetEnforcedPowerLimit(self, *_: object) -> int:  # noqa: N802
        return 700_000


POINTS = [
    Point("idle", "idle"),
    Point("idle_context", "idle_context"),
    *(Point(f"gemm/fp32/m{m}-n64-k64", "gemm", number_format="fp32", m=m, n=64, k=64) for m in (16, 32, 64, 128)),
]
"""Few and small: kernels of the fake board run on the processor."""


@pytest.fixture
def nvml() -> FakeNvml:
    return FakeNvml()


@pytest.fixture
def fake_gpu(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml) -> FakeNvml:
    """Make the command line see the fake board, with kernels on the processor."""
    facts = {
        "cuda": "13.0", "hip": None, "count": 1, "name": "Synthetic 9", "memory": 1 << 30, "units": 132, "major": 9,
        "minor": 0, "cache": 1 << 20, "uuid": "",
    }  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(identity, "probe_gpu", lambda _index: facts)
    monkeypatch.setattr(bench_module, "CudaRuntime", lambda _index: ProcessorRuntime(1))
    monkeypatch.setattr(closing, "gpu_points", lambda *_: POINTS)
    quick = replace(bench_module.PACES["cuda"], shortest_window_s=0.002, overhead_s=0.0, start_s=0.05)
    monkeypatch.setitem(bench_module.PACES, "cuda", quick)
    return nvml
