"""Collect faults found while a scenario is put together, each at its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from simulator.documents.yaml_source import Document, KeyPath
from simulator.errors import Fault, InputError


@contextmanager
def part(path: str) -> Iterator[None]:
    """Say of what is refused inside that it belongs to a part of the place at hand.

    Args:
        path: dotted path below that place.
    """
    try:
        yield
    except ValueError as error:
        raise InputError([Fault(str(error), path=path)]) from None
    except InputError as error:
        below = [
            fault if fault.file else replace(fault, path=f"{path}.{fault.path}".rstrip(".")) for fault in error.faults
        ]
        raise InputError(below) from None


class FaultCollector:
    """Faults of one scenario.

    Args:
        document: the scenario as written.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._faults: list[Fault] = []

    @property
    def count(self) -> int:
        """Faults noted so far."""
        return len(self._faults)

    def add(self, path: KeyPath, message: str) -> None:
        """Note a fault at a place given by names: entities of a list by their name."""
        self._faults.append(self._document.fault(self._positions(path), message))

    def at(self, path: KeyPath) -> _Place:
        """Return a context that notes whatever goes wrong in it: faults without a file are at the place or below."""
        return _Place(self, path)

    def take(self, fault: Fault) -> None:
        """Note a fault that knows its place."""
        self._faults.append(fault)

    def raise_if_any(self) -> None:
        """Raise everything found."""
        if self._faults:
            raise InputError(dict.fromkeys(self._faults))

    def _positions(self, path: KeyPath) -> KeyPath:
        """Return the path with names of list entries replaced by their positions in the file."""
        node, result = self._document.data, []
        for key in path:
            if isinstance(node, list):
                names = [item.get("name") if isinstance(item, dict) else None for item in node]
                key = names.index(key) if key in names else key
                node = node[key] if isinstance(key, int) and key < len(node) else None
            else:
                node = node.get(key) if isinstance(node, dict) else None
            result.append(key)
        return tuple(result)


class _Place:
    """Notes the input errors raised inside, and lets the rest pass."""

    def __init__(self, faults: FaultCollector, path: KeyPath) -> None:
        self._faults = faults
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, InputError):
            for fault in error.faults:
                if fault.file:
                    self._faults.take(fault)
                else:
                    below = fault.path.split(".") if fault.path else ()
                    self._faults.add((*self._path, *below), fault.message)
            return True
        if isinstance(error, ValueError):
            # Frozen records of the lower layers check their own numbers.
            self._faults.add(self._path, str(error))
            return True
        return False
