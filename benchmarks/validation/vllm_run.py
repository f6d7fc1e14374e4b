"""A recorded run of vLLM as LLMServingSim publishes it (MIT): a folder with three files.

`meta.json` holds the engine's arguments and, in later recordings, its KV blocks, the device and the resolved settings.
`requests.jsonl` holds a request a line: its tokens, its arrival by the wall clock, and four instants by the engine's
monotonic clock, of which `queued_ts` is the arrival that latencies count from. `timeseries.csv` has a row a second.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

_STAMPS: Final = ("queued_ts", "first_token_ts", "last_token_ts")
_REQUEST: Final = ("input_toks", "output_toks", "arrival_time", *_STAMPS)
_SERIES: Final = ("t", "waiting")
_DTYPES: Final = {"auto": "bf16", "bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32"}


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A recorded run.

    Args:
        case_id: its folder, as shown.
        folder: its folder.
        meta: content of `meta.json`.
        requests: the requests in order of `queued_ts`, instants in seconds of the engine's clock.
        series: running and waiting requests by second.
    """

    case_id: str
    folder: Path
    meta: dict[str, Any]
    requests: pd.DataFrame
    series: pd.DataFrame

    @property
    def arguments(self) -> dict[str, Any]:
        """What the engine was started with."""
        return dict(self.meta["engine_kwargs"])

    def setting(self, block: str, name: str, default: Any = None) -> Any:
        """Return a resolved setting, or the argument of that name, or the default."""
        resolved = self.meta.get("resolved_config", {}).get(block) or {}
        found = resolved.get(name)
        return self.arguments.get(name, default) if found is None else found

    @property
    def device_names(self) -> list[str]:
        """What may name the device: what the run says of it, and its folders from the inside out."""
        said = self.meta.get("hardware", {}).get("device_name")
        folders = [folder.name for folder in (self.folder, *self.folder.parents)]
        return [*([said] if said else []), *folders]

    @property
    def tensor_parallel(self) -> int:
        """Accelerators that share each layer."""
        return int(self.arguments.get("tensor_parallel_size") or 1)

    @property
    def replicas(self) -> int:
        """Copies of the model behind one queue."""
        return int(self.arguments.get("data_parallel_size") or 1)

    @property
    def kv_blocks(self) -> int | None:
        """Blocks that requests may hold: those of the engine but the one that it keeps for padding."""
        blocks = self.meta.get("kv_cache", {}).get("num_gpu_blocks") or self.setting("cache_config", "num_gpu_blocks")
        return int(blocks) - 1 if blocks else None

    @property
    def block_tokens(self) -> int:
        """Tokens in a block of the KV cache."""
        return int(self.meta.get("kv_cache", {}).get("block_size") or self.setting("cache_config", "block_size", 16))

    @property
    def memory_fraction(self) -> float:
        """Share of device memory that the engine may take."""
        return float(self.setting("cache_config", "gpu_memory_utilization", 0.9))

    @property
    def precision(self) -> str | None:
        """Format of weights and arithmetic in the simulator's terms; None for one that it does not know."""
        quantization = self.setting("model_config", "quantization")
        if quantization is not None:
            return {"fp8": "fp8"}.get(quantization)
        return _DTYPES.get(str(self.setting("model_config", "dtype", "auto")).removeprefix("torch."))

    @property
    def kv_precision(self) -> str | None:
        """Format of the KV cache in the simulator's terms; None for one that it does not know."""
        name = str(self.arguments.get("kv_cache_dtype") or "auto")
        if name == "auto":
            return "fp16" if self.precision == "fp16" else "bf16"
        return "fp8" if name.startswith("fp8") else {"bfloat16": "bf16", "float16": "fp16"}.get(name)

    def refusal(self) -> str | None:
        """Return why the run lies outside the simulator, before anything is simulated."""
        arguments = self.arguments
        if int(arguments.get("pipeline_parallel_size") or 1) > 1:
            return "pipeline-parallel serving is not modelled"
        if arguments.get("enable_expert_parallel"):
            return "expert-parallel serving is not modelled"
        if self.meta.get("resolved_config", {}).get("speculative_config") or arguments.get("speculative_config"):
            return "speculative decoding is not modelled"
        if self.precision is None or self.kv_precision is None:
            asked = [self.setting("model_config", name) for name in ("dtype", "quantization")]
            return f"number format {'/'.join(str(name) for name in asked if name)} is not modelled"
        if not (self.requests.output_toks > 1).any():
            return "no answer has two tokens"
        return None

    def latencies(self) -> pd.DataFrame:
        """Return `ttft_s`, `tpot_s` (absent for answers of one token) and `e2e_s` by request."""
        table = self.requests
        further = (table.output_toks - 1).where(table.output_toks > 1)
        return pd.DataFrame(
            {
                "ttft_s": table.first_token_ts - table.queued_ts,
                "tpot_s": (table.last_token_ts - table.first_token_ts) / further,
                "e2e_s": table.last_token_ts - table.queued_ts,
            }
        )

    @property
    def makespan_s(self) -> float:
        """First arrival to last token."""
        return float(self.requests.last_token_ts.max() - self.requests.queued_ts.min())

    def waits_after(self, instant_s: float) -> bool:
        """Return whether a request waited at any second that ends after an instant of the engine's clock."""
        # The series counts from the start of the recording, by the wall clock; requests join both clocks.
        offset_s = float((self.requests.queued_ts - self.requests.arrival_time).min())
        started_s = datetime.fromisoformat(self.meta["started_at"]).timestamp() + offset_s
        return bool((self.series.waiting[self.series.t + started_s > instant_s + 1.0] > 0).any())


