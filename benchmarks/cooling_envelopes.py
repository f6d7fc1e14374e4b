"""PUE and WUE of cooling kinds in four weather years: ``python -m benchmarks.cooling_envelopes --json OUT``.

A hall of 64 DGX H100 that trains all year, at about three quarters of the building's capacity, in hourly steps. Plants,
setpoints and the electrical chain are the shipped profiles; ``--ups eco --redundancy N+1`` shows a chain such as large
operators run. Each envelope is spanned by two rows of the table of published facts, chosen for kind and climate before
anything was computed; rows from memory are not used. Those rows of water are of regions that mix kinds; a second
envelope of water is of the kind alone, and was found after the first results had been seen.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import simulator as sim
from benchmarks.bases import scenario

FACTS = Path("../shared/reference/facility.csv")
WEATHER = Path("../shared/data/weather/open_meteo")

CLIMATES = {"San Jose": "US-CAL-CISO", "Dallas": "US-TEX-ERCO", "Frankfurt": "DE-LU", "Singapore": "SG"}

KINDS: dict[str, dict[str, Any]] = {
    "air-cooled chiller": {"kind": "air_cooled_chiller"},
    "water-cooled with economizer": {"kind": "chilled_water"},
    "direct evaporative": {"kind": "direct_evaporative"},
    "indirect evaporative": {"kind": "indirect_evaporative"},
    "warm-water liquid": {"kind": "direct_to_chip"},
}
"""From most to least energy by the published order; the two evaporative kinds share a place."""
RANKED = ("air-cooled chiller", "water-cooled with economizer", "indirect evaporative", "warm-water liquid")

Row = tuple[str, str]
"""Site or operator and period of a published row."""
UPTIME, US_2020 = ("Uptime survey average", "2021"), ("US average data centre", "2020")
AWS, AWS_BEST, META = ("AWS global", "2023"), ("AWS best site", "2023"), ("Meta average", "2023")
NEWEST, ESIF = ("Microsoft newest", "2023"), ("NREL ESIF HPC", "annual")
GOOGLE, TAIWAN = ("Google fleet", "2024-25"), ("Google Taiwan", "2019 Q3")
JUPITER = ("Ai2 Jupiter (Texas)", "2024")


def microsoft(place: str) -> Row:
    """Return the row of a Microsoft region."""
    return (f"Microsoft {place}", "2022-23")


PUE_BETWEEN: dict[tuple[str, str], tuple[Row, Row]] = {
    ("air-cooled chiller", "San Jose"): (AWS, UPTIME),
    ("air-cooled chiller", "Dallas"): (JUPITER, US_2020),
    ("air-cooled chiller", "Frankfurt"): (AWS, UPTIME),
    ("air-cooled chiller", "Singapore"): (microsoft("Texas"), US_2020),
    ("water-cooled with economizer", "San Jose"): (GOOGLE, ("Microsoft global average", "2023")),
    ("water-cooled with economizer", "Dallas"): (GOOGLE, microsoft("Texas")),
    ("water-cooled with economizer", "Frankfurt"): (GOOGLE, microsoft("Ireland")),
    ("water-cooled with economizer", "Singapore"): (TAIWAN, microsoft("Indonesia*")),
    ("direct evaporative", "San Jose"): (META, microsoft("Arizona")),
    ("direct evaporative", "Dallas"): (META, microsoft("Texas")),
    ("direct evaporative", "Frankfurt"): (META, microsoft("Ireland")),
    ("direct evaporative", "Singapore"): (TAIWAN, microsoft("India*")),
    ("indirect evaporative", "San Jose"): (META, microsoft("Arizona")),
    ("indirect evaporative", "Dallas"): (META, microsoft("Texas")),
    ("indirect evaporative", "Frankfurt"): (META, microsoft("Ireland")),
    ("indirect evaporative", "Singapore"): (META, microsoft("Indonesia*")),
    ("warm-water liquid", "San Jose"): (ESIF, NEWEST),
    ("warm-water liquid", "Dallas"): (ESIF, NEWEST),
    ("warm-water liquid", "Frankfurt"): (ESIF, NEWEST),
    ("warm-water liquid", "Singapore"): (ESIF, NEWEST),
}
WUE_BETWEEN: dict[tuple[str, str], tuple[Row, Row]] = {
    ("water-cooled with economizer", "San Jose"): (microsoft("U.S. Average"), microsoft("Arizona")),
    ("water-cooled with economizer", "Dallas"): (microsoft("U.S. Average"), microsoft("Arizona")),
    ("water-cooled with economizer", "Frankfurt"): (microsoft("U.S. Average"), microsoft("Arizona")),
    ("water-cooled with economizer", "Singapore"): (microsoft("U.S. Average"), microsoft("Indonesia*")),
    ("direct evaporative", "San Jose"): (microsoft("Netherlands"), microsoft("Washington")),
    ("direct evaporative", "Dallas"): (microsoft("Virginia"), microsoft("Arizona")),
    ("direct evaporative", "Frankfurt"): (microsoft("Finland*"), microsoft("Virginia")),
    ("direct evaporative", "Singapore"): (microsoft("India*"), microsoft("Indonesia*")),
    ("indirect evaporative", "San Jose"): (microsoft("Netherlands"), microsoft("Arizona")),
    ("indirect evaporative", "Dallas"): (microsoft("Virginia"), microsoft("Arizona")),
    ("indirect evaporative", "Frankfurt"): (microsoft("Finland*"), microsoft("Washington")),
    ("indirect evaporative", "Singapore"): (microsoft("India*"), microsoft("Indonesia*")),
}


WUE_OF_KIND: dict[tuple[str, str], tuple[float, float]] = {
    ("water-cooled with economizer", "San Jose"): (1.746, 2.614),
    ("water-cooled with economizer", "Dallas"): (1.748, 2.616),
    ("water-cooled with economizer", "Frankfurt"): (1.740, 2.608),
    ("water-cooled with economizer", "Singapore"): (1.761, 2.629),
    ("direct evaporative", "San Jose"): (0.004, 0.3),
    ("direct evaporative", "Dallas"): (0.004, 0.3),
    ("direct evaporative", "Frankfurt"): (0.004, 0.3),
    ("direct evaporative", "Singapore"): (0.0, 0.3),
}
"""L/kWh by kind.

