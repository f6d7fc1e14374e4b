"""Where a site's power comes from: grid, sun, wind, batteries and generators, settled for each plant step.

The building's mean power of a step is given, and never served less: what no source covers is counted as unserved and
told as an event. Within a step the time line of outages, caps and tests is walked from change to change, and a battery
is advanced exactly, so that the length of the step decides nothing but how finely the load is resolved.

Order while there is a grid: generation on site first, then what the battery's policy asks for, then the grid. A limit
of the connection, a cap and a ramp limit bind the battery before they bind the import. In an outage: generation on
site, battery, UPS, and generators from their start on. Sun and wind feed an islanded site only while a battery or
generators form its grid.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.engine.facility.battery_policy import BatteryPolicy
from simulator.engine.facility.generators import Generators
from simulator.engine.facility.regimes import GridCap, Regime, TimeLine
from simulator.engine.facility.store import Store
from simulator.engine.facility.supply_step import SupplyStep, joined
from simulator.physics.diesel import HEAT_J_PER_L
from simulator.signals.base import Signal


@dataclass(frozen=True, slots=True)
class GridLimits:
    """The connection to the grid.

    Args:
        import_w: highest import, infinite without a limit.
        export_w: highest export, 0 where none is allowed.
        ramp_w_per_s: highest change of import, infinite without a limit.
    """

    import_w: float
    export_w: float
    ramp_w_per_s: float


@dataclass(frozen=True, slots=True)
class SupplyParts:
    """What a site has; what it lacks is None.

    Args:
        limits: the connection to the grid.
        time_line: outages, caps and tests.
        caps: the caps that the time line counts.
        solar: power of the arrays at their best.
        wind: power of the turbines at their best.
        battery: the battery.
        policy: what the battery is for.
        ups: battery of the UPS, for outages only.
        generators: diesel generators.
    """

    limits: GridLimits
    time_line: TimeLine
    caps: Sequence[GridCap]
    solar: Signal | None
    wind: Signal | None
    battery: Store | None
    policy: BatteryPolicy | None
    ups: Store | None
    generators: Generators | None


class SiteSupply:
    """Settles where a site's power comes from.

    Args:
        parts: what the site has.
    """

    def __init__(self, parts: SupplyParts) -> None:
        self.parts = parts
        self.last: SupplyStep | None = None
        """Flows of the last step."""
        self._history: deque[tuple[float, float, float]] = deque()
        """Start, end and import of past steps, as far back as a baseline may reach."""
        self._longest_baseline_s = max((cap.baseline_s for cap in parts.caps), default=0.0)
        self._baselines_w: dict[int, float] = {}
        self._last_import_w: float | None = None

    def cap_at(self, t_s: float) -> float | None:
        """Return the highest import that the grid asks for at an instant, None without a cap."""
        index = self.parts.time_line.at(t_s).cap
        return None if index < 0 else self._cap_w(index)

    def generation_at(self, t_s: float) -> float:
        """Return the power of sun and wind at an instant."""
        parts = (self.parts.solar, self.parts.wind)
        return sum(signal.at(t_s) for signal in parts if signal is not None)

    def sustained_battery_w(self, t_s: float) -> float:
        """Return the power that the battery can give from now until the grid's cap ends; 0 without a cap."""
        index, store = self.parts.time_line.at(t_s).cap, self.parts.battery
        if index < 0 or store is None:
            return 0.0
        battery = store.battery
        left_s = max(self.parts.caps[index].span.end_s - t_s, 1.0)
        usable_j = max(store.energy_j - store.reserve_j, 0.0) * battery.discharge_efficiency
        return min(battery.discharge_limit_w(store.energy_j), usable_j / left_s)

    def step(self, start_s: float, end_s: float, load_w: float) -> SupplyStep:
        """Settle a step.

        Args:
            start_s: start of the step.
            end_s: its end.
            load_w: mean power of the facility.
        """
        regime = self.parts.time_line.at(start_s)
        if regime.end_s >= end_s and not regime.generators:
            step = self._settle(regime, start_s, end_s, load_w)
        else:
            pieces: list[SupplyStep] = []
            lengths: list[float] = []
            t_s = start_s
            while t_s < end_s:
                until_s = min(regime.end_s, end_s, self._tank_lasts_until_s(regime, t_s, load_w))
                pieces.append(self._settle(regime, t_s, until_s, load_w))
                lengths.append(until_s - t_s)
                t_s = until_s
                regime = self.parts.time_line.at(t_s)
            step = joined(pieces, lengths)
        if self._longest_baseline_s:
            self._remember(start_s, end_s, step.grid_import_w)
        self.last = step
        return step

    def _tank_lasts_until_s(self, regime: Regime, t_s: float, load_w: float) -> float:
        """Return when the generators of an outage find no more fuel, infinity when that is no concern."""
        generators = self.parts.generators
        if generators is None or not regime.generators or generators.fuel_l <= 0.0:
            return math.inf
        # On sun and wind it would last longer; then it is looked at again.
        empty_s = t_s + generators.fuel_l / generators.rate_l_per_s(min(load_w, generators.parameters.rated_w))
        return empty_s if empty_s > t_s else math.inf

    def _settle(self, regime: Regime, start_s: float, end_s: float, load_w: float) -> SupplyStep:
        parts = self.parts
        solar_w = parts.solar.mean(start_s, end_s) if parts.solar is not None else 0.0
        wind_w = parts.wind.mean(start_s, end_s) if parts.wind is not None else 0.0
        if regime.grid:
            return self._with_grid(regime, (start_s, end_s), load_w, solar_w, wind_w)
        self._last_import_w = None
        return self._islanded(regime, (start_s, end_s), load_w, solar_w, wind_w)

    def _with_grid(
        self, regime: Regime, span: tuple[float, float], load_w: float, solar_w: float, wind_w: float
    ) -> SupplyStep:
        parts, limits = self.parts, self.parts.limits
        start_s, end_s = span
        dt_s = end_s - start_s
        diesel_w, bank_w, fuel_l, delivered_l = self._test(regime, span, load_w)
        net_w = load_w - solar_w - wind_w - diesel_w
        capped = regime.cap >= 0
        cap_w = self._cap_w(regime.cap) if capped else math.inf
        most_w = min(limits.import_w, cap_w)
        battery_in = battery_out = ups_in = 0.0
        if parts.ups is not None:
            ups_in = self._recharge_ups(parts.ups, max(most_w - net_w, 0.0), dt_s)
            net_w += ups_in
        if parts.battery is not None and parts.policy is not None:
            battery_in, battery_out = self._use_battery(parts.battery, parts.policy, net_w, most_w, span)
        balance_w = net_w + battery_in - battery_out
        import_w = min(max(balance_w, 0.0), limits.import_w)
        surplus_w = max(-balance_w, 0.0)
        export_w = min(surplus_w, limits.export_w)
        over_ramp_w = 0.0
        if self._last_import_w is not None:
            over_ramp_w = max(abs(import_w - self._last_import_w) - limits.ramp_w_per_s * dt_s, 0.0)
        self._last_import_w = import_w
        return SupplyStep(
            load_w,
            import_w,
            export_w,
            solar_w,
            wind_w,
            surplus_w - export_w,
            battery_in,
            battery_out,
            ups_in,
            0.0,
            diesel_w,
            bank_w,
            max(balance_w, 0.0) - import_w,
            max(import_w - cap_w, 0.0),
            over_ramp_w,
            fuel_l,
            delivered_l,
            parts.generators.fuel_l if parts.generators is not None else 0.0,
            parts.battery.energy_j if parts.battery is not None else 0.0,
            parts.ups.energy_j if parts.ups is not None else 0.0,
            0.0,
            dt_s if capped else 0.0,
            cap_w if capped else 0.0,
            fuel_l * HEAT_J_PER_L / dt_s,
            max(solar_w + wind_w - surplus_w, 0.0),
        )

    def _recharge_ups(self, ups: Store, most_w: float, dt_s: float) -> float:
        if ups.energy_j >= ups.reserve_j:
            return 0.0
        return ups.recharge(most_w, dt_s)[0] / dt_s

    def _use_battery(
        self, store: Store, policy: BatteryPolicy, net_w: float, most_w: float, span: tuple[float, float]
    ) -> tuple[float, float]:
        """Return charging and discharging power, as policy, connection, cap and ramp allow."""
        start_s, end_s = span
        dt_s = end_s - start_s
        room_w = most_w - net_w
        recharged_j, spare_s = 0.0, dt_s
        if store.energy_j < store.reserve_j and room_w > store.battery.float_w:
            recharged_j, spare_s = store.recharge(room_w, dt_s)
            if not spare_s:
                return recharged_j / dt_s, 0.0
        request_w = policy.request_w(net_w, start_s, end_s)
        if self._last_import_w is not None and math.isfinite(self.parts.limits.ramp_w_per_s):
            swing_w = self.parts.limits.ramp_w_per_s * dt_s
            request_w = max(request_w, self._last_import_w - swing_w - net_w)
            request_w = min(request_w, self._last_import_w + swing_w - net_w)
        # Nothing is sold out of the battery, and nothing bought for it that the connection cannot carry.
        request_w = min(max(request_w, -max(net_w, 0.0)), room_w)
        charge_w, discharge_w = store.advance(request_w, spare_s, has_grid=True)
        share = spare_s / dt_s
        return recharged_j / dt_s + share * charge_w, share * discharge_w

    def _islanded(
        self, regime: Regime, span: tuple[float, float], load_w: float, solar_w: float, wind_w: float
    ) -> SupplyStep:
        parts = self.parts
        dt_s = span[1] - span[0]
        generators = parts.generators if regime.generators else None
        forms_grid = generators is not None or (parts.battery is not None and parts.battery.energy_j > 0.0)
        if not forms_grid:
            solar_w = wind_w = 0.0
        net_w = load_w - solar_w - wind_w
        diesel_w = fuel_l = 0.0
        if generators is not None and net_w > 0.0 and generators.fuel_l > 0.0:
            wanted_w = min(net_w, generators.parameters.rated_w)
            rate = generators.rate_l_per_s(wanted_w)
            lasted_s = generators.burn(rate, dt_s)
            diesel_w, fuel_l = wanted_w * lasted_s / dt_s, rate * lasted_s
        short_w = net_w - diesel_w
        battery_in = battery_out = ups_in = ups_out = 0.0
        if parts.battery is not None:
            battery_in, battery_out = parts.battery.advance(-short_w, dt_s, has_grid=False)
            short_w += battery_in - battery_out
        if parts.ups is not None:
            ups_in, ups_out = parts.ups.advance(min(-short_w, 0.0), dt_s, has_grid=False)
            short_w -= ups_out
        return SupplyStep(
            load_w,
            0.0,
            0.0,
            solar_w,
            wind_w,
            max(-short_w, 0.0),
            battery_in,
            battery_out,
            ups_in,
            ups_out,
            diesel_w,
            0.0,
            max(short_w, 0.0),
            0.0,
            0.0,
            fuel_l,
            0.0,
            parts.generators.fuel_l if parts.generators is not None else 0.0,
            parts.battery.energy_j if parts.battery is not None else 0.0,
            parts.ups.energy_j if parts.ups is not None else 0.0,
            dt_s,
            0.0,
            0.0,
            fuel_l * HEAT_J_PER_L / dt_s,
            max(solar_w + wind_w - max(-short_w, 0.0), 0.0),
        )

    def _test(self, regime: Regime, span: tuple[float, float], load_w: float) -> tuple[float, float, float, float]:
        """Return (power to the site, power to a load bank, fuel burnt, fuel delivered) of the generators."""
        generators = self.parts.generators
        if generators is None:
            return 0.0, 0.0, 0.0, 0.0
        # Fuel comes when the grid does, and after a test, so that the length of steps does not decide when.
        delivered_l = generators.refuel() if span[0] == regime.start_s else 0.0
        if not regime.test:
            return 0.0, 0.0, 0.0, delivered_l
        p = generators.parameters
        rate, dt_s = generators.test_rate_l_per_s(), span[1] - span[0]
        lasted_s = generators.burn(rate, dt_s)
        power_w = p.test_load_fraction * p.rated_w * lasted_s / dt_s
        # A load bank takes what the site does not.
        site_w = min(power_w, load_w) if p.test_on_site else 0.0
        return site_w, power_w - site_w, rate * lasted_s, delivered_l

    def _cap_w(self, index: int) -> float:
        cap = self.parts.caps[index]
        if cap.limit_w is not None:
            return cap.limit_w
        if index not in self._baselines_w:
            self._baselines_w[index] = self._mean_import_w(cap.span.start_s - cap.baseline_s, cap.span.start_s)
        # Who draws less than what he must fall by can do no more than draw nothing.
        return max((1.0 - cap.reduction_fraction) * self._baselines_w[index] - cap.reduction_w, 0.0)

    def _mean_import_w(self, start_s: float, end_s: float) -> float:
        """Return mean import over a stretch of the past, as far as it is known."""
        energy_j = known_s = 0.0
        for begin, end, power_w in self._history:
            overlap_s = min(end, end_s) - max(begin, start_s)
            if overlap_s > 0.0:
                energy_j += power_w * overlap_s
                known_s += overlap_s
        return energy_j / known_s if known_s else math.inf

    def _remember(self, start_s: float, end_s: float, import_w: float) -> None:
        history = self._history
        history.append((start_s, end_s, import_w))
        while history[0][1] < end_s - self._longest_baseline_s:
            history.popleft()
