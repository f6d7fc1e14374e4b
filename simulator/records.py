"""Row types that the engine writes and the results read: columns, not objects, so that millions of rows stay small."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

ABSENT: Final = -1.0
"""Marks an instant that has not happened, inside the engine's columns only; tables show it as missing."""

OUTCOMES: Final = ("not_arrived", "completed", "in_flight", "longer_than_context", "longer_than_kv_cache")
NOT_ARRIVED, COMPLETED, IN_FLIGHT, LONGER_THAN_CONTEXT, LONGER_THAN_KV_CACHE = range(len(OUTCOMES))


class RequestLog:
    """What happened to every request of one inference workload, in the order of the trace.

    Args:
        prompt_tokens: tokens of each prompt.
        output_tokens: tokens that each request will produce.
    """

    def __init__(self, prompt_tokens: NDArray[np.int64], output_tokens: NDArray[np.int64]) -> None:
        count = len(prompt_tokens)
        self.prompt_tokens = array("q", prompt_tokens.tolist())
        self.output_tokens = array("q", output_tokens.tolist())
        self.arrival_s = array("d", [ABSENT]) * count
        """Arrival at the router."""
        self.scheduled_s = array("d", [ABSENT]) * count
        """Start of the first iteration that worked on the request."""
        self.first_token_s = array("d", [ABSENT]) * count
        self.finished_s = array("d", [ABSENT]) * count
        self.generated_tokens = array("q", [0]) * count
        self.preemptions = array("q", [0]) * count
        self.replica = array("q", [-1]) * count
        self.accelerator_energy_j = array("d", [0.0]) * count
        """Energy of the accelerators while they worked on the request, split by tokens within an iteration."""
        self.outcome = array("b", [NOT_ARRIVED]) * count

    def __len__(self) -> int:
        return len(self.prompt_tokens)


CHAIN_LOSSES: Final = tuple(f"power.{stage}_loss_w" for stage in ("rack", "busway", "pdu", "ups", "transformer"))
"""Columns of the losses of the electrical chain, from the servers to the meter."""

AccountKey = tuple[str, str, str]
"""Hall, workload (empty for none) and phase of an account."""

ACCOUNT_FIELDS: Final = ("compute_j", "transfer_j", "wait_j", "accelerator_s")


COOLING_MACHINES: Final = (
    "crah_fan_power_w",
    "chilled_water_pump_power_w",
    "chiller_power_w",
    "condenser_pump_power_w",
    "tower_fan_power_w",
    "overhead_power_w",
    "coolant_pump_power_w",
    "facility_water_pump_power_w",
    "dry_cooler_fan_power_w",
    "scavenger_fan_power_w",
    "media_pump_power_w",
)
"""Powers of the machines of a cooling plant, which add up to its own; columns `cooling.NAME`."""


@dataclass(frozen=True, slots=True)
class StepColumns:
    """What plant steps yielded.

    Args:
        start_s: start of the first step.
        ends_s: end of each step, rising.
        columns: means and amounts by step, by name.
    """

    start_s: float
    ends_s: NDArray[np.float64]
    columns: dict[str, NDArray[np.float64]]

    @property
    def edges_s(self) -> NDArray[np.float64]:
        """Edges of the steps, one more than there are steps."""
        return np.concatenate([[self.start_s], self.ends_s])

    @property
    def durations_s(self) -> NDArray[np.float64]:
        """Length of each step."""
        return np.diff(self.edges_s)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A run of plant steps with the readings of its accounts, which are too many to keep for a whole year.

    Args:
        steps: columns of the steps.
        accounts: readings by step, shape (4, steps) in the order of `ACCOUNT_FIELDS`; accounts without any are absent.
        storage_j: energy of shared storage by step and writing workload; what none caused stands under the empty name.
    """

    steps: StepColumns
    accounts: dict[AccountKey, NDArray[np.float64]]
    storage_j: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class HallFacts:
    """What the results must know of a hall.

    Args:
        name: name in the scenario.
        servers: number of servers.
        accelerators: number of accelerators.
        accelerator_embodied_kg_co2e: of one accelerator.
        server_embodied_kg_co2e: of one server without accelerators.
        lifetime_years: over which embodied emissions are spread.
        maximum_w: highest input of one server by its datasheet.
        air_class: name of the class of air that they may breathe.
        recommended_c: lower and upper end of the recommended inlet of that class.
        allowable_c: the same of the allowable inlet, at the altitude of the site.
        throttle_c: die temperature from which boards throttle; None without accelerators.
    """

    name: str
    servers: int
    accelerators: int
    accelerator_embodied_kg_co2e: float
    server_embodied_kg_co2e: float
    lifetime_years: float
    maximum_w: float
    air_class: str = ""
    recommended_c: tuple[float, float] = (-math.inf, math.inf)
    allowable_c: tuple[float, float] = (-math.inf, math.inf)
    throttle_c: float | None = None


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What the results must know of the switches between servers.

    Args:
        switches: number of switches.
        embodied_kg_co2e: of one switch with its optics.
        lifetime_years: over which embodied emissions are spread.
    """

    switches: int
    embodied_kg_co2e: float
    lifetime_years: float


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What the results must know of generation on site.

    Args:
        rated_w: rated power.
        lifetime_years: over which embodied emissions are spread.
        embodied_kg_co2e: of all of it.
    """

    rated_w: float
    lifetime_years: float
    embodied_kg_co2e: float


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the results must know of a battery; what does not count for it is None.

    Args:
        energy_j: nameplate energy.
        power_w: highest power.
        initial_j: stored energy at the start.
        charge_efficiency: energy stored / energy taken.
        discharge_efficiency: energy given / energy drawn.
        standby_w: constant drain.
        cycle_life: equivalent full cycles until the end of its life, if they come before the calendar does.
        lifetime_years: life by the calendar.
        embodied_kg_co2e: of all of it.
    """

    energy_j: float
    power_w: float
    initial_j: float
    charge_efficiency: float
    discharge_efficiency: float
    standby_w: float
    cycle_life: float | None
    lifetime_years: float | None
    embodied_kg_co2e: float | None


