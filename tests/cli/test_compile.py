"""`--compile`: where nothing can be compiled, the commands say so and do their work."""

import pytest
import torch

from masklet.io.masklets import read_masklets
from masklet.model.compiling import compiling_hindrance


@pytest.fixture(autouse=True)
def no_compiler():
    """A computer that has no C++ compiler."""
    import torch._inductor.config

    compiling_hindrance.cache_clear()
    with torch._inductor.config.patch({"cpp.cxx": ("no-such-compiler",)}):
        yield
    compiling_hindrance.cache_clear()


def warnings_of(caplog):
    return [each.getMessage() for each in caplog.records if each.name.startswith("masklet")]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is compiled for by Triton")
def test_pictures_are_segmented_without_it(run, picture, model_path, caplog):
    words = ("photo.png", "--point", "30,20", "--model", model_path, "--json")
    plain, asked = run("segment", *words), run("segment", *words, "--compile")
    (said,) = warnings_of(caplog)
    assert "the model is not compiled" in said
    assert (asked.code, asked.out) == (0, plain.out)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is compiled for by Triton")
def test_clips_are_tracked_without_it_and_results_say_that_it_was_asked(
    run, clip, model_path, folder, caplog
):
    words = ("clip.mp4", "--point", "0:12,18", "--model", model_path, "--format", "masklets")
    for name, more in (("plain", ()), ("asked", ("--compile",))):
        assert run("track", *words, "--out", name, *more).code == 0
    (said,) = warnings_of(caplog)
    assert "the model is not compiled" in said
    plain, asked = (read_masklets(folder / name / "masklets.json") for name in ("plain", "asked"))
    assert asked.frames == plain.frames
    assert (plain.settings["compiled"], asked.settings["compiled"]) == (False, True)
