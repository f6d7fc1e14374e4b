"""Who is measured, on what host, with what program: facts read from the system, hashed where they name somebody."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import torch

from calibration.measuring.record import DeviceIdentity, Environment, PowerLimits, Tool
from simulator.errors import InputError

CPUINFO: Final = Path("/proc/cpuinfo")
CACHES: Final = Path("/sys/devices/system/cpu/cpu0/cache")
ARITHMETIC_FLAGS: Final = (
    "avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_fp16", "asimd", "bf16", "sve",
)  # fmt: skip
"""Instruction sets that decide how fast products are."""

_PROBE: Final = """
import json, torch
facts = {"cuda": torch.version.cuda, "hip": torch.version.hip, "count": 0, "reason": ""}
try:
    torch.cuda.init()
    facts["count"] = torch.cuda.device_count()
except Exception as error:
    facts["reason"] = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
if facts["count"] > INDEX:
    p = torch.cuda.get_device_properties(INDEX)
    facts |= {"name": p.name, "memory": p.total_memory, "units": p.multi_processor_count}
    facts |= {"major": p.major, "minor": p.minor, "cache": getattr(p, "L2_cache_size", 0)}
    facts |= {"uuid": str(getattr(p, "uuid", ""))}
print(json.dumps(facts))
"""
"""Runs in a process of its own, whose context on the device ends with it: idle without context is measured later."""

WITHOUT_GPU: Final = "measure the processor with --device cpu"


def probe_gpu(index: int) -> dict[str, Any]:
    """Return what torch says of a GPU, without leaving a context behind.

    Raises:
        InputError: torch cannot use it.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PROBE.replace("INDEX", str(index))],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    try:
        facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise InputError(f"torch cannot look for a GPU: {reason}; {WITHOUT_GPU}") from None
    if facts["cuda"] is None and facts["hip"] is None:
        raise InputError(f"this torch was built without CUDA: install one with CUDA, or {WITHOUT_GPU}")
    if facts["count"] == 0:
        raise InputError(f"torch finds no GPU ({facts['reason'] or 'none is visible'}); {WITHOUT_GPU}")
    if facts["count"] <= index:
        raise InputError(f"there is no GPU {index}: torch sees {facts['count']}, numbered from 0")
    return facts


def gpu_identity(facts: dict[str, Any], board: dict[str, str], limits: PowerLimits | None) -> DeviceIdentity:
    """Return the identity of a GPU from what torch and its board say."""
    vendor = "NVIDIA" if facts["cuda"] else "AMD"
    return DeviceIdentity(
        kind="cuda",
        vendor=vendor,
        name=facts["name"],
        memory_bytes=float(facts["memory"]),
        cache_bytes=float(facts["cache"]) or None,
        compute_units=int(facts["units"]),
        architecture=f"{facts['major']}.{facts['minor']}",
        power_limits=limits,
        vbios=board.get("vbios", ""),
        driver=board.get("driver", ""),
        runtime=facts["cuda"] or facts["hip"],
        uuid_hash=hashed(board.get("uuid") or facts["uuid"] or facts["name"]),
    )


def processor_identity() -> DeviceIdentity:
    """Return the identity of the host's processor."""
    info = _cpuinfo()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    name = info.get("model name") or platform.processor() or platform.machine()
    return DeviceIdentity(
        kind="cpu",
        vendor=info.get("vendor_id", ""),
        name=name,
        memory_bytes=float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
        cache_bytes=_last_level_cache_bytes(),
        compute_units=cores(),
        architecture=" ".join((platform.machine(), *(flag for flag in ARITHMETIC_FLAGS if flag in flags))),
        uuid_hash=hashed(f"{platform.node()} {name}"),
    )


def environment(threads: int, cooling: str, ambient_c: float | None) -> Environment:
    """Return what is around the device."""
    return Environment(
        host_hash=hashed(platform.node()),
        operating_system=f"{platform.system()} {platform.release()}",
        processor=_cpuinfo().get("model name") or platform.machine(),
        threads=threads,
        cooling=cooling,
        ambient_c=ambient_c,
    )


def tool() -> Tool:
    """Return what measures."""
    try:
        own = version("wattline")
    except PackageNotFoundError:
        own = "not installed"
    return Tool(version=own, python=platform.python_version(), torch=str(torch.__version__))


def unsupported(identity: DeviceIdentity) -> Callable[[str], str | None]:
    """Return a function that says why a device does not compute in a number format, or None where it does."""
    if identity.kind == "cpu":
        return lambda name: _processor_lacks(identity.architecture, name)
    return lambda name: _gpu_lacks(identity, name)


def hashed(text: str) -> str:
    """Return a short hash."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpu_lacks(identity: DeviceIdentity, name: str) -> str | None:
    if identity.vendor != "NVIDIA":
        return None if name in {"fp32", "fp16", "bf16"} else f"{name} is measured on boards of NVIDIA only"
    major, minor = (int(part) for part in identity.architecture.split("."))
    needed = {"bf16": (8, 0), "tf32": (8, 0), "fp8": (8, 9)}.get(name, (0, 0))
    if (major, minor) < needed:
        return f"compute capability {identity.architecture} has no {name} arithmetic"
    if name == "fp8" and not hasattr(torch, "_scaled_mm"):
        return "this torch has no product of fp8 operands"
    return None


def _processor_lacks(architecture: str, name: str) -> str | None:
    flags = set(architecture.split())
    units = {"bf16": {"avx512_bf16", "amx_bf16", "bf16"}, "fp16": {"avx512_fp16", "amx_fp16"}}
    if name == "fp32":
        return None
    if name not in units:
        return f"processors have no {name} arithmetic"
    return None if flags & units[name] else f"this processor has no {name} arithmetic; torch would emulate it"


def _cpuinfo() -> dict[str, str]:
    if not CPUINFO.is_file():
        return {}
    lines = CPUINFO.read_text().split("\n\n", 1)[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _last_level_cache_bytes() -> float | None:
    sizes = [file.read_text().strip() for file in CACHES.glob("index*/size")]
    units = {"K": 1024.0, "M": 1024.0**2}
    known = [float(size[:-1]) * units[size[-1]] for size in sizes if size and size[-1] in units]
    return max(known, default=None)
