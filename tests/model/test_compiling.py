"""After the warm-up nothing is compiled any more, whatever is asked; answers stay what they were.

Torch's cheap backends run the same code as without it, behind all guards of the real one.
"""

import copy
import dataclasses
import logging
import pickle
import random

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from masklet.image.predictor import ImagePredictor
from masklet.model.compiling import (
    compile_parts,
    compiling_hindrance,
    is_compiled,
    warm_up,
)
from masklet.model.int8 import Int8Linear
from masklet.model.layers import Linear
from masklet.model.sam2 import SAM2
from masklet.model.tensors import KeyCells, MemoryReadout
from masklet.tracking.stream import encode_frames
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from tests.parity.inputs import picture
from tests.tiny import noise, tiny_config, tiny_hybrid_config, with_weights

CPU = torch.device("cpu")
SIZE = (48, 80)


def small_model():
    """One block a stage, among them one of padded windows, and one layer of memory attention."""
    config = tiny_config()
    trunk = dataclasses.replace(config.trunk, stages=(1, 1, 1, 1), global_blocks=(3,))
    memory = dataclasses.replace(config.memory, layers=1)
    model = SAM2(dataclasses.replace(config, trunk=trunk, memory=memory)).eval()
    return with_weights(model).requires_grad_(False)


def compiled_graphs():
    return counters["stats"]["unique_graphs"]


@pytest.fixture(scope="module", autouse=True)
def no_traces():
    """Under pytest torch writes down all that it compiles, which takes as long as compiling."""
    logging.getLogger("torch.__trace").disabled = True


@pytest.fixture(scope="module")
def warm(no_traces):
    model = small_model()
    compile_parts(model, backend="eager", fullgraph=True)
    warm_up(model, (64, 64))
    return model


def test_weights_of_eight_bits_are_not_compiled():
    model = torch.nn.Module()
    model.image_encoder = Int8Linear(Linear(4, 4))
    with pytest.raises(ValueError, match="weights of eight bits is to be compiled; expected"):
        compile_parts(model)


def prompt(draw, kind):
    """A prompt within `SIZE`."""
    clicks = Prompt.point(draw.randrange(80), draw.randrange(48))
    for _ in range(draw.randrange(4)):
        clicks += Prompt.point(draw.randrange(80), draw.randrange(48), label=draw.randrange(2))
    left, top = draw.randrange(40), draw.randrange(24)
    box = Prompt.box_xyxy(left, top, left + 9 + draw.randrange(30), top + 9 + draw.randrange(14))
    mask = np.zeros(SIZE, np.bool_)
    mask[top : top + 14, left : left + 20] = True
    return {
        "clicks": clicks,
        "box": box,
        "box and clicks": box + clicks,
        "mask": Prompt.from_mask(mask),
        "mask and clicks": Prompt.from_mask(mask) + clicks,
    }[kind]


KINDS = ("clicks", "box", "box and clicks", "mask", "mask and clicks")


def ask_of_pictures(model, asked):
    """So many prompts, one to five at a time, every second time corrected once more."""
    draw, predictor = random.Random(1), ImagePredictor(model)
    pictures = predictor.encode_batch([picture(*SIZE, seed=seed) for seed in range(3)])
    answers = []
    while asked > 0:
        prompts = [prompt(draw, draw.choice(KINDS)) for _ in range(draw.randint(1, 5))]
        features = draw.choice(pictures)
        answers.append(predictor.predict(features, prompts).best())
        asked -= len(prompts)
        if draw.random() < 0.5:
            clicks = [prompt(draw, "clicks") for _ in prompts]
            answers.append(predictor.predict(features, clicks, refine=answers[-1]))
            asked -= len(prompts)
    return answers


def track_clip(model, frames, batch):
    """One to five objects, which come, are corrected by every kind of prompt, and go."""
    draw, tracker = random.Random(2), Tracker(model, memory_dtype=torch.float32)
    images = (picture(*SIZE, seed=seed % 5) for seed in range(frames))
    answers = []
    for number, frame in enumerate(encode_frames(model, images, input_size=(64, 64), batch=batch)):
        known = tracker.state.object_ids
        asked = {}
        if number % 7 == 0 and len(known) < 5:
            asked[number] = prompt(draw, draw.choice(KINDS[:4]))
        if known and draw.random() < 0.2:
            asked[draw.choice(known)] = prompt(draw, draw.choice(KINDS[:4]))
        answers.append(tracker.step_encoded(frame, asked).masks)
        if len(known) > 1 and number % 19 == 0:
            tracker.remove(known[0])
    return answers


def test_a_thousand_prompts_objects_and_frames_compile_nothing(warm):
    before = compiled_graphs()
    asked = sum(len(answer) for answer in ask_of_pictures(warm, 400))
    for batch in (1, 3):
        asked += sum(len(masks) for masks in track_clip(warm, 110, batch))
    assert asked >= 1000
    assert compiled_graphs() == before
    assert not counters["graph_break"]
    assert not counters["recompile_limit"]


