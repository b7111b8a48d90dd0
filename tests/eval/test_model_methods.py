"""Masklet's models as methods: what they answer is what the predictor, tracker and session do."""

import json
from itertools import islice

import numpy as np
import pytest
import torch

from masklet.errors import PromptError
from masklet.eval.model_methods import PictureModel, VideoModel
from masklet.image.predictor import ImagePredictor
from masklet.io.arrays import ArrayVideo
from masklet.memory.standard import StandardPolicy
from masklet.model.precision import set_precision
from masklet.ops.rle import decode
from masklet.tracking.session import Session
from masklet.tracking.tracker import track
from masklet.types import Prompt
from tests.parity.inputs import picture
from tests.tiny import tiny_model
from tests.tracking.made import made_model, moving_shapes

IMAGE = picture(48, 80, seed=3)
CLICK, BESIDE = Prompt.point(30, 20), Prompt.point(60, 10, label=0)
BOX = Prompt.box_xyxy(10, 8, 60, 40)
DISC, SQUARE = Prompt.point(12, 20), Prompt.box_xyxy(53, 27, 67, 41)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def predictor(model):
    return ImagePredictor(model)


@pytest.fixture
def run(model):
    return PictureModel(model, name="tiny").open(IMAGE)


@pytest.fixture(scope="module")
def made():
    return made_model()


@pytest.fixture(scope="module")
def video():
    return ArrayVideo(np.stack(moving_shapes()[:6]))


def assert_answers(answers, expected):
    """The answers are the masks of a set, in its order."""
    assert [each.predicted_iou for each in answers.values()] == pytest.approx(expected.scores())
    assert np.array_equal(np.stack([each.mask for each in answers.values()]), expected.masks())


def test_objects_of_a_picture_are_asked_about_together(run, predictor):
    prompts = {7: CLICK, 3: BOX, 5: Prompt.from_mask(np.eye(48, 80, dtype=bool))}
    answers = run.ask(prompts)
    assert list(answers) == [7, 3, 5]
    features = predictor.encode(IMAGE)
    assert_answers(answers, predictor.predict(features, list(prompts.values())).best())


def test_the_best_of_three_by_predicted_iou_answers_a_click(run, predictor):
    answer = run.ask({1: CLICK})[1]
    three = predictor.predict(predictor.encode(IMAGE), CLICK)
    assert len(three) == 3
    assert answer.predicted_iou == pytest.approx(max(three.scores()))


def test_a_further_click_corrects_the_answer_before(run, predictor):
    run.ask({1: CLICK, 2: BOX})
    answers = run.refine({2: BOX + BESIDE, 1: CLICK + BESIDE})
    features = predictor.encode(IMAGE)
    before = predictor.predict(features, [BOX, CLICK]).best()
    said = [BOX + BESIDE, CLICK + BESIDE]
    assert list(answers) == [2, 1]
    assert_answers(answers, predictor.predict(features, said, refine=before))
    anew = run.ask({1: CLICK + BESIDE})
    assert_answers(anew, predictor.predict(features, CLICK + BESIDE))


def test_the_answer_to_a_mask_stands_for_it_when_clicks_are_added(run, predictor):
    mask = Prompt.from_mask(np.arange(80) + np.zeros((48, 1)) < 40)
    run.ask({1: mask})
    features = predictor.encode(IMAGE)
    before = predictor.predict(features, mask)
    refined = run.refine({1: mask + CLICK})
    assert_answers(refined, predictor.predict(features, CLICK, refine=before))
    assert_answers(run.refine({1: mask}), before)


def test_an_object_that_was_not_asked_about_is_refined_from_nothing(run):
    asked = run.ask({1: CLICK, 2: BOX})
    refined = run.refine({3: BOX, 1: CLICK + BESIDE})
    assert list(refined) == [3, 1]
    assert np.array_equal(refined[3].mask, asked[2].mask)


def test_nothing_is_answered_where_nothing_is_asked(run):
    assert run.ask({}) == {} == run.refine({})


def test_the_settings_of_a_picture_method_are_all_that_its_masks_depend_on(model):
    settings = PictureModel(model, name="tiny", input_size=96, max_hole_area=5).settings
    assert json.loads(json.dumps(settings)) == {
        "model": "tiny",
        "input_size": [96, 96],
        "dtype": ["torch.float32"],
        "max_hole_area": 5,
        "max_speck_area": 0,
        "zoom": False,
    }
    wide = PictureModel(model, name="tiny", input_size=(64, 96))
    assert wide.settings["input_size"] == [64, 96]
    assert wide.open(IMAGE).ask({1: CLICK})[1].mask.shape == (48, 80)


def test_the_settings_of_a_video_method_are_all_that_its_masks_depend_on():
    narrow = set_precision(made_model(), torch.bfloat16)
    method = VideoModel(narrow, name="tiny", policy=StandardPolicy(stride=2), max_rows=1)
    assert json.loads(json.dumps(method.settings)) == {
        "model": "tiny",
        "input_size": [64, 64],
        "dtype": ["torch.bfloat16", "torch.float32"],
        "policy": "StandardPolicy(stride=2, max_conditioning=None, stability_fallback=True, "
        "memories='full')",
        "memory_dtype": "torch.bfloat16",
        "max_rows": 1,
        "context": "all",
    }


