"""Parts of a model by patterns; what is frozen as a whole answers as in use."""

import pytest
import torch
from torch import nn

from masklet.errors import TrainingError
from masklet.train.parts import freeze, names_matching, set_to_train
from tests.tiny import tiny_model

NAMES = ("image_encoder.trunk.blocks.1.bias", "image_encoder.neck.bias", "no_obj_ptr")


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (("no_obj_ptr",), NAMES[2:]),
        (("image_encoder",), NAMES[:2]),
        (("image_encoder.trunk.blocks.*",), NAMES[:1]),
        (("*bias",), NAMES[:2]),
        (("image_encoder.*.blocks.?",), NAMES[:1]),
        (("no_obj_ptr", "*.neck"), NAMES[1:]),
        ((), ()),
    ],
    ids=str,
)
def test_patterns_mean_names_their_beginnings_and_wildcards(patterns, chosen):
    assert names_matching(NAMES, patterns, what="parameter") == chosen


def test_a_beginning_ends_at_a_dot():
    with pytest.raises(TrainingError, match="called 'image_enc'"):
        names_matching(NAMES, ["image_enc"], what="parameter")


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("image_encder", r"Did you mean image_encoder or .*"),
        ("image_encoder.trunc.*", r"Did you mean image_encoder\.trunk or .*"),
        ("zzz", r"Did you mean image_encoder or no_obj_ptr\?"),
    ],
)
def test_a_pattern_that_means_nothing_is_told_with_the_nearest(pattern, near):
    with pytest.raises(TrainingError, match=rf"no parameter is called .*; expected .*\. {near}"):
        names_matching(NAMES, [pattern], what="parameter")


def test_frozen_parts_have_no_gradients():
    model = tiny_model()
    names = freeze(model, ["image_encoder", "no_obj_ptr"])
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert set(names) == frozen
    assert {name.split(".")[0] for name in frozen} == {"image_encoder", "no_obj_ptr"}


def test_a_part_that_is_frozen_as_a_whole_is_in_use_while_the_rest_trains():
    model = tiny_model()
    freeze(model, ["image_encoder", "memory_attention.layers.0.norm1"])
    set_to_train(model)
    assert not any(part.training for part in model.image_encoder.modules())
    assert model.memory_attention.layers[0].dropout.training
    assert not model.memory_attention.layers[0].norm1.training
    assert model.sam_mask_decoder.training


def test_statistics_of_frozen_norms_stay():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))
    freeze(model, ["0"])
    set_to_train(model)
    model(torch.full((4, 2), 9.0))
    assert torch.equal(model[0].running_mean, torch.zeros(2))
