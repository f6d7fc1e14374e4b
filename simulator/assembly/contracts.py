"""From section `emissions` to contracts and factors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from simulator.assembly.faults import FaultCollector
from simulator.assembly.generation import Surroundings, wind_power
from simulator.assembly.series import SeriesReader
from simulator.documents.yaml_source import KeyPath
from simulator.physics.emissions import refrigerant_leak_kg
from simulator.physics.solar_shape import clear_sky_output
from simulator.profiles import catalogue
from simulator.profiles.site_energy import TurbineRecord
from simulator.profiles.sourced import Profile
from simulator.results.accounting import Accounting, Instrument, Unmatched
from simulator.scenario import contracts
from simulator.scenario.supply import Turbines
from simulator.signals.base import ConstantSignal, Signal, StepSignal
from simulator.signals.daily import daily_profile
from simulator.units import SECONDS_PER_HOUR, WATTS_PER_KW


class ContractReader:
    """Reads section `emissions` of one site; what is wrong goes to `faults`.

    Args:
        reader: reader of the site's series.
        around: the site's weather over the run.
        faults: takes what is wrong.
        place: where the section stands.
    """

    def __init__(self, reader: SeriesReader, around: Surroundings, faults: FaultCollector, place: KeyPath) -> None:
        self._reader, self._around, self._faults, self._at = reader, around, faults, place
        self._window = around.window
        self.profiles: list[Profile[TurbineRecord]] = []
        """Profiles used."""

    def _place(self, *path: str) -> KeyPath:
        return (*self._at, *path)

    def unmatched(self, emissions: contracts.Emissions) -> tuple[Signal | None, Unmatched]:
        """Return the factor of what no instrument covers: the supplier's, else the residual mix, else the grid's."""
        given: tuple[tuple[str, Unmatched], ...] = (("supplier", "supplier"), ("residual_mix", "residual mix"))
        for key, kind in given:
            section = getattr(emissions, key)
            if section is None:
                continue
            with self._faults.at(self._place(key)):
                signal, factor = self._reader.carbon(section, key)
                refusal = factor.inventory_refusal()
                if refusal is not None:
                    raise ValueError(refusal)
                return signal, kind
        return None, "grid average"

    def marginal(self, emissions: contracts.Emissions) -> Signal | None:
        """Return the marginal intensity."""
        if emissions.marginal is not None:
            with self._faults.at(self._place("marginal")):
                signal, factor = self._reader.carbon(emissions.marginal, "marginal")
                refusal = factor.difference_refusal()
                if refusal is not None:
                    raise ValueError(refusal)
                return signal
        return None

    def instruments(self, emissions: contracts.Emissions) -> tuple[Instrument, ...]:
        """Return the contracts."""
        found, names = [], set[str]()
        for section in emissions.instruments:
            place = self._place("instruments", section.name)
            if section.name in names:
                self._faults.add((*place, "name"), f"the name '{section.name}' is taken by another instrument")
            names.add(section.name)
            output, mw, mwh = None, 0.0, 0.0
            if isinstance(section, contracts.PowerPurchase):
                mw = section.mw
                with self._faults.at((*place, "output")):
                    output = self._output(section.output, section.name)
                if output is None:
                    continue
            else:
                mwh = section.mwh_per_year
            found.append(
                Instrument(section.name, output, mw, mwh, section.g_per_kwh, section.same_grid, section.renewable)
            )
        return tuple(found)

    def _output(self, section: contracts.Output, name: str) -> Signal:
        """Return output over rated power."""
        start, duration_s = self._window.start, self._window.duration_s
        match section:
            case contracts.ConstantOutput():
                return ConstantSignal(section.capacity_factor)
            case contracts.DailyOutput():
                return daily_profile(section.fractions, start, duration_s)
            case contracts.SolarOutput():
                return _solar(section, start, duration_s)
            case contracts.WindOutput():
                return self._wind(section)
            case contracts.CsvOutput():
                return self._reader.output(section, name)

    def _wind(self, section: contracts.WindOutput) -> Signal:
        """Return the output of a turbine in the wind of the site, over its rated power."""
        profile = catalogue.turbine(section.profile, self._around.base)
        self.profiles.append(profile)
        unit = Turbines(
            kind="turbines",
            capacity_kw=1.0 / WATTS_PER_KW,
            hub_height_m=section.hub_height_m,
            shear_exponent=section.shear_exponent,
        )
        power, notes = wind_power(unit, profile.record, self._around)
        self._reader.notes += notes
        return power


def leak_kg(refrigerant: contracts.Refrigerant | None) -> float | None:
    """Return the emissions of a year's leaks of refrigerant."""
    if refrigerant is None:
        return None
    return refrigerant_leak_kg(
        refrigerant.charge_kg, refrigerant.leak_fraction_per_year, refrigerant.warming_potential, 1.0
    )


def _solar(section: contracts.SolarOutput, start: datetime, duration_s: float) -> StepSignal:
    """Return the hourly output of a solar plant under a clear sky, each hour by its middle."""
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    past_s = (start - midnight).total_seconds()
    edges_s = np.arange(0.0, past_s + duration_s + SECONDS_PER_HOUR, SECONDS_PER_HOUR)
    middles_h = edges_s[:-1] / SECONDS_PER_HOUR + 0.5
    days = np.array(
        [(midnight + timedelta(hours=float(hour))).timetuple().tm_yday for hour in middles_h], dtype=np.float64
    )
    output = clear_sky_output(
        section.latitude_deg, section.longitude_deg, section.capacity_factor, days, middles_h % 24.0
    )
    first = int(past_s // SECONDS_PER_HOUR)
    steps_s = edges_s[first:] - past_s
    steps_s[0] = 0.0
    return StepSignal(steps_s, output[first:])


def contract_notes(accounting: Accounting) -> Iterator[str]:
    """Yield what a reader of the market-based figures must know."""
    for instrument in accounting.instruments:
        if not instrument.same_grid:
            yield f"contract '{instrument.name}' is of another grid and covers nothing"
        elif instrument.output is None:
            yield f"certificates '{instrument.name}' carry no hours: they count in annual matching only"
    if accounting.instruments and accounting.unmatched_g_per_kwh is None:
        yield (
            "what no contract covers counts at the grid average, of which others claim the clean part too; "
            "a residual mix would be right"
        )
