"""Which figures the report of a run shows, in which order, under which headings."""

from __future__ import annotations

from simulator.results.site_energy import SCALARS

SECTIONS = {
    "energy": (
        "facility_energy_kwh",
        "it_energy_kwh",
        "accelerator_energy_kwh",
        "host_energy_kwh",
        "network_energy_kwh",
        "storage_energy_kwh",
        "server_fan_energy_kwh",
        "cooling_energy_kwh",
        "conversion_loss_kwh",
        "other_energy_kwh",
        "training_energy_kwh",
        "inference_energy_kwh",
        "idle_energy_kwh",
        "mean_facility_power_kw",
        "peak_facility_power_kw",
    ),
    "facility": (
        "pue",
        "pue_category_2",
        "pue_category_1",
        "itue",
        "tue",
        "wue_l_per_kwh",
        "cue_kg_per_kwh",
        "ref",
        "erf",
        "free_cooling_fraction",
        "unmet_heat_kwh",
        "reused_heat_kwh",
        "outside_curves_h",
        "accelerator_busy_fraction",
    ),
    "emissions": (
        "operational_emissions_kg_co2e",
        "scope1_kg_co2e",
        "scope2_location_kg_co2e",
        "scope2_market_annual_kg_co2e",
        "scope2_market_monthly_kg_co2e",
        "scope2_market_hourly_kg_co2e",
        "scope2_matching_gap_kg_co2e",
        "hourly_matched_fraction",
        "grid_loss_kg_co2e",
        "mean_carbon_intensity_g_per_kwh",
        "embodied_emissions_kg_co2e",
        "embodied_emissions_low_kg_co2e",
        "embodied_emissions_high_kg_co2e",
        "embodied_unallocated_kg_co2e",
        "sci_kg_co2e_per_million_tokens",
        "sci_kg_co2e_per_request",
        "sci_kg_co2e_per_training_run",
    ),
    "water": (
        "water_withdrawn_l",
        "water_consumed_l",
        "source_water_l",
        "scarcity_weighted_site_water_l",
        "scarcity_weighted_source_water_l",
    ),
    "cost": (
        "energy_cost_usd",
        "fuel_cost_usd",
        "demand_charge_usd",
        "fixed_charge_usd",
        "export_revenue_usd",
        "carbon_cost_usd",
        "running_cost_usd",
        "capital_cost_usd",
        "total_cost_usd",
        "unallocated_cost_usd",
        "running_usd_per_million_tokens",
        "total_usd_per_million_tokens",
        "running_usd_per_training_run",
        "total_usd_per_training_run",
    ),
    "site supply": SCALARS,
    "heat": (
        "peak_inlet_c",
        "peak_die_c",
        "hall_outside_recommended_h",
        "hall_outside_allowable_h",
        "hall_throttled_h",
        "hall_off_h",
    ),
    "inference": (
        "requests_arrived",
        "requests_completed",
        "requests_rejected",
        "requests_in_flight",
        "output_tokens",
        "output_tokens_per_s",
        "goodput_per_s",
        "slo_attainment",
        "preemptions",
        "energy_per_output_token_j",
        "accelerator_energy_per_output_token_j",
    ),
    "training": (
        "jobs_completed",
        "training_steps",
        "training_tokens",
        "training_mfu",
        "energy_per_training_token_j",
    ),
}


SITE_HEADINGS = {
    "site": "site",
    "accelerators": "accelerators",
    "facility_energy_kwh": "kWh",
    "it_energy_kwh": "IT kWh",
    "pue": "PUE",
    "operational_emissions_kg_co2e": "kg CO2e",
    "energy_cost_usd": "USD",
    "water_withdrawn_l": "water l",
}

CHAIN_HEADINGS = {
    "stage": "stage",
    "room": "heat in",
    "units": "units",
    "unit_rated_kw": "kW each",
    "mean_load_fraction": "mean load",
    "output_kwh": "kWh out",
    "loss_kwh": "kWh lost",
    "efficiency": "out / in",
}

HALL_HEADINGS = {
    "air_class": "class",
    "outside_recommended_h": "h outside recommended",
    "outside_allowable_h": "allowable",
    "inlet_peak_c": "peak inlet degC",
    "die_peak_c": "peak die degC",
    "throttled_h": "h throttled",
    "off_h": "off",
}

WORKLOAD_TABLES = {
    "workloads": {
        "energy_kwh": "kWh",
        "idle_energy_kwh": "idle kWh",
        "accelerator_h": "acc. h",
        "requests_completed": "requests",
        "output_tokens": "tokens out",
    },
    "latency by workload (s)": {
        "ttft_p50_s": "TTFT p50",
        "ttft_p99_s": "TTFT p99",
        "tpot_p50_s": "TPOT p50",
        "tpot_p99_s": "TPOT p99",
    },
    "emissions by workload (kg CO2e)": {
        "operational_emissions_kg_co2e": "operational",
        "scope2_location_kg_co2e": "scope 2",
        "scope2_market_annual_kg_co2e": "annual",
        "scope2_market_hourly_kg_co2e": "hourly",
        "embodied_kg_co2e": "embodied",
        "embodied_by_use_kg_co2e": "by use",
    },
    "cost by workload (USD)": {
        "energy_cost_usd": "energy",
        "running_cost_usd": "running",
        "total_cost_usd": "total",
    },
    "per million tokens": {
        "sci_kg_co2e_per_million_tokens": "kg CO2e",
        "running_usd_per_million_tokens": "running USD",
        "total_usd_per_million_tokens": "total USD",
    },
}
YEARLY_INDICATORS = frozenset(
    {"pue", "pue_category_1", "pue_category_2", "itue", "tue", "wue_l_per_kwh", "cue_kg_per_kwh", "ref", "erf"}
)
"""Indicators that are defined for a year (ISO/IEC 30134; ITUE and TUE like the PUE in them)."""
CONTRACT_HEADINGS = {
    "contract": "contract",
    "same_grid": "same grid",
    "g_per_kwh": "g/kWh",
    "offered_kwh": "offered",
    "matched_annual_kwh": "annual",
    "matched_monthly_kwh": "monthly",
    "matched_hourly_kwh": "hourly",
}
NOTES = {
    "pue": "at the IT input (cat. 3)",
    "pue_category_2": "at the output of the PDU",
    "pue_category_1": "at the output of the UPS",
    "scope2_market_annual_kg_co2e": "kg CO2e, over the year",
    "scope2_market_monthly_kg_co2e": "kg CO2e, month by month",
    "scope2_market_hourly_kg_co2e": "kg CO2e, hour by hour",
    "scope2_matching_gap_kg_co2e": "kg CO2e, hourly - annual",
}
"""What stands beside a figure in place of its unit."""
CHOICE_UNITS = {
    "marginal_change_kg_co2e": "kg CO2e, no inventory",
    "extra_capital_usd": "USD",
    "yearly_saving_usd": "USD per year",
    "payback_years": "years",
    "net_present_value_usd": "USD",
}
