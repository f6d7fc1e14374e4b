"""Whether the hardware of a hall can do what a workload asks of it."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.assembly.hardware import HallSpec
from simulator.errors import Fault, InputError
from simulator.physics.accelerator import Accelerator
from simulator.physics.precision import PRECISIONS
from simulator.physics.serving_plan import ServingPlan
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.models import ModelRecord


def accelerator_of(hall: HallSpec) -> AcceleratorRecord:
    """Return the accelerator of a hall.

    Raises:
        InputError: its servers have none.
    """
    if hall.accelerator is None:
        raise InputError([Fault(f"the servers of '{hall.group.name}' have no accelerators", path="servers")])
    return hall.accelerator.record


def rates_in(precision: str, record: AcceleratorRecord) -> Accelerator:
    """Return the rates of an accelerator in a precision that it supports."""
    return record.rates(record.format_for(PRECISIONS[precision]) or precision)


def precision_faults(precision: str, record: AcceleratorRecord) -> Iterator[Fault]:
    """Yield a fault if an accelerator has no number format to compute a precision in."""
    able = [name for name, entry in PRECISIONS.items() if record.format_for(entry) is not None]
    if precision not in able:
        message = f"'{precision}' is not supported by {record.name}; supported: {', '.join(able)}"
        yield Fault(message, path="precision")


def expert_faults(plan: ServingPlan, model: ModelRecord, hall: HallSpec) -> Iterator[Fault]:
    """Yield a fault for each reason that keeps a replica from sharing its experts as a plan says."""
    if model.experts == 1 and (plan.data > 1 or plan.expert > 1):
        what = "attention_data" if plan.data > 1 else "expert"
        got = max(plan.data, plan.expert)
        hint = "; more groups with weights of their own are more replicas" if plan.data > 1 else ""
        yield Fault(f"must be 1, since {model.name} has no experts{hint}, got {got}", path=f"parallelism.{what}")
        return
    per_server = hall.server.record.accelerators
    if plan.accelerators > per_server >= plan.tensor:
        most = per_server // plan.tensor
        message = f"must be <= {most}, the groups of {plan.tensor} accelerators of one server, got {plan.data}"
        yield Fault(message, path="parallelism.attention_data")
    if plan.accelerators % plan.expert:
        message = f"must divide the {plan.accelerators} accelerators of a replica, got {plan.expert}"
        yield Fault(message, path="parallelism.expert")
    if model.experts % plan.expert:
        message = f"must divide the {model.experts} experts of {model.name}, got {plan.expert}"
        yield Fault(message, path="parallelism.expert")


def tensor_faults(tensor: int, model: ModelRecord, hall: HallSpec) -> Iterator[Fault]:
    """Yield a fault for each reason that keeps a model from being split over accelerators of one server."""
    per_server = hall.server.record.accelerators
    if tensor > per_server:
        message = f"must be <= {per_server}, the accelerators of one server, got {tensor}"
        yield Fault(message, path="parallelism.tensor")
    if model.heads % tensor:
        yield Fault(f"must divide the {model.heads} heads of {model.name}, got {tensor}", path="parallelism.tensor")
