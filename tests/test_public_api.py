"""The names that users import are exactly these, and cost nothing until they are used."""

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import masklet
from tests.tiny import tiny_model

ROOT = Path(__file__).parents[1]

NAMES = [
    "FrameResult",
    "ImagePredictor",
    "MaskSet",
    "Prompt",
    "Session",
    "Tracker",
    "__version__",
    "errors",
    "load",
    "open_video",
    "read_image",
    "track",
    "write_video",
]


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
    from masklet.io.encode import write_video
    from masklet.io.images import read_image
    from masklet.io.open import open_video
    from masklet.tracking.session import Session
    from masklet.tracking.tracker import Tracker
    from masklet.types import FrameResult, MaskSet, Prompt
    from masklet.weights.load import load

    assert masklet.FrameResult is FrameResult
    assert masklet.ImagePredictor is ImagePredictor
    assert masklet.MaskSet is MaskSet
    assert masklet.Prompt is Prompt
    assert masklet.load is load
    assert masklet.read_image is read_image
    assert masklet.Session is Session
    assert masklet.Tracker is Tracker
    assert masklet.open_video is open_video
    assert masklet.write_video is write_video
    assert issubclass(masklet.errors.PromptError, masklet.errors.MaskletError)


@pytest.fixture
def clip(tmp_path):
    """A folder of pictures, and the frames that are read from it."""
    import numpy as np
    from PIL import Image

    for number in range(5):
        picture = np.full((48, 64, 3), 40, np.uint8)
        picture[10:30, 5 + 6 * number : 25 + 6 * number] = (200, 120, 60)
        Image.fromarray(picture).save(tmp_path / f"{number:03d}.png")
    with masklet.open_video(tmp_path) as video:
        return tmp_path, list(video)


def test_tracking_a_path_is_tracking_its_frames(clip):
    import numpy as np

    from masklet.tracking.tracker import track

    folder, frames = clip
    model = tiny_model()
    said = {1: {7: masklet.Prompt.box_xyxy(10, 9, 32, 31)}}
    given = {
        "path": masklet.track(model, folder, said),
        "name": masklet.track(model, str(folder), said),
        "frames": masklet.track(model, frames, said, num_frames=5),
    }
    expected = list(track(model, frames, said, num_frames=5))
    assert [result.frame_index for result in expected] == [1, 2, 3, 4]
    for results in given.values():
        for one, other in zip(results, expected, strict=True):
            assert (one.frame_index, one.object_ids) == (other.frame_index, (7,))
            np.testing.assert_array_equal(one.masks.masks(), other.masks.masks())


@pytest.mark.parametrize("frame", [-1, 5])
def test_tracking_a_path_refuses_a_prompt_on_a_frame_that_is_not_there(clip, frame):
    said = {frame: {1: masklet.Prompt.point(20, 20)}}
    with pytest.raises(
        masklet.errors.PromptError, match=f"frame {frame} is prompted, but .* to before 5"
    ):
        next(masklet.track(tiny_model(), clip[0], said))


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
