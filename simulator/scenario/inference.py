"""Workloads of kind `inference`: a model served to requests."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.names import Count, FilePath, Fraction, Name, NonNegative, Positive, Share

Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
PrecisionName = Literal["fp32", "tf32", "fp16", "bf16", "fp8", "int8", "fp4", "int4"]
ServingPrecisionName = Literal[PrecisionName, "mxfp4"]
LEAN: Final = "lean"
"""Serving software that adds nothing to the host time of the accelerator's profile."""


class PoissonArrivals(Section):
    """Independent arrivals at a constant mean rate."""

    kind: Literal["poisson"]
    rate_per_s: Positive
    """Mean requests per second."""


class GammaArrivals(Section):
    """Arrivals with gamma-distributed gaps: bursty above a coefficient of variation of 1, regular below."""

    kind: Literal["gamma"]
    rate_per_s: Positive
    """Mean requests per second."""
    coefficient_of_variation: Annotated[float, Field(gt=0, le=100)]
    """Standard deviation / mean of the gaps."""


class DiurnalArrivals(Section):
    """Poisson arrivals whose rate follows the hour of the day and the day of the week."""

    kind: Literal["diurnal"]
    mean_rate_per_s: Positive
    """Mean requests per second of a weekday."""
    peak_to_mean: Annotated[float, Field(ge=1, le=2)]
    """Rate of the peak hour / mean rate."""
    peak_hour_utc: Annotated[float, Field(ge=0, lt=24)]
    """Hour of the day with most requests."""
    weekend_factor: Positive = 1.0
    """Rate on Saturday and Sunday / rate on a weekday."""


Arrivals = Annotated[PoissonArrivals | GammaArrivals | DiurnalArrivals, Field(discriminator="kind")]


class ConstantTokens(Section):
    """Every request has the same length."""

    kind: Literal["constant"]
    tokens: Tokens
    """Tokens."""


class LognormalTokens(Section):
    """Lengths with a lognormal distribution, drawn again when outside the limits."""

    kind: Literal["lognormal"]
    median_tokens: Positive
    """Half of the requests are shorter."""
    mean_tokens: Positive
    """Mean before the limits cut the tail; above the median."""
    minimum_tokens: Tokens = 1
    """Shortest."""
    maximum_tokens: Tokens
    """Longest."""


class EmpiricalTokens(Section):
    """Lengths with given probabilities."""

    kind: Literal["empirical"]
    tokens: Annotated[tuple[Tokens, ...], Field(min_length=1)]
    """Lengths."""
    weights: Annotated[tuple[NonNegative, ...], Field(min_length=1)]
    """Relative frequency of each."""


Lengths = Annotated[ConstantTokens | LognormalTokens | EmpiricalTokens, Field(discriminator="kind")]


class SyntheticRequests(Section):
    """Requests drawn from arrival and length distributions."""

    kind: Literal["synthetic"]
    arrivals: Arrivals
    """When requests arrive."""
    prompt_tokens: Lengths
    """Length of prompts."""
    output_tokens: Lengths
    """Length of answers."""


class ClosedLoopRequests(Section):
    """A fixed number of clients, each of which sends its next request when the last is answered."""

    kind: Literal["closed_loop"]
    clients: Annotated[int, Field(ge=1, le=1_000_000)]
    """Requests in flight at any time."""
    requests: Annotated[int, Field(ge=1, le=100_000_000)]
    """Requests in all."""
    think_time_s: NonNegative = 0.0
    """Pause between an answer and the next request."""
    prompt_tokens: Lengths
    """Length of prompts."""
    output_tokens: Lengths
    """Length of answers."""


class _Trace(Section):
    file: FilePath
    """The file."""
    from_h: NonNegative = 0.0
    """Hour of the trace at which the run begins; earlier requests are left out."""
    max_requests: Annotated[int, Field(ge=1)] | None = None
    """Use only the first requests."""
    rate_factor: Positive = 1.0
    """Compress time: 2 doubles the request rate."""
    max_total_tokens: Annotated[int, Field(ge=2, le=10_000_000)] | None = None
    """Shorten prompts so that prompt and answer together do not exceed this."""
    zero_tokens: Literal["refuse", "drop"] = "refuse"
    """Requests without prompt or answer: refuse the file, or drop and count them."""
    sort: bool = False
    """Sort requests by time instead of refusing an unsorted file."""


class VidurRequests(_Trace):
    """Trace as Vidur processes them (.csv), arrivals in seconds."""

    kind: Literal["vidur"]


class SplitwiseRequests(_Trace):
    """Trace as SplitwiseSim makes them (.csv), arrivals in seconds."""

    kind: Literal["splitwise_sim"]


class BurstGptRequests(_Trace):
    """BurstGPT trace 1, 2 or 3 (.csv); failed requests have no answer: `zero_tokens: drop` leaves them out."""

    kind: Literal["burstgpt"]
    model: str | None = None
    """Keep only requests to this model, as in column Model."""
    log_type: str | None = None
    """Keep only requests of this type, as in column Log Type."""


class MooncakeRequests(_Trace):
    """Mooncake trace (.jsonl); shared prefixes are not used."""

    kind: Literal["mooncake"]


class QwenRequests(_Trace):
    """Qwen-Bailian trace (.jsonl); shared prefixes are not used."""

    kind: Literal["qwen_bailian"]
    request_type: str | None = None
    """Keep only requests of this type, as in key type."""


