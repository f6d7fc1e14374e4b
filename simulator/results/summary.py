"""The summary: scalars of a run, each with its unit in its name; what `compare` and the golden files look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from simulator.units import HOURS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Summary:
    """Scalars of a run. A figure that the run cannot have is None.

    Args:
        simulated_h: simulated time.
        facility_energy_kwh: energy at the meter of the site.
        it_energy_kwh: energy at the input of servers, switches and shared storage (metering category 3).
        accelerator_energy_kwh: energy of the accelerator boards.
        host_energy_kwh: processors, memory and boards of the servers.
        network_energy_kwh: adapters, switch chips inside servers, switches between them.
        storage_energy_kwh: local drives and shared storage.
        server_fan_energy_kwh: fans of the servers.
        cooling_energy_kwh: the cooling plant.
        conversion_loss_kwh: power supplies, PDU, UPS, transformer.
        other_energy_kwh: lighting and other uses.
        training_energy_kwh: facility energy of training, its share of everything included.
        inference_energy_kwh: facility energy of inference.
        idle_energy_kwh: facility energy of accelerators that wait for work or that no workload holds.
        mean_facility_power_kw: mean power at the meter.
        peak_facility_power_kw: highest mean power of a plant step at the meter.
        mean_it_power_kw: mean power of the IT equipment.
        pue: facility energy / IT energy.
        itue: IT energy / (IT energy - server fans - power supply losses).
        tue: PUE x ITUE.
        wue_l_per_kwh: water taken in / IT energy; a published PUE says nothing of water.
        water_withdrawn_l: water taken in by the cooling plant.
        water_consumed_l: water evaporated or carried away.
        free_cooling_fraction: share of the time in which no chiller ran.
        unmet_heat_kwh: heat that the cooling plant could not remove when it was brought; the rooms took it up.
        erf: heat reused elsewhere / facility energy.
        reused_heat_kwh: heat given to somebody who uses it.
        outside_curves_h: hours in which a chiller ran outside the box of its published curves.
        hall_outside_recommended_h: hours with a mean inlet outside the recommended range, summed over halls.
        hall_outside_allowable_h: hours with a mean inlet outside the allowable range, summed over halls.
        hall_throttled_h: hours in which heat held boards below their cap, summed over halls.
        hall_off_h: hours in which heat had servers off, summed over halls.
        peak_inlet_c: highest inlet of any hall.
        peak_die_c: highest die temperature, from the mean power of a plant step.
        pue_category_1: facility energy / energy at the output of the UPS; `pue` is category 3, at the IT input.
        pue_category_2: facility energy / energy at the output of the PDU.
        cue_kg_per_kwh: emissions of the energy used (fuel, scope 2 by location, losses of the grid) / IT energy.
        ref: renewable energy owned and used / facility energy: from the site, and by contracts over the year.
        grid_import_kwh: energy drawn from the grid.
        grid_export_kwh: energy sold to the grid.
        operational_emissions_kg_co2e: scope 1, scope 2 by location, and losses of the grid.
        scope1_kg_co2e: fuel burnt at the site with its CH4 and N2O, and leaks of refrigerant where they are given.
        scope2_location_kg_co2e: energy drawn from the grid x carbon intensity, step by step.
        scope2_market_hourly_kg_co2e: by market, contracts matched hour by hour.
        scope2_market_monthly_kg_co2e: by market, contracts matched month by month.
        scope2_market_annual_kg_co2e: by market, contracts matched over the year.
        scope2_matching_gap_kg_co2e: hourly - annual: what matching over the year hides.
        hourly_matched_fraction: energy from the grid that contracts cover in its own hour / all of it.
        grid_loss_kg_co2e: losses of the grid (scope 3 category 3), where the intensity is per energy generated.
        mean_carbon_intensity_g_per_kwh: scope 2 by location / energy drawn from the grid.
        embodied_emissions_kg_co2e: making accelerators, servers, switches and building, spread over their lifetimes.
        embodied_emissions_low_kg_co2e: lower bound, by the factor of the scenario.
        embodied_emissions_high_kg_co2e: upper bound.
        embodied_unallocated_kg_co2e: part of them for accelerators that no workload held.
        sci_kg_co2e_per_million_tokens: energy and embodied emissions of inference / million tokens emitted.
        sci_kg_co2e_per_request: the same / requests answered.
        sci_kg_co2e_per_training_run: those of training jobs that ended / their number.
        source_water_l: water that power stations consume for the energy drawn.
        scarcity_weighted_site_water_l: water consumed at the site, in litres of the world average.
        scarcity_weighted_source_water_l: water of the power stations, in litres of the world average.
        energy_cost_usd: energy drawn x price, step by step.
        fuel_cost_usd: diesel burnt x its price.
        demand_charge_usd: charges on monthly peaks.
        fixed_charge_usd: fixed charges of the grid.
        export_revenue_usd: what energy sold earns.
        carbon_cost_usd: price of carbon.
        running_cost_usd: energy, fuel, demand, fixed charges and carbon, less energy sold.
        capital_cost_usd: prices of what stands there, spread over lifetimes with interest; the part of the run.
        total_cost_usd: running cost and capital.
        unallocated_cost_usd: part of them for what no workload held.
        running_usd_per_million_tokens: running cost of inference / million tokens emitted.
        running_usd_per_training_run: running cost of training jobs that ended / their number.
        total_usd_per_million_tokens: the same with capital.
        total_usd_per_training_run: the same with capital.
        requests_arrived: requests that arrived.
        requests_completed: requests answered.
        requests_rejected: requests that no replica could ever serve.
        requests_in_flight: requests still under way at the end.
        prompt_tokens: prompt tokens of the completed requests.
        output_tokens: tokens emitted, of all requests.
        output_tokens_per_s: tokens emitted / simulated time.
        ttft_mean_s: time to first token, mean over completed requests.
        ttft_p50_s: its median.
        ttft_p90_s: its 90th percentile.
        ttft_p99_s: its 99th percentile.
        tpot_mean_s: time per further output token, mean over completed requests.
        tpot_p50_s: its median.
        tpot_p90_s: its 90th percentile.
        tpot_p99_s: its 99th percentile.
        e2e_mean_s: time to last token, mean over completed requests.
        e2e_p50_s: its median.
        e2e_p90_s: its 90th percentile.
        e2e_p99_s: its 99th percentile.
        goodput_per_s: completed requests that met their service level / simulated time.
        slo_attainment: completed requests that met their service level / those completed or rejected, after the ramp.
        preemptions: sequences preempted because the KV cache was full.
        energy_per_output_token_j: facility energy of inference workloads, their idle time included / tokens emitted.
        accelerator_energy_per_output_token_j: accelerator energy spent on requests / tokens emitted.
        jobs_completed: training jobs that ended.
        training_steps: optimizer steps done.
        training_tokens: tokens trained on.
        training_mfu: model operations done / (accelerator-seconds held by training x datasheet peak).
        energy_per_training_token_j: facility energy of training / tokens trained on.
        accelerator_busy_fraction: busy accelerator-seconds / all accelerator-seconds.
        solar_energy_kwh: photovoltaic generation, curtailed energy included.
        wind_energy_kwh: wind generation, curtailed energy included.
        curtailed_energy_kwh: generation that nothing could take.
        self_consumption_fraction: generation by sun and wind used on site, losses of the battery included / all of it.
        self_sufficiency_fraction: 1 - grid import / facility energy.
        peak_grid_import_kw: highest mean import of a plant step, all sites together.
        battery_discharged_kwh: energy given by the battery.
        battery_loss_kwh: energy taken by the battery less given and kept.
        battery_cycles: energy given by the battery / its nameplate energy.
        diesel_energy_kwh: energy of generators, to the site and to load banks.
        diesel_fuel_l: diesel burnt.
        grid_outage_h: time without the grid.
        grid_cap_exceeded_kwh: import above what the grid asked for.
        unserved_energy_kwh: load that no source covered.
    """

    simulated_h: float
    facility_energy_kwh: float
    it_energy_kwh: float
    accelerator_energy_kwh: float
    host_energy_kwh: float
    network_energy_kwh: float
    storage_energy_kwh: float
    server_fan_energy_kwh: float
    cooling_energy_kwh: float
    conversion_loss_kwh: float
    other_energy_kwh: float
    training_energy_kwh: float
    inference_energy_kwh: float
    idle_energy_kwh: float
    mean_facility_power_kw: float
    peak_facility_power_kw: float
    mean_it_power_kw: float
    pue: float | None
    itue: float | None
    tue: float | None
    wue_l_per_kwh: float | None
    water_withdrawn_l: float | None
    water_consumed_l: float | None
    free_cooling_fraction: float | None
    unmet_heat_kwh: float
    erf: float | None
    reused_heat_kwh: float | None
    outside_curves_h: float | None
    hall_outside_recommended_h: float | None
    hall_outside_allowable_h: float | None
    hall_throttled_h: float | None
    hall_off_h: float | None
    peak_inlet_c: float | None
    peak_die_c: float | None
    pue_category_1: float | None
    pue_category_2: float | None
    cue_kg_per_kwh: float | None
    ref: float | None
    grid_import_kwh: float
    grid_export_kwh: float
    operational_emissions_kg_co2e: float
    scope1_kg_co2e: float
    scope2_location_kg_co2e: float
    scope2_market_hourly_kg_co2e: float | None
    scope2_market_monthly_kg_co2e: float | None
    scope2_market_annual_kg_co2e: float | None
    scope2_matching_gap_kg_co2e: float | None
    hourly_matched_fraction: float | None
    grid_loss_kg_co2e: float | None
    mean_carbon_intensity_g_per_kwh: float | None
    embodied_emissions_kg_co2e: float
    embodied_emissions_low_kg_co2e: float
    embodied_emissions_high_kg_co2e: float
    embodied_unallocated_kg_co2e: float
    sci_kg_co2e_per_million_tokens: float | None
    sci_kg_co2e_per_request: float | None
    sci_kg_co2e_per_training_run: float | None
    source_water_l: float | None
    scarcity_weighted_site_water_l: float | None
    scarcity_weighted_source_water_l: float | None
    energy_cost_usd: float
    fuel_cost_usd: float | None
    demand_charge_usd: float | None
    fixed_charge_usd: float | None
    export_revenue_usd: float | None
    carbon_cost_usd: float | None
    running_cost_usd: float
    capital_cost_usd: float | None
    total_cost_usd: float | None
    unallocated_cost_usd: float
    running_usd_per_million_tokens: float | None
    running_usd_per_training_run: float | None
    total_usd_per_million_tokens: float | None
    total_usd_per_training_run: float | None
    requests_arrived: int
    requests_completed: int
    requests_rejected: int
    requests_in_flight: int
    prompt_tokens: int
    output_tokens: int
    output_tokens_per_s: float
    ttft_mean_s: float | None
    ttft_p50_s: float | None
    ttft_p90_s: float | None
    ttft_p99_s: float | None
    tpot_mean_s: float | None
    tpot_p50_s: float | None
    tpot_p90_s: float | None
    tpot_p99_s: float | None
    e2e_mean_s: float | None
    e2e_p50_s: float | None
    e2e_p90_s: float | None
    e2e_p99_s: float | None
    goodput_per_s: float
    slo_attainment: float | None
    preemptions: int
    energy_per_output_token_j: float | None
    accelerator_energy_per_output_token_j: float | None
    jobs_completed: int
    training_steps: float
    training_tokens: float
    training_mfu: float | None
    energy_per_training_token_j: float | None
    accelerator_busy_fraction: float | None
    solar_energy_kwh: float | None
    wind_energy_kwh: float | None
    curtailed_energy_kwh: float | None
    self_consumption_fraction: float | None
    self_sufficiency_fraction: float | None
    peak_grid_import_kw: float | None
    battery_discharged_kwh: float | None
    battery_loss_kwh: float | None
    battery_cycles: float | None
    diesel_energy_kwh: float | None
    diesel_fuel_l: float | None
    grid_outage_h: float | None
    grid_cap_exceeded_kwh: float | None
    unserved_energy_kwh: float | None

    @property
    def kpi_basis(self) -> str:
        """`annual` for a run of a year or more, `interim` for a shorter one: indicators are defined for a year."""
        return "annual" if self.simulated_h >= HOURS_PER_YEAR else "interim"

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the scalars by name, in order."""
        return asdict(self)


SUMMARY_FIELDS = tuple(entry.name for entry in fields(Summary))
