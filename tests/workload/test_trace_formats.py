"""Published request traces in their own forms; files are made up from the headers where the data may not be kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator as sim
from simulator.documents.csv_rows import Layout, _CarefulReader, read_rows
from simulator.documents.text_file import FaultLog
from simulator.errors import InputError
from simulator.workload.traces.azure_llm import read_azure_llm
from simulator.workload.traces.burstgpt import read_burstgpt
from simulator.workload.traces.mooncake import read_mooncake
from simulator.workload.traces.qwen_bailian import read_qwen_bailian
from simulator.workload.traces.splitwise_sim import read_splitwise_sim
from simulator.workload.traces.trace import TraceOptions

MOONCAKE = "data/llm_traces/mooncake_fast25"
BURST_1 = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"
BURST_3 = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def table(requests: Any) -> list[tuple[float, int, int]]:
    columns = (requests.arrival_s.tolist(), requests.prompt_tokens.tolist(), requests.output_tokens.tolist())
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize(("name", "count", "span_s", "longest"), [
    ("conversation", 4_000, 1302.0, 123_192), ("synthetic", 3_993, 1022.0, 191_378)
])  # fmt: skip
def test_mooncake(shared: Path, name: str, count: int, span_s: float, longest: int) -> None:
    path = shared / MOONCAKE / f"{name}_trace.jsonl"
    requests = read_mooncake(path).requests
    assert len(requests) == count
    assert requests.arrival_s[-1] == pytest.approx(span_s, abs=1.0)
    assert int(requests.prompt_tokens.max()) == longest
    other = pd.read_json(path, lines=True)
    np.testing.assert_allclose(requests.arrival_s, other.timestamp / 1000.0, rtol=1e-15)
    np.testing.assert_array_equal(requests.output_tokens, other.output_length)


def test_a_week_of_azure_2024_with_offset_and_fractions(tmp_path: Path) -> None:
    path = write(
        tmp_path / "made_up_code_1week.csv",
        "TIMESTAMP,ContextTokens,GeneratedTokens",
        "2024-05-10 00:00:00.009930+00:00,2162,5",
        "2024-05-10 00:00:01+00:00,100,7",
        "2024-05-16 23:59:59.999999+00:00,300,9",
    )
    trace = read_azure_llm(path)
    assert table(trace.requests) == [(0.0, 2162, 5), (0.99007, 100, 7), (604_799.990069, 300, 9)]
    assert trace.origin_utc_ns == 1_715_299_200_009_930_000


def test_burstgpt_one_and_three(tmp_path: Path) -> None:
    one = write(
        tmp_path / "BurstGPT_1.csv",
        BURST_1,
        "5,ChatGPT,472,18,490,Conversation log",
        "45,ChatGPT,1087,230,1317,Conversation log",
        "118,GPT-4,417,0,417,Conversation log",
        "120,GPT-4,88,30,118,API log",
    )
    with pytest.raises(InputError, match=r"BurstGPT_1\.csv:4: Response tokens: must be a whole number from 1"):
        read_burstgpt(one)
    trace = read_burstgpt(one, options=TraceOptions("drop"))
    assert (table(trace.requests), trace.dropped) == ([(5.0, 472, 18), (45.0, 1087, 230), (120.0, 88, 30)], 1)
    assert table(read_burstgpt(one, model="ChatGPT").requests) == [(5.0, 472, 18), (45.0, 1087, 230)]
    assert table(read_burstgpt(one, model="GPT-4", log_type="API log").requests) == [(120.0, 88, 30)]
    with pytest.raises(InputError, match="has no rows with Model 'gpt4'"):
        read_burstgpt(one, model="gpt4")
    three = write(
        tmp_path / "BurstGPT_3.csv", BURST_3, "10.5,s1,3.2,ChatGPT,5,6,11,API log", "11.25,s2,,GPT-4,7,8,15,API log"
    )
    assert table(read_burstgpt(three).requests) == [(10.5, 5, 6), (11.25, 7, 8)]


@given(st.lists(st.sampled_from(["a", " a", "b", "", '"a"']), min_size=1, max_size=20), st.booleans())
def test_both_ways_of_reading_filter_alike(
    tmp_path_factory: pytest.TempPathFactory, marks: list[str], late_fault: bool
) -> None:
    path = tmp_path_factory.mktemp("filter") / "x.csv"
    rows = [f"{number},{mark}" for number, mark in enumerate(marks)]
    write(path, "n,m", *rows, *(["x,b"] if late_fault else []))
    layout, log = Layout(("n", "m"), 2, None, (0,), where=((1, "a"),)), FaultLog("x.csv")
    quick = read_rows(path, layout, log)
    careful = _CarefulReader(layout, FaultLog("x.csv")).read(path)
    assert np.asarray(quick.lines).tolist() == np.asarray(careful.lines).tolist()
    assert quick.numbers[0].tolist() == careful.numbers[0].tolist()
    wanted = [number for number, mark in enumerate(marks) if mark.strip(' "') == "a"]
    assert quick.numbers[0].tolist() == wanted
    assert log.count == (not wanted)


def test_qwen_bailian(tmp_path: Path) -> None:
    row = {"chat_id": 159, "parent_chat_id": 55, "turn": 2, "hash_ids": [1089, 1090]}
    rows = [
        {**row, "timestamp": 61.114, "input_length": 521, "output_length": 132, "type": "text"},
        {**row, "timestamp": 61.2, "input_length": 900, "output_length": 30, "type": "image"},
        {**row, "timestamp": 63.0, "input_length": 20, "output_length": 3, "type": "text"},
    ]
    path = write(tmp_path / "made_up_traceA.jsonl", *(json.dumps(entry) for entry in rows))
    assert table(read_qwen_bailian(path).requests) == [(61.114, 521, 132), (61.2, 900, 30), (63.0, 20, 3)]
    assert table(read_qwen_bailian(path, request_type="image").requests) == [(61.2, 900, 30)]
    with pytest.raises(InputError, match="has no rows with type 'search'"):
        read_qwen_bailian(path, request_type="search")


def test_malformed_json_lines_are_refused_with_their_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "bad.jsonl",
        '{"timestamp": 0, "input_length": 5, "output_length": 2}',
        '{"timestamp": 1, "input_length": 5}',
        '{"timestamp": 1, "input_length": "5", "output_length": 2}',
        "[1, 2, 3]",
        '{"timestamp": 2, "input_length": 5.5, "output_length": 2}',
        '{"timestamp": 1, "input_length": 5, "output_length": 0}',
        '{"timestamp": NaN, "input_length": 5, "output_length": 2}',
        '{"timestamp": 3,',
    )
    with pytest.raises(InputError) as caught:
        read_mooncake(path)
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [
        (2, "output_length"), (3, "input_length"), (4, ""), (5, "input_length"), (6, "output_length"),
        (7, "timestamp"), (8, ""),
    ]  # fmt: skip


def test_splitwise_sim(tmp_path: Path) -> None:
    path = write(
        tmp_path / "made_up.csv",
        "request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size",
        "0,2,0,0.25,1,1500,13",
        "1,2,0,0.75,1,300,129",
    )
    assert table(read_splitwise_sim(path).requests) == [(0.25, 1500, 13), (0.75, 300, 129)]


def test_every_kind_from_its_section_to_a_run(root: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"timestamp": t, "input_length": 50, "output_length": 5, "type": "text"}) for t in range(9)]
    files = {
        "vidur": ["arrived_at,num_prefill_tokens,num_decode_tokens", *(f"{t},50,5" for t in range(9))],
        "splitwise_sim": ["arrival_timestamp,prompt_size,token_size", *(f"{t},50,5" for t in range(9))],
        "burstgpt": [BURST_1, *(f"{t},ChatGPT,50,5,55,API log" for t in range(9))],
        "mooncake": lines,
        "qwen_bailian": lines,
        "azure": ["TIMESTAMP,ContextTokens,GeneratedTokens", *(f"2024-05-10 00:00:0{t}+00:00,50,5" for t in range(9))],
    }
    scenario = sim.load(root / "tests/scenario/tiny.yaml")
    for kind, text in files.items():
        section = {"kind": kind, "file": str(write(tmp_path / f"{kind}.txt", *text)), "from_h": 0.001}  # 3.6 s
        result = sim.run(scenario.replace({"workloads.chat.requests": section}))
        assert result.summary.requests_completed == (5 if kind != "mooncake" else 0), kind
        assert (result.events.detail.str.contains("come before the hour at which the run begins")).any()
