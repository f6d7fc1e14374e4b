"""Finding profiles: by shipped name, by alias, by path, by a config of Hugging Face, and not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.profiles import catalogue
from simulator.profiles.sourced import Profile

DATA = Path(__file__).resolve().parents[2] / "simulator" / "data"

FINDERS: dict[str, Callable[[str, Path], Profile[object]]] = {
    "accelerators": catalogue.accelerator,  # type: ignore[dict-item]
    "servers": catalogue.server,  # type: ignore[dict-item]
    "models": catalogue.model,  # type: ignore[dict-item]
    "networks": catalogue.network,  # type: ignore[dict-item]
    "software": catalogue.serving_software,  # type: ignore[dict-item]
}

CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 128,
}


def complaint(find: Callable[[str, Path], object], name: str, base: Path) -> str:
    with pytest.raises(InputError) as refused:
        find(name, base)
    return str(refused.value)


@pytest.mark.parametrize("kind", FINDERS)
def test_every_shipped_file_is_found_by_its_name(kind: str, tmp_path: Path) -> None:
    names = catalogue.shipped_names(kind)
    assert names == sorted(path.stem for path in (DATA / kind).glob("*.yaml"))
    for name in names:
        profile = FINDERS[kind](name, tmp_path)
        assert profile.record.name == name  # type: ignore[attr-defined]
        assert profile.file == f"{kind}/{name}.yaml"
        assert catalogue.any_profile(name).record == profile.record


def test_facilities_are_found_by_what_they_are(tmp_path: Path) -> None:
    assert catalogue.cooling("chilled-water", tmp_path).record.profile == "facility-cooling"
    assert catalogue.power_chain("power-chain", tmp_path).record.profile == "facility-power-chain"
    assert catalogue.any_profile("chilled-water").file == "facilities/chilled-water.yaml"
    assert catalogue.any_profile("power-chain").file == "facilities/power-chain.yaml"
    # A chain is no plant, although both are facilities.
    assert "profile: 'facility-power-chain' is not known" in complaint(catalogue.cooling, "power-chain", tmp_path)


@pytest.mark.parametrize("kind", FINDERS)
def test_a_file_of_ones_own_is_found_by_its_path(kind: str, tmp_path: Path) -> None:
    name = catalogue.shipped_names(kind)[0]
    folder = tmp_path / "mine"
    folder.mkdir()
    text = (DATA / kind / f"{name}.yaml").read_text(encoding="utf-8")
    (folder / "own.yaml").write_text(text.replace(f"\nname: {name}\n", "\nname: own\n"), encoding="utf-8")
    own = FINDERS[kind]("mine/own.yaml", tmp_path)
    assert own.record.name == "own"  # type: ignore[attr-defined]
    assert own.file == "mine/own.yaml"
    assert own.sha256 != FINDERS[kind](name, tmp_path).sha256
    # An absolute path needs no base.
    assert FINDERS[kind](str(folder / "own.yaml"), Path("/nowhere")).record == own.record


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("gpt-3", "gpt3-175b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("META-LLAMA/LLAMA-3.1-8B-INSTRUCT", "llama-3.1-8b"),
        ("google-bert/bert-large-uncased", "bert-large"),
        ("mistralai/Mixtral-8x7B-v0.1", "mixtral-8x7b"),
    ],
)
def test_aliases_lead_to_their_model_in_either_case(alias: str, name: str, tmp_path: Path) -> None:
    assert catalogue.model(alias, tmp_path).record.name == name
    assert catalogue.any_profile(alias).record.name == name  # type: ignore[attr-defined]


@pytest.mark.parametrize("given", ["weights/config.json", "weights/", "./weights"])
def test_a_config_is_found_by_its_path_or_folder(given: str, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    profile = catalogue.model(given, tmp_path)
    assert (profile.record.layers, profile.record.hidden_size) == (2, 64)
    assert profile.source_of("layers").source == f"config.json given by the user: {given}"
    assert profile.source_of("layers").kind == "datasheet"


def test_a_config_at_hand_goes_before_an_alias(tmp_path: Path) -> None:
    """Somebody who runs beside a download of the weights means the download."""
    folder = tmp_path / "meta-llama" / "Meta-Llama-3-8B"
    assert catalogue.model("meta-llama/Meta-Llama-3-8B", tmp_path).record.layers == 32
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    assert catalogue.model("meta-llama/Meta-Llama-3-8B", tmp_path).record.layers == 2


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (
            "accelerators",
            "h100-sxm-80g",
            "no accelerator profile is called 'h100-sxm-80g'; did you mean 'h100-sxm-80gb'?",
        ),
        ("accelerators", "H100-SXM-80GB", "did you mean 'h100-sxm-80gb'?"),
        ("accelerators", "abacus", "known: a100-pcie-80gb, a100-sxm-40gb"),
        ("servers", "dgx-h1000", "no server profile is called 'dgx-h1000'; did you mean 'dgx-h100'?"),
        ("networks", "infiniband-nrd", "no network profile is called 'infiniband-nrd'; did you mean 'infiniband-ndr'?"),
        ("models", "llama-3-8", "no model profile is called 'llama-3-8'; did you mean 'llama-3-8b'?"),
        (
            "models",
            "meta-llama/Llama-3.1-8b-instrut",
            "there is no such file; did you mean 'meta-llama/llama-3.1-8b-in",
        ),
        ("models", "llama-3-8b.yaml", "and there is no such file; did you mean 'llama-3-8b'?"),
        ("models", "weights/config.json", "config.json: no such file"),
        ("accelerators", "mine/own.yaml", "mine/own.yaml: no such file"),
        ("servers", "folder/", "folder/: is a folder, not a file"),
        ("models", "folder/", "folder/: is a folder, not a file"),
    ],
)
def test_what_is_not_found_is_said_with_the_nearest_match(kind: str, given: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert expected in complaint(FINDERS[kind], given, tmp_path)


def test_a_profile_of_another_kind_is_not_taken_for_one(tmp_path: Path) -> None:
    path = str(DATA / "servers" / "dgx-h100.yaml")
    assert "profile: 'server' is not known" in complaint(catalogue.accelerator, path, tmp_path)


def test_any_profile_knows_every_kind_of_name() -> None:
    with pytest.raises(InputError, match="no profile is called 'dgx-h1000'; did you mean 'dgx-h100'"):
        catalogue.any_profile("dgx-h1000")
    with pytest.raises(InputError, match=r"known: a100-pcie-8.*bert-base.*chilled-water.*infiniband-hdr"):
        catalogue.any_profile("???")
