"""Clients of a production service after ServeGen: rates, burstiness and lengths against the released tables."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.errors import InputError
from simulator.workload.traces.servegen import merged, read_client

HOUR = 3600.0
DAY = 24 * HOUR
FOLDER = "data/llm_traces/servegen"


def of(shared: Path, group: str, client: int) -> tuple[Path, Path]:
    folder = shared / FOLDER / group
    return folder / f"chunk-{client}-trace.csv", folder / f"chunk-{client}-dataset.json"


@pytest.mark.parametrize(
    ("group", "client"), [("language/m-small", 18), ("language/m-large", 20), ("reason/deepseek-r1", 3)]
)
def test_a_day_has_the_rates_and_lengths_of_the_tables(shared: Path, group: str, client: int) -> None:
    rates, lengths = of(shared, group, client)
    requests = read_client("c", rates, lengths).requests(1, "chat", (0.0, DAY), 1.0)
    table = pd.read_csv(rates, header=None)
    day = table[table[0] < DAY]
    expected = 600.0 * float(day[1].sum())
    # Counts of a renewal process spread as sqrt(n) x CV; five such.
    spread = 5.0 * np.sqrt(600.0 * float((day[1] * np.maximum(day[2], 1.0) ** 2).sum()))
    assert abs(len(requests) - expected) < spread
    hourly = np.histogram(requests.arrival_s, np.arange(25) * HOUR)[0]
    assert np.corrcoef(hourly, 600.0 * day.groupby(day[0] // HOUR)[1].sum())[0, 1] > 0.7

    data, means = json.loads(lengths.read_text()), {"input_tokens": 0.0, "output_tokens": 0.0}
    counts = np.histogram(requests.arrival_s, np.arange(5) * 6 * HOUR)[0]
    for field in means:
        windows = [ast.literal_eval(data[str(int(6 * HOUR * window))][field]) for window in range(4)]
        means[field] = float(
            sum(n * np.average(list(w), weights=list(w.values())) for n, w in zip(counts, windows, strict=True) if n)
            / counts.sum()
        )
    error = 6.0 / np.sqrt(len(requests))  # standard errors of the means, whose spread is about the mean
    assert requests.prompt_tokens.mean() == pytest.approx(means["input_tokens"], rel=max(error * 2, 0.02))
    assert requests.output_tokens.mean() == pytest.approx(means["output_tokens"], rel=max(error * 2, 0.02))


def test_a_span_and_other_clients_change_nothing(shared: Path) -> None:
    one, two = (read_client(str(number), *of(shared, "language/m-large", number)) for number in (20, 34))
    whole = one.requests(3, "chat", (0.0, 2 * HOUR), 1.0)
    later = one.requests(3, "chat", (HOUR, 2 * HOUR), 1.0)
    rest = whole.window(HOUR, 2 * HOUR)
    np.testing.assert_allclose(later.arrival_s, rest.arrival_s, rtol=0, atol=1e-9)
    assert later.prompt_tokens.tolist() == rest.prompt_tokens.tolist()
    both = merged([whole, two.requests(3, "chat", (0.0, 2 * HOUR), 1.0)])
    assert (np.diff(both.arrival_s) >= 0.0).all()
    assert set(whole.arrival_s) <= set(both.arrival_s)
    assert not whole.same_as(one.requests(4, "chat", (0.0, 2 * HOUR), 1.0))


def test_windows_of_wild_variation_are_tamed_and_counted(shared: Path) -> None:
    rates, lengths = of(shared, "language/m-small", 17)
    client = read_client("c", rates, lengths)
    wild = int((pd.read_csv(rates, header=None)[2] > 100.0).sum())
    assert wild > 0
    assert client.notes == (
        f"{rates}: {wild} windows have a coefficient of variation above 100 and are drawn with that",
    )
    assert client.variations.max() == 100.0


def write(folder: Path, rates: str, lengths: dict[str, Any]) -> tuple[Path, Path]:
    (folder / "trace.csv").write_text(rates)
    (folder / "dataset.json").write_text(json.dumps(lengths))
    return folder / "trace.csv", folder / "dataset.json"


PLAIN = {"0": {"input_tokens": "{40: 0.25, 80: 0.75}", "output_tokens": "{0: 0.5, 7: 0.5}"}}


def test_silent_windows_zero_lengths_and_windows_without_lengths(tmp_path: Path) -> None:
    rates = "0,0.5,0.9,Gamma,1,1\n600,0,0,,0,0\n1200,0.5,0,,0,0\n"
    lengths = {**PLAIN, "1200": {"input_tokens": "{}", "output_tokens": "{}"}}
    requests = read_client("c", *write(tmp_path, rates, lengths)).requests(1, "w", (0.0, 1800.0), 2.0)
    assert not ((requests.arrival_s >= 600.0) & (requests.arrival_s < 1200.0)).any()
    assert len(requests) == pytest.approx(1200, rel=0.2)
    assert set(requests.prompt_tokens) == {40, 80}
    assert set(requests.output_tokens) == {7}


@pytest.mark.parametrize(
    ("rates", "lengths", "message"),
    [
        ("0,1,1\n", PLAIN, "trace.csv:1: has 3 fields, expected 6"),
        ("0,-1,1,Gamma,1,1\n", PLAIN, "trace.csv:1: rate: -1 is below 0"),
        ("600,1,1,Gamma,1,1\n0,1,1,Gamma,1,1\n", PLAIN, "trace.csv:2: window start: 0 is not after the window before"),
        ("0,1,1,Gamma,1,1\n", {"0": {"text_tokens": "{1: 1}"}}, "dataset.json: 0: has no input_tokens; only clients"),
        (
            "0,1,1,Gamma,1,1\n",
            {"0": {"input_tokens": "__import__('os')", "output_tokens": "{1: 1}"}},
            "dataset.json: 0: input_tokens is not a dict of tokens and probabilities",
        ),
        (
            "0,1,1,Gamma,1,1\n",
            {"0": {"input_tokens": "{5: -1}", "output_tokens": "{1: 1}"}},
            "dataset.json: 0: input_tokens: needs one weight >= 0",
        ),
        ("0,1,1,Gamma,1,1\n", {}, "dataset.json: has no window with lengths"),
    ],
)
def test_faults(tmp_path: Path, rates: str, lengths: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_client("c", *write(tmp_path, rates, lengths))
    assert message in str(caught.value)


def test_clients_in_a_scenario(root: Path, tmp_path: Path) -> None:
    rates, lengths = write(tmp_path, "0,0.05,1,Gamma,1,20\n600,0.05,1,Gamma,1,20\n", PLAIN)
    client = {"name": "a", "file": str(rates), "lengths": {"file": str(lengths)}}
    section: dict[str, Any] = {"kind": "servegen", "clients": [client, {**client, "name": "b"}], "from_h": 0.1}
    scenario = sim.load(root / "tests/scenario/tiny.yaml")
    result = sim.run(scenario.replace({"workloads.chat.requests": section}))
    assert 0 < result.summary.requests_arrived < 60  # 0.1 /s over 180 s
    assert sum("clients" in name for name in result.manifest["checksums"]) == 4
    with pytest.raises(InputError, match="names must differ, got a, a"):
        sim.run(scenario.replace({"workloads.chat.requests": {**section, "clients": [client, client]}}))
    with pytest.raises(InputError, match=r"covers hours 0 to 0\.333333, the run needs hours 0\.3 to 0\.35"):
        sim.run(scenario.replace({"workloads.chat.requests": {**section, "from_h": 0.3}}))
