"""What differs between a GPU under CUDA and the processor of the host, behind one interface."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import torch

from calibration.measuring.record import DeviceKind

SPINNING_BLOCKS: Final = 16
"""Kernels that poll side by side, like the channels of a collective: each is one block that watches one flag."""

_SPIN_CHUNK_S: Final = 0.05
_SPIN_TRIAL_CYCLES: Final = 20_000_000


class Runtime(Protocol):
    """Runs calls on one device."""

    kind: DeviceKind
    device: torch.device

    def open(self) -> None:
        """Make a context on the device."""
        ...

    def synchronize(self) -> None:
        """Wait until everything launched has ended."""
        ...

    def free_bytes(self) -> float:
        """Return the memory that operands may take."""
        ...

    def record(self, calls: Sequence[Callable[[], object]]) -> Callable[[], None] | None:
        """Return a replay of the calls without launching each, or None where the device has no such thing."""
        ...

    def spin(self, duration_s: float) -> None:
        """Keep the device polling for a time."""
        ...

    def release(self) -> None:
        """Give memory back that nothing uses any more."""
        ...


class CudaRuntime:
    """A GPU.

    Args:
        index: as torch counts.
    """

    kind: DeviceKind = "cuda"

    def __init__(self, index: int) -> None:
        self.device = torch.device("cuda", index)
        self._streams: list[torch.cuda.Stream] = []
        self._cycles_per_s = 0.0

    def open(self) -> None:
        """Make the context, which the first allocation does."""
        torch.cuda.set_device(self.device)
        torch.zeros(1, device=self.device)
        torch.cuda.synchronize(self.device)

    def synchronize(self) -> None:
        """Wait for all streams of the device."""
        torch.cuda.synchronize(self.device)

    def free_bytes(self) -> float:
        """Return what the driver says is free."""
        return float(torch.cuda.mem_get_info(self.device)[0])

    def record(self, calls: Sequence[Callable[[], object]]) -> Callable[[], None] | None:
        """Return the replay of a CUDA graph; None if one of the calls cannot be captured."""
        side, own = _stream(self.device), torch.cuda.current_stream(self.device)
        side.wait_stream(own)
        with torch.cuda.stream(side):
            for call in calls:
                call()
        own.wait_stream(side)
        self.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                for call in calls:
                    call()
        except RuntimeError as error:
            if "captur" not in str(error).lower():
                raise
            # A recording that fails leaves its own stream as the current one.
            torch.cuda.set_stream(own)
            self.synchronize()
            return None
        return graph.replay

    def spin(self, duration_s: float) -> None:
        """Launch polling kernels, one a stream, chunk after chunk."""
        if not self._streams:
            self._streams = [_stream(self.device) for _ in range(SPINNING_BLOCKS)]
            self._cycles_per_s = self._spinning_cycles_per_s()
        remaining_s = duration_s
        while remaining_s > 0.0:
            chunk_s = min(remaining_s, _SPIN_CHUNK_S)
            for stream in self._streams:
                with torch.cuda.stream(stream):
                    _sleep(int(chunk_s * self._cycles_per_s))
            remaining_s -= chunk_s

    def _spinning_cycles_per_s(self) -> float:
        for _ in range(2):
            self.synchronize()
            began_s = time.perf_counter()
            _sleep(_SPIN_TRIAL_CYCLES)
            self.synchronize()
            taken_s = time.perf_counter() - began_s
        return _SPIN_TRIAL_CYCLES / taken_s

    def release(self) -> None:
        """Return cached blocks to the driver."""
        gc.collect()
        torch.cuda.empty_cache()


def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _sleep(cycles: int) -> None:
    """Launch one block that reads the clock register until `cycles` have passed."""
    torch.cuda._sleep(cycles)  # type: ignore[no-untyped-call]


class ProcessorRuntime:
    """The processor of the host.

    Args:
        threads: that torch computes with.
    """

    kind: DeviceKind = "cpu"

    def __init__(self, threads: int) -> None:
        self.device = torch.device("cpu")
        self.threads = threads

    def open(self) -> None:
        """Set the threads; they start with the first kernel."""
        torch.set_num_threads(self.threads)

    def synchronize(self) -> None:
        """Do nothing: calls end before they return."""

    def free_bytes(self) -> float:
        """Return half of what the kernel says is available: the host needs memory for itself."""
        return 0.5 * available_bytes()

    def record(self, calls: Sequence[Callable[[], object]]) -> Callable[[], None] | None:  # noqa: ARG002
        """Return None: calls run at once."""
        return None

    def spin(self, duration_s: float) -> None:
        """Poll the clock on one core."""
        end_s = time.perf_counter() + duration_s
        while time.perf_counter() < end_s:
            pass

    def release(self) -> None:
        """Let the allocator return memory."""
        gc.collect()


def available_bytes(meminfo: Path = Path("/proc/meminfo")) -> float:
    """Return the memory of the host that can be had without swapping."""
    if meminfo.is_file():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        if "MemAvailable" in lines:
            return float(lines["MemAvailable"].split()[0]) * 1024.0
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) / 2.0


def set_fp32_arithmetic(number_format: str) -> None:
    """Choose between tf32 and full fp32 in products of 32-bit operands."""
    matmul = torch.backends.cuda.matmul
    if hasattr(matmul, "fp32_precision"):
        matmul.fp32_precision = "tf32" if number_format == "tf32" else "ieee"
    else:
        matmul.allow_tf32 = number_format == "tf32"
