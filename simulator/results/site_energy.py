"""Where a site's energy came from: table, scalars and balances of its supply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.records import RunRecords, SiteRecords, StoreFacts
from simulator.units import JOULES_PER_KWH, SECONDS_PER_HOUR, WATTS_PER_KW

Array = NDArray[np.float64]

SOURCES = ("grid_import_w", "solar_w", "wind_w", "battery_discharge_w", "ups_discharge_w", "diesel_w", "unserved_w")
USES = ("load_w", "battery_charge_w", "ups_charge_w", "grid_export_w", "curtailed_w")
_AMOUNTS = ("diesel_fuel_l", "fuel_delivered_l", "fuel_l", "outage_s")

COLUMNS = (
    "site",
    "start_s",
    "end_s",
    *SOURCES,
    *USES,
    "load_bank_w",
    "over_cap_w",
    "over_ramp_w",
    *_AMOUNTS,
    "battery_stored_kwh",
    "ups_stored_kwh",
    "grid_cap_w",
)

SCALARS = (
    "solar_energy_kwh",
    "wind_energy_kwh",
    "curtailed_energy_kwh",
    "self_consumption_fraction",
    "self_sufficiency_fraction",
    "peak_grid_import_kw",
    "battery_discharged_kwh",
    "battery_loss_kwh",
    "battery_cycles",
    "diesel_energy_kwh",
    "diesel_fuel_l",
    "grid_outage_h",
    "grid_cap_exceeded_kwh",
    "unserved_energy_kwh",
)


def supplied(records: RunRecords) -> list[SiteRecords]:
    """Return the sites that say where their power comes from."""
    return [site for site in records.sites if site.facts.supply is not None]


def supply_table(records: RunRecords) -> pd.DataFrame:
    """Return flows of each site by plant step; sources, up to `unserved_w`, equal uses, from `load_w` on."""
    tables = [_site_table(site) for site in supplied(records)]
    return pd.concat(tables, ignore_index=True) if tables else _empty()


def _empty() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str" if name == "site" else "float64") for name in COLUMNS})


def _site_table(site: SiteRecords) -> pd.DataFrame:
    steps = site.steps
    flows = {name: column(site, name) for name in (*SOURCES, *USES, "load_bank_w", "over_cap_w", "over_ramp_w")}
    return pd.DataFrame(
        {
            "site": site.name,
            "start_s": steps.edges_s[:-1],
            "end_s": steps.ends_s,
            **flows,
            **{name: column(site, name) for name in _AMOUNTS},
            "battery_stored_kwh": column(site, "battery_stored_j") / JOULES_PER_KWH,
            "ups_stored_kwh": column(site, "ups_stored_j") / JOULES_PER_KWH,
            # Missing where the grid asks for nothing.
            "grid_cap_w": np.where(column(site, "capped_s") > 0.0, column(site, "cap_w"), np.nan),
        }
    )[list(COLUMNS)]


def supply_scalars(records: RunRecords) -> dict[str, float | None]:
    """Return the scalars of all sites together; None where no site says where its power comes from."""
    sites = supplied(records)
    if not sites:
        return dict.fromkeys(SCALARS)

    def joules(*names: str) -> float:
        return sum(float(column(site, name) @ site.steps.durations_s) for site in sites for name in names)

    generated_j, unused_j = joules("solar_w", "wind_w"), joules("curtailed_w", "grid_export_w")
    load_j, capacity_j = joules("load_w"), sum(_capacity_j(site) for site in sites)
    lost_j = joules("battery_charge_w") - joules("battery_discharge_w") - sum(_gain_j(site) for site in sites)
    imports_w = [column(site, "grid_import_w") for site in sites]
    found: dict[str, float | None] = {
        "solar_energy_kwh": joules("solar_w") / JOULES_PER_KWH,
        "wind_energy_kwh": joules("wind_w") / JOULES_PER_KWH,
        "curtailed_energy_kwh": joules("curtailed_w") / JOULES_PER_KWH,
        "self_consumption_fraction": 1.0 - unused_j / generated_j if generated_j > 0.0 else None,
        "self_sufficiency_fraction": 1.0 - joules("grid_import_w") / load_j if load_j > 0.0 else None,
        "peak_grid_import_kw": float(sum(imports_w[1:], imports_w[0]).max()) / WATTS_PER_KW,
        "battery_discharged_kwh": joules("battery_discharge_w") / JOULES_PER_KWH,
        "battery_loss_kwh": lost_j / JOULES_PER_KWH,
        "battery_cycles": joules("battery_discharge_w") / capacity_j if capacity_j else None,
        "diesel_energy_kwh": joules("diesel_w", "load_bank_w") / JOULES_PER_KWH,
        "diesel_fuel_l": sum(float(column(site, "diesel_fuel_l").sum()) for site in sites),
        "grid_outage_h": sum(float(column(site, "outage_s").sum()) for site in sites) / SECONDS_PER_HOUR,
        "grid_cap_exceeded_kwh": joules("over_cap_w") / JOULES_PER_KWH,
        "unserved_energy_kwh": joules("unserved_w") / JOULES_PER_KWH,
    }
    return found | dict.fromkeys(_absent(sites))


def _absent(sites: Sequence[SiteRecords]) -> Iterator[str]:
    """Yield the scalars of what no site has: absent, not zero."""
    there = {
        part
        for site in sites
        for part in ("solar", "wind", "battery", "diesel")
        if getattr(site.facts.supply, part) is not None
    }
    for part in ("solar", "wind", "battery", "diesel"):
        if part not in there:
            yield from (name for name in SCALARS if name.startswith(part))
    if not there & {"solar", "wind"}:
        yield from ("curtailed_energy_kwh", "self_consumption_fraction")
    if not there & {"solar", "wind", "battery", "diesel"}:
        yield "self_sufficiency_fraction"


Balance = tuple[str, float, float, float]
"""Name, one side, the other side, and the energy beside which a residual counts."""


def supply_balances(site: SiteRecords) -> Iterator[Balance]:
    """Yield the balances of a site's supply, none where power comes from a grid without limits."""
    facts = site.facts.supply
    if facts is None:
        return
    durations_s = site.steps.durations_s
    load_j = float(site.steps.columns["power.facility_power_w"] @ durations_s)
    apart_j = float(np.abs(column(site, "load_w") - site.steps.columns["power.facility_power_w"]) @ durations_s)
    yield "supply: load = facility power, every step", apart_j, 0.0, load_j
    sources_w = sum((column(site, name) for name in SOURCES), np.zeros_like(durations_s))
    uses_w = sum((column(site, name) for name in USES), np.zeros_like(durations_s))
    moved_j = float(sources_w @ durations_s)
    yield (
        "supply: grid + generation + discharge = load + charge + export + curtailed, every step",
        float(np.abs(sources_w - uses_w) @ durations_s),
        0.0,
        moved_j,
    )
    for name, store in (("battery", facts.battery), ("ups", facts.ups)):
        if store is not None:
            wrong_j = _impossible_j(site, name, store)
            yield f"{name}: nothing gained, no more lost than conversion and standby, every step", wrong_j, 0.0, moved_j
    if facts.diesel is not None:
        burnt_l, delivered_l = (float(column(site, name).sum()) for name in ("diesel_fuel_l", "fuel_delivered_l"))
        left_l = float(column(site, "fuel_l")[-1])
        yield (
            "diesel: tank at start + delivered = burnt + left",
            facts.fuel_l + delivered_l,
            burnt_l + left_l,
            facts.fuel_l + delivered_l,
        )


