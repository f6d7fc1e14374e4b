"""One choice against another: what the grid emits more or less, and whether an outlay pays.

Both are differences between two runs. A marginal factor weighs the difference in energy drawn, step by step; it is
never added to an inventory. Running costs are taken to a year by the simulated time, so that a run of a day stands for
a year of such days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from simulator.physics.emissions import marginal_difference_kg
from simulator.physics.finance import present_capital_usd, present_yearly_usd, simple_payback_years
from simulator.results.comparison import distinct_names
from simulator.results.result import Result
from simulator.signals.base import Signal, StepSignal
from simulator.units import GRAMS_PER_KG, HOURS_PER_YEAR, JOULES_PER_KWH

COLUMNS = (
    "choice",
    "against",
    "marginal_change_kg_co2e",
    "extra_capital_usd",
    "yearly_saving_usd",
    "payback_years",
    "net_present_value_usd",
    "note",
)
_SAME_WORK = 0.01
"""Relative difference in work above which a saving may be nothing but work not done."""


def choices(*results: Result, marginal_g_per_kwh: Signal | None = None, said: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per run after the first, against the first; what cannot be said is missing, with a note.

    Args:
        results: the runs.
        marginal_g_per_kwh: marginal factor from the start of the runs on, where they have one site and the factor is
            not the one that they carry (section `emissions.marginal`).
        said: what its reader assumed, for the notes.

    Columns: `marginal_change_kg_co2e`, sum of (energy drawn here - there) x the marginal factor that both runs carry;
    `extra_capital_usd`, difference of the prices of what stands there; `yearly_saving_usd`, difference of running
    costs, the base's less this one's; `payback_years`, their ratio; `net_present_value_usd`, over the horizon with the
    discount rate of section `money`, devices bought anew when their life ends and the rest of it counted at the end.
    """
    names = distinct_names(results)
    rows = []
    for name, result in zip(names[1:], results[1:], strict=True):
        notes: list[str] = [*said, *_work(results[0], result)]
        row = {"choice": name, "against": names[0], **_marginal(results[0], result, marginal_g_per_kwh, notes)}
        rows.append({**row, **_money(results[0], result, notes), "note": "; ".join(notes)})
    numbers = dict.fromkeys(COLUMNS[2:-1], "float64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(numbers)


def _marginal(base: Result, other: Result, given: Signal | None, notes: list[str]) -> dict[str, float | None]:
    column = "marginal_change_kg_co2e"
    there, here = (_by_site(run.facility, given) for run in (base, other))
    if not all(frame.marginal_intensity_g_per_kwh.notna().all() for frame in (*there.values(), *here.values())):
        return {column: None}
    refusal = _other_grid(base, other, there, here)
    if refusal is None and given is not None and len(there) > 1:
        refusal = "one factor for several grids; give each site its own under emissions.marginal"
    if refusal is not None:
        notes.append(f"no marginal change: {refusal}")
        return {column: None}
    return {column: sum(_change_kg(there[site], here[site]) for site in there)}


def _by_site(facility: pd.DataFrame, given: Signal | None) -> dict[str, pd.DataFrame]:
    """Return the steps of each site, with the marginal factor that was given in place of the one they carry."""
    frames = {str(site): frame for site, frame in facility.groupby("site", sort=True)}
    if given is None:
        return frames
    return {site: _weighed(frame, given) for site, frame in frames.items()}


def _weighed(frame: pd.DataFrame, given: Signal) -> pd.DataFrame:
    """Return steps cut where the factor changes, so that each piece has one."""
    edges_s = np.concatenate([[0.0], frame.end_s.to_numpy()])
    if isinstance(given, StepSignal):
        changes_s = given.edges_s[(given.edges_s > 0.0) & (given.edges_s < edges_s[-1])]
        edges_s = np.unique(np.concatenate([edges_s, changes_s]))
    drawn_w = _at(frame, edges_s, "grid_import_w")
    return pd.DataFrame(
        {
            "end_s": edges_s[1:],
            "grid_import_w": drawn_w,
            "marginal_intensity_g_per_kwh": given.means(edges_s),
        }
    )


def _other_grid(
    base: Result, other: Result, there: dict[str, pd.DataFrame], here: dict[str, pd.DataFrame]
) -> str | None:
    """Return why two runs cannot be compared by a marginal factor."""
    if set(there) != set(here):
        return "the runs have other sites"
    if base.manifest["start_utc"] != other.manifest["start_utc"]:
        return "the runs start at other times"
    if base.manifest["simulated_s"] != other.manifest["simulated_s"]:
        return "the runs have other lengths"
    for site, frame in there.items():
        edges_s = _edges_s(frame, here[site])
        factors = [_at(run, edges_s, "marginal_intensity_g_per_kwh") for run in (frame, here[site])]
        if not np.allclose(factors[0], factors[1], rtol=1e-6, atol=0.0):
            return "the runs carry other marginal factors"
    return None


def _change_kg(there: pd.DataFrame, here: pd.DataFrame) -> float:
    edges_s = _edges_s(there, here)
    change_w = _at(here, edges_s, "grid_import_w") - _at(there, edges_s, "grid_import_w")
    factor = _at(here, edges_s, "marginal_intensity_g_per_kwh") / (GRAMS_PER_KG * JOULES_PER_KWH)
    return marginal_difference_kg(change_w * np.diff(edges_s), factor)


def _edges_s(*frames: pd.DataFrame) -> np.ndarray:
    return np.unique(np.concatenate([[0.0], *(frame.end_s.to_numpy() for frame in frames)]))


def _at(frame: pd.DataFrame, edges_s: np.ndarray, column: str) -> np.ndarray:
    """Return the values of a column in the pieces between edges, each of which lies in one of its steps."""
    steps = np.searchsorted(frame.end_s.to_numpy(), edges_s[1:], side="left")
    values: np.ndarray = frame[column].to_numpy()[steps]
    return values


def _money(base: Result, other: Result, notes: list[str]) -> dict[str, float | None]:
    runs = (base, other)
    yearly = [run.summary.running_cost_usd * HOURS_PER_YEAR / run.summary.simulated_h for run in runs]
    saving = yearly[0] - yearly[1]
    found: dict[str, float | None] = {
        "extra_capital_usd": None,
        "yearly_saving_usd": saving,
        "payback_years": None,
        "net_present_value_usd": None,
    }
    if any(run.summary.simulated_h < HOURS_PER_YEAR for run in runs):
        notes.append("yearly costs stand on less than a year")
    if any(run.summary.capital_cost_usd is None for run in runs):
        return found
    capital = [float(run.assets.capital_usd.sum()) for run in runs]
    found["extra_capital_usd"] = capital[1] - capital[0]
    found["payback_years"] = simple_payback_years(capital[1] - capital[0], saving)
    terms = [run.manifest["money"] for run in runs]
    if terms[0] != terms[1]:
        notes.append("no present value: the runs have other discount rates or horizons")
    elif terms[0]["horizon_years"] is not None:
        rate, years = terms[0]["discount_rate"], terms[0]["horizon_years"]
        worth = [_present_usd(run.assets, rate, years) for run in runs]
        found["net_present_value_usd"] = present_yearly_usd(saving, rate, years) - (worth[1] - worth[0])
    return found


def _present_usd(assets: pd.DataFrame, rate: float, years: float) -> float:
    priced = assets.dropna(subset=["capital_usd"])
    return sum(
        present_capital_usd(usd, life, rate, years)
        for usd, life in zip(priced.capital_usd, priced.capital_years, strict=True)
    )


def _work(base: Result, other: Result) -> Iterator[str]:
    """Yield a note for each kind of work that the runs did not do alike."""
    for name, words in (("output_tokens", "tokens emitted"), ("training_tokens", "tokens trained on")):
        there, here = getattr(base.summary, name), getattr(other.summary, name)
        if abs(here - there) > _SAME_WORK * max(here, there):
            yield f"other work: {words} {here / there - 1.0:+.1%}" if there else f"other work: {words}"