class Borrowed:
    """A model that is no torch module: the four verbs and nothing else."""

    def __init__(self, model):
        for name in ("config", "device", "encode_image", "condition", "decode"):
            setattr(self, name, getattr(model, name))


def test_a_model_without_weights_to_look_at_has_no_dtype(model):
    method = PictureModel(Borrowed(model), name="borrowed")
    assert method.settings["dtype"] == []
    assert method.open(IMAGE).ask({1: CLICK})[1].mask.shape == (48, 80)


@pytest.mark.parametrize("non_overlap", [False, True])
def test_a_clip_is_tracked_as_the_tracker_does(made, video, non_overlap):
    prompts = {1: {1: DISC}, 3: {2: SQUARE}}
    method = VideoModel(made, name="tiny")
    walked = method.track(video, prompts, non_overlap=non_overlap)
    frames = iter(video)
    streamed = track(made, frames, prompts, num_frames=6, non_overlap=non_overlap)
    assert list(walked) == [result.kept() for result in streamed]


@pytest.mark.parametrize(
    "options",
    [
        {"policy": StandardPolicy(stride=2)},
        {"input_size": 96},
        {"input_size": (64, 96)},
        {"memory_dtype": torch.float32},
    ],
    ids=["policy", "input size", "two sides", "memory dtype"],
)
def test_settings_are_those_of_the_tracker_and_of_the_session(made, video, options):
    prompts = {0: {1: DISC}}
    method = VideoModel(made, name="tiny", **options)
    walked = list(method.track(video, prompts, non_overlap=False))
    streamed = track(made, iter(video), prompts, num_frames=6, **options)
    assert walked == [result.kept() for result in streamed]
    run = method.open(video)
    run.prompt(1, 0, DISC)
    assert list(run.propagate(0)) == walked
    assert walked != list(VideoModel(made, name="tiny").track(video, prompts, non_overlap=False))


def test_frames_before_the_first_prompt_are_not_read(made, video):
    class Watched(ArrayVideo):
        read = []  # noqa: RUF012

        def __getitem__(self, index):
            self.read.append(index)
            return super().__getitem__(index)

    watched = Watched(np.stack(list(video)))
    list(VideoModel(made, name="tiny").track(watched, {4: {1: DISC}}, non_overlap=False))
    assert watched.read == [4, 5]


def test_one_row_at_a_time_makes_objects_independent_of_each_other(made, video):
    method = VideoModel(made, name="tiny", max_rows=1)
    together = list(method.track(video, {0: {1: DISC, 2: SQUARE}}, non_overlap=False))
    alone = list(method.track(video, {0: {2: SQUARE}}, non_overlap=False))
    assert [frame.at(2) for frame in together] == [frame.at(2) for frame in alone]


def test_a_prompt_on_a_frame_that_the_clip_does_not_have_is_refused(made, video):
    walk = VideoModel(made, name="tiny").track(
        video, {0: {1: DISC}, 6: {1: DISC}}, non_overlap=True
    )
    with pytest.raises(PromptError, match="frame 6 is prompted, but the clip has frames 0 to 5"):
        next(walk)


@pytest.mark.parametrize("context", ["all", "neighbours"])
def test_a_corrected_clip_is_a_session(made, video, context):
    run = VideoModel(made, name="tiny", context=context, max_rows=1).open(video)
    session = Session(made, video, context=context, max_rows=1)
    for object_id, frame, prompt in ((1, 0, DISC), (2, 2, SQUARE), (1, 0, BESIDE)):
        answer = run.prompt(object_id, frame, prompt)
        mask = session.prompt(object_id, frame, prompt).at(object_id)
        assert np.array_equal(answer.mask, decode(mask.segmentation))
        assert answer.predicted_iou == mask.predicted_iou
    assert list(run.propagate(0)) == list(session.propagate(0))
    run.prompt(1, 4, BESIDE)
    session.prompt(1, 4, BESIDE)
    only = list(run.propagate(3, objects=(1,)))
    assert [frame.frame_index for frame in only] == [3, 4, 5]
    assert only == list(session.propagate(0, objects=(1,)))[3:]
    assert [frame.at(2) for frame in only] == [None] * 3


@pytest.mark.parametrize("context", ["all", "neighbours"])
def test_a_correction_is_the_same_whether_the_walk_stopped_there_or_went_on(made, video, context):
    method = VideoModel(made, name="tiny", context=context)
    corrected = []
    for frames in (4, 6):
        run = method.open(video)
        run.prompt(1, 0, DISC)
        assert len(list(islice(run.propagate(0), frames))) == frames
        run.prompt(1, 3, BESIDE)
        corrected.append(list(run.propagate(3)))
    assert corrected[0] == corrected[1]
