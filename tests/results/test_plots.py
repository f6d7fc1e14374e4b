"""Pictures of a run: what is drawn adds up to the meter, long runs are thinned exactly, many bars become few."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import simulator as sim
from simulator.results import plots
from simulator.results.ledger import ACTIVITIES

PNG = b"\x89PNG\r\n\x1a\n"
FLOAT = 1e-9
"""Areas are sums of a dozen numbers; some paths go through the figure's transforms."""


def layers(figure: Figure) -> dict[str, np.ndarray]:
    """Return the thickness of each stacked layer at each point of the axis, by label."""
    (axes,) = figure.axes
    points = len(axes.lines[0].get_xdata())
    heights = {}
    for layer in axes.collections:
        # An area is its lower edge one way and its upper edge back, with a point repeated at each end.
        vertices = layer.get_paths()[0].vertices
        first, second = vertices[1 : points + 1, 1], vertices[points + 2 : 2 * points + 2, 1][::-1]
        heights[str(layer.get_label())] = np.abs(second - first)
    return heights


def lengthened(result: sim.Result, steps: int, seed: int = 0) -> sim.Result:
    """Return the result with a power table of many steps of different length, and of lively power."""
    generator = np.random.default_rng(seed)
    ends_s = np.cumsum(generator.uniform(20.0, 100.0, steps))
    names = [name for name in result.power.columns if name.endswith("_w") and name != "facility_power_w"]
    table = pd.DataFrame(generator.uniform(0.0, 5e4, (steps, len(names))), columns=names)
    table["facility_power_w"] = table.sum(axis=1)
    table.insert(0, "site", "site")
    table.insert(1, "start_s", np.r_[0.0, ends_s[:-1]])
    table.insert(2, "end_s", ends_s)
    return replace(result, power=table)


def test_files_are_pictures(result: sim.Result, tmp_path: Path) -> None:
    files = plots.save_plots(result, tmp_path)
    assert [file.name for file in files] == ["power.png", "energy.png"]
    for file in files:
        content = file.read_bytes()
        assert content.startswith(PNG)
        width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
        assert width == 1500
        assert 300 <= height <= 2000
        # Large enough to hold more than an empty frame, small enough to attach to a message.
        assert 10_000 < len(content) < 300_000


def test_layers_add_up_to_the_meter(result: sim.Result) -> None:
    figure = plots.power_figure(result)
    heights = layers(figure)
    (meter,) = figure.axes[0].lines
    assert set(heights) == {name for name, _ in plots._COMPONENTS.values()}
    assert sum(heights.values()) == pytest.approx(meter.get_ydata(), rel=FLOAT)
    # kW: each plant step is drawn flat, as a pair of points at its two edges.
    assert meter.get_ydata()[::2] == pytest.approx(result.power.facility_power_w.to_numpy() / 1e3)
    assert meter.get_xdata()[::2] == pytest.approx(result.power.start_s.to_numpy() / 3600.0)
    assert meter.get_xdata()[1::2] == pytest.approx(result.power.end_s.to_numpy() / 3600.0)
    assert heights["accelerators"][::2] == pytest.approx(result.power.accelerator_w.to_numpy() / 1e3)


def test_what_is_not_there_is_not_in_the_legend(result: sim.Result) -> None:
    power = result.power.assign(shared_storage_w=0.0)
    power["facility_power_w"] -= result.power.shared_storage_w
    figure = plots.power_figure(replace(result, power=power))
    shown = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "shared storage" not in shown
    # The legend lists layers from top to bottom, as they lie.
    assert (shown[0], shown[-1]) == ("at the meter", "accelerators")


@pytest.mark.parametrize("steps", [400, 799, 800, 12_345])
def test_a_long_run_is_thinned_with_exact_means(result: sim.Result, steps: int) -> None:
    long = lengthened(result, steps)
    (meter,) = plots.power_figure(long).axes[0].lines
    power_w, edges_s = meter.get_ydata()[::2] * 1e3, np.r_[meter.get_xdata()[::2], meter.get_xdata()[-1]]
    edges_s = edges_s * (86_400.0 if long.power.end_s.iloc[-1] > 48 * 3600 else 3600.0)
    assert len(power_w) <= 400
    assert len(power_w) >= 200 or steps < 400
    # By hand for each drawn stretch: energy of the steps inside it / its length.
    starts = np.searchsorted(long.power.start_s, edges_s[:-1] - 1e-6)
    for (first, last), drawn_w in zip(pairwise([*starts, steps]), power_w, strict=True):
        part = long.power.iloc[first:last]
        lengths_s = part.end_s - part.start_s
        mean_w = float((part.facility_power_w * lengths_s).sum() / lengths_s.sum())
        assert drawn_w == pytest.approx(mean_w, rel=FLOAT)


