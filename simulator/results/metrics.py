"""Scalars of a run, computed from its records and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.physics import kpis
from simulator.records import CHAIN_LOSSES, RunRecords
from simulator.results.account_metrics import account_scalars
from simulator.results.context import RunContext, ServiceLevel
from simulator.results.latency import Distribution, counted, settled
from simulator.results.ledger import Ledger
from simulator.results.settlement import SiteAccount
from simulator.results.site_energy import supply_scalars
from simulator.results.summary import Summary
from simulator.results.tables import all_halls, all_sites
from simulator.results.thermal import thermal_summary
from simulator.units import (
    JOULES_PER_KWH,
    LITRES_PER_M3,
    SECONDS_PER_HOUR,
    WATTS_PER_KW,
)

Array = NDArray[np.float64]


def summarize(
    records: RunRecords,
    ledger: Ledger,
    requests: pd.DataFrame,
    context: RunContext,
    accounts: Sequence[SiteAccount],
) -> Summary:
    """Return the summary of a run."""
    values: dict[str, Any] = {
        "simulated_h": records.duration_s / SECONDS_PER_HOUR,
        **_energy(records, ledger),
        **_ratios(records),
        **_cooling(records),
        **thermal_summary(records),
        **account_scalars(records, accounts, requests, context),
        **_requests(records, requests, context),
        **_per_token(records, ledger, requests),
        **_training(records, ledger),
        "accelerator_busy_fraction": _busy_fraction(records),
        **supply_scalars(records),
    }
    return Summary(**values)


def _joules(records: RunRecords, power_w: Array) -> float:
    return float(power_w @ records.durations_s)


def _energy(records: RunRecords, ledger: Ledger) -> dict[str, float]:
    seconds = records.duration_s

    def kwh(power_w: Array) -> float:
        return _joules(records, power_w) / JOULES_PER_KWH

    facility_w, it_w = all_sites(records, "power.facility_power_w"), all_sites(records, "power.it_power_w")
    distribution_w = all_sites(records, *CHAIN_LOSSES)
    network_w = all_halls(records, "fabric_w") + all_halls(records, "nic_w") + all_sites(records, "network_w")
    return {
        "facility_energy_kwh": kwh(facility_w),
        "it_energy_kwh": kwh(it_w),
        "accelerator_energy_kwh": kwh(all_halls(records, "accelerator_w") + all_halls(records, "leakage_w")),
        "host_energy_kwh": kwh(all_halls(records, "host_w")),
        "network_energy_kwh": kwh(network_w),
        "storage_energy_kwh": kwh(all_halls(records, "storage_w") + all_sites(records, "shared_storage_w")),
        "server_fan_energy_kwh": kwh(all_halls(records, "fan_w")),
        "cooling_energy_kwh": kwh(all_sites(records, "power.mechanical_power_w")),
        "conversion_loss_kwh": kwh(all_halls(records, "psu_loss_w") + distribution_w),
        "other_energy_kwh": kwh(all_sites(records, "power.other_power_w")),
        "training_energy_kwh": ledger.total_j("training") / JOULES_PER_KWH,
        "inference_energy_kwh": ledger.total_j("inference") / JOULES_PER_KWH,
        "idle_energy_kwh": ledger.total_j("idle") / JOULES_PER_KWH,
        "mean_facility_power_kw": _joules(records, facility_w) / seconds / WATTS_PER_KW,
        "peak_facility_power_kw": float(facility_w.max()) / WATTS_PER_KW,
        "mean_it_power_kw": _joules(records, it_w) / seconds / WATTS_PER_KW,
    }


def _ratios(records: RunRecords) -> dict[str, float | None]:
    facility_j = _joules(records, all_sites(records, "power.facility_power_w"))
    it_j = _joules(records, all_sites(records, "power.it_power_w"))
    if it_j <= 0.0:
        return {"pue": None, "itue": None, "tue": None}
    compute_j = it_j - _joules(records, all_halls(records, "fan_w") + all_halls(records, "psu_loss_w"))
    return {
        "pue": kpis.pue(facility_j, it_j),
        "itue": kpis.itue(it_j, compute_j),
        "tue": kpis.tue(facility_j, compute_j),
    }


def _cooling(records: RunRecords) -> dict[str, float | None]:
    unmet_kwh = _joules(records, all_sites(records, "cooling.unmet_heat_w")) / JOULES_PER_KWH
    modes_s = float(all_sites(records, "cooling.free_s", "cooling.partial_s", "cooling.mechanical_s").sum())
    if not modes_s:
        # A plant known by its total only: it says nothing of water and modes, which is not the same as none.
        absent = (
            "wue_l_per_kwh",
            "water_withdrawn_l",
            "water_consumed_l",
            "free_cooling_fraction",
            "erf",
            "reused_heat_kwh",
            "outside_curves_h",
        )
        return {**dict.fromkeys(absent), "unmet_heat_kwh": unmet_kwh}
    # A kilogram of make-up water is a litre.
    withdrawn_l = float(all_sites(records, "cooling.makeup_water_kg").sum())
    it_j = _joules(records, all_sites(records, "power.it_power_w"))
    reused_j = _joules(records, all_sites(records, "cooling.reused_heat_w"))
    facility_j = _joules(records, all_sites(records, "power.facility_power_w"))
    return {
        "wue_l_per_kwh": kpis.wue_l_per_kwh(withdrawn_l / LITRES_PER_M3, it_j) if it_j > 0.0 else None,
        "water_withdrawn_l": withdrawn_l,
        "water_consumed_l": float(all_sites(records, "cooling.consumed_water_kg").sum()),
        "free_cooling_fraction": float(all_sites(records, "cooling.free_s").sum()) / modes_s,
        "unmet_heat_kwh": unmet_kwh,
        "erf": kpis.erf(reused_j, facility_j) if facility_j > 0.0 else None,
        "reused_heat_kwh": reused_j / JOULES_PER_KWH,
        "outside_curves_h": float(all_sites(records, "cooling.outside_curves_s").sum()) / SECONDS_PER_HOUR,
    }


def _requests(records: RunRecords, requests: pd.DataFrame, context: RunContext) -> dict[str, float | int | None]:
    outcomes = requests.outcome.value_counts()
    levels = context.service_levels
    by_workload = {name: requests[requests.workload == name] for name in levels}
    done = pd.concat([counted(by_workload[name], level.ramp_fraction) for name, level in levels.items()] or [requests])
    ended = pd.concat([settled(by_workload[name], level.ramp_fraction) for name, level in levels.items()] or [requests])
    good = sum(int(_meets(by_workload[name], level).sum()) for name, level in levels.items())
    attained = sum(
        int(_meets(counted(by_workload[name], level.ramp_fraction), level).sum()) for name, level in levels.items()
    )
    completed, arrived = int(outcomes.get("completed", 0)), len(requests)
    result: dict[str, float | int | None] = {
        "requests_arrived": arrived,
        "requests_completed": completed,
        "requests_rejected": int(sum(count for name, count in outcomes.items() if str(name).startswith("longer"))),
        "requests_in_flight": int(outcomes.get("in_flight", 0)),
        "prompt_tokens": int(requests.prompt_tokens[requests.outcome == "completed"].sum()),
        "output_tokens": int(requests.generated_tokens.sum()),
        "output_tokens_per_s": float(requests.generated_tokens.sum()) / records.duration_s,
        "goodput_per_s": good / records.duration_s,
        "slo_attainment": attained / len(ended) if len(ended) else None,
        "preemptions": int(requests.preemptions.sum()),
    }
    for name in ("ttft", "tpot", "e2e"):
        distribution = Distribution.of(done[f"{name}_s"])
        for statistic in ("mean", "p50", "p90", "p99"):
            result[f"{name}_{statistic}_s"] = getattr(distribution, f"{statistic}_s")
    return result


def _meets(requests: pd.DataFrame, level: ServiceLevel) -> pd.Series[bool]:
    good = requests.outcome == "completed"
    for limit, column in ((level.ttft_s, "ttft_s"), (level.tpot_s, "tpot_s"), (level.e2e_s, "e2e_s")):
        if limit is not None:
            # A request of one token has no time per further token, and meets any.
            good &= requests[column].isna() | (requests[column] <= limit)
    return good


def _per_token(records: RunRecords, ledger: Ledger, requests: pd.DataFrame) -> dict[str, float | None]:
    tokens = float(requests.generated_tokens.sum())
    if not tokens:
        return {"energy_per_output_token_j": None, "accelerator_energy_per_output_token_j": None}
    entries = [entry for key, entry in sorted(ledger.entries.items()) if key[1] in records.requests]
    return {
        "energy_per_output_token_j": sum(float(entry.energy_j.sum()) for entry in entries) / tokens,
        "accelerator_energy_per_output_token_j": float(requests.accelerator_energy_j.sum()) / tokens,
    }


def _training(records: RunRecords, ledger: Ledger) -> dict[str, float | int | None]:
    tokens = sum(job.tokens for job in records.jobs)
    peak_flop = sum(
        job.accelerators * job.peak_flop_per_s * ((job.end_s or records.duration_s) - job.start_s)
        for job in records.jobs
        if job.start_s is not None
    )
    return {
        "jobs_completed": sum(job.outcome == "completed" for job in records.jobs),
        "training_steps": sum(job.steps for job in records.jobs),
        "training_tokens": tokens,
        "training_mfu": sum(job.model_flop for job in records.jobs) / peak_flop if peak_flop else None,
        "energy_per_training_token_j": ledger.total_j("training") / tokens if tokens else None,
    }


def _busy_fraction(records: RunRecords) -> float | None:
    accelerators = sum(hall.accelerators for hall in records.halls)
    if not accelerators:
        return None
    busy = sum(
        hall.accelerators * _joules(records, site.steps.columns[f"hall.{hall.name}.busy_share"])
        for site in records.sites
        for hall in site.facts.halls
    )
    return busy / (accelerators * records.duration_s)
