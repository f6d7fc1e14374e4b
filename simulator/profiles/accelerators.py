"""Accelerator profiles: GPU, TPU, FPGA and ASIC as their datasheets and our fits describe them."""

from __future__ import annotations

import itertools
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from simulator.documents.validation import Section
from simulator.physics.accelerator import Accelerator, HostOverhead
from simulator.physics.accelerator_power import PowerModel
from simulator.physics.links import Link
from simulator.physics.precision import Precision
from simulator.physics.roofline import AttentionEfficiency, GemmEfficiency

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, le=1)]

NumberFormat = Literal["fp32", "tf32", "fp16", "bf16", "fp8", "int8", "fp4"]

_ATTENTION_ORDER: Final[tuple[NumberFormat, ...]] = ("bf16", "fp16", "tf32", "fp32", "int8", "fp8")
"""Formats of attention and output matrix, the first that a device has."""
_WIDE: Final[tuple[NumberFormat, ...]] = ("fp32", "tf32")
"""Formats that attention and output matrix keep: who asks for 32 bits has them throughout."""


class GemmFigures(Section):
    """Achieved fractions of matrix products and elementwise work (see `simulator.physics.roofline`)."""

    compute_fraction: dict[NumberFormat, Fraction]
    """Achieved / peak operations per second of a large matrix product, by number format."""
    memory_fraction: Fraction
    """Achieved / peak memory bandwidth of reading weights."""
    sharpness: Annotated[float, Field(ge=1)]
    """Exponent of the smooth maximum of arithmetic and memory time."""
    elementwise_fraction: Fraction
    """Achieved / peak memory bandwidth of norms, residuals and activation functions."""
    layer_overhead_s: NonNegative
    """Launches and gaps of one layer."""


class AttentionFigures(Section):
    """Achieved fractions of attention kernels."""

    decode_memory_fraction: Fraction
    """Achieved / peak memory bandwidth of reading the KV cache in decode."""
    prefill_compute_fraction: Fraction
    """Achieved / peak 16-bit operations per second in prefill."""
    prefill_memory_fraction: Fraction
    """Achieved / peak memory bandwidth in prefill."""
    call_overhead_s: NonNegative
    """One attention call of one layer."""
    sequence_head_overhead_s: NonNegative
    """Added per sequence and query head of a decode call."""
    mixed_batch_factor: Annotated[float, Field(ge=1)]
    """Time of a call with decode and prefill tokens / sum of its two parts."""
    prefill_key_s: NonNegative = 0.0
    """Added per key of the longest chunk of a call."""
    mixed_decode_memory_fraction: Fraction | None = None
    """As `decode_memory_fraction`, in calls that prefill as well; absent: the same."""
    mixed_sequence_head_overhead_s: NonNegative | None = None
    """As `sequence_head_overhead_s`, in calls that prefill as well; absent: the same."""
    mixed_chunk_head_overhead_s: NonNegative = 0.0
    """Added in such calls per decoding sequence, query head and token of the longest chunk."""


class LowLatencyFigures(Section):
    """An all-reduce for small messages, as serving engines have one: quick to start, slow by the byte."""

    achieved_fraction: Fraction
    """Achieved / datasheet bandwidth."""
    startup_s: NonNegative
    """Constant part of an exchange."""
    rank_s: NonNegative
    """Added for each further rank."""


class LinkFigures(Section):
    """The link between accelerators of one server."""

    kind: Literal["nvlink", "infinity_fabric", "ici", "pcie", "ethernet", "chip_to_chip", "none"]
    """Technology, for the reader."""
    bandwidth_bytes_per_s: NonNegative
    """Datasheet bandwidth of one device in one direction."""
    achieved_fraction: Fraction
    """Achieved / datasheet bandwidth of a large all-reduce."""
    startup_s: NonNegative
    """Constant part of a collective."""
    rank_s: NonNegative
    """Added to a collective for each further rank."""
    low_latency: LowLatencyFigures | None = None
    """All-reduce of a serving engine, taken where it is quicker; null: not known."""

    def link(self, figures: LinkFigures | LowLatencyFigures) -> Link:
        """Return the link as its own figures, or those for small messages, describe it."""
        bandwidth_bytes_per_s = figures.achieved_fraction * self.bandwidth_bytes_per_s
        return Link(figures.startup_s, figures.rank_s, bandwidth_bytes_per_s)


class HostFigures(Section):
    """Time between steps in which the host works and the accelerator waits."""

    step_overhead_s: NonNegative
    """Per iteration of a serving engine."""
    sequence_overhead_s: NonNegative
    """Per sequence in the iteration."""


