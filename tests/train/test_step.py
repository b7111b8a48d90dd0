"""A step learns from its batches, says what it was like, and stops at numbers that are none."""

from dataclasses import replace

import pytest
import torch

from masklet.errors import TrainingError
from masklet.train.building import build_model
from masklet.train.lora import LoraOptions
from masklet.train.optim import OptimOptions
from masklet.train.schedules import Schedule
from masklet.train.step import make_learner, take_step
from tests.train.clips import tiny_batch
from tests.train.made_run import ALONE, same_weights, tiny_training


def learner_of(config):
    return make_learner(build_model(config, ALONE.device), config, ALONE)


def step_of(config, learner, batches, tmp_path, *, step=0, progress=0.5):
    return take_step(learner, config, batches, step=step, progress=progress, evidence=tmp_path)


def pictures(seed=0):
    return tiny_batch(clips=4, frames=1, objects=3, seed=seed)


@pytest.mark.parametrize(
    "batch", [pictures(), tiny_batch(clips=2, frames=3)], ids=["pictures", "clips"]
)
def test_a_step_changes_weights_and_average_and_tells_its_loss(batch, tmp_path):
    config = tiny_training()
    learner = learner_of(config)
    before = build_model(config, ALONE.device)
    told = step_of(config, learner, [batch], tmp_path)
    assert not same_weights(learner.model, before)
    assert learner.average.updates == 1
    assert told.loss > 0
    assert told.gradient > 0
    assert told.objects == batch.rows
    assert 0 <= told.reached <= 1
    parts = 20 * told.focal + told.dice + told.iou + told.object_score
    assert told.loss == pytest.approx(parts, rel=1e-5)


def test_a_step_that_is_made_again_is_the_same(tmp_path):
    config = tiny_training()
    one, other = learner_of(config), learner_of(config)
    told = step_of(config, one, [pictures()], tmp_path, step=5)
    torch.rand(17)
    assert step_of(config, other, [pictures()], tmp_path, step=5) == told
    assert same_weights(one.model, other.model)
    third = learner_of(config)
    assert step_of(config, third, [pictures()], tmp_path, step=6) != told


def test_the_learning_rate_follows_progress(tmp_path):
    config = tiny_training(schedule=Schedule("constant", cool_down=0.5))
    learner = learner_of(config)
    step_of(config, learner, [pictures()], tmp_path, progress=0.75)
    rates = {group["lr"] / group["peak_lr"] for group in learner.optimizers[0].param_groups}
    assert rates == {0.5}


def test_frozen_parts_stay_as_they_are_and_in_evaluation_mode(tmp_path):
    frozen = ("image_encoder",)
    config = tiny_training(optim=OptimOptions(learning_rate=0.01, frozen=frozen))
    learner = learner_of(config)
    before = build_model(config, ALONE.device)
    step_of(config, learner, [pictures()], tmp_path)
    assert same_weights(learner.model.image_encoder, before.image_encoder)
    assert not same_weights(learner.model.sam_mask_decoder, before.sam_mask_decoder)
    assert not learner.model.image_encoder.training
    assert learner.model.sam_mask_decoder.training


def test_adapters_learn_in_place_of_the_weights(tmp_path):
    config = tiny_training(lora=LoraOptions(targets=("sam_mask_decoder.transformer",), rank=2))
    learner = learner_of(config)
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    step_of(config, learner, [pictures()], tmp_path)
    after = learner.model.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed
    assert all(name.endswith((".up", ".down")) for name in changed)


def test_what_is_computed_again_gives_the_same_step(tmp_path):
    lora = LoraOptions(targets=("sam_mask_decoder.transformer", "image_encoder"), rank=2)
    keeping = tiny_training(precision="bfloat16", lora=lora)
    again = replace(keeping.unroll, checkpoints_decodes=True)
    saving = replace(keeping, checkpoints_blocks=True, unroll=again)
    told = [step_of(each, learner_of(each), [pictures()], tmp_path) for each in (keeping, saving)]
    assert told[0].loss == told[1].loss
    assert told[0].gradient == pytest.approx(told[1].gradient, rel=1e-3)


def test_batches_of_one_step_learn_as_one_batch_of_all(tmp_path):
    """Rows are asked alike whatever batch they are in: a box each, without any luck in it."""
    alike = replace(tiny_training().clip_prompts, points=0.0, initial_frames=(1, 1))
    config = tiny_training(clip_prompts=alike, optim=OptimOptions(learning_rate=1e-3))
    config = replace(config, model=replace(config.model, dropout=0.0))
    whole, parts = tiny_batch(clips=4, frames=3), []
    for clips in ((0, 1), (2, 3)):
        rows = slice(clips[0] * 2, clips[1] * 2 + 2)
        part = replace(
            whole,
            frames_F3SS=whole.frames_F3SS[clips[0] * 3 : clips[1] * 3 + 3],
            masks_TBSS=whole.masks_TBSS[:, rows],
            known_TB=whole.known_TB[:, rows],
            row_to_frame_TB=whole.row_to_frame_TB[:, rows] - clips[0] * 3,
            names=whole.names[clips[0] : clips[1] + 1],
        )
        parts.append(part)
    one, other = learner_of(config), learner_of(config)
    told = step_of(config, one, [whole], tmp_path)
    told_of_parts = step_of(config, other, parts, tmp_path)
    assert told_of_parts.loss == pytest.approx(told.loss, rel=1e-5)
    assert told_of_parts.gradient == pytest.approx(told.gradient, rel=1e-4)
    for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_narrow_products_learn_nearly_the_same(tmp_path):
    narrow = tiny_training(precision="bfloat16")
    told = step_of(narrow, learner_of(narrow), [pictures()], tmp_path)
    wide = tiny_training()
    exact = step_of(wide, learner_of(wide), [pictures()], tmp_path)
    assert told != exact
    assert told.loss == pytest.approx(exact.loss, rel=0.05)


def test_a_bad_number_stops_the_training_with_the_batch_saved(tmp_path):
    config = tiny_training(accumulate=2)
    learner = learner_of(config)
    bad = pictures(seed=1)
    bad.frames_F3SS[1] = torch.nan
    before = [parameter.clone() for parameter in learner.model.parameters()]
    with pytest.raises(TrainingError, match=r"cannot go on at step 7: loss nan.*saved in .*000007"):
        step_of(config, learner, [pictures(), bad], tmp_path, step=7)
    (saved,) = tmp_path.iterdir()
    assert saved.name == "bad-batch-000000007.safetensors"
    pairs = zip(before, learner.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
