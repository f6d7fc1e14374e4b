"""YAML text that is written when first asked for."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML


class YamlText:
    """Plain values and their YAML, written out once and late.

    Writing YAML takes longer than many a run, and runs of a sweep are often compared without being saved.

    Args:
        data: mappings with string keys, lists and scalars.

    >>> str(YamlText({"name": "night", "servers": [{"count": 4}]}))
    'name: night\\nservers:\\n- count: 4\\n'
    """

    __slots__ = ("_data", "_text")

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._text: str | None = None

    @classmethod
    def of(cls, text: str) -> YamlText:
        """Return text that was written before."""
        made = cls({})
        made._text = text
        return made

    def __str__(self) -> str:
        if self._text is None:
            yaml = YAML()
            yaml.default_flow_style = False
            stream = io.StringIO()
            yaml.dump(self._data, stream)
            self._text = stream.getvalue()
        return self._text
