"""An alarm rings behind everything else of its instant."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from simulator.engine.alarm import Alarm


def test_alarms_ring_after_everything_of_their_instant_however_early_they_were_set() -> None:
    env = simpy.Environment()
    log: list[tuple[str, float]] = []

    def note(name: str) -> Any:
        return lambda _: log.append((name, env.now))

    def ordinary() -> Generator[simpy.Event, Any, None]:
        yield env.timeout(2.0)
        log.append(("timeout", env.now))
        followed = env.event()
        assert followed.callbacks is not None
        followed.callbacks.append(note("follow-up"))
        followed.succeed()
        yield env.timeout(0.0)
        log.append(("no delay", env.now))

    Alarm(env, 2.0, note("first alarm"))
    Alarm(env, 2.0, note("second alarm"))
    Alarm(env, 1.0, note("early alarm"))
    env.process(ordinary())
    env.run()
    assert log == [
        ("early alarm", 1.0),
        ("timeout", 2.0),
        ("follow-up", 2.0),
        ("no delay", 2.0),
        ("first alarm", 2.0),
        ("second alarm", 2.0),
    ]


def test_an_alarm_without_delay_waits_for_its_instant_to_be_over() -> None:
    env = simpy.Environment()
    log: list[str] = []

    def arrive(name: str) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(1.0)
        log.append(name)
        if name == "first":
            Alarm(env, 0.0, lambda _: log.append("alarm"))

    for name in ("first", "second", "third"):
        env.process(arrive(name))
    env.run()
    assert log == ["first", "second", "third", "alarm"]


def test_the_callback_is_given_its_alarm() -> None:
    env = simpy.Environment()
    heard: list[Any] = []
    alarm = Alarm(env, 3.0, heard.append)
    env.run()
    assert heard == [alarm]
    assert alarm.processed
