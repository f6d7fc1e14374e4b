"""The readers on real traces of the reference data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from simulator.workload.traces.azure_llm import read_azure_llm
from simulator.workload.traces.vidur import read_vidur, read_vidur_lengths

AZURE = "data/llm_traces/azure_llm_inference_2023"
VIDUR = "data/llm_traces/vidur_processed"


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("conv", 9_683, "2023-11-16T18:15:46.680590000", "2023-11-16T18:44:50.084733000"),
        ("code", 8_819, "2023-11-16T18:17:03.979960000", "2023-11-16T19:14:19.928016000"),
    ],
)
def test_azure_2023(shared: Path, name: str, count: int, first: str, last: str) -> None:
    trace = read_azure_llm(shared / AZURE / f"AzureLLMInferenceTrace_{name}.csv", time_zone=UTC)
    assert len(trace.requests) == count
    assert trace.origin_utc_ns == np.datetime64(first, "ns").astype(int)
    span_s = float((np.datetime64(last, "ns") - np.datetime64(first, "ns")) / np.timedelta64(1, "s"))
    assert trace.requests.arrival_s[-1] == pytest.approx(span_s, rel=1e-15)


@pytest.mark.parametrize(("name", "variation"), [("conv", 1.09), ("code", 13.2)])
def test_the_burstiness_is_that_of_the_readme(shared: Path, name: str, variation: float) -> None:
    requests = read_azure_llm(shared / AZURE / f"AzureLLMInferenceTrace_{name}.csv").requests
    gaps_s = np.diff(requests.arrival_s)
    assert gaps_s.std() / gaps_s.mean() == pytest.approx(variation, abs=0.05)  # the README rounds


def test_the_first_rows_of_conv(shared: Path) -> None:
    requests = read_azure_llm(shared / AZURE / "AzureLLMInferenceTrace_conv.csv").requests
    assert requests.arrival_s[:2].tolist() == [0.0, 4.314579]
    assert requests.prompt_tokens[:2].tolist() == [374, 396]
    assert requests.output_tokens[:2].tolist() == [44, 109]
    assert int(requests.output_tokens.max()) == 1000


def test_vidur_holds_the_azure_code_trace_again(shared: Path) -> None:
    azure = read_azure_llm(shared / AZURE / "AzureLLMInferenceTrace_code.csv").requests
    vidur = read_vidur(shared / VIDUR / "splitwise_code.csv").requests
    assert vidur.prompt_tokens.tolist() == azure.prompt_tokens.tolist()
    assert vidur.output_tokens.tolist() == azure.output_tokens.tolist()
    np.testing.assert_allclose(vidur.arrival_s, azure.arrival_s, rtol=0, atol=1e-9)  # its decimals end there


def test_vidur_lengths_without_arrivals(shared: Path) -> None:
    pairs = read_vidur_lengths(shared / VIDUR / "arxiv_summarization_stats_llama2_tokenizer_filtered_v2.csv")
    assert len(pairs.prompt_tokens) == 10_000
    assert (pairs.prompt_tokens[0], pairs.output_tokens[0]) == (3772, 54)
    assert int((pairs.prompt_tokens + pairs.output_tokens).max()) <= 4096


def test_code_in_its_own_hour(shared: Path) -> None:
    trace = read_azure_llm(shared / AZURE / "AzureLLMInferenceTrace_code.csv", time_zone=UTC)
    part = trace.between(datetime(2023, 11, 16, 19, tzinfo=UTC), 600.0)
    start_s = (datetime(2023, 11, 16, 19, tzinfo=UTC).timestamp() * 1e9 - trace.origin_utc_ns) / 1e9
    assert len(part) == len(trace.requests.window(start_s, start_s + 600.0))
