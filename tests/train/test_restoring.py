"""Squares of pictures are hidden, guessed and compared, and nothing of that is in what is exported."""

from dataclasses import replace

import pytest
import torch

import masklet
from masklet.errors import StateError, TrainingError
from masklet.model.preprocess import normalize
from masklet.model.sam2 import SAM2
from masklet.train.building import build_model
from masklet.train.config import ModelOptions, Stage
from masklet.train.diary import read_diary
from masklet.train.loop import train
from masklet.train.lora import LoraOptions
from masklet.train.optim import OptimOptions
from masklet.train.restoring import (
    Restored,
    RestoreOptions,
    add_head,
    restore,
    restoring_loss,
    without_head,
)
from masklet.train.settings import with_settings
from tests.tiny import tiny_config, tiny_hybrid_config
from tests.train.made_run import ALONE, same_weights, tiny_training, tiny_work, trained
from tests.train.test_loop import Same, same_training

PICTURES = (Stage(side=64, pictures=4),)


def restoring(steps=4, **changes):
    options = {
        "restore": RestoreOptions(),
        "stages": PICTURES,
        "model": ModelOptions(tiny_hybrid_config()),
    }
    return tiny_training(steps, **(options | changes))


def made(side=128, masked=0.6, patch=32, seed=0):
    """Three pictures of noise, restored by a fresh model."""
    torch.manual_seed(5)
    model = SAM2(tiny_hybrid_config())
    add_head(model, generator=torch.Generator().manual_seed(1))
    frames = torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(2))
    dice = torch.Generator().manual_seed(seed)
    return restore(model, frames, RestoreOptions(masked, patch), generator=dice)


@pytest.mark.parametrize(
    ("side", "masked", "patch", "count"),
    [
        (256, 0.6, 32, 38),
        (128, 0.6, 32, 10),
        (128, 0.5, 64, 2),
        (64, 0.01, 32, 1),
        (64, 0.99, 32, 3),
        (32, 0.6, 32, 1),
    ],
)
def test_as_many_whole_squares_of_every_picture_are_missing(side, masked, patch, count):
    missing = made(side, masked, patch).masked_F1SS
    across = side // patch
    squares = missing.reshape(3, across, patch, across, patch).transpose(2, 3).flatten(3)
    assert torch.equal(squares.all(dim=3), squares.any(dim=3))
    assert squares.any(dim=3).sum(dim=(1, 2)).tolist() == [count] * 3


def test_other_squares_of_every_picture_and_with_every_seed_are_missing():
    missing = made(256).masked_F1SS
    assert not torch.equal(missing[0], missing[1])
    assert torch.equal(missing, made(256).masked_F1SS)
    assert not torch.equal(missing, made(256, seed=1).masked_F1SS)


def test_the_network_sees_nothing_of_what_is_missing():
    torch.manual_seed(5)
    model = SAM2(tiny_hybrid_config()).eval()
    add_head(model, generator=torch.Generator())
    frames = torch.rand(1, 3, 128, 128)
    options = RestoreOptions()
    one = restore(model, frames, options, generator=torch.Generator().manual_seed(3))
    changed = torch.where(one.masked_F1SS, 1 - frames, frames)
    other = restore(model, changed, options, generator=torch.Generator().manual_seed(3))
    assert torch.equal(one.guess_F3SS, other.guess_F3SS)
    assert torch.equal(one.left_F3SS, other.left_F3SS)


def test_pixels_that_were_there_carry_no_loss():
    restored = made()
    guess = restored.guess_F3SS.detach().requires_grad_()
    report = restoring_loss(replace(restored, guess_F3SS=guess))
    report.total.backward()
    is_missing = restored.masked_F1SS.expand_as(guess)
    assert (guess.grad[~is_missing] == 0).all()
    assert (guess.grad[is_missing] != 0).all()


def test_the_loss_is_the_mean_error_of_missing_normalised_pixels():
    frames = torch.rand(2, 3, 64, 64)
    missing = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    missing[:, :, :32, 32:] = True
    off_by_half = normalize(frames) + torch.where(missing, 0.5, 99.0)
    report = restoring_loss(Restored(frames, missing, off_by_half))
    torch.testing.assert_close(report.total, torch.tensor(0.5))
    blank = normalize(frames)[:, :, :32, 32:].abs().mean()
    torch.testing.assert_close(report.blank, blank)


def test_what_is_shown_is_the_picture_with_holes_and_with_guesses_in_them():
    frames = torch.rand(1, 3, 64, 64)
    missing = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    missing[:, :, 32:, :32] = True
    restored = Restored(frames, missing, normalize(torch.full_like(frames, 0.25)))
    left, whole = restored.left_F3SS, restored.whole_F3SS
    torch.testing.assert_close(left[0, :, 40, 5], torch.tensor([0.485, 0.456, 0.406]))
    torch.testing.assert_close(left[0, :, 5, 5], frames[0, :, 5, 5])
    torch.testing.assert_close(whole[0, :, 40, 5], torch.full((3,), 0.25))
    assert torch.equal(whole[0, :, 5, 5], frames[0, :, 5, 5])