class PowerFigures(Section):
    """Power of one board (see `simulator.physics.accelerator_power`)."""

    idle_w: NonNegative
    """No process on the device."""
    idle_context_w: NonNegative
    """Weights loaded, nothing runs."""
    comm_wait_w: NonNegative
    """Kernels spin in a collective."""
    static_w: NonNegative
    """Constant part while kernels run."""
    joules_per_flop: dict[NumberFormat, Positive]
    """Energy per operation, by number format."""
    joules_per_byte: Positive
    """Energy per byte of device memory traffic."""
    byte_core_fraction: Annotated[float, Field(ge=0, le=1)]
    """Share of `joules_per_byte` that scales with clock and voltage of the core."""
    joules_per_link_byte: NonNegative
    """Energy per byte sent to another accelerator of the server."""
    cap_w: Positive
    """Power limit as delivered (TDP)."""
    minimum_cap_w: Positive
    """Lowest power limit that the board accepts."""
    clock_exponent: Annotated[float, Field(gt=1, le=4)]
    """Exponent of dynamic power in relative clock."""
    voltage_floor_clock: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Relative clock below which the voltage falls no further; 0: it falls all the way."""


class ThermalFigures(Section):
    """Temperatures of the board."""

    throttle_c: Positive
    """Die temperature from which the board lowers its clock."""


class AcceleratorRecord(Section):
    """One accelerator."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["accelerator"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    title: str
    """Name for people."""
    vendor: str
    """Maker."""
    category: Literal["gpu", "tpu", "fpga", "asic", "cpu"]
    """Kind of device."""
    peak_flop_per_s: dict[NumberFormat, Positive]
    """Dense datasheet peak, by number format; a format that is absent is not supported."""
    memory_bytes: Positive
    """Device memory."""
    memory_bandwidth_bytes_per_s: Positive
    """Datasheet bandwidth of the device memory."""
    embodied_kg_co2e: Positive
    """Emissions of making one device."""
    gemm: GemmFigures
    """Matrix products and elementwise work."""
    attention: AttentionFigures
    """Attention kernels."""
    link: LinkFigures
    """Device-to-device link."""
    host: HostFigures
    """Gaps between steps."""
    power: PowerFigures
    """Power model."""
    thermal: ThermalFigures | None = None
    """Temperatures of the board; null: those of the thermal profile."""

    @model_validator(mode="after")
    def _figures_agree(self) -> Self:
        faults = [*self._format_faults(), *self._power_faults()]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _format_faults(self) -> list[str]:
        formats = ", ".join(sorted(self.peak_flop_per_s))
        given = {
            "gemm.compute_fraction": self.gemm.compute_fraction,
            "power.joules_per_flop": self.power.joules_per_flop,
        }
        faults = [
            f"{name} must be given for the formats of peak_flop_per_s ({formats}), got {', '.join(sorted(figures))}"
            for name, figures in given.items()
            if figures.keys() != self.peak_flop_per_s.keys()
        ]
        if not self.peak_flop_per_s.keys() & set(_ATTENTION_ORDER):
            faults.append(f"peak_flop_per_s must hold one of {', '.join(_ATTENTION_ORDER)}, got {formats or 'none'}")
        return faults

    def _power_faults(self) -> list[str]:
        power = self.power
        rising = {
            "idle_w": power.idle_w,
            "idle_context_w": power.idle_context_w,
            "minimum_cap_w": power.minimum_cap_w,
            "cap_w": power.cap_w,
        }
        faults = [
            f"power.{low} must be <= {high} = {rising[high]:g}, got {rising[low]:g}"
            for low, high in itertools.pairwise(rising)
            if rising[low] > rising[high]
        ]
        if power.static_w >= power.minimum_cap_w:
            faults.append(f"power.static_w must be < minimum_cap_w = {power.minimum_cap_w:g}, got {power.static_w:g}")
        if power.comm_wait_w > power.cap_w:
            faults.append(f"power.comm_wait_w must be <= cap_w = {power.cap_w:g}, got {power.comm_wait_w:g}")
        return faults

    def format_for(self, precision: Precision) -> str | None:
        """Return the number format in which the device computes a precision, or None when it cannot."""
        return next((name for name in precision.compute if name in self.peak_flop_per_s), None)

    def attention_format(self, number_format: str) -> str:
        """Return the format of attention and output matrix beside products in another format.

        That is 16 bits, or what the device has in their place; products in 32 bits keep their format throughout.
        """
        if number_format in _WIDE:
            return number_format
        return next(name for name in _ATTENTION_ORDER if name in self.peak_flop_per_s)

    def rates(self, number_format: str) -> Accelerator:
        """Return what the performance and power models need, for one number format."""
        formats = {str(name): value for name, value in self.peak_flop_per_s.items()}
        fractions = {str(name): value for name, value in self.gemm.compute_fraction.items()}
        joules = {str(name): value for name, value in self.power.joules_per_flop.items()}
        sixteen = self.attention_format(number_format)
        return Accelerator(
            peak_flop_per_s=formats[number_format],
            sixteen_bit_flop_per_s=formats[sixteen],
            bandwidth_bytes_per_s=self.memory_bandwidth_bytes_per_s,
            memory_bytes=self.memory_bytes,
            gemm=GemmEfficiency(
                compute_fraction=fractions[number_format],
                memory_fraction=self.gemm.memory_fraction,
                sharpness=self.gemm.sharpness,
                elementwise_fraction=self.gemm.elementwise_fraction,
                layer_overhead_s=self.gemm.layer_overhead_s,
            ),
            attention=AttentionEfficiency(**self.attention.model_dump()),
            link=self.link.link(self.link),
            low_latency_link=self.link.link(self.link.low_latency) if self.link.low_latency else None,
            host=HostOverhead(self.host.step_overhead_s, self.host.sequence_overhead_s),
            power=self.power_model(),
            joules_per_flop=joules[number_format],
            sixteen_bit_joules_per_flop=joules[sixteen],
        )

    def power_model(self) -> PowerModel:
        """Return the power model of the board."""
        return PowerModel(**self.power.model_dump())