def test_the_count_of_the_test_above_moves_when_something_is_compiled(warm):
    before = compiled_graphs()
    ImagePredictor(warm).encode(picture(*SIZE), size=(64, 96))
    assert compiled_graphs() == before + 1


def test_answers_are_those_of_the_model_that_is_not_compiled(warm):
    plain = small_model()
    for use in (lambda m: ask_of_pictures(m, 40), lambda m: track_clip(m, 16, 1)):
        for ours, expected in zip(use(warm), use(plain), strict=True):
            torch.testing.assert_close(ours.logits, expected.logits, atol=1e-3, rtol=1e-4)
            torch.testing.assert_close(ours.iou, expected.iou, atol=1e-4, rtol=1e-4)


def test_a_second_warm_up_has_nothing_to_do(warm):
    before = compiled_graphs()
    warm_up(warm, (64, 64))
    assert compiled_graphs() == before


def test_a_model_that_is_not_compiled_is_not_warmed_up():
    class Untouchable(SAM2):
        def encode_image(self, images_F3SS):
            raise AssertionError

    model = Untouchable(tiny_config())
    warm_up(model, (64, 64))
    assert not is_compiled(model)


def test_parameters_keep_their_names_and_copies_run_without_the_compiler(warm):
    assert list(warm.state_dict()) == list(small_model().state_dict())
    assert is_compiled(warm)
    before = compiled_graphs()
    for copied in (copy.deepcopy(warm), pickle.loads(pickle.dumps(warm))):
        assert not is_compiled(copied)
        copied.encode_image(noise(1, 3, 96, 64))
    assert compiled_graphs() == before


def test_compiling_twice_is_compiling_once(warm):
    own = [part._compiled_call_impl for part in warm.children()]
    compile_parts(warm, backend="eager")
    assert [part._compiled_call_impl for part in warm.children()] == own


def test_a_crowd_is_remembered_without_compiling(warm):
    plain, before = small_model(), compiled_graphs()
    with torch.inference_mode():
        features = plain.encode_image(noise(1, 3, 64, 64))
        for rows in (15, 16, 40):
            logits, score = noise(rows, 64, 64, seed=rows), torch.ones(rows)
            ours = warm.encode_memory(features, logits, score, binarize=True)
            expected = plain.encode_memory(features, logits, score, binarize=True)
            torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    assert compiled_graphs() == before


def test_smaller_memories_of_any_number_are_compiled_once(warm):
    def readout(tokens):
        return MemoryReadout(
            spatial_BNLD=noise(2, tokens, 1, 8),
            slots_BN=torch.ones((2, tokens), dtype=torch.int64),
            pointers_BKC=noise(2, 3, 32, seed=1),
            times_BK=torch.ones(2, 3),
            cells=KeyCells(noise(2, tokens, 2, seed=2).abs(), noise(2, tokens, seed=3)),
        )

    plain, before = small_model(), compiled_graphs()
    with torch.inference_mode():
        features = plain.encode_image(noise(1, 3, 64, 64))
        for tokens in (9, 20, 33):
            ours = warm.condition(features, readout(tokens))
            expected = plain.condition(features, readout(tokens))
            torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    assert compiled_graphs() == before + 1


def test_the_other_trunk_is_compiled_whole_too():
    config = tiny_hybrid_config()
    trunk = dataclasses.replace(config.trunk, stages=(1, 1, 2, 1), global_blocks=(3,))
    plain = with_weights(SAM2(dataclasses.replace(config, trunk=trunk)).eval()).requires_grad_(
        False
    )
    model, images = copy.deepcopy(plain), noise(3, 3, 64, 64)
    compile_parts(model, backend="eager", fullgraph=True)
    before = compiled_graphs()
    with torch.inference_mode():
        for frames in (3, 2):
            ours = model.encode_image(images[:frames]).embedding_FLC
            expected = plain.encode_image(images[:frames]).embedding_FLC
            torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
    assert compiled_graphs() == before + 1


@pytest.mark.slow
def test_what_torchs_own_compiler_makes_gives_the_same_masks():
    hindrance = compiling_hindrance(CPU)
    if hindrance is not None:
        pytest.skip(f"nothing can be compiled here: {hindrance}")
    plain, model = small_model(), small_model()
    compile_parts(model, fullgraph=True)
    warm_up(model, (64, 64))
    before = compiled_graphs()
    for use in (lambda m: ask_of_pictures(m, 40), lambda m: track_clip(m, 16, 1)):
        for ours, expected in zip(use(model), use(plain), strict=True):
            torch.testing.assert_close(ours.logits, expected.logits, atol=1e-3, rtol=1e-4)
            assert (ours.masks() == expected.masks()).mean() > 1 - 1e-4
    assert compiled_graphs() == before
