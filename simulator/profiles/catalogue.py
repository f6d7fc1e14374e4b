"""Find a profile by the name of a shipped one or by the path of a user's own."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel

from simulator.errors import InputError, nearest_match
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.calibrated_file import load_calibrated
from simulator.profiles.facilities import (
    AirCooledChillerRecord,
    ChillerCurvesRecord,
    CoolingRecord,
    DryCoolerRecord,
    FacilityWaterRecord,
    IndirectEvaporativeRecord,
    LiquidRecord,
    OutsideAirRecord,
    PowerChainRecord,
    RearDoorRecord,
)
from simulator.profiles.generic_decoder import generic_decoder, is_generic
from simulator.profiles.hf_config import model_from_config
from simulator.profiles.models import ModelRecord
from simulator.profiles.networks import NetworkRecord
from simulator.profiles.servers import ServerRecord
from simulator.profiles.serving_software import ServingSoftwareRecord
from simulator.profiles.site_energy import BatteryRecord, GeneratorRecord, SolarRecord, TurbineRecord
from simulator.profiles.sourced import Profile, Provenance, load_profile
from simulator.profiles.thermal import AirClassesRecord, ThermalRecord

RecordT = TypeVar("RecordT", bound=BaseModel)

KINDS: Final[dict[str, type[BaseModel]]] = {
    "accelerators": AcceleratorRecord,
    "servers": ServerRecord,
    "models": ModelRecord,
    "networks": NetworkRecord,
    "software": ServingSoftwareRecord,
}
FACILITIES: Final[dict[str, type[BaseModel]]] = {
    "facility-cooling": CoolingRecord,
    "facility-power-chain": PowerChainRecord,
    "facility-air-cooled-chiller": AirCooledChillerRecord,
    "facility-outside-air": OutsideAirRecord,
    "facility-indirect-evaporative": IndirectEvaporativeRecord,
    "facility-dry-cooler": DryCoolerRecord,
    "facility-liquid": LiquidRecord,
    "facility-rear-door": RearDoorRecord,
    "facility-water": FacilityWaterRecord,
    "facility-chiller-curves": ChillerCurvesRecord,
    "facility-battery": BatteryRecord,
    "facility-solar": SolarRecord,
    "facility-wind": TurbineRecord,
    "facility-generator": GeneratorRecord,
    "facility-thermal": ThermalRecord,
    "air-classes": AirClassesRecord,
}

_SINGULAR: Final = {
    "accelerators": "accelerator",
    "servers": "server",
    "models": "model",
    "networks": "network",
    "software": "serving software",
    "facilities": "facility",
}


def shipped_names(kind: str) -> list[str]:
    """Return the names of the shipped profiles of a kind, sorted."""
    return sorted(path.stem for path in _folder(kind).glob("*.yaml"))


def accelerator(name_or_path: str, base: Path) -> Profile[AcceleratorRecord]:
    """Return an accelerator by name, by profile path or by the path of a calibrated profile (`.json`).

    Paths are relative to `base`.
    """
    if name_or_path.endswith(".json"):
        return load_calibrated(base / name_or_path, name_or_path)
    return _find("accelerators", AcceleratorRecord, name_or_path, base)


def server(name_or_path: str, base: Path) -> Profile[ServerRecord]:
    """Return a server profile; paths are relative to `base`."""
    return _find("servers", ServerRecord, name_or_path, base)


def network(name_or_path: str, base: Path) -> Profile[NetworkRecord]:
    """Return a network profile; paths are relative to `base`."""
    return _find("networks", NetworkRecord, name_or_path, base)


def serving_software(name_or_path: str, base: Path) -> Profile[ServingSoftwareRecord]:
    """Return a profile of serving software; paths are relative to `base`."""
    return _find("software", ServingSoftwareRecord, name_or_path, base)


def cooling(name_or_path: str, base: Path) -> Profile[CoolingRecord]:
    """Return the profile of a cooling plant; paths are relative to `base`."""
    return _find("facilities", CoolingRecord, name_or_path, base)


def facility(record: type[RecordT], name_or_path: str, base: Path) -> Profile[RecordT]:
    """Return the profile of a part of a facility of a given record; paths are relative to `base`."""
    return _find("facilities", record, name_or_path, base)


def power_chain(name_or_path: str, base: Path) -> Profile[PowerChainRecord]:
    """Return the profile of an electrical chain; paths are relative to `base`."""
    return _find("facilities", PowerChainRecord, name_or_path, base)


def battery(name_or_path: str, base: Path) -> Profile[BatteryRecord]:
    """Return the profile of a battery; paths are relative to `base`."""
    return _find("facilities", BatteryRecord, name_or_path, base)


def solar(name_or_path: str, base: Path) -> Profile[SolarRecord]:
    """Return the profile of a photovoltaic array; paths are relative to `base`."""
    return _find("facilities", SolarRecord, name_or_path, base)


def turbine(name_or_path: str, base: Path) -> Profile[TurbineRecord]:
    """Return the profile of a wind turbine; paths are relative to `base`."""
    return _find("facilities", TurbineRecord, name_or_path, base)


def generator(name_or_path: str, base: Path) -> Profile[GeneratorRecord]:
    """Return the profile of a diesel generator; paths are relative to `base`."""
    return _find("facilities", GeneratorRecord, name_or_path, base)


def thermal(name_or_path: str, base: Path) -> Profile[ThermalRecord]:
    """Return the profile of heat capacities and board temperatures; paths are relative to `base`."""
    return _find("facilities", ThermalRecord, name_or_path, base)


def air_classes(name_or_path: str, base: Path) -> Profile[AirClassesRecord]:
    """Return the profile of the classes of air at the servers; paths are relative to `base`."""
    return _find("facilities", AirClassesRecord, name_or_path, base)


def model(name_or_path: str, base: Path) -> Profile[ModelRecord]:
    """Return a model by name, by alias, by profile path or by the path of a Hugging Face `config.json` (or its folder).

    A name such as `decoder-7b` stands for a decoder of which no more is known than its size.

    Raises:
        InputError: no such model, or one whose architecture is not modelled.
    """
    if is_generic(name_or_path):
        return generic_decoder(name_or_path)
    path = (base / name_or_path).resolve()
    if path.suffix == ".json" or (_is_path(name_or_path) and (path / "config.json").exists()):
        file = path / "config.json" if path.is_dir() else path
        record = model_from_config(path)
        source = Provenance(kind="datasheet", source=f"config.json given by the user: {name_or_path}")
        return Profile(record, {"": source}, name_or_path, hashlib.sha256(file.read_bytes()).hexdigest())
    name = name_or_path
    if not _is_path(name) or name.lower() in _aliases():
        name = name if (_folder("models") / f"{name}.yaml").is_file() else _aliases().get(name.lower(), name)
    if _is_path(name) and not path.exists():
        known = [*shipped_names("models"), *_aliases()]
        raise InputError(f"no model is called '{name}', and there is no such file{nearest_match(name, known)}")
    return _find("models", ModelRecord, name, base)


def any_profile(name_or_path: str) -> Profile[BaseModel]:
    """Return a shipped profile of any kind by its name, or a model by its alias, for people who look it up.

    Raises:
        InputError: no profile has that name.
    """
    known: list[str] = []
    for kind, record in KINDS.items():
        names = shipped_names(kind)
        if name_or_path in names:
            return _find(kind, record, name_or_path, Path())
        known += names
    for record in FACILITIES.values():
        with suppress(InputError):
            return _find("facilities", record, name_or_path, Path())
    if name_or_path.lower() in _aliases():
        return _find("models", ModelRecord, _aliases()[name_or_path.lower()], Path())
    known += shipped_names("facilities")
    raise InputError(f"no profile is called '{name_or_path}'{nearest_match(name_or_path, known)}")


def _find(kind: str, record: type[RecordT], name_or_path: str, base: Path) -> Profile[RecordT]:
    if _is_path(name_or_path):
        return load_profile(record, base / name_or_path, name_or_path)
    path = _folder(kind) / f"{name_or_path}.yaml"
    if not path.is_file():
        what = _SINGULAR[kind]
        raise InputError(
            f"no {what} profile is called '{name_or_path}'{nearest_match(name_or_path, shipped_names(kind))}"
        )
    return _shipped(kind, record, name_or_path)


@cache
def _shipped(kind: str, record: type[RecordT], name: str) -> Profile[RecordT]:
    """Return a shipped profile; these files do not change while the program runs, so each is read once."""
    return load_profile(record, _folder(kind) / f"{name}.yaml", f"{kind}/{name}.yaml")


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or name.endswith((".yaml", ".yml", ".json"))


@cache
def _folder(kind: str) -> Path:
    return Path(str(files("simulator"))) / "data" / kind


@cache
def _aliases() -> dict[str, str]:
    """Return the shipped model of each alias, in lower case."""
    folder = _folder("models")
    records = [load_profile(ModelRecord, path).record for path in sorted(folder.glob("*.yaml"))]
    return {alias.lower(): record.name for record in records for alias in record.aliases}
