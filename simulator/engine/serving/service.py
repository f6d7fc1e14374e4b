"""A service: one inference workload with its replicas, its router and its clients."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Protocol

from simpy import Environment, Event

from simulator.engine.serving.batch import BatchLimits
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.engine.serving.router import LeastLoaded, RoundRobin, Router
from simulator.records import IN_FLIGHT, LONGER_THAN_CONTEXT, LONGER_THAN_KV_CACHE, RequestLog

ROUTERS: dict[str, type[Router]] = {"round_robin": RoundRobin, "least_loaded": LeastLoaded}

_REFUSALS = {"longer_than_context": LONGER_THAN_CONTEXT, "longer_than_kv_cache": LONGER_THAN_KV_CACHE}
_REASONS = {
    LONGER_THAN_CONTEXT: "longer than the model's context",
    LONGER_THAN_KV_CACHE: "longer than the KV cache of a replica holds",
}


class AnyReplica(Protocol):
    """What a service needs of a replica."""

    outstanding: int

    def submit(self, request: int) -> None:
        """Take a request."""
        ...

    def recost(self, cost: IterationCost) -> None:
        """Take other costs from the next iteration on."""
        ...

    def switch(self, on: bool) -> None:
        """Stand still while the server is off."""
        ...

    def settle(self, now_s: float) -> None:
        """Book up to now."""
        ...

    def close(self, now_s: float) -> None:
        """End the run."""
        ...


class Service:
    """Routes the requests of one workload and hears of their end.

    Args:
        env: the simulation environment.
        name: name of the workload.
        log: the requests.
        limits: limits of each replica, which decide what can never be served.
        router: name of the routing policy.
        on_end: called when every request has been answered or refused.
    """

    def __init__(
        self,
        env: Environment,
        name: str,
        log: RequestLog,
        limits: BatchLimits,
        router: str,
        on_end: Callable[[], None],
    ) -> None:
        self._env = env
        self.name = name
        self.log = log
        self.replicas: list[AnyReplica] = []
        self._limits = limits
        self._router_kind = ROUTERS[router]
        self._router: Router | None = None
        self._on_end = on_end
        self._on_answer: Callable[[int], None] | None = None
        self._open = len(log)

    def attach(self, replicas: Sequence[AnyReplica]) -> None:
        """Take the replicas into service."""
        self.replicas = list(replicas)
        # All routers choose alike where there is one replica; the simplest keeps no books.
        self._router = (self._router_kind if len(self.replicas) > 1 else RoundRobin)(list(self.replicas))

    def listener(self, replica: int) -> Callable[[int], None]:
        """Return what a replica calls when it has finished a request."""

        def finished(request: int) -> None:
            assert self._router is not None
            self._router.finished(replica)
            self._close_request(request)

        return finished

    def replay(self, arrival_s: array[float]) -> Generator[Event, Any, None]:
        """Submit each request at its arrival time; a process."""
        env = self._env
        for request, instant_s in enumerate(arrival_s):
            delay_s = instant_s - env.now
            if delay_s > 0.0:
                yield env.timeout(delay_s)
            # The clock may stand a rounding before the instant; a request must not start before it arrives.
            self.arrive(request, min(instant_s, env.now))

    def serve_clients(self, clients: int, think_time_s: float) -> None:
        """Let a number of clients each send its next request when its last is answered."""
        waiting = iter(range(len(self.log)))

        def send(_: Event | None = None) -> None:
            request = next(waiting, None)
            if request is not None:
                self.arrive(request, self._env.now)

        def answered(request: int) -> None:
            # After a refusal the client asks again in an event of its own: a trace of refusals must not recurse.
            if think_time_s or self.log.replica[request] < 0:
                pause = self._env.timeout(think_time_s)
                assert pause.callbacks is not None
                pause.callbacks.append(send)
            else:
                send()

        self._on_answer = answered
        for _ in range(min(clients, len(self.log))):
            send()

    def arrive(self, request: int, now_s: float) -> None:
        """Route a request, or refuse one that no replica could ever serve."""
        assert self._router is not None
        log = self.log
        log.arrival_s[request] = now_s
        refusal = self._limits.refusal(log.prompt_tokens[request], log.output_tokens[request])
        if refusal is not None:
            log.outcome[request] = _REFUSALS[refusal]
            self._close_request(request)
            return
        log.outcome[request] = IN_FLIGHT
        replica = self._router.choose(request)
        log.replica[request] = replica
        self.replicas[replica].submit(request)

    def refusals(self) -> Iterator[str]:
        """Yield for each reason how many requests were refused, how long they are, and why."""
        for outcome, reason in _REASONS.items():
            if not self.log.outcome.count(outcome):
                continue
            tokens = [
                prompt + output
                for found, prompt, output in zip(
                    self.log.outcome, self.log.prompt_tokens, self.log.output_tokens, strict=True
                )
                if found == outcome
            ]
            yield f"{len(tokens):,} requests of {min(tokens):,} to {max(tokens):,} tokens: {reason}"

    def recost(self, cost: IterationCost) -> None:
        """Give all replicas other costs, such as those under another power cap."""
        for replica in self.replicas:
            replica.recost(cost)

    def switch(self, on: bool) -> None:
        """Let all replicas stand still, or go on."""
        for replica in self.replicas:
            replica.switch(on)

    def settle(self, now_s: float) -> None:
        """Book all replicas up to now."""
        for replica in self.replicas:
            replica.settle(now_s)

    def close(self, now_s: float) -> None:
        """End the run."""
        for replica in self.replicas:
            replica.close(now_s)

    def _close_request(self, request: int) -> None:
        self._open -= 1
        if self._on_answer is not None:
            self._on_answer(request)
        if not self._open:
            self._on_end()
