"""JSON files from outside: read whole, refused with a reason when they are not what was expected."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from simulator.documents.text_file import refuse


def load_json_object(file: Path, shown: str, what: str) -> Mapping[str, Any]:
    """Return the object at the top of a JSON file.

    Args:
        file: the file.
        shown: its name as given.
        what: what it should be, for messages, such as "a weather file".
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise refuse(shown, f"is not JSON: {error.msg}", error.lineno) from None
    except UnicodeDecodeError as error:
        raise refuse(shown, f"is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from None
    except RecursionError:
        raise refuse(shown, f"is not {what}: it is nested too deeply") from None
    if not isinstance(content, dict):
        raise refuse(shown, f"is not {what}: expected a JSON object at the top")
    return content


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
