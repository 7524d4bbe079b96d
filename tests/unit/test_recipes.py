"""The recipes are configurations, and what is written beside them is so."""

import re
from pathlib import Path

import pytest

from readstone.config import READER, HTTPConfig, VLLMConfig, load_config
from readstone.core.model import Family
from readstone.engines.http.family import family_of

RECIPES = Path(__file__).parents[2] / "deploy/recipes"
FILES = sorted(RECIPES.glob("*.toml"))
FAMILIES: dict[str, Family] = {
    "gpt-oss-120b": "generic",
    "hunyuan-ocr": "hunyuan-ocr",
    "llama-3.2-11b-vision": "llama-vision",
    "qwen2.5-vl-32b": "qwen2-vl",
    "qwen2.5-vl-7b": "qwen2-vl",
    "qwen3-vl-235b-a22b": "qwen3-vl",
    "qwen3-vl-30b-a3b": "qwen3-vl",
    "qwen3-vl-8b": "qwen3-vl",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recipe_is_a_configuration_whose_models_have_their_engine(path: Path) -> None:
    config = load_config(path, {})

    assert config.engines
    assert config.models
    for name, model in config.models.items():
        section = config.engines[model.engine or READER]
        assert isinstance(section, HTTPConfig | VLLMConfig)
        if isinstance(section, VLLMConfig):
            assert (model.upstream or name) == section.model
            assert section.context


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recipes_model_is_known_by_its_family(path: Path) -> None:
    for name, model in load_config(path, {}).models.items():
        assert family_of(model.upstream or name) == FAMILIES[path.stem]


def test_every_recipe_is_in_the_table_and_says_how_it_is_started() -> None:
    table = re.findall(
        r"\]\(([\w.-]+\.toml)\)", (RECIPES / "README.md").read_text(encoding="utf-8")
    )

    assert sorted(table) == [path.name for path in FILES]
    for path in FILES:
        assert f"readstone serve --config {path.name}" in path.read_text(encoding="utf-8")