@pytest.mark.parametrize(
    ("hours", "label", "ticks"), [(24, "hours", 3.0), (6, "hours", 1.0), (48, "hours", 6.0), (200, "days", 1.0)]
)
def test_the_axis_of_time(result: sim.Result, hours: int, label: str, ticks: float) -> None:
    power = result.power.assign(
        start_s=np.linspace(0.0, hours * 3600.0, len(result.power) + 1)[:-1],
        end_s=np.linspace(0.0, hours * 3600.0, len(result.power) + 1)[1:],
    )
    (axes,) = plots.power_figure(replace(result, power=power)).axes
    start = datetime.fromisoformat(result.manifest["start_utc"])
    assert axes.get_xlabel() == f"{label} since {start:%Y-%m-%d %H:%M} UTC"
    assert axes.get_xlim() == pytest.approx((0.0, hours / 24 if label == "days" else hours))
    assert np.diff(axes.get_xticks())[0] == pytest.approx(ticks)
    assert axes.get_ylim()[0] == 0.0


@pytest.mark.parametrize(
    ("highest_w", "scale", "unit"), [(1999.0, 1.0, "W"), (2001.0, 1e3, "kW"), (2.001e6, 1e6, "MW")]
)
def test_the_unit_fits_the_size(result: sim.Result, highest_w: float, scale: float, unit: str) -> None:
    factor = highest_w / result.power.facility_power_w.max()
    power = result.power.copy()
    power[[name for name in power.columns if name.endswith("_w")]] *= factor
    (axes,) = plots.power_figure(replace(result, power=power)).axes
    assert axes.get_ylabel() == f"power ({unit})"
    assert axes.lines[0].get_ydata().max() == pytest.approx(highest_w / scale)


def bars(figure: Figure) -> dict[str, float]:
    """Return the whole length of each bar by its name."""
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.get_yticklabels()]
    totals = dict.fromkeys(names, 0.0)
    for container in axes.containers:
        for name, patch in zip(names, container, strict=True):
            assert patch.get_x() == pytest.approx(totals[name], rel=FLOAT, abs=1e-12)
            totals[name] += patch.get_width()
    return totals


def test_bars_are_the_ledger(result: sim.Result) -> None:
    figure = plots.energy_figure(result)
    totals = bars(figure)
    ledger = result.energy.groupby(["workload", "phase"]).energy_kwh.sum()
    by_hand = {f"{name}\n{phase}" if name else "unallocated": energy for (name, phase), energy in ledger.items()}
    assert totals == pytest.approx(by_hand, rel=FLOAT)
    assert sum(totals.values()) == pytest.approx(result.summary.facility_energy_kwh, rel=FLOAT)
    # The largest bar is on top, and each carries its figure.
    assert list(totals.values()) == sorted(totals.values())
    (axes,) = figure.axes
    shown = [float(text.get_text()) for text in axes.texts]
    assert shown == pytest.approx(list(totals.values()), rel=5e-3)


def test_activities_keep_their_order_and_colour(result: sim.Result) -> None:
    (axes,) = plots.energy_figure(result).axes
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert shown == [name.replace("_", " ") for name in ACTIVITIES]
    power = {
        layer.get_label(): to_hex(layer.get_facecolor()[0]) for layer in plots.power_figure(result).axes[0].collections
    }
    energy = {container.get_label(): to_hex(container[0].get_facecolor()) for container in axes.containers}
    for activity, component in (
        ("compute", "accelerators"),
        ("host", "hosts"),
        ("cooling", "cooling"),
        ("other", "other"),
    ):
        assert energy[activity] == power[component]
    assert len(set(energy.values())) == len(ACTIVITIES)


def test_many_workloads_become_a_picture_of_few(result: sim.Result, tmp_path: Path) -> None:
    jobs = [f"job-{index:04d}" for index in range(1000)]
    energy = pd.DataFrame(
        {"phase": "training", "activity": "compute", "workload": jobs, "energy_kwh": np.arange(1.0, 1001.0)}
    )
    many = replace(result, energy=energy)
    totals = bars(plots.energy_figure(many))
    # In MWh: the 19 largest of 1 to 1000 kWh, and the sum of 1 to 981.
    assert len(totals) == 20
    assert totals["981 others"] == pytest.approx(981 * 982 / 2 / 1e3)
    assert totals["job-0999\ntraining"] == pytest.approx(1.0)
    assert sum(totals.values()) == pytest.approx(1000 * 1001 / 2 / 1e3)


def test_large_figures_are_written_out(result: sim.Result) -> None:
    energy = result.energy.assign(energy_kwh=result.energy.energy_kwh * 1e6 / result.energy.energy_kwh.sum())
    (axes,) = plots.energy_figure(replace(result, energy=energy)).axes
    assert axes.get_xlabel() == "energy at the meter (MWh)"
    shown = [text.get_text() for text in axes.texts]
    assert not any("e" in text for text in shown)
    assert sum(float(text.replace(",", "")) for text in shown) == pytest.approx(1000.0, rel=5e-3)
