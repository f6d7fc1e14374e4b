"""Which points are measured on a GPU and on a processor.

Products have the shapes of two decoders: one like a 7B model on one device, one like an eighth of a 70B model. The
transformer of `check` has neither, so that it stays unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from calibration.measuring.points import FULL, LEAST, QUICK, Point
from calibration.windows import Family, Inputs

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class LayerShape:
    """One decoder layer as one device sees it.

    Args:
        name: short.
        hidden_size: channels of the residual stream.
        query_heads: on this device.
        kv_heads: on this device.
        head_size: channels of a head.
        ffn_size: channels inside the feed-forward block on this device.
    """

    name: str
    hidden_size: int
    query_heads: int
    kv_heads: int
    head_size: int
    ffn_size: int

    def products(self) -> tuple[tuple[int, int], ...]:
        """Return (columns, inner size) of the products: query-key-value, output, gate and up, down."""
        queries = self.query_heads * self.head_size
        return (
            (queries + 2 * self.kv_heads * self.head_size, self.hidden_size),
            (self.hidden_size, queries),
            (2 * self.ffn_size, self.hidden_size),
            (self.hidden_size, self.ffn_size),
        )


SEVEN_B: Final = LayerShape("7b", 4096, 32, 32, 128, 11008)
SEVENTY_B_EIGHTH: Final = LayerShape("70b-tp8", 8192, 8, 1, 128, 3584)
SMALL: Final = LayerShape("small", 512, 8, 4, 64, 1408)
WIDE: Final = LayerShape("wide", 1024, 4, 1, 64, 704)

_GPU_FORMATS: Final = ("fp16", "tf32", "fp32", "fp8")


def gpu_points(cache_bytes: float, sixteen_bits: str) -> list[Point]:
    """Return the points of a GPU.

    Args:
        cache_bytes: last-level cache.
        sixteen_bits: the 16-bit format of its products, `bf16` where it has it.
    """
    points = [Point("idle", "idle"), Point("idle_context", "idle_context"), Point("comm_wait", "comm_wait")]
    shapes = (SEVEN_B, SEVENTY_B_EIGHTH)
    for shape in shapes:
        for index, (n, k) in enumerate(shape.products()):
            for m in (1, 8, 16, 64, 128, 512, 1024, 2048, 8192):
                least = index == 2 and m in {16, 128, 1024, 8192}
                quick = least or (index in {0, 3} and m in {16, 1024})
                full = quick or m in {1, 64, 512, 2048}
                if full:
                    points.append(_gemm(sixteen_bits, m, n, k, LEAST if least else QUICK if quick else FULL))
    points += [_gemm(sixteen_bits, size, size, size, tier) for size, tier in _SQUARES]
    for name in _GPU_FORMATS:
        if name == sixteen_bits:
            continue
        squares = ((2048, LEAST), (4096, QUICK), (8192, LEAST)) if name != "fp32" else ((1024, LEAST), (4096, LEAST))
        points += [_gemm(name, size, size, size, tier) for size, tier in squares]
        points += [_gemm(name, m, 22016, 4096, tier) for m, tier in ((16, LEAST), (128, QUICK), (1024, FULL))]
    points += _streams(cache_bytes, (256 * MIB, 1024 * MIB, 4096 * MIB))
    points += _mixed(sixteen_bits, 4096, (64 * MIB, 256 * MIB, 1024 * MIB))
    for shape in shapes:
        points += _layers(shape, sixteen_bits, {16: LEAST, 64: FULL, 256: QUICK, 1024: FULL, 2048: LEAST, 8192: FULL})
        points += _elementwise(shape, sixteen_bits, {512: LEAST, 4096: QUICK})
        points += _decodes(shape, sixteen_bits, 2048, {1: LEAST, 8: FULL, 32: QUICK, 128: LEAST, 256: FULL})
        points += _decode_attentions(
            shape, sixteen_bits,
            {(1, 2048): LEAST, (1, 16384): FULL, (16, 2048): LEAST, (64, 1024): QUICK, (128, 4096): QUICK,
             (16, 8192): FULL},
        )  # fmt: skip
        points += _prefills(
            shape, sixteen_bits, {(8, 512): LEAST, (1, 2048): LEAST, (4, 2048): FULL, (1, 8192): QUICK, (1, 512): FULL}
        )
    points += _duties(sixteen_bits, 4096, {0.1: QUICK, 0.3: LEAST, 0.5: QUICK, 0.7: LEAST, 0.9: FULL})
    bounds = [_gemm(sixteen_bits, 8192, 8192, 8192, LEAST), _copy(1024 * MIB)]
    return points + [point.with_inputs(inputs) for point in bounds for inputs in _OTHER_INPUTS]


def processor_points(cache_bytes: float, formats: tuple[str, ...]) -> list[Point]:
    """Return the points of a processor.

    Args:
        cache_bytes: last-level cache.
        formats: number formats of its products; the first is that of attention.
    """
    first, *rest = formats
    points = [Point("idle", "idle"), Point("idle_context", "idle_context"), Point("comm_wait", "comm_wait")]
    for shape in (SMALL, WIDE):
        for index, (n, k) in enumerate(shape.products()):
            rows = (
                {1: LEAST, 16: LEAST, 128: LEAST, 512: QUICK}
                if index == 2
                else {4: QUICK, 64: QUICK, 256: QUICK, 1024: FULL}
            )
            points += [_gemm(first, m, n, k, tier) for m, tier in rows.items()]
    points += [
        _gemm(first, size, size, size, tier) for size, tier in ((256, QUICK), (512, LEAST), (1024, QUICK), (2048, FULL))
    ]
    for name in rest:
        points += [_gemm(name, m, 2816, 512, tier) for m, tier in ((1, LEAST), (64, LEAST), (512, QUICK))]
    points += _streams(cache_bytes, (64 * MIB, 128 * MIB, 256 * MIB))
    points += _mixed(first, 512, (16 * MIB, 64 * MIB))
    for shape in (SMALL, WIDE):
        points += _layers(shape, first, {1: LEAST, 8: QUICK, 64: LEAST, 256: QUICK, 1024: FULL})
        points += _elementwise(shape, first, {64: LEAST, 512: QUICK})
        points += _decodes(shape, first, 256, {1: LEAST, 8: QUICK, 32: FULL})
        points += _decode_attentions(
            shape, first, {(1, 512): LEAST, (8, 512): LEAST, (8, 2048): QUICK, (32, 1024): FULL}
        )
        points += _prefills(shape, first, {(1, 128): LEAST, (1, 512): LEAST, (4, 256): QUICK, (1, 1024): FULL})
    points += _duties(first, 512, {0.3: QUICK, 0.7: QUICK})
    bounds = [_gemm(first, 512, 512, 512, LEAST), _copy(64 * MIB)]
    return points + [point.with_inputs(inputs) for point in bounds for inputs in _OTHER_INPUTS]


_SQUARES: Final = ((1024, FULL), (2048, QUICK), (4096, LEAST), (8192, LEAST), (16384, FULL))
_OTHER_INPUTS: Final[tuple[Inputs, ...]] = ("zeros", "low_entropy")


def _gemm(number_format: str, m: int, n: int, k: int, tier: int) -> Point:
    return Point(f"gemm/{number_format}/m{m}-n{n}-k{k}", "gemm", tier, number_format, m=m, n=n, k=k)


def _copy(array_bytes: int, tier: int = LEAST, *, cached: bool = False) -> Point:
    return Point(f"copy/{_size(array_bytes)}", "copy", tier, values=array_bytes // 4, cached=cached)


def _streams(cache_bytes: float, array_bytes: tuple[int, ...]) -> list[Point]:
    """Return copies and triads: one that stays in the cache, then ever larger ones."""
    inside = max(int(cache_bytes / 8) // MIB, 1) * MIB
    tiers = (LEAST, QUICK, LEAST)
    copies = [
        _copy(inside, QUICK, cached=True),
        *(_copy(size, tier) for size, tier in zip(array_bytes, tiers, strict=True)),
    ]
    triads = [
        Point(
            f"triad/{_size(size)}",
            "triad",
            max(tier, QUICK) if size == inside else tier,
            values=size // 4,
            cached=size == inside,
        )
        for size, tier in zip((inside, *array_bytes), (QUICK, *tiers), strict=True)
    ]
    return copies + triads


def _mixed(number_format: str, size: int, array_bytes: tuple[int, ...]) -> list[Point]:
    return [
        Point(
            f"mixed/{number_format}/{size}-{_size(moved)}", "mixed", QUICK if index else LEAST, number_format,
            m=size, n=size, k=size, values=moved // 4,
        )
        for index, moved in enumerate(array_bytes)
    ]  # fmt: skip


def _layers(shape: LayerShape, number_format: str, rows: dict[int, int]) -> list[Point]:
    bare = {m: Point(f"layer/{number_format}/{shape.name}/m{m}", "layer", tier, m=m) for m, tier in rows.items()}
    return [_shaped(point, shape, number_format, m) for m, point in bare.items()]


def _elementwise(shape: LayerShape, number_format: str, rows: dict[int, int]) -> list[Point]:
    names = {m: f"elementwise/{number_format}/{shape.name}/m{m}" for m in rows}
    return [_shaped(Point(names[m], "elementwise", tier), shape, number_format, m) for m, tier in rows.items()]


def _decodes(shape: LayerShape, number_format: str, context: int, rows: dict[int, int]) -> list[Point]:
    names = {m: f"decode_gemm/{number_format}/{shape.name}/m{m}-c{context}" for m in rows}
    return [
        _shaped(Point(names[m], "decode_gemm", tier, batch=m, context_tokens=context), shape, number_format, m)
        for m, tier in rows.items()
    ]


def _decode_attentions(shape: LayerShape, number_format: str, batches: dict[tuple[int, int], int]) -> list[Point]:
    family: Family = "decode_attention"
    return [
        _shaped(
            Point(f"{family}/{number_format}/{shape.name}/b{batch}-c{context}", family, tier, batch=batch,
                  context_tokens=context), shape, number_format, 1,
        )
        for (batch, context), tier in batches.items()
    ]  # fmt: skip


def _prefills(shape: LayerShape, number_format: str, batches: dict[tuple[int, int], int]) -> list[Point]:
    family: Family = "prefill_attention"
    return [
        _shaped(
            Point(f"{family}/{number_format}/{shape.name}/b{batch}-s{tokens}", family, tier, batch=batch,
                  context_tokens=0), shape, number_format, tokens,
        )
        for (batch, tokens), tier in batches.items()
    ]  # fmt: skip


def _shaped(point: Point, shape: LayerShape, number_format: str, m: int) -> Point:
    return replace(
        point,
        number_format=number_format,
        m=m,
        query_heads=shape.query_heads,
        kv_heads=shape.kv_heads,
        head_size=shape.head_size,
        hidden_size=shape.hidden_size,
        ffn_size=shape.ffn_size,
    )


def _duties(number_format: str, size: int, shares: dict[float, int]) -> list[Point]:
    return [
        Point(
            f"duty_cycle/{number_format}/{size}-{share:.0%}", "duty_cycle", tier, number_format,
            m=size, n=size, k=size, duty=share,
        )
        for share, tier in shares.items()
    ]  # fmt: skip


def _size(array_bytes: int) -> str:
    return f"{array_bytes // MIB}MiB"
