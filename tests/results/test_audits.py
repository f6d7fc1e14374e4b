"""Each audit notices what it is there to notice: a balance that is off by a millionth, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simulator.errors import AuditError
from simulator.records import NOT_ARRIVED, RunRecords
from simulator.results.audits import audit_run
from simulator.results.balance import Audit
from simulator.results.context import RunContext
from simulator.results.latency import request_table
from simulator.results.ledger import ACTIVITIES, Ledger, LedgerBuilder
from simulator.results.metrics import summarize
from simulator.results.result import build_result
from simulator.results.settlement import SiteAccount, settle
from simulator.results.summary import Summary
from simulator.signals.base import ConstantSignal

OFF = 1.0 + 1e-6

NAMES = {
    "boards": "accelerator energy by workload = by server",
    "servers": "server energy by component = at the plug",
    "it": "IT energy = servers + switches + shared storage",
    "ledger": "facility energy by phase, activity, workload = at the meter",
    "seconds": "accelerator-seconds held and free = installed x time",
    "chain": "power chain: input - uses - losses = 0, every step",
    "machines": "cooling energy by machine = of the facility",
    "plant": "cooling: heat + work - rejected - reused - unmet = 0, every step",
    "rooms": "rooms: heat made - removed - stored = 0, every step",
    "uses": "uses + losses = facility energy",
    "scope 2": "scope 2 by location: workloads and nobody = all",
    "embodied shares": "embodied emissions by time: workloads and nobody = all",
    "use shares": "embodied emissions by use: workloads and nobody = all",
    "cost shares": "cost of energy: workloads and nobody = all",
    "drawn": "energy drawn by workload and metering interval = at the meter",
    "requests": "requests arrived = completed + rejected + in flight",
    "tokens": "tokens asked of completed requests = tokens emitted",
    "request energy": "accelerator energy of requests = of inference",
    "job energy": "accelerator energy of jobs = of training",
    "emissions": "emissions integrated by interval of the series = summary",
    "cost": "cost integrated by interval of the series = summary",
    "scopes": "emissions by scope = operational emissions",
    "kinds": "costs by kind = running cost",
    "embodied": "embodied emissions allocated + unallocated = all",
}


@dataclass
class Books:
    """What the audits compare."""

    records: RunRecords
    ledger: Ledger
    requests: pd.DataFrame
    summary: Summary
    context: RunContext
    accounts: list[SiteAccount]


def close(finished: Any) -> Books:
    """Compute everything from what the engine left behind, as a run does."""
    records, context = finished.records, finished.context
    surroundings = context.sites["site"]
    clock = context.clock("site")
    builder = LedgerBuilder(surroundings.carbon_g_per_kwh, surroundings.price_usd_per_kwh, clock)
    for chapter in finished.chapters:
        builder.add(chapter)
    logs = [request_table(name, log) for name, log in sorted(records.requests.items())]
    requests = pd.concat(logs, ignore_index=True)
    accounts = [settle(records.sites[0], builder.ledger, surroundings, context.money, clock)]
    summary = summarize(records, builder.ledger, requests, context, accounts)
    return Books(records, builder.ledger, requests, summary, context, accounts)


def audits_of(books: Books) -> list[Audit]:
    ledgers = {"site": books.ledger}
    return audit_run(books.records, ledgers, books.requests, books.summary, books.context, books.accounts)


def surrounded(context: RunContext, **changes: Any) -> RunContext:
    return replace(context, sites={"site": replace(context.sites["site"], **changes)})


def failing(books: Books) -> set[str]:
    audits = audits_of(books)
    short = {name: alias for alias, name in NAMES.items()}
    assert [audit.name for audit in audits] == list(NAMES.values())
    return {short[audit.name] for audit in audits if not audit.ok}


# What the engine hands over, tampered with before anything is computed from it.


def column(name: str, factor: float = OFF, add: float = 0.0) -> Callable[[Any], None]:
    """Change a column of the plant steps, wherever it is kept."""

    def tamper(finished: Any) -> None:
        for steps in (finished.records.sites[0].steps, *(chapter.steps for chapter in finished.chapters)):
            steps.columns[name][:] = steps.columns[name] * factor + add

    return tamper


def account(key: tuple[str, str, str], reading: int) -> Callable[[Any], None]:
    """Change a reading of an account, wherever it is kept."""

    def tamper(finished: Any) -> None:
        finished.records.sites[0].accounts[key][reading] *= OFF
        for chapter in finished.chapters:
            chapter.accounts[key][reading] *= OFF

    return tamper


def lose_a_step(finished: Any) -> None:
    key = ("hall-a", "second", "training")
    reading = finished.chapters[0].accounts[key]
    finished.records.sites[0].accounts[key] -= reading[:, -1]
    reading[:, -1] = 0.0


def storage(finished: Any) -> None:
    finished.chapters[0].storage_j[""] *= OFF


def one_more_accelerator(finished: Any) -> None:
    facts = finished.records.sites[0].facts
    first, *others = facts.halls
    halls = (replace(first, accelerators=first.accelerators + 1), *others)
    object.__setattr__(facts, "halls", halls)


def request_energy(finished: Any) -> None:
    energy_j = finished.records.requests["batch"].accelerator_energy_j
    # One request is a few thousandths of all, so it is changed by more.
    energy_j[int(np.argmax(energy_j))] *= 1.0 + 1e-5


def lost_token(finished: Any) -> None:
    log = finished.records.requests["chat"]
    log.generated_tokens[0] -= 1


def lost_request(finished: Any) -> None:
    log = finished.records.requests["chat"]
    log.outcome[3] = NOT_ARRIVED
    log.output_tokens[3] = log.generated_tokens[3]


def job(name: str) -> Callable[[Any], None]:
    def tamper(finished: Any) -> None:
        (found,) = [entry for entry in finished.records.jobs if entry.name == name]
        found.accelerator_energy_j *= OFF

    return tamper


ENGINE: list[tuple[str, Callable[[Any], None], set[str]]] = [
    ("boards of a hall", column("hall.hall-a.accelerator_w"), {"boards", "servers"}),
    ("hosts of a hall", column("hall.hall-b.host_w"), {"servers", "ledger"}),
    ("drives of a hall", column("hall.hall-a.storage_w"), {"servers", "ledger"}),
    ("switch chips of a hall", column("hall.hall-a.fabric_w"), {"servers", "ledger"}),
    ("adapters of a hall", column("hall.hall-b.nic_w"), {"servers", "ledger"}),
    ("fans of a hall", column("hall.hall-a.fan_w"), {"servers", "ledger"}),
    ("supplies of a hall", column("hall.hall-b.psu_loss_w"), {"servers", "ledger"}),
    ("plugs of a hall", column("hall.hall-a.input_w"), {"servers", "it"}),
    ("switches", column("network_w"), {"it", "ledger"}),
    ("shared storage at the meter", column("shared_storage_w"), {"it"}),
    ("shared storage by workload", storage, {"ledger"}),
    ("IT power", column("power.it_power_w"), {"it", "uses"}),
    ("loss of the racks", column("power.rack_loss_w", add=0.1), {"ledger", "uses"}),
    ("loss of the busways", column("power.busway_loss_w", add=0.1), {"ledger", "uses"}),
    ("loss of the PDU", column("power.pdu_loss_w", add=0.1), {"ledger", "uses"}),
    ("loss of the UPS", column("power.ups_loss_w"), {"ledger", "uses"}),
    ("loss of the transformer", column("power.transformer_loss_w"), {"ledger", "uses"}),
    ("cooling power", column("power.mechanical_power_w"), {"ledger", "machines", "uses"}),
    ("lights", column("power.other_power_w"), {"ledger", "uses"}),
    ("the meter", column("power.facility_power_w"), {"ledger", "uses"}),
    ("residual of the power chain", column("power.residual_w", 0.0, add=-0.1), {"chain"}),
    ("heat kept in the rooms", column("heat_residual_j", 0.0, add=5.0), {"rooms"}),
    ("fans of air handlers", column("cooling.crah_fan_power_w"), {"machines", "plant"}),
    ("chilled-water pumps", column("cooling.chilled_water_pump_power_w"), {"machines", "plant"}),
    ("chillers", column("cooling.chiller_power_w", add=0.1), {"machines", "plant"}),
    ("condenser pumps", column("cooling.condenser_pump_power_w"), {"machines", "plant"}),
    ("fans of towers", column("cooling.tower_fan_power_w"), {"machines", "plant"}),
    ("heat given to the plant", column("cooling.heat_w"), {"plant"}),
    ("heat rejected", column("cooling.heat_rejected_w"), {"plant"}),
    ("heat reused", column("cooling.reused_heat_w", add=0.1), {"plant"}),
    ("coolant pumps", column("cooling.coolant_pump_power_w", add=0.1), {"machines", "plant"}),
    ("heat not removed", column("cooling.unmet_heat_w", add=0.1), {"plant"}),
    ("energy of a service", account(("hall-a", "chat", "inference"), 0), {"boards", "ledger", "request energy"}),
    ("waiting replicas", account(("hall-a", "chat", "idle"), 0), {"boards", "ledger"}),
    ("computing of a job", account(("hall-a", "second", "training"), 0), {"boards", "ledger", "job energy"}),
    ("transfers of a job", account(("hall-a", "first", "training"), 1), {"boards", "ledger", "job energy"}),
    ("waiting of a job", account(("hall-a", "first", "training"), 2), {"boards", "ledger", "job energy"}),
    ("free accelerators", account(("hall-b", "", "idle"), 0), {"boards", "ledger"}),
    (
        "accelerator-seconds of a job",
        account(("hall-a", "second", "training"), 3),
        {"seconds", "embodied", "embodied shares"},
    ),
    ("accelerator-seconds of none", account(("hall-a", "", "idle"), 3), {"seconds", "embodied", "embodied shares"}),
    ("a step of a job", lose_a_step, {"boards", "ledger", "seconds", "job energy", "embodied", "embodied shares"}),
    ("an accelerator too many", one_more_accelerator, {"seconds", "embodied", "embodied shares"}),
    ("energy of one request", request_energy, {"request energy"}),
    ("a token that was not emitted", lost_token, {"tokens"}),
    ("a request without an outcome", lost_request, {"requests"}),
    ("energy of a job that ended", job("first"), {"job energy"}),
    ("energy of a job under way", job("second"), {"job energy"}),
]


def test_untouched_books_close(finished: Any) -> None:
    assert failing(close(finished)) == set()


@pytest.mark.parametrize(("tamper", "noticed"), [row[1:] for row in ENGINE], ids=[row[0] for row in ENGINE])
def test_what_the_engine_hands_over(finished: Any, tamper: Callable[[Any], None], noticed: set[str]) -> None:
    tamper(finished)
    assert failing(close(finished)) == noticed


# What is computed from it, tampered with afterwards.


def entry(key: tuple[str, str], activity: str) -> Callable[[Books], None]:
    def tamper(books: Books) -> None:
        books.ledger.entries[key].energy_j[ACTIVITIES.index(activity)] *= OFF

    return tamper


def forgotten_entry(books: Books) -> None:
    del books.ledger.entries["training", "third"]


def scalar(name: str, change: Callable[[Any], Any] = lambda value: value * OFF) -> Callable[[Books], None]:
    def tamper(books: Books) -> None:
        books.summary = replace(books.summary, **{name: change(getattr(books.summary, name))})

    return tamper


def share(workload: str, amount: str) -> Callable[[Books], None]:
    """Change what a workload carries."""

    def tamper(books: Books) -> None:
        mine = books.accounts[0].shares[workload]
        before = mine[amount]
        assert before
        mine[amount] = before * (1.0 + 1e-4)

    return tamper


def lost_row(books: Books) -> None:
    energetic = books.requests.accelerator_energy_j.idxmax()
    books.requests = books.requests.drop(index=energetic)


def other_grid(books: Books) -> None:
    mean = books.summary.mean_carbon_intensity_g_per_kwh
    assert mean is not None
    books.context = surrounded(books.context, carbon_g_per_kwh=ConstantSignal(mean * OFF))


def other_price(books: Books) -> None:
    # The price changes its sign within the run: a constant at its plain mean over time gives another bill.
    books.context = surrounded(books.context, price_usd_per_kwh=ConstantSignal(0.1))


COMPUTED: list[tuple[str, Callable[[Books], None], set[str]]] = [
    ("an entry of the ledger", entry(("training", "second"), "cooling"), {"ledger"}),
    ("the entry of none", entry(("idle", ""), "host"), {"ledger"}),
    ("a forgotten entry", forgotten_entry, {"ledger", "seconds", "drawn"}),
    ("emissions", scalar("operational_emissions_kg_co2e"), {"scopes"}),
    ("scope 2", scalar("scope2_location_kg_co2e"), {"emissions", "scopes"}),
    ("cost", scalar("energy_cost_usd", lambda value: value * 1.0001), {"cost", "kinds"}),
    ("scope 2 of a job", share("first", "scope2_location_kg_co2e"), {"scope 2"}),
    ("embodied of a job", share("first", "embodied_kg_co2e"), {"embodied shares"}),
    ("embodied of a job by use", share("first", "embodied_by_use_kg_co2e"), {"use shares"}),
    ("cost of a job", share("second", "energy_usd"), {"cost shares"}),
    ("another grid", other_grid, {"emissions"}),
    ("another price", other_price, {"cost"}),
    ("embodied emissions", scalar("embodied_emissions_kg_co2e"), {"embodied"}),
    ("embodied emissions of none", scalar("embodied_unallocated_kg_co2e"), {"embodied"}),
    ("requests that arrived", scalar("requests_arrived", lambda count: count + 1), {"requests"}),
    ("requests in flight", scalar("requests_in_flight", lambda count: count - 1), {"requests"}),
    ("requests rejected", scalar("requests_rejected", lambda count: count + 1), {"requests"}),
    ("a row of the request table", lost_row, {"request energy"}),
]


@pytest.mark.parametrize(("tamper", "noticed"), [row[1:] for row in COMPUTED], ids=[row[0] for row in COMPUTED])
def test_what_is_computed_from_it(finished: Any, tamper: Callable[[Books], None], noticed: set[str]) -> None:
    books = close(finished)
    tamper(books)
    assert failing(books) == noticed


def test_no_audit_is_without_a_case() -> None:
    assert set().union(*(noticed for _, _, noticed in [*ENGINE, *COMPUTED])) == set(NAMES)


def test_a_run_that_does_not_close_is_refused(finished: Any) -> None:
    column("network_w")(finished)
    books = close(finished)
    with pytest.raises(AuditError) as caught:
        build_result(finished.records, {"site": books.ledger}, finished.context, {})
    first, *lines = str(caught.value).splitlines()
    assert first == "balances that do not close:"
    assert {line.split(":")[0] for line in lines} == {NAMES["it"], NAMES["ledger"]}
    steps = finished.records.sites[0].steps
    it_j = float(steps.columns["power.it_power_w"] @ steps.durations_s)
    assert f"against {it_j!r}, off by " in lines[0]
    network_j = float(steps.columns["network_w"] @ steps.durations_s)
    assert float(lines[0].rpartition(" ")[2]) == pytest.approx(network_j * 1e-6, rel=0.01)


def test_rounding_stays_far_below_the_tolerance(finished: Any) -> None:
    books = close(finished)
    for audit in audits_of(books):
        # A millionth of a millionth of the balance: a thousandth of what is tolerated.
        assert abs(audit.residual) <= 1e-3 * audit.tolerance, audit.name
