"""The floors of the house: the import contracts hold, and they would notice a broken one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter")

ROOT = Path(__file__).parents[2]

AGAINST_THE_TABLE = [
    ("ops.boxes", "errors"),
    ("ops.boxes", "types"),
    ("errors", "ops.boxes"),
    ("types", "model.config"),
    ("model.layers", "ops.boxes"),
    ("model.layers", "types"),
    ("model.layers", "memory"),
    ("model.layers", "weights.zoo"),
    ("memory", "model.tensors"),
    ("weights.zoo", "ops.boxes"),
    ("weights.zoo", "types"),
    ("weights.zoo", "image.predictor"),
    ("image.predictor", "io.images"),
    ("image.predictor", "weights.zoo"),
    ("image.predictor", "memory"),
    ("image.predictor", "model.sam2"),
    ("image.predictor", "cli.main"),
    ("tracking", "io.images"),
    ("tracking", "weights.zoo"),
    ("tracking", "model.sam2"),
    ("io.images", "model.config"),
    ("io.images", "compat"),
    ("viz", "io.images"),
    ("viz", "model.config"),
    ("compat", "viz"),
    ("cli.main", "compat"),
]


def lint_imports(folder):
    command = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def verdict_on_a_broken_copy(tmp_path_factory):
    """What the linter says of a copy of the package with every forbidden arrow drawn into it."""
    folder = tmp_path_factory.mktemp("broken")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "src", folder / "src")
    package = folder / "src" / "masklet"
    for room, forbidden in AGAINST_THE_TABLE:
        path = package / f"{room.replace('.', '/')}"
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\nimport masklet.{forbidden}\n")
    result = lint_imports(folder)
    assert result.returncode == 1, result.stderr
    return result.stdout


def test_every_room_imports_only_what_the_floor_table_allows():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " kept, 0 broken" in result.stdout


@pytest.mark.parametrize(("room", "forbidden"), AGAINST_THE_TABLE)
def test_an_arrow_against_the_table_is_reported(room, forbidden, verdict_on_a_broken_copy):
    assert f"masklet.{room} -> masklet.{forbidden} (l." in verdict_on_a_broken_copy


def test_a_new_room_must_be_given_a_floor(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src")
    (tmp_path / "src" / "masklet" / "attic.py").write_text('"""A room without a floor."""\n')
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    assert "attic" in result.stdout


def test_importing_the_package_loads_neither_torch_nor_numpy():
    command = "import sys, masklet; print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
