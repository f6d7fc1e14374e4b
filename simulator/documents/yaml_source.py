"""Read YAML 1.2 into plain values that remember their line.

Only the part of YAML that a scenario or a profile needs is accepted: mappings with string keys, sequences and scalars.
Anchors, aliases, tags, merge keys and several documents in one file are refused, as are duplicate keys, files over
`MAX_BYTES` and nesting over `MAX_DEPTH`, so that a file cannot say less than it expands to. Plain scalars are resolved
by the core schema of YAML 1.2 and nothing else: `no` and `2024-01-01` are text, `1e3` is a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from simulator.errors import Fault, InputError, nearest_match

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MOST_DIGITS = 60
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Characters that quoted text can only hold as an escape; neither names nor files have a use for them."""

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain data (dict, list, str, int, float, bool, None) and the line of each key path.

    `origins` names another source for some paths, such as a command-line option that set the value.
    """

    file: str
    data: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)

    def place(self, path: KeyPath) -> tuple[str, int | None]:
        """Return (file or option, line) of a key path, or of its nearest ancestor that has one."""
        ancestors = [path[:length] for length in range(len(path), -1, -1)]
        for ancestor in ancestors:
            if ancestor in self.origins:
                return self.origins[ancestor], None
        return self.file, next((self.lines[ancestor] for ancestor in ancestors if ancestor in self.lines), None)

    def fault(self, path: KeyPath, message: str) -> Fault:
        """Return a fault at a key path, shown with names in place of list positions."""
        file, line = self.place(path)
        return Fault(message, file, line, self.dotted(path))

    def dotted(self, path: KeyPath) -> str:
        """Return a key path as people write it: entities of a list by their name.

        >>> Document("f", {"servers": [{"name": "hall-a"}]}).dotted(("servers", 0, "count"))
        'servers.hall-a.count'
        """
        parts: list[str] = []
        node = self.data
        for key in path:
            node = child(node, key)
            named = isinstance(key, int) and isinstance(node, dict) and isinstance(node.get("name"), str)
            parts.append(node["name"] if named else str(key))
        return ".".join(parts)


def read_yaml(path: Path, shown_as: str | None = None) -> Document:
    """Read one YAML file.

    Args:
        path: the file.
        shown_as: name used in messages, by default the path as given.

    Raises:
        InputError: the file is missing, too large, not UTF-8 or not the accepted part of YAML.
    """
    shown = shown_as or str(path)
    return parse_yaml(_text_of(path, shown), shown)


def parse_yaml(text: str, file: str) -> Document:
    """Parse YAML text; `file` is the name used in messages."""
    reader = YAML(typ="safe", pure=True)
    reader.Composer = _PlainComposer
    try:
        root = reader.compose(text)
    except _RefusedError as error:
        raise InputError([Fault(error.message, file, error.line)]) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError([Fault(f"holds the character U+{error.character:04X}", file, line)]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context or error).split())
        raise InputError([Fault(f"not valid YAML: {problem}", file, mark.line + 1 if mark else None)]) from None
    except (YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise InputError([Fault(f"not valid YAML: {' '.join(str(error).split())}", file)]) from None
    builder = _Builder()
    data = builder.value(root, ()) if root is not None else None
    document = Document(file, data, builder.lines)
    if builder.refused:
        raise InputError(Fault(text, file, line, document.dotted(path)) for text, line, path in builder.refused)
    if not isinstance(data, dict):
        raise InputError([Fault(f"must be a mapping of keys to values, got {_described(data)}", file, 1)])
    return document


def _nearest_sibling(path: Path) -> str:
    """Return a hint at the file that may have been meant, or nothing."""
    if not path.parent.is_dir():
        return f" (there is no folder '{path.parent.name}')"
    if not path.suffix:
        return ""
    # Compared without its ending, which is alike in all of them.
    close = nearest_match(path.stem, [item.stem for item in path.parent.glob(f"*{path.suffix}")][:500])
    return close.replace("'?", f"{path.suffix}'?") if "did you mean" in close else ""


def _text_of(path: Path, shown: str) -> str:
    try:
        if path.is_dir():
            raise InputError([Fault("is a folder, not a file", shown)])
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            size = max(path.stat().st_size, len(content))
            raise InputError(
                [Fault(f"{size:,} bytes are too many for a scenario or profile; allowed: {MAX_BYTES:,}", shown)]
            )
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError([Fault(f"no such file{_nearest_sibling(path)}", shown)]) from None
    except UnicodeDecodeError as error:
        raise InputError([Fault(f"is not UTF-8 text (byte {error.start})", shown)]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError([Fault(f"cannot be read: {reason}", shown)]) from None


class _RefusedError(Exception):
    """YAML that is valid but not accepted."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _PlainComposer(Composer):
    """Composes nodes and stops at the first anchor, alias, tag or nesting too deep, before anything can expand."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node."""
        event = self.parser.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            raise _RefusedError(f"aliases are not allowed (*{event.anchor}): write the value out", line)
        if event.anchor:
            raise _RefusedError(f"anchors are not allowed (&{event.anchor})", line)
        if event.tag is not None:
            raise _RefusedError(f"tags are not allowed ({event.tag.replace('tag:yaml.org,2002:', '!!')})", line)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _RefusedError(f"nested deeper than {MAX_DEPTH} levels", line)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Builder:
    """Turns composed nodes into plain values, collecting lines and what is refused: (message, line, path)."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.refused: list[tuple[str, int, KeyPath]] = []

    def value(self, node: Node, path: KeyPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode) or not key_node.value.isprintable():
                self._refuse("a key must be a word", line, path)
                continue
            key = key_node.value
            here = (*path, key)
            if key in result:
                self._refuse(f"key '{key}' stands twice, first on line {self.lines[here]}", line, path)
                continue
            self.lines[here] = line
            result[key] = self.value(value_node, here)
        return result

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        text: str = node.value
        control = _CONTROL.search(text)
        if control:
            message = f"holds the character U+{ord(control.group()):04X}"
        elif node.style:  # quoted or a block: text as it stands
            return text
        elif _INTEGER.fullmatch(text) and len(text) > _MOST_DIGITS:
            message = f"a number of {len(text):,} digits is too long; allowed: {_MOST_DIGITS}"
        else:
            return _plain_value(text)
        self._refuse(message, node.start_mark.line + 1, path)
        return None

    def _refuse(self, message: str, line: int, path: KeyPath) -> None:
        self.refused.append((message, line, path))


def _plain_value(text: str) -> str | int | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def child(node: Any, key: str | int) -> Any:
    """Return what stands at a key or position of plain data, None when nothing does."""
    if isinstance(node, dict) and isinstance(key, str):
        return node.get(key)
    if isinstance(node, list) and isinstance(key, int) and key < len(node):
        return node[key]
    return None


def _described(value: Any) -> str:
    return "an empty file" if value is None else f"{type(value).__name__} '{str(value)[:40]}'"