class LengthFile(Section):
    """Lengths of a ServeGen client."""

    file: FilePath
    """The file (`chunk-*-dataset.json`)."""


class ServeGenClient(Section):
    """A client: how often it asks and how much."""

    name: Name
    """Name of the client, which seeds its random numbers."""
    file: FilePath
    """Its rates (`chunk-*-trace.csv`)."""
    lengths: LengthFile
    """Its lengths."""


class ServeGenRequests(Section):
    """Requests drawn from clients of a production service, window by window, after ServeGen."""

    kind: Literal["servegen"]
    clients: Annotated[tuple[ServeGenClient, ...], Field(min_length=1)]
    """Who asks; the workload is their sum."""
    from_h: NonNegative = 0.0
    """Hour of the data at which the run begins."""
    rate_factor: Positive = 1.0
    """Multiplies the rates."""
    max_total_tokens: Annotated[int, Field(ge=2, le=10_000_000)] | None = None
    """Shorten prompts so that prompt and answer together do not exceed this."""


class AzureRequests(_Trace):
    """Azure LLM inference trace of 2023 or 2024; time starts at its first request."""

    kind: Literal["azure"]


class CsvRequests(_Trace):
    """A CSV file with arrival in seconds and tokens."""

    kind: Literal["csv"]
    arrival_column: str = "arrival_s"
    """Header of seconds since the start of the scenario."""
    prompt_column: str = "prompt_tokens"
    """Header of prompt tokens."""
    output_column: str = "output_tokens"
    """Header of answer tokens."""


TraceRequests = (
    AzureRequests | CsvRequests | VidurRequests | SplitwiseRequests | BurstGptRequests | MooncakeRequests | QwenRequests
)
Requests = Annotated[
    SyntheticRequests
    | ClosedLoopRequests
    | ServeGenRequests
    | AzureRequests
    | CsvRequests
    | VidurRequests
    | SplitwiseRequests
    | BurstGptRequests
    | MooncakeRequests
    | QwenRequests,
    Field(discriminator="kind"),
]


class ServingParallelism(Section):
    """How one replica spreads over accelerators."""

    tensor: Annotated[int, Field(ge=1, le=1024)] = 1
    """Accelerators that share the attention of a sequence, and each layer where no other key is given."""
    attention_data: Annotated[int, Field(ge=1, le=1024)] = 1
    """Groups of `tensor` accelerators with sequences and KV cache of their own, which share the experts of a model."""
    expert: Annotated[int, Field(ge=1, le=1024)] = 1
    """Groups of accelerators over which experts are spread; 1: every accelerator has a slice of each expert."""


class Engine(Section):
    """Limits of the serving engine (names and meaning as in vLLM's V1 scheduler)."""

    max_batch_tokens: Annotated[int, Field(ge=1, le=1_048_576)] = 8192
    """Most tokens in one iteration, decode and prefill together, of each group of `attention_data`."""
    max_sequences: Annotated[int, Field(ge=1, le=65_536)] = 256
    """Most sequences running at once, in each group of `attention_data`."""
    block_tokens: Annotated[int, Field(ge=1, le=4096)] = 16
    """Tokens in one block of the KV cache."""
    memory_fraction: Share = 0.9
    """Share of device memory for weights and KV cache."""
    kv_blocks: Annotated[int, Field(ge=1)] | None = None
    """Blocks of the KV cache, of each group of `attention_data`; absent: what memory leaves beside the weights."""
    whole_prompts: bool = True
    """Admit a request only when free blocks hold its whole prompt; false: its first chunk suffices."""
    software: str = LEAN
    """Serving software, whose host time stands between iterations: `lean` as the accelerator profile has it,
    `vllm-2023`, `vllm-2024`, `vllm-2025`, `transformers`, or the path of a profile
    ([sources](sources.md), host time)."""
    step_overhead_s: NonNegative | None = None
    """Host time between iterations; absent: from `software`."""
    sequence_overhead_s: NonNegative | None = None
    """Host time per sequence of an iteration; absent: from `software`."""


class Slo(Section):
    """Service level that counts a request as good; absent terms are not asked."""

    ttft_s: Positive | None = None
    """Longest time to the first token."""
    tpot_s: Positive | None = None
    """Longest time per further token."""
    e2e_s: Positive | None = None
    """Longest time to the last token."""


class InferenceWorkload(Section):
    """A model served by replicas."""

    kind: Literal["inference"]
    name: Name
    """Name of the workload."""
    model: str
    """Model, by name, alias, profile path or path of a Hugging Face config.json."""
    precision: ServingPrecisionName = "bf16"
    """Format of weights and arithmetic; mxfp4: experts in 4 bits, the rest in bf16, arithmetic in bf16."""
    kv_precision: Literal["fp16", "bf16", "fp8", "int8"] = "bf16"
    """Format of the KV cache."""
    servers: Name
    """Hall that the replicas run in."""
    replicas: Count
    """Copies of the model."""
    parallelism: ServingParallelism = ServingParallelism()
    """Spread of one replica."""
    engine: Engine = Engine()
    """Limits of the serving engine."""
    requests: Requests
    """What is asked."""
    slo: Slo = Slo()
    """Service level."""
    ramp_fraction: Fraction = 0.0
    """Share of requests, at the start, left out of latency statistics."""
