"""The runtime of a GPU over a fake `torch.cuda` that writes down what it is told, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from calibration.measuring import runtime as module
from calibration.measuring.runtime import SPINNING_BLOCKS, CudaRuntime

CYCLES_PER_S = 1.5e9


class FakeStream:
    def __init__(self, name: str) -> None:
        self.name = name

    def wait_stream(self, _other: FakeStream) -> None:
        pass


class FakeCuda:
    """Kernels run on the current stream; sleeping kernels of one synchronisation run side by side by stream."""

    def __init__(self) -> None:
        self.default = self.current = FakeStream("default")
        self.log: list[str] = []
        self.capturing = self.refuses_capture = False
        self.now_s, self.busy_s = 0.0, dict[str, float]()

    def launch(self, name: str) -> None:
        if self.capturing and self.refuses_capture:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        self.log.append(f"{'captured' if self.capturing else 'ran'} {name} on {self.current.name}")

    def sleep(self, cycles: int) -> None:
        self.busy_s[self.current.name] = self.busy_s.get(self.current.name, 0.0) + cycles / CYCLES_PER_S

    def synchronize(self, *_: object) -> None:
        self.now_s += max(self.busy_s.values(), default=0.0)
        self.busy_s.clear()

    @contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    @contextmanager
    def graph(self, graph: FakeGraph) -> Iterator[None]:
        """As torch's: a failure inside makes the end of the capture fail, and the stream stays."""
        before, self.current, self.capturing = self.current, FakeStream("capture"), True
        start = len(self.log)
        try:
            yield
        finally:
            self.capturing = False
        graph.calls = [entry.split()[1] for entry in self.log[start:]]
        self.current = before


class FakeGraph:
    calls: list[str]

    def replay(self) -> None:
        CUDA.log.append("replayed " + "+".join(self.calls))


CUDA: FakeCuda


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    global CUDA
    CUDA = fake = FakeCuda()
    for name, value in {
        "synchronize": fake.synchronize, "stream": fake.stream, "graph": fake.graph, "CUDAGraph": FakeGraph,
        "current_stream": lambda _=None: fake.current, "mem_get_info": lambda _=None: (7 << 30, 80 << 30),
        "set_stream": lambda stream: setattr(fake, "current", stream), "_sleep": fake.sleep,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, value)
    count = iter(range(100))
    monkeypatch.setattr(module, "_stream", lambda _device: FakeStream(f"side{next(count)}"))
    monkeypatch.setattr(module.time, "perf_counter", lambda: fake.now_s)
    return fake


def test_calls_run_on_a_side_stream_before_they_are_captured(cuda: FakeCuda) -> None:
    replay = CudaRuntime(0).record([lambda: cuda.launch("a"), lambda: cuda.launch("b")])
    assert replay is not None
    replay()
    assert cuda.log == [
        "ran a on side0", "ran b on side0", "captured a on capture", "captured b on capture", "replayed a+b",
    ]  # fmt: skip
    assert cuda.current is cuda.default


def test_what_cannot_be_captured_is_launched_on_the_stream_of_before(cuda: FakeCuda) -> None:
    cuda.refuses_capture = True
    assert CudaRuntime(0).record([lambda: cuda.launch("a")]) is None
    assert cuda.current is cuda.default


def test_another_failure_is_not_taken_for_one_of_capturing(cuda: FakeCuda) -> None:
    def failing() -> None:
        if cuda.capturing:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    with pytest.raises(RuntimeError, match="illegal memory access"):
        CudaRuntime(0).record([failing])


def test_spinning_lasts_as_long_as_asked_on_every_block(cuda: FakeCuda) -> None:
    runtime = CudaRuntime(0)
    runtime.spin(0.1)
    runtime.synchronize()
    began_s = cuda.now_s
    runtime.spin(1.52)
    assert len(cuda.busy_s) == SPINNING_BLOCKS
    assert all(busy_s == pytest.approx(1.52, rel=1e-6) for busy_s in cuda.busy_s.values())
    runtime.synchronize()
    assert cuda.now_s - began_s == pytest.approx(1.52, rel=1e-6)


def test_free_memory_is_what_the_driver_says(cuda: FakeCuda) -> None:
    assert CudaRuntime(0).free_bytes() == 7 << 30
