"""Section `supply` of a site: its grid connection, generation on site, batteries, generators."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.names import Count, FilePath, Fraction, Instant, NonNegative, Positive, Share
from simulator.scenario.series import Corrupt, DatedSeries

Degrees = Annotated[float, Field(ge=0, lt=360)]
Tilt = Annotated[float, Field(ge=0, le=90)]


class Outage(Section):
    """The grid is away."""

    start: Instant
    """When it goes."""
    minutes: Positive
    """For how long."""


class RandomOutages(Section):
    """Outages at random instants, drawn from the scenario's seed: a Poisson process of exponential durations."""

    per_year: Positive
    """Mean number in a year (SAIFI)."""
    mean_minutes: Positive
    """Mean duration of one (CAIDI)."""


class ReductionCap(Section):
    """A demand response event: draw less than before."""

    kind: Literal["reduction"]
    start: Instant
    """When it begins."""
    hours: Positive
    """How long it lasts."""
    reduction_fraction: Share | None = None
    """By how much import must fall below the baseline, as a share of it; either this or `reduction_kw`."""
    reduction_kw: Positive | None = None
    """By how much import must fall below the baseline, as power; where the baseline is less, to nothing."""
    baseline_h: Positive = 1.0
    """The baseline is mean import over so long before the start."""


class LimitCap(Section):
    """A demand response event: draw no more than a limit."""

    kind: Literal["limit"]
    start: Instant
    """When it begins."""
    hours: Positive
    """How long it lasts."""
    limit_kw: NonNegative
    """Highest import."""


class SeriesCap(Section):
    """A limit of import by time, from a CSV file; where the limit is not reached, nothing happens."""

    kind: Literal["csv"]
    file: FilePath
    """The file (.csv)."""
    time_column: str
    """Header of the instants at which limits begin to hold."""
    value_column: str
    """Header of the limits in kW; a row with an empty field ends a limit."""
    time_zone: str | None = None
    """Zone of stamps that carry none: `UTC`, an offset such as `+02:00` or a name such as `Europe/Berlin`."""
    corrupt: Corrupt = "refuse"
    """Rows that cannot be right: refuse the file, or end the limit there as an empty field does, sort rows and keep
    repeated rows once; every repair is listed in the events."""


class EventsCap(Section):
    """Demand response events as a utility publishes them: a CSV file with a row for each event."""

    kind: Literal["events_csv"]
    file: FilePath
    """The file (.csv). Events outside the run are left out, those that overlap are refused."""
    start_column: str = "start"
    """Header of the instants at which events begin (ISO 8601)."""
    end_column: str | None = None
    """Header of the instants at which they end; either this or `duration_column`."""
    duration_column: str | None = None
    """Header of their durations."""
    duration_unit: Literal["hours", "minutes"] = "hours"
    """Unit of the durations."""
    value_column: str
    """Header of what is asked for."""
    value: Literal["reduction_fraction", "reduction_kw", "limit_kw"]
    """What that is: a share of the baseline by which import must fall, a power by which it must, or its limit."""
    baseline_h: Positive = 1.0
    """The baseline is mean import over so long before the start of each event."""
    time_zone: str | None = None
    """Zone of stamps that carry none: `UTC`, an offset such as `+02:00` or a name such as `America/Los_Angeles`."""


Cap = Annotated[ReductionCap | LimitCap | SeriesCap | EventsCap, Field(discriminator="kind")]


class GridConnection(Section):
    """The connection to the grid."""

    import_limit_kw: Positive | None = None
    """Highest import; absent: no limit."""
    export_limit_kw: NonNegative = 0.0
    """Highest export; what exceeds it is curtailed."""
    ramp_kw_per_min: Positive | None = None
    """Highest change of import, which a battery holds while it can; absent: no limit."""
    outages: tuple[Outage, ...] = ()
    """When the grid is away."""
    random_outages: RandomOutages | None = None
    """Outages at random instants, beside those listed."""
    caps: tuple[Cap, ...] = ()
    """What the grid asks for: demand response events and limits by time."""


class FixedMounting(Section):
    """Modules that stand still."""

    kind: Literal["fixed"]
    tilt_deg: Tilt
    """Tilt of the plane from horizontal."""
    azimuth_deg: Degrees = 180.0
    """Where it faces, clockwise from north."""


class TrackingMounting(Section):
    """Modules that follow the sun from east to west on horizontal axes, without shading one another."""

    kind: Literal["single_axis"]
    largest_tilt_deg: Tilt = 60.0
    """How far they turn to either side."""


class WeatherSky(Section):
    """Sunlight from the site's weather file: its irradiance, or where it has none, its cloud cover."""

    kind: Literal["weather"]


class UniformSky(Section):
    """The same cloud cover throughout, for a site whose weather is no file."""

    kind: Literal["uniform"]
    cloud_cover: Fraction
    """Share of the sky that clouds cover."""
    latitude: Annotated[float, Field(ge=-90, le=90)]
    """Degrees north."""
    longitude: Annotated[float, Field(ge=-180, le=180)]
    """Degrees east."""
    elevation_m: Annotated[float, Field(ge=-500, le=6000)] = 0.0
    """Above sea level."""


