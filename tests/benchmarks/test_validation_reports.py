"""What `python -m benchmarks.validation` reads and writes, whatever it finds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.validation import __main__ as command
from benchmarks.validation import mlperf_training, physics_vectors, silicon
from benchmarks.validation.report import Case, Report

VECTORS = """id,model,inputs_json,expected,tolerance,unit
a-1,pue,"{""e_dc_kwh"": 11.5, ""e_it_kwh"": 10.0}",1.15,1e-9,1
a-2,wue,"{""w_in_m3"": 1.8, ""e_it_kwh"": 1000.0}",1.8,1e-9,L/kWh
a-3,flux_capacitor,{},1.21,0.1,GW
"""

SILICON_COLUMNS = [
    "id", "silicon_data_source", "model_path", "system", "mode", "isl", "osl", "precision", "batch_size", "tp_size",
    "pp_size", "attention_dp_size", "moe_ep_size", "silicon_tpot_ms",
]  # fmt: skip
SILICON_ROW: dict[str, Any] = {
    "id": "row", "silicon_data_source": "source; silicon_concurrency=2", "model_path": "llama-3.2-1b",
    "system": "h100_sxm", "mode": "agg", "isl": 64, "osl": 8, "precision": "bf16", "batch_size": 7, "tp_size": 1,
    "pp_size": 1, "attention_dp_size": "", "moe_ep_size": 1, "silicon_tpot_ms": 2.0,
}  # fmt: skip

TRAINING_COLUMNS = [
    "case_id", "round", "submitter", "n_nodes", "gpus_per_node", "gpu", "cooling", "benchmark", "global_batch",
    "samples_or_tokens", "duration_s_mean", "avg_node_w", "node_energy_kwh_mean", "measurement",
]  # fmt: skip
TRAINING_ROW: dict[str, Any] = {
    "case_id": "bert-1", "round": "v4.0", "submitter": "someone", "n_nodes": 1, "gpus_per_node": 8,
    "gpu": "NVIDIA H100 SXM", "cooling": "air", "benchmark": "bert", "global_batch": 768, "samples_or_tokens": 76800,
    "duration_s_mean": 100, "avg_node_w": 7000, "node_energy_kwh_mean": 0.2, "measurement": "AC",
}  # fmt: skip


def table(file: Path, columns: list[str], *rows: dict[str, Any]) -> Path:
    lines = [",".join(columns), *(",".join(str(row[name]) for name in columns) for row in rows)]
    file.write_text("\n".join(lines) + "\n")
    return file


def test_errors_are_relative_to_the_measurement() -> None:
    report = Report("kind")
    report.cases += [Case("a", "power", "W", 110.0, 100.0), Case("b", "power", "W", 70.0, 100.0, used_in_fit=True)]
    report.cases.append(Case("c", "power", "W", 100.0, 100.0))
    report.skip("d", "no such device")
    content = report.as_dict()
    assert [case["relative_error"] for case in content["cases"]] == pytest.approx([0.1, -0.3, 0.0])
    assert content["mape"] == pytest.approx(0.4 / 3)
    assert content["median_abs_error"] == pytest.approx(0.1)
    assert content["skipped"] == [{"case_id": "d", "reason": "no such device"}]
    assert [case["used_in_fit"] for case in content["cases"]] == [False, True, False]


def test_a_measured_zero() -> None:
    assert Case("a", "x", "1", 0.0, 0.0).relative_error == 0.0
    assert Case("a", "x", "1", 0.1, 0.0).relative_error == float("inf")


def test_no_cases_have_no_mean() -> None:
    content = Report("kind").as_dict()
    expected = {"kind": "kind", "cases": [], "skipped": [], "notes": [], "median_abs_error": None, "mape": None}
    assert content == expected


def test_the_command_writes_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vectors.csv").write_text(VECTORS)
    out = tmp_path / "out.json"
    monkeypatch.setattr(
        sys, "argv", ["validation", "physics-vectors", str(tmp_path / "vectors.csv"), "--json", str(out)]
    )
    command.main()
    content = json.loads(out.read_text())
    assert set(content) == {"kind", "cases", "skipped", "notes", "median_abs_error", "mape"}
    assert content["kind"] == "physics-vectors"
    first = content["cases"][0]
    assert set(first) == {"case_id", "metric", "unit", "predicted", "measured", "relative_error", "used_in_fit"}
    assert (first["case_id"], first["metric"], first["measured"]) == ("a-1", "pue", 1.15)
    assert content["skipped"] == [{"case_id": "a-3", "reason": "model 'flux_capacitor' is not implemented"}]
    printed = capsys.readouterr().out
    assert "2 cases, mean absolute error 0.0%" in printed
    assert "skipped     1: model 'flux_capacitor'" in printed


@pytest.mark.parametrize("kind", sorted(command.KINDS))
def test_every_kind_can_be_asked_for(kind: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no such (file|folder)"):
        command.KINDS[kind](tmp_path / "missing.csv")


@pytest.mark.parametrize("kind", sorted(command.KINDS.keys() - {"vllm-runs"}))
def test_a_foreign_file_is_refused(kind: str, tmp_path: Path) -> None:
    refusal = r"(holds|is) no table of a known format" if kind == "kernels" else r"no table with the columns \w+, "
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for path in (tmp_path, tmp_path / "other.csv"):
        with pytest.raises(SystemExit, match=refusal):
            command.KINDS[kind](path)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(SystemExit, match=refusal.split(r"\w")[0] if kind != "kernels" else "empty|no table"):
        command.KINDS[kind](tmp_path / "empty.csv")


def test_a_folder_is_searched_for_the_format(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/vectors.csv").write_text(VECTORS)
    (tmp_path / "deep/more.csv").write_text(VECTORS.replace("a-", "b-"))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    report = physics_vectors.validate(tmp_path)
    assert [case.case_id for case in report.cases] == ["b-1", "b-2", "a-1", "a-2"]


def test_a_vector_outside_its_tolerance_fails_the_validation(tmp_path: Path) -> None:
    (tmp_path / "vectors.csv").write_text(VECTORS.replace("1.15,1e-9", "1.16,1e-9"))
    with pytest.raises(SystemExit, match=r"outside their tolerance: a-1$"):
        physics_vectors.validate(tmp_path)


def test_a_serving_row_is_a_closed_loop_of_its_clients(tmp_path: Path) -> None:
    report = silicon.validate(table(tmp_path / "rows.csv", SILICON_COLUMNS, SILICON_ROW))
    (case,) = report.cases
    assert (case.case_id, case.metric, case.unit, case.measured) == ("row", "tpot_mean", "ms", 2.0)
    assert 0.2 < case.predicted < 10.0
    # The stated clients count, not the batch size.
    assert silicon.concurrency({name: str(value) for name, value in SILICON_ROW.items()}) == 2
    assert silicon.concurrency({"silicon_data_source": "source", "batch_size": "7.0"}) == 7


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"mode": "disagg"}, "prefill and decode on separate servers are not modelled"),
        ({"pp_size": 2}, "pipeline-parallel serving is not modelled"),
        ({"attention_dp_size": 4}, "parallelism.attention_data: must be 1, since llama-3.2-1b has no experts"),
        ({"moe_ep_size": 8}, "parallelism.expert: must be 1, since llama-3.2-1b has no experts"),
        ({"silicon_tpot_ms": 0.5}, "faster than peak bandwidth allows at its concurrency"),
        ({"system": "cray_1"}, "no server profile for the system 'cray_1'"),
        ({"precision": "ternary"}, "number format 'ternary' is not modelled"),
        ({"osl": 1}, "the row has no time per output token"),
        ({"silicon_tpot_ms": ""}, "the row has no time per output token"),
        ({"model_path": "acme/unheard-of-7b"}, "no model is called 'acme/unheard-of-7b'"),
        ({"tp_size": 3}, "parallelism.tensor: must divide the 32 heads"),
        ({"system": "a100_sxm", "precision": "fp8"}, "precision: 'fp8' is not supported by a100"),
    ],
)
def test_a_serving_row_that_cannot_be_done_is_skipped(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    report = silicon.validate(table(tmp_path / "rows.csv", SILICON_COLUMNS, {**SILICON_ROW, **change}))
    assert not report.cases
    ((case_id, reason),) = report.skipped
    assert case_id == "row"
    assert why in reason


def test_a_serving_row_that_stands_twice_counts_once(tmp_path: Path) -> None:
    again = {**SILICON_ROW, "id": "again"}
    path = table(tmp_path / "rows.csv", SILICON_COLUMNS, SILICON_ROW)
    path.write_text(path.read_text() + table(tmp_path / "other.csv", SILICON_COLUMNS, again).read_text().split("\n")[1])
    report = silicon.validate(path)
    assert [case.case_id for case in report.cases] == ["row"]
    assert report.skipped == [("again", "the same measurement stands in the table once more")]


def test_serving_rows_with_experts(tmp_path: Path) -> None:
    """Attention over groups of accelerators: stated, or told by a concurrency of several batches."""
    row = {name: str(value) for name, value in SILICON_ROW.items()}
    stated = {**row, "tp_size": "2", "attention_dp_size": "4", "moe_ep_size": "8"}
    assert silicon._parallelism(stated, 32) == {"tensor": 2, "attention_data": 4, "expert": 8}
    told = {**row, "tp_size": "4", "batch_size": "48", "moe_ep_size": "2"}
    assert silicon._parallelism(told, 192) == {"tensor": 1, "attention_data": 4, "expert": 2}
    assert silicon._parallelism(told, 48) == {"tensor": 4, "attention_data": 1, "expert": 2}


def test_a_model_may_lie_beside_the_table(tmp_path: Path) -> None:
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2, "hidden_size": 256,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 512, "vocab_size": 1000,
        "max_position_embeddings": 4096, "hidden_act": "silu", "tie_word_embeddings": False, "rms_norm_eps": 1e-5,
        "attention_bias": False, "mlp_bias": False, "torch_dtype": "bfloat16",
    }  # fmt: skip
    (tmp_path / "configs/unheard-of-7b").mkdir(parents=True)
    (tmp_path / "configs/unheard-of-7b/config.json").write_text(json.dumps(config))
    row = {**SILICON_ROW, "model_path": "acme/unheard-of-7b"}
    report = silicon.validate(table(tmp_path / "rows.csv", SILICON_COLUMNS, row))
    assert [case.case_id for case in report.cases] == ["row"]
    assert not report.skipped


def test_a_training_row_gives_power_duration_and_energy(tmp_path: Path) -> None:
    two = {**TRAINING_ROW, "case_id": "bert-2", "n_nodes": 2, "node_energy_kwh_mean": 0.3, "global_batch": 1536}
    other = {**TRAINING_ROW, "case_id": "image", "benchmark": "resnet"}
    tpu = {**TRAINING_ROW, "case_id": "tpu", "gpu": "TPU v9"}
    report = mlperf_training.validate(table(tmp_path / "rows.csv", TRAINING_COLUMNS, two, TRAINING_ROW, other, tpu))
    found = {(case.case_id, case.metric): case for case in report.cases}
    assert set(found) == {
        *((name, metric) for name in ("bert-1", "bert-2") for metric in ("node_power", "duration", "nodes_energy")),
        ("bert-2 : 1 nodes", "energy_ratio"),
    }
    power, seconds, energy = (found["bert-1", metric] for metric in ("node_power", "duration", "nodes_energy"))
    assert energy.predicted == pytest.approx(power.predicted * seconds.predicted / 3.6e6)
    ratio = found["bert-2 : 1 nodes", "energy_ratio"]
    assert ratio.measured == pytest.approx(1.5)
    assert ratio.predicted == pytest.approx(found["bert-2", "nodes_energy"].predicted / energy.predicted)
    assert dict(report.skipped) == {
        "image": "benchmark 'resnet' is no transformer that the simulator models",
        "tpu": "no server profile for 'TPU v9'",
    }


def test_power_behind_the_supplies_is_lower(tmp_path: Path) -> None:
    direct = {**TRAINING_ROW, "case_id": "dc", "measurement": "DC"}
    report = mlperf_training.validate(table(tmp_path / "rows.csv", TRAINING_COLUMNS, TRAINING_ROW, direct))
    watts = {case.case_id: case.predicted for case in report.cases if case.metric == "node_power"}
    assert 0.9 < watts["dc"] / watts["bert-1"] < 0.99


def test_a_training_row_without_samples_compares_power_only(tmp_path: Path) -> None:
    row = {**TRAINING_ROW, "samples_or_tokens": "", "cooling": "immersion"}
    report = mlperf_training.validate(table(tmp_path / "rows.csv", TRAINING_COLUMNS, row))
    assert [case.metric for case in report.cases] == ["node_power"]
