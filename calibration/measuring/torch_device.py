"""A device that torch runs kernels on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import torch

from calibration.measuring.clock import Clock
from calibration.measuring.kernels import calls, operand_sets
from calibration.measuring.operands import Operands
from calibration.measuring.points import Point, operand_bytes
from calibration.measuring.prepared import CannotRunError, DutyCycle, KernelLoop, Pause, Prepared, Spin
from calibration.measuring.record import DeviceIdentity
from calibration.measuring.runtime import Runtime, set_fp32_arithmetic
from simulator.errors import InputError

T = TypeVar("T")

SETTLE_S: Final = {"cuda": 6.0, "cpu": 0.0}
"""Time before an idle window: a board keeps its clocks up for seconds after the last kernel, and draws for them."""

_WORKSPACE = 1.15
"""Memory beside operands and results: workspaces of products, blocks of the allocator."""

_GIB = float(1 << 30)


class TorchDevice:
    """Makes points ready to run.

    Args:
        identity: what the device is.
        runtime: how it runs calls.
        clock: the measuring clock.
    """

    def __init__(self, identity: DeviceIdentity, runtime: Runtime, clock: Clock) -> None:
        self.identity, self.runtime, self.clock = identity, runtime, clock

    def open(self) -> None:
        """Make a context.

        Raises:
            InputError: the device refuses.
        """
        try:
            self.runtime.open()
        except RuntimeError as error:
            raise InputError(f"{self.identity.name} cannot be opened: {_first_line(error)}") from None

    def prepare(self, point: Point, seed: int) -> Prepared:
        """Return a point ready to run.

        Args:
            point: what to run.
            seed: of random operands and periods.

        Raises:
            CannotRunError: the device has not the memory, or not the arithmetic.
            InputError: the device has failed.
        """
        if point.family in {"idle", "idle_context"}:
            return Pause(self.clock, SETTLE_S[self.runtime.kind])
        if point.family == "comm_wait":
            return Spin(self.runtime)
        cache_bytes = self.identity.cache_bytes or 0.0
        sets = operand_sets(point, cache_bytes)
        needed, free = _WORKSPACE * sets * operand_bytes(point), self.runtime.free_bytes()
        if needed > free:
            raise CannotRunError(f"needs {needed / _GIB:.1f} GiB of memory, {free / _GIB:.1f} GiB are free")
        set_fp32_arithmetic(point.number_format)
        operands = Operands(self.runtime.device, point.inputs, seed)
        loop = KernelLoop(guarded(lambda: calls(point, operands, sets)), self.runtime, self.clock)
        if point.duty is None:
            return _Guarded(loop)
        return _Guarded(DutyCycle(loop, point.duty, self.clock, seed))

    def release(self) -> None:
        """Give memory back."""
        self.runtime.release()


class _Guarded:
    """Something prepared whose failures of torch become sentences."""

    def __init__(self, inner: Prepared) -> None:
        self.inner = inner

    def warm_up(self, duration_s: float) -> None:
        guarded(lambda: self.inner.warm_up(duration_s))

    def run(self, duration_s: float) -> int:
        return guarded(lambda: self.inner.run(duration_s))


def guarded(call: Callable[[], T]) -> T:
    """Return what a call returns.

    Raises:
        CannotRunError: there is not the memory or not the kernel; the device is well.
        InputError: the device has failed, and nothing more can run in this process.
    """
    try:
        return call()
    except torch.OutOfMemoryError as error:
        raise CannotRunError(f"out of memory: {_first_line(error)}") from None
    except RuntimeError as error:
        # A device that has failed answers every later call with the same error.
        if "CUDA error" in str(error) or "HIP error" in str(error):
            raise InputError(
                f"the device failed: {_first_line(error)}; windows measured so far are kept, run the same command again"
            ) from None
        raise CannotRunError(f"the kernel failed: {_first_line(error)}") from None


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