Water-cooled with economizer: 5th and 95th percentile of 50 simulated large halls in climate zones 3C, 3A, 5A and 1A,
Lei and Masanet 2022, Resources, Conservation and Recycling 182:106323, file UE.csv of the authors' calculator (read).
Direct evaporative: from the 5th percentile of the same authors' halls with air-cooled chillers behind the media, all
climates, to the upper end of what operators report (LBNL 2024, Figure 4.4 and pages 46 and 47; both second-hand); at
0 in Singapore, where no air is fit. Nothing was found for indirect evaporative cooling.
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind in one climate.

    Args:
        kind: kind of cooling.
        climate: city of the weather year.
        it_load_fraction: IT power over the building's capacity.
        pue: facility energy / IT energy.
        tue: facility energy / energy of the computing parts.
        wue_l_per_kwh: water / IT energy.
        free_cooling_fraction: share of the year without a compressor.
        pue_low: lower end of the published envelope.
        pue_high: its upper end.
        wue_low: lower end of the published envelope of water; None where none applies.
        wue_high: its upper end.
        wue_of_kind: envelope of water of the kind alone; None where nothing was found.
        rows: published rows that span the envelopes.
    """

    kind: str
    climate: str
    it_load_fraction: float
    pue: float
    tue: float
    wue_l_per_kwh: float
    free_cooling_fraction: float
    pue_low: float
    pue_high: float
    wue_low: float | None
    wue_high: float | None
    wue_of_kind: tuple[float, float] | None
    rows: tuple[str, ...]

    @property
    def pue_inside(self) -> bool:
        """PUE lies in its envelope."""
        return self.pue_low <= self.pue <= self.pue_high

    @property
    def wue_inside(self) -> bool | None:
        """WUE lies in its envelope; None where none applies."""
        if self.wue_low is None or self.wue_high is None:
            return None
        return self.wue_low <= self.wue_l_per_kwh <= self.wue_high

    @property
    def wue_inside_of_kind(self) -> bool | None:
        """WUE lies in the envelope of its kind; None where there is none."""
        if self.wue_of_kind is None:
            return None
        low, high = self.wue_of_kind
        return low <= self.wue_l_per_kwh <= high


def hall_year(
    cooling: dict[str, Any], weather: Path, hours: float = 8760, power_chain: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return a year of the hall with one kind of cooling."""
    servers = 64
    hall = {"name": "hall", "profile": "dgx-h100", "count": servers}
    if cooling["kind"] == "direct_to_chip":
        # Published warm-water halls are rack-scale: cold plates take nine tenths.
        hall["liquid_fraction"] = 0.9
    job = {
        "kind": "training", "name": "job", "model": "llama-3.1-8b", "servers": "hall",
        "parallelism": {"data": 2 * servers, "tensor": 4}, "method": {"kind": "full"}, "sequence_tokens": 8192,
        "batch_sequences": 8 * servers, "recompute": "full", "length": {"kind": "steps", "steps": 1_000_000_000},
    }  # fmt: skip
    return scenario(
        "cooling-envelope",
        [hall],
        [job],
        start="2022-01-01T08:00:00Z",
        duration_h=hours,
        end={"kind": "horizon"},
        network={"kind": "fat_tree"},
        site={
            "weather": {"kind": "open_meteo", "file": str(weather.resolve()), "repeat_yearly": True},
            "carbon_intensity": {"kind": "constant", "g_per_kwh": 400},
            "price": {"kind": "constant", "usd_per_kwh": 0.1},
        },
        facility={
            "kind": "modelled",
            "it_capacity_kw": 10.2 * servers,
            "cooling": cooling,
            "power_chain": power_chain or {},
            "plant_step_s": 3600,
        },
    )


