"""The names that users import are exactly these, and cost nothing until they are used."""

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import masklet

ROOT = Path(__file__).parents[1]

NAMES = ["ImagePredictor", "MaskSet", "Prompt", "__version__", "errors", "load", "read_image"]


def loaded_after(code):
    watched = "{'torch', 'numpy', 'PIL', 'typer', 'rich', 'safetensors'}"
    command = f"import sys\n{code}\nprint(*sorted({watched} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_the_public_names_are_these():
    assert sorted(masklet.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(masklet))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there(name):
    assert getattr(masklet, name) is getattr(masklet, name)


def test_names_are_the_things_they_stand_for():
    from masklet.image.predictor import ImagePredictor
    from masklet.io.images import read_image
    from masklet.types import MaskSet, Prompt
    from masklet.weights.load import load

    assert masklet.ImagePredictor is ImagePredictor
    assert masklet.MaskSet is MaskSet
    assert masklet.Prompt is Prompt
    assert masklet.load is load
    assert masklet.read_image is read_image
    assert issubclass(masklet.errors.PromptError, masklet.errors.MaskletError)


def test_any_other_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'masklet' has no attribute 'segment_all'"):
        _ = masklet.segment_all


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import masklet") == []


def test_reading_the_version_or_the_errors_loads_nothing_heavy():
    assert loaded_after("import masklet; masklet.__version__; masklet.errors.ImageError") == []


def test_reading_pictures_does_not_load_torch():
    assert "torch" not in loaded_after("import masklet; masklet.read_image")


def test_the_version_is_that_of_the_installed_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    try:
        installed = importlib.metadata.version("masklet")
    except importlib.metadata.PackageNotFoundError:
        installed = "0+source"
    assert masklet.__version__ == installed
    assert installed in (project["version"], "0+source")


def test_a_source_tree_that_is_not_installed_says_so(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert masklet._version() == "0+source"


def test_the_package_is_typed():
    assert Path(masklet.__file__).with_name("py.typed").exists()
