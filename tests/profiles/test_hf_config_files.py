"""Files that hold no Hugging Face config are refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.profiles.hf_config import model_from_config


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    cases = {
        "text.json": b"{\n  'model_type': 1}",
        "list.json": b"[1, 2]",
        "latin.json": '{"a": "é"}'.encode("latin-1"),
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "nested" / "config.json").mkdir(parents=True)
    complaints = {
        "text.json": "text.json:2: not valid JSON",
        "list.json": "list.json:1: must be a JSON object",
        "latin.json": "cannot be read",
        "absent.json": "no such file",
        "empty-folder": "no such file",
        "nested": "cannot be read",
    }
    (tmp_path / "empty-folder").mkdir()
    for name, complaint in complaints.items():
        with pytest.raises(InputError) as refused:
            model_from_config(tmp_path / name)
        assert complaint in str(refused.value)