def published(facts: Path, metric: str) -> dict[Row, float]:
    """Return the published figures of a metric by site and period, those from memory left out."""
    with facts.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == metric]
    return {
        (row["site_or_operator"], row["period"]): float(row["value"])
        for row in rows
        if "memory" not in row["seen_status"] and "-" not in row["value"]
    }


def measured(kind: str, climate: str, arguments: argparse.Namespace) -> Case:
    """Run one kind in one climate."""
    facts, capacity_kw = arguments.facts, 10.2 * 64
    chain = {"ups": arguments.ups, "ups_redundancy": arguments.redundancy}
    chain = {name: value for name, value in chain.items() if value is not None}
    weather = arguments.weather / CLIMATES[climate] / "2022.json"
    summary = sim.run(sim.from_dict(hall_year(KINDS[kind], weather, arguments.hours, chain))).summary
    pue, wue = published(facts, "PUE"), published(facts, "WUE on-site")
    rows = PUE_BETWEEN[kind, climate]
    water = WUE_BETWEEN.get((kind, climate))
    names = [f"PUE {name} {pue[name, period]:g}" for name, period in rows]
    names += [f"WUE {name} {wue[name, period]:g}" for name, period in water or ()]
    return Case(
        kind=kind,
        climate=climate,
        it_load_fraction=summary.mean_it_power_kw / capacity_kw,
        pue=summary.pue or 0.0,
        tue=summary.tue or 0.0,
        wue_l_per_kwh=summary.wue_l_per_kwh or 0.0,
        free_cooling_fraction=summary.free_cooling_fraction or 0.0,
        pue_low=pue[rows[0]],
        pue_high=pue[rows[1]],
        wue_low=wue[water[0]] if water else None,
        wue_high=wue[water[1]] if water else None,
        wue_of_kind=WUE_OF_KIND.get((kind, climate)),
        rows=tuple(names),
    )


def ranked_as_published(cases: list[Case]) -> dict[str, bool]:
    """Return by climate whether PUE falls along the published order."""
    by_place = {(case.climate, case.kind): case.pue for case in cases}
    return {
        climate: all(by_place[climate, a] > by_place[climate, b] for a, b in itertools.pairwise(RANKED))
        for climate in CLIMATES
    }


def main() -> None:
    """Run all kinds in all climates and print them beside their envelopes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cooling_envelopes")
    parser.add_argument("--facts", type=Path, default=FACTS, help="table of published facts")
    parser.add_argument("--weather", type=Path, default=WEATHER, help="folder of open-meteo years")
    parser.add_argument("--hours", type=float, default=8760.0, help="length of each run")
    parser.add_argument("--ups", choices=["double_conversion", "eco"], help="mode of the UPS, if not as shipped")
    parser.add_argument("--redundancy", choices=["N", "N+1", "2N"], help="redundancy of the UPS, if not as shipped")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    cases = []
    for kind in KINDS:
        for climate in CLIMATES:
            case = measured(kind, climate, arguments)
            cases.append(case)
            water = "" if case.wue_low is None else f"[{case.wue_low:g}, {case.wue_high:g}] {case.wue_inside}"
            if case.wue_of_kind is not None:
                low, high = case.wue_of_kind
                water += f"  of kind [{low:g}, {high:g}] {case.wue_inside_of_kind}"
            print(
                f"{kind:<29} {climate:<10} PUE {case.pue:.3f} [{case.pue_low:g}, {case.pue_high:g}] "
                f"{case.pue_inside!s:<5} TUE {case.tue:.3f}  WUE {case.wue_l_per_kwh:.2f} {water:<48} "
                f"free {case.free_cooling_fraction:4.0%}"
            )
    ranks = ranked_as_published(cases)
    print("ranked as published:", ", ".join(f"{climate} {is_so}" for climate, is_so in ranks.items()))
    if arguments.json is not None:
        rows = [
            {
                **asdict(case),
                "pue_inside": case.pue_inside,
                "wue_inside": case.wue_inside,
                "wue_inside_of_kind": case.wue_inside_of_kind,
            }
            for case in cases
        ]
        arguments.json.write_text(json.dumps({"cases": rows, "ranked_as_published": ranks}, indent=2) + "\n")


if __name__ == "__main__":
    main()
