"""Cross-references of a scenario: names that must exist, files that must be there, checked on the raw data.

Raw, so that a fault elsewhere in the file does not hide these: everything wrong is reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from simulator.documents.yaml_source import Document, KeyPath, child
from simulator.errors import Fault, InputError, nearest_match
from simulator.profiles import catalogue

Finder = Callable[[str, Path], Any]

_FACILITY_PROFILES: tuple[tuple[KeyPath, Finder], ...] = (
    (("facility", "cooling", "profile"), catalogue.cooling),
    (("facility", "power_chain", "profile"), catalogue.power_chain),
)

_SUPPLY_PROFILES: tuple[tuple[KeyPath, Finder], ...] = (
    (("supply", "solar", "profile"), catalogue.solar),
    (("supply", "wind", "profile"), catalogue.turbine),
    (("supply", "battery", "profile"), catalogue.battery),
    (("supply", "diesel", "profile"), catalogue.generator),
)


def reference_faults(document: Document, base: Path) -> list[Fault]:
    """Return a fault for each reference that leads nowhere."""
    return [
        *_duplicate_names(document),
        *_site_forms(document),
        *_unknown_sites(document),
        *_unequal_steps(document),
        *_unknown_halls(document),
        *_unknown_capped(document),
        *_priced_halls(document),
        *_profiles(document, base),
        *_missing_files(document, base),
    ]


def _entries(document: Document, section: str) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    items = document.data.get(section)
    for index, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, dict):
            yield (section, index), item


def _duplicate_names(document: Document) -> Iterator[Fault]:
    for section in ("sites", "servers", "workloads"):
        seen: set[str] = set()
        for path, item in _entries(document, section):
            name = item.get("name")
            if isinstance(name, str) and name in seen:
                yield document.fault((*path, "name"), f"the name '{name}' is taken by another entry of {section}")
            seen.add(str(name))


def _site_forms(document: Document) -> Iterator[Fault]:
    single = [key for key in ("site", "facility") if document.data.get(key) is not None]
    if document.data.get("sites") is None:
        for key in ("site", "facility"):
            if key not in single:
                yield document.fault((), f"required key '{key}' is missing")
    elif single:
        yield document.fault(("sites",), f"stands in place of '{single[0]}': give one or the other")


def _unknown_sites(document: Document) -> Iterator[Fault]:
    """Yield a fault for each hall that stands nowhere, or at no site that there is."""
    several = document.data.get("sites") is not None
    names = [str(item.get("name")) for _, item in _entries(document, "sites")]
    for path, item in _entries(document, "servers"):
        site = item.get("site")
        if site is None and several and len(names) > 1:
            yield document.fault(path, f"required key 'site' is missing; known: {', '.join(names)}")
        elif isinstance(site, str) and not several:
            yield document.fault((*path, "site"), f"there is no section 'sites' in which '{site}' could stand")
        elif isinstance(site, str) and site not in names:
            yield document.fault((*path, "site"), f"no site is called '{site}'{nearest_match(site, names)}")
    taken = {item.get("site") for _, item in _entries(document, "servers")}
    for path, item in _entries(document, "sites"):
        if len(names) > 1 and item.get("name") not in taken and taken <= {*names}:
            yield document.fault(path, "no servers stand here")


def _unequal_steps(document: Document) -> Iterator[Fault]:
    """Yield a fault for each site whose plant step differs from the first site's: their meters are read together."""
    steps = [(path, _value_at(item, ("facility", "plant_step_s"))) for path, item in _entries(document, "sites")]
    for path, step in steps[1:]:
        if step != steps[0][1]:
            said = "its default" if steps[0][1] is None else steps[0][1]
            place = (*path, "facility") if step is None else (*path, "facility", "plant_step_s")
            yield document.fault(place, f"plant_step_s must be the same at all sites: the first has {said}")


