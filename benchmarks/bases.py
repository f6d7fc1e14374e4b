"""Parts of scenarios that the benchmarks share: a plain site and facility around what is measured."""

from __future__ import annotations

from typing import Any


def scenario(
    name: str, servers: list[dict[str, Any]], workloads: list[dict[str, Any]], **changes: Any
) -> dict[str, Any]:
    """Return a scenario that ends when its work is done, with constant weather, carbon intensity and price.

    Args:
        name: name of the scenario.
        servers: halls.
        workloads: what runs.
        changes: sections to replace.
    """
    return {
        "schema": 1,
        "name": name,
        "seed": 0,
        "start": "2022-06-01T00:00:00Z",
        "duration_h": 8760,
        "end": {"kind": "work_done"},
        "site": {
            "weather": {"kind": "constant", "dry_bulb_c": 18, "relative_humidity": 0.6},
            "carbon_intensity": {"kind": "constant", "g_per_kwh": 400},
            "price": {"kind": "constant", "usd_per_kwh": 0.1},
        },
        "facility": {
            "kind": "modelled",
            "it_capacity_kw": 1000,
            "cooling": {"kind": "chilled_water", "supply_air_c": 24},
        },
        "servers": servers,
        "network": {"kind": "none"},
        "workloads": workloads,
        **changes,
    }
