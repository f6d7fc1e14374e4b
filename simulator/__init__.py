"""Wattline: a discrete-event simulator of datacenters that train and serve large models.

>>> import simulator as sim
>>> sim.InputError.__name__
'InputError'
"""

from simulator.api import check, choices, compare, from_dict, load, load_result, run, save
from simulator.engine.control import Controller, SetPowerCap, View
from simulator.errors import AuditError, Fault, InputError, InvariantError, WattlineError
from simulator.results.result import Result
from simulator.results.summary import Summary
from simulator.scenario.loader import Scenario
from simulator.signals.base import Signal
from simulator.workload.arrivals import ArrivalProcess

__all__ = [
    "ArrivalProcess",
    "AuditError",
    "Controller",
    "Fault",
    "InputError",
    "InvariantError",
    "Result",
    "Scenario",
    "SetPowerCap",
    "Signal",
    "Summary",
    "View",
    "WattlineError",
    "check",
    "choices",
    "compare",
    "from_dict",
    "load",
    "load_result",
    "run",
    "save",
]
