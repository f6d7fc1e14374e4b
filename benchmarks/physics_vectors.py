"""Evaluates the physics of the project on reference vectors, which name their models and inputs in their own words.

A vector is a model name and a dictionary of inputs in the units of its source; each small function below turns them
into the project's names and SI units and calls the one function that implements the equation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulator.physics import (
    accelerator_power,
    airflow,
    battery,
    carnot_chillers,
    chillers,
    collectives,
    curves,
    electrical,
    embodied,
    emissions,
    fans,
    it_equipment,
    kpis,
    photovoltaics,
    psychrometrics,
    pumps,
    switches,
    thermal,
    uncertainty,
    water,
    yorkcalc,
)
from simulator.units import GRAMS_PER_KG, JOULES_PER_KWH, JOULES_PER_MWH, SECONDS_PER_HOUR

Inputs = Mapping[str, Any]


def evaluate(model: str, inputs: Inputs) -> float:
    """Return the value of a reference model at its inputs.

    Args:
        model: name of the model, as in the reference file.
        inputs: its inputs, by the names and in the units of the reference file.

    Raises KeyError for a model that the project does not implement.

    >>> round(evaluate("pue", {"e_dc_kwh": 11.5, "e_it_kwh": 10.0}), 9)
    1.15
    """
    return float(MODELS[model](inputs))


def _eir_power(i: Inputs) -> Any:
    return chillers.eir_operation(
        _eir_chiller(i["chiller"]), i["load_w"], i["t_chw_leaving_c"], i["t_cond_entering_c"]
    ).power_w


def _eir_chiller(c: Inputs) -> chillers.EirChiller:
    return chillers.EirChiller(
        reference_capacity_w=c["q_ref_w"],
        reference_cop=c["cop_ref"],
        capacity_curve=tuple(c["cap_ft"]),
        eir_curve=tuple(c["eir_ft"]),
        part_load_curve=tuple(c["eir_fplr"]),
        minimum_part_load_ratio=c["plr_min"],
        maximum_part_load_ratio=c["plr_max"],
        minimum_unloading_ratio=c["plr_unload_min"],
        chilled_water_range_c=(-273.15, 100.0),
        condenser_range_c=(-273.15, 100.0),
    )


def _blast_power(i: Inputs) -> Any:
    c = i["chiller"]
    chiller = chillers.BlastChiller(
        nominal_capacity_w=c["q_nom_w"],
        nominal_cop=c["cop_nom"],
        minimum_part_load_ratio=c["plr_min"],
        maximum_part_load_ratio=c.get("plr_max", 1.0),
        condenser_design_c=c["t_cond_design_c"],
        chilled_water_design_c=c["t_chw_design_c"],
        temperature_rise_coefficient=c["temp_rise_coef"],
        capacity_ratio_curve=tuple(c["cap_ratio"]),
        power_ratio_curve=tuple(c["power_ratio"]),
        full_load_ratio_curve=tuple(c["full_load_ratio"]),
    )
    return chillers.blast_operation(chiller, i["load_w"], i["t_chw_leaving_c"], i["t_cond_entering_c"]).power_w


def _carnot_cop(i: Inputs) -> Any:
    machine = carnot_chillers.CarnotMachine(
        effectiveness=i["eta_carnot"],
        evaporator_approach_k=i["approach_evap_k"],
        condenser_approach_k=i["approach_cond_k"],
        minimum_lift_k=i.get("lift_min_k", 10.0),
        maximum_cop=i.get("cop_max", 14.0),
    )
    return carnot_chillers.carnot_chiller_cop(
        machine, i["t_chw_leaving_c"], i["t_cond_leaving_c"], i.get("eta_part_load", 1.0)
    )


def _server_fan(i: Inputs) -> Any:
    return fans.server_fan_power_ratio(
        i["heat_ratio"],
        i["t_inlet_c"],
        reference_inlet_c=i["t_inlet_ref_c"],
        component_limit_c=i["t_component_limit_c"],
        heatsink_exponent=i["heatsink_exponent"],
        fan_exponent=i["fan_exponent"],
        minimum_flow_ratio=i.get("phi_min", 0.0),
        maximum_flow_ratio=i.get("phi_max", float("inf")),
    )


def _makeup_per_heat(i: Inputs) -> Any:
    evaporated_kg = water.evaporation_by_heat_kg_per_s(
        i["heat_kwh"] * JOULES_PER_KWH, i["latent_fraction"], i["h_fg_kj_kg"] * 1e3
    )
    # The vector counts one litre per kilogram and is stated per kWh of heat.
    return water.makeup(evaporated_kg, 0.0, i["cycles_of_concentration"]) / i["heat_kwh"]


def _airflow(i: Inputs) -> Any:
    return airflow.air_volume_flow_m3_per_s(
        i["heat_w"], i["delta_t_k"], density_kg_per_m3=i["rho_kg_m3"], specific_heat_j_per_kg_k=i["cp_j_kg_k"]
    )


def _energyplus_it(i: Inputs) -> Any:
    equipment = it_equipment.EnergyPlusItEquipment(
        design_power_w=i["p_design_w"],
        fan_fraction=i["fan_frac"],
        power_curve=tuple(i["power_curve"]),
        flow_curve=tuple(i["flow_curve"]),
        fan_curve=tuple(i["fan_curve"]),
        supply_efficiency=i["psu_eff"],
        supply_curve=tuple(i.get("psu_curve", (1.0,))),
    )
    return it_equipment.energyplus_it_power_w(equipment, i["cpu_loading"], i["t_inlet_c"])


def _raps_node(i: Inputs) -> Any:
    node = it_equipment.RapsNode(
        cpu_w=i["cpu_w"],
        gpu_w=i["gpu_w"],
        gpus=i["gpus"],
        memory_w=i["mem_w"],
        nic_w=i["nic_w"],
        nics=i["nics"],
        storage_w=i["nvme_w"],
    )
    return it_equipment.raps_node_power_w(node, i["loss_const_w"], i["loss_eff"])


def _psu_input(i: Inputs) -> Any:
    return electrical.psu_input_w(i["load_frac"], i["p_rated_w"], [(x, eta) for x, eta in i["eff_points"]])


def _ups_input(i: Inputs) -> Any:
    return electrical.three_term_input_w(i["load_w"], i["p_rated_w"], i["loss_coef"], i.get("units", 1))


def _cue(i: Inputs) -> Any:
    return kpis.cue_kg_per_kwh(i["e_dc_kwh"] * i["ef_kg_per_kwh"], i["e_it_kwh"] * JOULES_PER_KWH)


def _operational_water(i: Inputs) -> Any:
    return kpis.operational_water_l(i["e_it_kwh"] * JOULES_PER_KWH, i["wue_l_per_kwh"], i["pue"], i["ewif_l_per_kwh"])


def _sci(i: Inputs) -> Any:
    lifespan_s, reserved_s = i["lifespan_h"] * SECONDS_PER_HOUR, i["time_reserved_h"] * SECONDS_PER_HOUR
    return embodied.sci_embodied_kg(i["te_kg"], lifespan_s, reserved_s, i["resource_share"]) * GRAMS_PER_KG


def _scope2_location(i: Inputs) -> Any:
    return emissions.scope2_location_based_kg(
        [e * JOULES_PER_MWH for e in i["e_mwh"]], [factor / JOULES_PER_MWH for factor in i["ef_kg_per_mwh"]]
    )


def _scope2_market(i: Inputs) -> Any:
    return emissions.scope2_market_based_kg(
        [e * JOULES_PER_MWH for e in i["e_mwh"]],
        [e * JOULES_PER_MWH for e in i["clean_mwh"]],
        residual_kg_per_j=i["ef_residual_kg_per_mwh"] / JOULES_PER_MWH,
        instrument_kg_per_j=i["ef_clean_kg_per_mwh"] / JOULES_PER_MWH,
        matching_periods=i.get("periods"),
    )


def _embodied_gpu(i: Inputs) -> Any:
    pairs = (
        ("die_mm2", "ef_die"),
        ("vram_mm2", "ef_vram"),
        ("pwb_cm2", "ef_pwb"),
        ("heatsink_kg", "ef_heatsink"),
        ("casing_kg", "ef_casing"),
    )
    return embodied.bottom_up_kg(embodied.Part(i[amount], i[factor]) for amount, factor in pairs)


def _battery_delivered(i: Inputs) -> Any:
    """Charge a large battery with the energy, then discharge all of it again."""
    each_way = i["eta_round_trip"] ** 0.5
    taken_j = i["e_in_kwh"] * JOULES_PER_KWH
    store = battery.Battery(
        10.0 * taken_j, 0.0, 10.0 * taken_j, taken_j, taken_j, each_way, each_way, 0.0, 10.0 * taken_j, 0.0
    )
    window = (store.lowest_j, store.highest_j)
    full = battery.advance(store, 0.0, taken_j / SECONDS_PER_HOUR, SECONDS_PER_HOUR, window, floats=True)
    empty = battery.advance(store, full.energy_j, -taken_j, SECONDS_PER_HOUR, window, floats=True)
    return empty.discharged_j / JOULES_PER_KWH


def _switch(i: Inputs) -> Any:
    switch = switches.SwitchPower(
        base_w=i["p_base_w"],
        port_w=i["p_port_w"],
        transceiver_in_w=i["p_trx_in_w"],
        transceiver_up_w=i["p_trx_up_w"],
        energy_per_bit_j=i["e_bit_j"],
        energy_per_packet_j=i["e_pkt_j"],
    )
    return switches.switch_power_w(switch, i["ports_up"], i["rate_bit_s"], i["packet_bytes"])


MODELS: Mapping[str, Callable[[Inputs], Any]] = {
    "wet_bulb_stull": lambda i: psychrometrics.wet_bulb_stull_c(i["t_db_c"], i["rh_pct"] / 100.0),
    "wet_bulb_ashrae": lambda i: psychrometrics.wet_bulb_c(i["t_db_c"], i["rh_frac"], i["p_pa"]),
    "humidity_ratio_from_wet_bulb": lambda i: psychrometrics.humidity_ratio_from_wet_bulb(
        i["t_db_c"], i["t_wb_c"], i["p_pa"]
    ),
    "moist_air_enthalpy": lambda i: psychrometrics.moist_air_enthalpy_j_per_kg(i["t_db_c"], i["w_kg_per_kg"]),
    "sat_humidity_ratio": lambda i: psychrometrics.saturation_humidity_ratio(i["t_c"], i["p_pa"]),
    "cooling_tower_yorkcalc_approach": lambda i: yorkcalc.approach_k(i["range_k"], i["t_wb_c"], i["liquid_gas_ratio"]),
    "fan_power_ratio_poly": lambda i: fans.fan_power_ratio(i["flow_frac"], i["coef"]),
    "affinity_power_ratio": lambda i: fans.affinity_power_ratio(i["speed_frac"], i["exponent"]),
    "server_fan_power_ratio": _server_fan,
    "tower_evaporation_loss_factor": lambda i: water.evaporation_by_loss_factor(
        i["water_flow_m3_s"], i["range_k"], i["loss_factor_pct_per_k"] / 100.0
    ),
    "tower_blowdown_coc": lambda i: water.blowdown(
        i["evaporation_m3_s"], i["drift_m3_s"], i["cycles_of_concentration"]
    ),
    "tower_makeup_per_heat_latent": _makeup_per_heat,
    "tower_loss_factor_qureshi_zubair": lambda i: water.qureshi_zubair_loss_factor_per_k(i["t_db_c"], i["rh_frac"]),
    "biquadratic": lambda i: curves.biquadratic(i["coef"], i["x"], i["y"]),
    "chiller_eir_power": _eir_power,
    "chiller_electric_blast_power": _blast_power,
    "chiller_carnot_cop": _carnot_cop,
    "air_volume_flow": _airflow,
    "pump_power": lambda i: pumps.pump_power_w(i["flow_m3_s"], i["dp_pa"], i["efficiency"]),
    "ite_energyplus_total_power": _energyplus_it,
    "psu_input_power": _psu_input,
    "ups_input_power": _ups_input,
    "raps_node_power": _raps_node,
    "pue": lambda i: kpis.pue(i["e_dc_kwh"], i["e_it_kwh"]),
    "pue_period": lambda i: kpis.pue(sum(i["e_dc_kwh"]), sum(i["e_it_kwh"])),
    "wue": lambda i: kpis.wue_l_per_kwh(i["w_in_m3"], i["e_it_kwh"] * JOULES_PER_KWH),
    "cue": _cue,
    "erf": lambda i: kpis.erf(i["e_reuse_kwh"], i["e_dc_kwh"]),
    "ref": lambda i: kpis.ref(i["e_renewable_kwh"], i["e_dc_kwh"]),
    "water_footprint_operational": _operational_water,
    "sci_embodied_time_share": _sci,
    "scope2_location_based_hourly": _scope2_location,
    "scope2_market_based_hourly_matching": _scope2_market,
    "diesel_co2_per_gallon": lambda i: emissions.fuel_co2_per_volume(i["ef_kg_per_mmbtu"], i["hhv_mmbtu_per_gal"]),
    "combined_uncertainty_rss": lambda i: uncertainty.product_relative_uncertainty(i["rel_u"]),
    "embodied_gpu_bottom_up": _embodied_gpu,
    "collective_time_bandwidth_bound": lambda i: collectives.bandwidth_bound_s(
        i["op"], i["size_b"], i["n"], i["bus_bw_b_s"]
    ),
    "collective_time_ring_alpha_beta": lambda i: collectives.ring_s(
        i["op"], i["size_b"], i["n"], i["bw_b_s"], i["alpha_s"]
    ),
    "fat_tree_hosts_2_level": lambda i: switches.fat_tree_hosts(i["k"], 2),
    "fat_tree_hosts_3_level": lambda i: switches.fat_tree_hosts(i["k"], 3),
    "fat_tree_switches_2_level": lambda i: switches.fat_tree_switches(i["k"], 2),
    "fat_tree_switches_3_level": lambda i: switches.fat_tree_switches(i["k"], 3),
    "switch_power": _switch,
    "energy_roofline_energy": lambda i: accelerator_power.energy_roofline_j(
        i["flop"], i["bytes"], (i["peak_flop_s"], i["peak_b_s"]), (i["e_flop_j"], i["e_byte_j"], i["p_const_w"])
    ),
    "two_term_power": lambda i: accelerator_power.two_term_power_w(
        (i["a_compute"], i["a_memory"]), (i["k_compute_w"], i["k_memory_w"]), i["p_idle_w"], i["cap_w"]
    ),
    "pvwatts_dc": lambda i: photovoltaics.dc_power_w(i["g_eff_w_m2"], i["t_cell_c"], i["p_dc0_w"], i["gamma_per_k"]),
    "pvwatts_losses_default": lambda i: 100.0 * photovoltaics.loss_fraction(share / 100.0 for share in i.values()),
    "battery_delivered_energy": _battery_delivered,
    "adiabatic_temperature_rise": lambda i: thermal.adiabatic_temperature_rise_k(i["p_w"], i["t_s"], i["c_j_k"]),
}
"""Adapter of each reference model; further models join as the project implements them."""