@dataclass(frozen=True, slots=True)
class SupplyFacts:
    """What stands at a site beside its grid connection; what is not there is None.

    Args:
        solar: photovoltaics.
        wind: wind turbines.
        diesel: diesel generators.
        battery: stationary battery.
        ups: battery of the UPS, whose embodied emissions stand with the building.
        fuel_l: diesel in the tank at the start.
    """

    solar: UnitFacts | None
    wind: UnitFacts | None
    diesel: UnitFacts | None
    battery: StoreFacts | None
    ups: StoreFacts | None
    fuel_l: float


@dataclass(frozen=True, slots=True)
class StageFacts:
    """A stage of the electrical chain.

    Args:
        stage: rack, busway, pdu, ups or transformer.
        units: active units, which share the load.
        unit_rated_w: rated output of each.
        room: where its loss becomes heat.
    """

    stage: str
    units: int
    unit_rated_w: float
    room: str


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What is installed at a site.

    Args:
        name: name of the site.
        halls: halls, sorted by name.
        network: switches between servers; None when there are none.
        supply: what stands beside the grid connection; None where power comes from a grid without limits.
        chain: stages of the electrical chain; none where only the PUE of the building is known.
        it_capacity_w: IT power that the building was designed for (W); infinite where that is not known.
    """

    name: str
    halls: tuple[HallFacts, ...]
    network: NetworkFacts | None
    supply: SupplyFacts | None = None
    chain: tuple[StageFacts, ...] = ()
    it_capacity_w: float = math.inf


@dataclass(frozen=True, slots=True)
class SiteRecords:
    """What the meters of one site leave behind.

    Args:
        facts: what is installed.
        steps: columns by plant step; the steps of all sites are the same.
        accounts: sum of the readings of each account, shape (4,) in the order of `ACCOUNT_FIELDS`.
    """

    facts: SiteFacts
    steps: StepColumns
    accounts: dict[AccountKey, NDArray[np.float64]]

    @property
    def name(self) -> str:
        """Name of the site."""
        return self.facts.name


@dataclass(frozen=True, slots=True)
class RunRecords:
    """Everything that the engine leaves behind.

    Args:
        duration_s: simulated time.
        sites: what was metered at each site, sorted by name, at least one.
        requests: logs of the inference workloads, by name.
        jobs: training jobs, sorted by name.
        events: what happened, in order of time.
        event_count: events that the simulation kernel processed.
    """

    duration_s: float
    sites: tuple[SiteRecords, ...]
    requests: dict[str, RequestLog]
    jobs: tuple[JobRecord, ...]
    events: tuple[Event, ...]
    event_count: int

    @property
    def durations_s(self) -> NDArray[np.float64]:
        """Length of each plant step, the same at all sites."""
        return self.sites[0].steps.durations_s

    @property
    def accounts(self) -> dict[AccountKey, NDArray[np.float64]]:
        """Accounts of all sites; names of halls are unique in a scenario."""
        return {key: reading for site in self.sites for key, reading in site.accounts.items()}

    @property
    def halls(self) -> tuple[HallFacts, ...]:
        """Halls of all sites, site by site."""
        return tuple(hall for site in self.sites for hall in site.facts.halls)


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth knowing that happened in a run.

    Args:
        t_s: seconds since the start of the scenario.
        kind: what happened, from a small vocabulary.
        subject: the entity it happened to.
        detail: in words.
    """

    t_s: float
    kind: str
    subject: str
    detail: str


@dataclass(slots=True)
class JobRecord:
    """What happened to one training job; absent instants are None.

    Args:
        name: name of the workload.
        hall: hall that it ran in.
        accelerators: accelerators that it holds while it runs.
        submit_s: entry into the queue.
        start_s: accelerators granted.
        end_s: finished.
        steps: optimizer steps done.
        steps_asked: optimizer steps to do.
        tokens: tokens trained on.
        step_s: duration of one step.
        mfu: model FLOP utilization of a step.
        peak_flop_per_s: datasheet peak of one accelerator in the job's format.
        model_flop: operations that the model needed for the steps done.
        evaluation_s: time spent in evaluations.
        checkpoint_s: time spent in writing checkpoints, waiting for the storage included.
        checkpoints: checkpoints written.
        accelerator_energy_j: energy of its accelerators.
        outcome: ``queued``, ``running`` or ``completed`` at the end of the run.
        lost_steps: steps lost when the servers went off or something failed, and done again; not among the steps done.
        interruptions: failures that the job started again after.
        restart_s: time from such failures to the next step.
    """

    name: str
    hall: str
    accelerators: int
    submit_s: float
    steps_asked: float
    step_s: float
    mfu: float
    peak_flop_per_s: float
    start_s: float | None = None
    end_s: float | None = None
    steps: float = 0.0
    tokens: float = 0.0
    model_flop: float = 0.0
    evaluation_s: float = 0.0
    checkpoint_s: float = 0.0
    checkpoints: int = 0
    accelerator_energy_j: float = 0.0
    outcome: str = "queued"
    lost_steps: float = 0.0
    interruptions: int = 0
    restart_s: float = 0.0