class SolarArray(Section):
    """A photovoltaic array, computed from sunlight; needs the extra `solar`."""

    kind: Literal["array"]
    capacity_kw: Positive
    """Rated power of the modules (DC)."""
    mounting: Annotated[FixedMounting | TrackingMounting, Field(discriminator="kind")]
    """How they face the sky."""
    sky: Annotated[WeatherSky | UniformSky, Field(discriminator="kind")] = WeatherSky(kind="weather")
    """Where sunlight comes from."""
    profile: str = "solar-mono-si"
    """Facility profile of the array, by name or path."""


class Turbines(Section):
    """Wind turbines, computed from the wind of the site's weather file."""

    kind: Literal["turbines"]
    capacity_kw: Positive
    """Rated power."""
    hub_height_m: Annotated[float, Field(ge=10, le=300)] = 100.0
    """Height of the hub."""
    shear_exponent: Annotated[float, Field(ge=0, le=1)] = 0.143
    """Exponent of the wind profile from 10 m up: 1/7 over open flat ground, more over rough ground."""
    profile: str = "wind-iec2"
    """Facility profile of the turbine, by name or path."""


class GenerationSeries(DatedSeries):
    """Generation as recorded or computed elsewhere, from a CSV file."""

    kind: Literal["csv"]
    capacity_kw: Positive
    """Rated power."""
    time_column: str
    """Header of the instants at which values begin to hold."""
    value_column: str
    """Header of the power in kW."""
    time_zone: str | None = None
    """Zone of stamps that carry none: `UTC`, an offset such as `+02:00` or a name such as `Europe/Berlin`."""
    profile: str | None = None
    """Facility profile, by name or path, for lifetime and embodied emissions; absent: the shipped one."""


class BackupPolicy(Section):
    """The battery stays full for outages."""

    kind: Literal["backup"]


class SelfConsumptionPolicy(Section):
    """The battery takes surplus generation and gives it back as soon as the load exceeds generation."""

    kind: Literal["self_consumption"]


class PeakShavingPolicy(Section):
    """The battery holds import at a target."""

    kind: Literal["peak_shaving"]
    target_kw: Positive
    """Import to hold."""


class ArbitragePolicy(Section):
    """The battery charges in the lowest hours of each UTC day and discharges in the highest, known a day ahead.

    A day whose spread does not pay for the losses of a round trip is left alone; surplus generation is taken always.
    """

    kind: Literal["price_arbitrage", "carbon_arbitrage"]
    charge_fraction: Share = 0.25
    """Share of the day's hours in which it charges: those of lowest price or carbon intensity."""
    discharge_fraction: Share = 0.25
    """Share of the day's hours in which it discharges."""


Policy = Annotated[
    BackupPolicy | SelfConsumptionPolicy | PeakShavingPolicy | ArbitragePolicy, Field(discriminator="kind")
]


class Battery(Section):
    """A stationary battery."""

    energy_kwh: Positive
    """Nameplate energy."""
    power_kw: Positive
    """Highest power of charging and discharging."""
    policy: Policy
    """What it is for while there is a grid; in an outage it carries the site."""
    initial_fraction: Fraction = 0.5
    """Stored energy at the start / nameplate energy."""
    reserve_fraction: Fraction = 0.1
    """Energy kept for outages / nameplate energy."""
    profile: str = "battery-lfp"
    """Facility profile, by name or path."""


class Ups(Section):
    """The battery of the UPS, for outages only; its conversion losses stand in the power chain."""

    power_kw: Positive
    """Load that it can carry."""
    minutes: Positive
    """For how long, from full."""
    recharge_fraction: Share = 0.1
    """Highest power of charging / power that it can carry."""


class GeneratorTest(Section):
    """Regular tests of the generators; one that falls into an outage is not held."""

    every_days: Positive = 30.0
    """From test to test."""
    first_h: NonNegative = 240.0
    """From the start of the scenario to the first test."""
    minutes: Positive = 30.0
    """Duration of a test."""
    load_fraction: Share = 0.3
    """Load of a test / rated power."""
    load: Literal["load_bank", "site"] = "load_bank"
    """Whether a test heats a load bank or carries load of the site."""


class Diesel(Section):
    """Diesel generators."""

    units: Count
    """Equal sets."""
    unit_kw: Positive
    """Rated power of each."""
    tank_l: Positive
    """Fuel of a full tank, all sets together; full at the start."""
    refuel_below_fraction: Fraction = 0.5
    """Level, as a share of the tank, below which it is filled, unless the grid is away."""
    test: GeneratorTest | None = GeneratorTest()
    """Regular tests; null for none."""
    profile: str = "diesel-2mw"
    """Facility profile, by name or path."""


class Supply(Section):
    """Where the site's power comes from; without this section, from a grid without limits."""

    grid: GridConnection = GridConnection()
    """The connection to the grid."""
    solar: Annotated[SolarArray | GenerationSeries, Field(discriminator="kind")] | None = None
    """Photovoltaics."""
    wind: Annotated[Turbines | GenerationSeries, Field(discriminator="kind")] | None = None
    """Wind turbines."""
    battery: Battery | None = None
    """Stationary battery."""
    ups: Ups | None = None
    """Battery of the UPS."""
    diesel: Diesel | None = None
    """Diesel generators."""
