"""`masklet segment` looks again at small objects where that helps, `masklet eval` where asked to."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

import masklet
from masklet.cli.segmenting import Task, ask
from masklet.data.davis_writer import tiny_dataset
from masklet.image.predictor import ImagePredictor
from masklet.io.annotations import describe_image
from masklet.model.sam2 import SAM2
from masklet.ops.rle import decode
from tests.cli.made_photos import write_photos
from tests.image.small_squares import CORNERS, SIDE, boxes, small_squares
from tests.tiny import tiny_config

WORDS = [f"--box={x},{y},{x + SIDE},{y + SIDE}" for x, y in CORNERS]


@pytest.fixture
def squares(folder):
    Image.fromarray(small_squares()[0]).save(folder / "squares.png")
    return folder / "squares.png"


@pytest.fixture(scope="module")
def predictor():
    return ImagePredictor(masklet.load())


def masks_of(done):
    return [each["masks"][0] for each in json.loads(done.out)["objects"]]


def answers(predictor):
    image = small_squares()[0]
    plain = predictor.predict(predictor.encode(image), boxes()).best()
    return plain, predictor.zoom(image, boxes(), plain)


@pytest.mark.parametrize(
    ("words", "looks"),
    [((), True), (("--zoom",), True), (("--no-zoom",), False)],
    ids=["by default", "zoom", "no zoom"],
)
def test_small_objects_are_looked_at_again_unless_it_is_not_wanted(
    run, squares, predictor, words, looks
):
    masks = masks_of(run("segment", squares, *WORDS, "--json", *words))
    expected = answers(predictor)[looks]
    segmented = np.stack([decode(each["segmentation"]) for each in masks])
    assert (segmented != expected.masks()).mean() < 1e-4
    seen = {row: tuple(each["close_up"]) for row, each in enumerate(masks) if "close_up" in each}
    assert seen == {row: each.box for row, each in expected.close_ups.items()}
    assert bool(seen) == looks


def test_three_candidates_are_shown_as_the_network_gives_them(run, squares):
    found = json.loads(run("segment", squares, WORDS[0], "--json", "--multimask").out)
    assert all("close_up" not in each for each in found["objects"][0]["masks"])


def test_a_closer_look_at_three_candidates_is_refused(run, squares):
    done = run("segment", squares, WORDS[0], "--zoom", "--multimask")
    assert done.code == 2
    assert "--zoom and --multimask were both given; expected one of them" in done.err


@pytest.mark.parametrize(
    ("sees", "zoom", "looks"),
    [(64, None, 1), (64, False, 0), (1024, None, 0), (1024, True, 1)],
)
def test_models_that_see_as_much_as_sam_2_look_again_only_if_asked(sees, zoom, looks):
    class Watched(ImagePredictor):
        looked = 0

        def zoom(self, image, prompts, answer):
            self.looked += 1
            return super().zoom(image, prompts, answer)

    model = SAM2(dataclasses.replace(tiny_config(), image_size=sees)).eval()
    watched = Watched(model)
    task = Task(dict(enumerate(boxes()[:2])), "tiny", None, None, max_pixels=1 << 20, zoom=zoom)
    assert len(ask(watched, small_squares()[0], task)) == 2
    assert watched.looked == looks


def test_documents_say_where_was_looked_again_and_only_there(predictor):
    zoomed = answers(predictor)[1]
    prompts = dict(enumerate(boxes()))
    document = describe_image(
        "squares.png", prompts, zoomed, zoomed.masks(), model="small", masklet_version="1"
    )
    for row, each in enumerate(document["objects"]):
        close_up = zoomed.close_ups.get(row)
        assert each["masks"][0].get("close_up") == (close_up and list(close_up.box))


def test_measuring_with_closer_looks_is_another_run(run, folder, model_path):
    tiny_dataset(folder / "davis")
    write_photos(folder / "photos", folder / "davis")
    words = ("eval", folder / "photos" / "labels.json", "--model", model_path, "--clicks", 1)
    done = run(*words, "--zoom", "--out", "run", "--json")
    assert done.code == 0
    assert json.loads(done.out)["settings"]["method"]["zoom"] is True
    again = run(*words, "--out", "run")
    assert again.code == 2
    assert "method zoom was" in again.err