def find_runs(path: Path) -> list[Run]:
    """Return the runs at or below a folder, in order of their folders.

    Raises:
        SystemExit: there is none, or a file of one lacks what the format has.
    """
    if not path.is_dir():
        raise SystemExit(f"{path}: no such folder")
    folders = sorted(file.parent for file in path.rglob("meta.json") if (file.parent / "requests.jsonl").is_file())
    if not folders:
        raise SystemExit(f"{path}: no folder with meta.json and requests.jsonl")
    return [_read(folder, path) for folder in folders]


def _read(folder: Path, path: Path) -> Run:
    place = folder.resolve()
    named = place.parent if place.name == "vllm" else place
    shown = "/".join(named.parts[-2:])
    if len(folder.relative_to(path).parts) > len(place.relative_to(named).parts) + 1:
        shown = named.relative_to(path.resolve()).as_posix()
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        lines = (folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()
        requests = pd.DataFrame([json.loads(line) for line in lines if line.strip()])
        series = pd.read_csv(folder / "timeseries.csv")
    except (OSError, ValueError) as error:
        raise SystemExit(f"{folder}: cannot be read: {error}") from None
    for name, columns, needed in (
        ("meta.json", meta, ("engine_kwargs", "started_at")),
        ("requests.jsonl", requests.columns, _REQUEST),
        ("timeseries.csv", series.columns, _SERIES),
    ):
        missing = [entry for entry in needed if entry not in columns]
        if missing:
            raise SystemExit(f"{folder / name}: lacks {', '.join(missing)}")
    numbers = requests[list(_REQUEST)].apply(pd.to_numeric, errors="coerce")
    wrong = ~np.isfinite(numbers.to_numpy(float)).all(axis=1)
    wrong |= (numbers.output_toks < 1) | (numbers.input_toks < 1) | (numbers.first_token_ts < numbers.queued_ts)
    wrong |= numbers.last_token_ts < numbers.first_token_ts
    if wrong.any():
        raise SystemExit(f"{folder / 'requests.jsonl'}:{int(np.flatnonzero(wrong)[0]) + 1}: is no finished request")
    requests = numbers.sort_values("queued_ts", kind="stable").reset_index(drop=True)
    return Run(shown, place, meta, requests, series)