def _unknown_halls(document: Document) -> Iterator[Fault]:
    halls = [str(item.get("name")) for _, item in _entries(document, "servers")]
    if not halls:  # a fault of its own
        return
    for path, item in _entries(document, "workloads"):
        hall = item.get("servers")
        if isinstance(hall, str) and hall not in halls:
            yield document.fault((*path, "servers"), f"no servers are called '{hall}'{nearest_match(hall, halls)}")


def _unknown_capped(document: Document) -> Iterator[Fault]:
    names = [str(item.get("name")) for _, item in _entries(document, "workloads")]
    place: KeyPath = ("policies", "power", "workloads")
    asked = _value_at(document.data, place)
    for index, name in enumerate(asked if isinstance(asked, list) else []):
        if isinstance(name, str) and name not in names:
            yield document.fault((*place, index), f"no workload is called '{name}'{nearest_match(name, names)}")


def _priced_halls(document: Document) -> Iterator[Fault]:
    """Yield a fault for each price of servers whose name is no hall's, or taken."""
    halls = [str(item.get("name")) for _, item in _entries(document, "servers")]
    prices, seen = _value_at(document.data, ("money", "servers")), set[str]()
    for index, item in enumerate(prices if isinstance(prices, list) and halls else []):
        name, path = item.get("name") if isinstance(item, dict) else None, ("money", "servers", index, "name")
        if isinstance(name, str) and name not in halls:
            yield document.fault(path, f"no servers are called '{name}'{nearest_match(name, halls)}")
        elif isinstance(name, str) and name in seen:
            yield document.fault(path, f"the name '{name}' is taken by another entry of money.servers")
        seen.add(str(name))


def _profiles(document: Document, base: Path) -> Iterator[Fault]:
    for path, item in _entries(document, "servers"):
        yield from _profile(document, (*path, "profile"), item.get("profile"), catalogue.server, base)
        yield from _profile(document, (*path, "accelerator"), item.get("accelerator"), catalogue.accelerator, base)
    for path, item in _entries(document, "workloads"):
        yield from _profile(document, (*path, "model"), item.get("model"), catalogue.model, base)
    network: KeyPath = ("network", "profile")
    yield from _profile(document, network, _value_at(document.data, network), catalogue.network, base)
    for place in ((), *(path for path, _ in _entries(document, "sites"))):
        parts = [*_FACILITY_PROFILES, *((path if place else ("site", *path), find) for path, find in _SUPPLY_PROFILES)]
        for part, find in parts:
            path = (*place, *part)
            yield from _profile(document, path, _value_at(document.data, path), find, base)


def _profile(document: Document, path: KeyPath, name: Any, find: Finder, base: Path) -> Iterator[Fault]:
    if not isinstance(name, str):
        return
    try:
        find(name, base)
    except InputError as error:
        for fault in error.faults:
            # A fault with a line is inside the profile that the name found; any other is about the name.
            yield fault if fault.line is not None else document.fault(path, str(fault))
    except (OSError, ValueError) as error:
        yield document.fault(path, f"no file can have this name: {getattr(error, 'strerror', None) or error}")


def _missing_files(document: Document, base: Path) -> Iterator[Fault]:
    for path, value in values_below(document.data):
        if path[-1] != "file" or not isinstance(value, str) or not value:
            continue
        file = base / value
        try:
            if file.is_dir():
                yield document.fault(path, f"'{value}' is a folder, not a file")
            elif not file.exists():
                yield document.fault(path, f"no such file: '{value}'{_hint(file)}")
        except OSError as error:
            yield document.fault(path, f"cannot be read: {error.strerror}")


def _hint(file: Path) -> str:
    if not file.parent.is_dir():
        return f" (there is no folder '{file.parent.name}')"
    return nearest_match(file.name, [item.name for item in file.parent.iterdir()][:500]).partition("; known")[0]


def values_below(node: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield (key path, value) of everything inside plain data, mappings and lists included."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        here = (*path, key)
        yield here, value
        yield from values_below(value, here)


def _value_at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = child(data, key)
    return data
