"""Classical methods are found by their names."""

import sys

import pytest

from masklet.errors import MissingExtra, PromptError
from masklet.eval.classical import picture_method, video_method


@pytest.mark.parametrize("name", ["grabcut", "flood-fill"])
def test_methods_for_pictures_have_the_name_they_are_asked_for_by(name):
    assert picture_method(name).name == name
    with pytest.raises(PromptError, match=f"{name} is no classical method for clips; expected opt"):
        video_method(name)


@pytest.mark.parametrize("name", ["optical-flow", "copy"])
def test_methods_for_clips_have_the_name_they_are_asked_for_by(name):
    assert video_method(name).name == name
    with pytest.raises(
        PromptError, match=f"{name} is no classical method for pictures; expected g"
    ):
        picture_method(name)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (picture_method, "grabcut"),
        (picture_method, "flood-fill"),
        (video_method, "optical-flow"),
        (video_method, "copy"),
    ],
)
def test_without_opencv_none_is_built(build, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r"pip install 'masklet\[eval\]'$"):
        build(name)
