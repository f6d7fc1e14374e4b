"""Key performance indicators of data centres: ratios of sums over a period, never means of ratios.

Every function takes amounts of one period, or arrays of amounts of its intervals, which it sums first.
"""

from __future__ import annotations

import numpy as np

from simulator.physics.domains import Number, require_positive, require_range
from simulator.units import JOULES_PER_KWH, LITRES_PER_M3


def _total(name: str, amounts: Number) -> float:
    require_range(name, amounts, 0.0)
    return float(np.sum(amounts))


def _ratio(numerator: float, denominator_name: str, denominator: float) -> float:
    require_positive(f"total {denominator_name}", denominator)
    return numerator / denominator


def pue(facility_energy_j: Number, it_energy_j: Number) -> float:
    """Return power usage effectiveness.

    Args:
        facility_energy_j: energy of the whole data centre (J), one total or intervals.
        it_energy_j: energy of the IT equipment (J); category 1 metered at the UPS output, 2 at the PDU output, 3 at the
            IT input. State which.

    PUE = sum E_DC / sum E_IT, at least 1. ISO/IEC 30134-2; Delegated Regulation (EU) 2024/1364.

    >>> pue(np.array([120.0, 75.0]), np.array([100.0, 50.0]))
    1.3
    """
    ratio = _ratio(_total("facility_energy_j", facility_energy_j), "it_energy_j", _total("it_energy_j", it_energy_j))
    # The IT energy is part of the facility's; the margin is for sums taken in another order.
    require_range("facility energy / IT energy", ratio, 1.0 - 1e-9)
    return ratio


def wue_l_per_kwh(water_m3: Number, it_energy_j: Number) -> float:
    """Return water usage effectiveness, litres of site water per kWh of *IT* energy.

    Args:
        water_m3: water taken in by the site (m3), one total or intervals.
        it_energy_j: energy of the IT equipment (J).

    WUE = sum W_in / sum E_IT. ISO/IEC 30134-9. It is per IT energy: multiplying by facility energy counts PUE twice.

    >>> round(wue_l_per_kwh(18_000.0, 1e7 * 3.6e6), 9)
    1.8
    """
    litres = _total("water_m3", water_m3) * LITRES_PER_M3
    return _ratio(litres, "it_energy_j", _total("it_energy_j", it_energy_j) / JOULES_PER_KWH)


def cue_kg_per_kwh(operational_kg: Number, it_energy_j: Number) -> float:
    """Return carbon usage effectiveness, kg CO2e of all energy used per kWh of *IT* energy.

    Args:
        operational_kg: CO2e of the energy of the whole data centre (kg), one total or intervals.
        it_energy_j: energy of the IT equipment (J).

    CUE = sum CO2e / sum E_IT, which is PUE times the factor when that is constant. ISO/IEC 30134-8.

    >>> round(cue_kg_per_kwh(11.5e6 * 0.4, 1e7 * 3.6e6), 9)
    0.46
    """
    total = _total("operational_kg", operational_kg)
    return _ratio(total, "it_energy_j", _total("it_energy_j", it_energy_j) / JOULES_PER_KWH)


def erf(reused_energy_j: Number, facility_energy_j: Number) -> float:
    """Return the energy reuse factor.

    Args:
        reused_energy_j: energy used again outside the data centre (J), one total or intervals.
        facility_energy_j: energy of the whole data centre (J).

    ERF = sum E_reuse / sum E_DC, 0 to 1. ISO/IEC 30134-6.

    >>> round(erf(2.3, 11.5), 9)
    0.2
    """
    return _share("reused_energy_j", reused_energy_j, facility_energy_j)


def ref(renewable_energy_j: Number, facility_energy_j: Number) -> float:
    """Return the renewable energy factor.

    Args:
        renewable_energy_j: renewable energy owned and used by the data centre (J), one total or intervals.
        facility_energy_j: energy of the whole data centre (J).

    REF = sum E_renewable / sum E_DC, 0 to 1: energy sold on is not the data centre's. ISO/IEC 30134-3.

    >>> ref(5.75, 11.5)
    0.5
    """
    return _share("renewable_energy_j", renewable_energy_j, facility_energy_j)


def _share(name: str, part_j: Number, facility_energy_j: Number) -> float:
    total = _total("facility_energy_j", facility_energy_j)
    ratio = _ratio(_total(name, part_j), "facility_energy_j", total)
    require_range(f"{name} / facility_energy_j", ratio, 0.0, 1.0 + 1e-9)
    return ratio


def itue(it_energy_j: Number, compute_energy_j: Number) -> float:
    """Return IT usage effectiveness: energy of the IT equipment over the part that reaches its computing parts.

    Args:
        it_energy_j: energy of the IT equipment (J), one total or intervals.
        compute_energy_j: that energy without server fans and power supply losses (J).

    ITUE = sum E_IT / sum E_compute, at least 1. Patterson et al. 2013 (TUE).

    >>> itue(110.0, 100.0)
    1.1
    """
    total = _total("it_energy_j", it_energy_j)
    ratio = _ratio(total, "compute_energy_j", _total("compute_energy_j", compute_energy_j))
    require_range("IT energy / compute energy", ratio, 1.0 - 1e-9)
    return ratio


def tue(facility_energy_j: Number, compute_energy_j: Number) -> float:
    """Return total usage effectiveness, PUE times ITUE: warmer air cannot improve it by speeding up server fans.

    Args:
        facility_energy_j: energy of the whole data centre (J), one total or intervals.
        compute_energy_j: energy that reaches computing parts (J).

    TUE = sum E_DC / sum E_compute, at least 1. Patterson et al. 2013 (TUE).

    >>> round(tue(132.0, 100.0), 2)
    1.32
    """
    return itue(facility_energy_j, compute_energy_j)


def operational_water_l(it_energy_j: float, wue_l_per_kwh: float, pue: float, grid_water_l_per_kwh: float) -> float:
    """Return the operational water of IT energy: at the site and at the power stations.

    Args:
        it_energy_j: energy of the IT equipment (J).
        wue_l_per_kwh: site water per IT energy (l/kWh).
        pue: facility energy per IT energy, at least 1.
        grid_water_l_per_kwh: water intensity of the electricity (l/kWh).

    W = E_IT (WUE + PUE EWIF). Li et al. 2025, arXiv 2304.03271. WUE is per IT energy already: only the second term
    carries the PUE.

    >>> round(operational_water_l(100 * 3.6e6, 1.8, 1.2, 3.1), 6)
    552.0
    """
    require_range("it_energy_j", it_energy_j, 0.0)
    require_range("wue_l_per_kwh", wue_l_per_kwh, 0.0)
    require_range("pue", pue, 1.0)
    require_range("grid_water_l_per_kwh", grid_water_l_per_kwh, 0.0)
    return it_energy_j / JOULES_PER_KWH * (wue_l_per_kwh + pue * grid_water_l_per_kwh)