def column(site: SiteRecords, name: str) -> Array:
    """Return a column of a site's supply."""
    return site.steps.columns[f"supply.{name}"]


def _impossible_j(site: SiteRecords, name: str, store: StoreFacts) -> float:
    """Return by how much a battery gained energy, or lost more than it can, summed over the steps in which it did."""
    durations_s = site.steps.durations_s
    stored_j = np.concatenate(([store.initial_j], column(site, f"{name}_stored_j")))
    kept_j = store.charge_efficiency * column(site, f"{name}_charge_w") * durations_s
    kept_j -= column(site, f"{name}_discharge_w") * durations_s / store.discharge_efficiency
    standby_j = kept_j - np.diff(stored_j)
    gained_j, lost_j = np.maximum(-standby_j, 0.0), np.maximum(standby_j - store.standby_w * durations_s, 0.0)
    return float((gained_j + lost_j).sum())


def _capacity_j(site: SiteRecords) -> float:
    supply = site.facts.supply
    return supply.battery.energy_j if supply is not None and supply.battery is not None else 0.0


def _gain_j(site: SiteRecords) -> float:
    """Return stored energy at the end less that at the start."""
    supply = site.facts.supply
    if supply is None or supply.battery is None:
        return 0.0
    return float(column(site, "battery_stored_j")[-1]) - supply.battery.initial_j
