"""Laws of the house that neither ruff nor import-linter holds: sizes, names, one version."""

import ast
import tomllib
from pathlib import Path

import pytest

import metaphase

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "metaphase").rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT / "src"))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_short_documented_and_says_what_is_public(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a file begins with what it is for"
    if not path.name.startswith("__"):  # ruff keeps __all__ sorted
        names = {getattr(node.targets[0], "id", "") for node in tree.body if isinstance(node, ast.Assign)}
        assert "__all__" in names


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_function_is_longer_than_a_screen(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 70, f"{node.name} is too long"


def test_no_room_without_a_name():
    nameless = {"utils", "util", "misc", "common", "helpers"}
    assert not [name(path) for path in SOURCES if {path.stem, *path.parent.parts} & nameless]


def test_load_model_is_found_on_first_use():
    assert "load_model" in dir(metaphase)
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        metaphase.fly  # noqa: B018


def test_the_package_asks_for_no_torch():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not [entry for entry in project["dependencies"] if entry.startswith("torch")]
    assert [entry for entry in project["optional-dependencies"]["train"] if entry.startswith("torch>=")]


def test_everything_that_the_package_carries_is_there():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for pattern in settings["tool"]["setuptools"]["package-data"]["metaphase"]:
        assert list((ROOT / "src" / "metaphase").glob(pattern)), pattern


def test_the_changelog_tells_of_this_version():
    assert f"## {metaphase.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