@pytest.mark.parametrize("architecture", [tiny_config(), tiny_hybrid_config()])
def test_twenty_steps_on_one_batch_restore_it_better(tmp_path, architecture):
    config = restoring(
        20,
        model=ModelOptions(architecture),
        optim=OptimOptions(learning_rate=1e-2, muon_learning_rate=0.02),
    )
    losses = []
    work = tiny_work(config, tmp_path / "run", told=lambda record: losses.append(record["loss"]))
    train(replace(work, feed=Same(work.feed)))
    assert len(losses) == 20
    assert losses[-1] < 0.7 * losses[0]


def test_the_encoder_learns_and_everything_else_stays(tmp_path):
    config = restoring(3, average=None)
    work, _ = trained(config, tmp_path / "run")
    before = build_model(config, ALONE.device).state_dict()
    after = work.learner.model.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    parts = {name.split(".")[0] for name in changed}
    assert parts == {"image_encoder", "restoring_head"}
    assert any(name.startswith("image_encoder.trunk.blocks.0") for name in changed)


def test_clips_are_restored_frame_by_frame(tmp_path):
    stages = (Stage(side=64, pictures=2, clips=2, frames=3, picture_share=0.0),)
    work, _ = trained(restoring(2, stages=stages), tmp_path / "run")
    records = read_diary(work.folder.metrics)
    assert [record["frames"] for record in records] == [6, 12]


def test_every_step_is_recorded_without_what_means_nothing(tmp_path):
    work, _ = trained(restoring(2), tmp_path / "run")
    record = read_diary(work.folder.metrics)[-1]
    assert {"loss", "restored", "gradient", "learning_rate", "kind", "side"} <= set(record)
    assert not {"focal", "dice", "iou", "object_score", "reached", "objects"} & set(record)
    assert record["restored"] < 1


def test_a_training_that_was_stopped_goes_on_to_the_same_bits(tmp_path):
    whole, _ = trained(restoring(6), tmp_path / "whole")
    steps = []
    trained(restoring(6), tmp_path / "run", told=steps.append, stop=lambda: len(steps) == 3)
    torch.rand(11)
    work, ended = trained(restoring(6), tmp_path / "run", resumes=True)
    assert ended.standing.step == 6
    assert same_training(work, whole)


def test_going_on_without_restoring_is_refused(tmp_path):
    trained(restoring(1), tmp_path / "run")
    with pytest.raises(StateError, match=r"restore\.masked was 0\.6 and is absent"):
        trained(restoring(2, restore=None), tmp_path / "run", resumes=True)


def test_exported_weights_are_a_model_as_any_other(tmp_path):
    work, _ = trained(restoring(3), tmp_path / "run")
    model = masklet.load(work.folder.weights)
    plain = build_model(replace(restoring(), restore=None), ALONE.device)
    assert list(model.state_dict()) == list(plain.state_dict())
    name = "image_encoder.neck.convs.1.conv.weight"
    average = work.learner.average.tensors()[name]
    torch.testing.assert_close(model.state_dict()[name], average, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("prepared", [(), ("prompts",)])
def test_another_training_begins_with_the_trunk_that_was_warmed_up(tmp_path, prepared):
    work, _ = trained(restoring(3), tmp_path / "run")
    weights = str(work.folder.weights)
    options = ModelOptions(tiny_hybrid_config(), weights=weights, prepared=prepared)
    model = build_model(tiny_training(model=options), ALONE.device)
    warm = masklet.load(weights)
    assert same_weights(model.image_encoder.trunk, warm.image_encoder.trunk)
    attention = "sam_mask_decoder.transformer.final_attn_token_to_image"
    query, key = (model.get_parameter(f"{attention}.{part}_proj.weight") for part in "qk")
    # The plain rule of prompts: queries and keys are one map.
    assert torch.equal(query, key) is bool(prepared)
    _, ended = trained(tiny_training(2, model=options), tmp_path / "next")
    assert ended.standing.step == 2


def test_the_head_is_away_and_comes_back_even_after_an_error():
    model = build_model(restoring(), ALONE.device)
    names = list(model.state_dict())
    with pytest.raises(KeyError), without_head(model):
        model.state_dict()["restoring_head.bias"]
    assert list(model.state_dict()) == names
    assert "restoring_head.bias" in names


def test_adapters_of_the_encoder_alone_learn_with_the_head():
    config = restoring(lora=LoraOptions(rank=2))
    model = build_model(config, ALONE.device)
    learning = [name for name, each in model.named_parameters() if each.requires_grad]
    parts = {name.split(".")[0] for name in learning}
    assert parts == {"image_encoder", "restoring_head"}
    assert all(name.startswith("restoring") or name.endswith((".up", ".down")) for name in learning)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: RestoreOptions(masked=1.0), r"restore.masked is 1.0; expected a share between"),
        (lambda: RestoreOptions(patch=16), r"restore.patch is 16; expected a multiple of 32"),
        (
            lambda: restoring(restore=RestoreOptions(patch=96)),
            r"restore.patch is 96; expected what divides all sides of stages, \[64\]",
        ),
        (
            lambda: with_settings(restoring(), ["unroll.freezes_encoder=true"]),
            "unroll.freezes_encoder is True; expected false",
        ),
    ],
)
def test_what_makes_no_sense_is_told(make, told):
    with pytest.raises(TrainingError, match=told):
        make()
