"""A frozen encoder looks at every frame once, and what it saw is what it would see."""

from dataclasses import replace

import pytest
import torch

from masklet.errors import TrainingError
from masklet.model.preprocess import normalize
from masklet.train.config import RunOptions
from masklet.train.kept_features import KeptFeatures
from tests.tiny import tiny_model
from tests.train.made_run import same_weights, tiny_training, trained


def pictures(*seeds):
    drawn = [torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(s)) for s in seeds]
    return torch.stack(drawn)


def close(one, other):
    torch.testing.assert_close(one.embedding_FLC, other.embedding_FLC, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one.eighth_FL4c, other.eighth_FL4c, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one.quarter_FL16c, other.quarter_FL16c, rtol=1e-4, atol=1e-5)
    assert one.grid == other.grid


def test_features_are_those_of_the_encoder_in_any_order_and_mixture():
    model, kept = tiny_model(), KeptFeatures(1 << 30)
    kept.features(model, pictures(1, 2))
    frames = pictures(3, 2, 1, 3)
    with torch.no_grad():
        close(kept.features(model, frames), model.encode_image(normalize(frames)))
    assert (kept.encoded, kept.found) == (3, 3)


def test_what_was_not_asked_for_longest_goes_first():
    model = tiny_model()
    found = KeptFeatures(1 << 30).features(model, pictures(1))
    parts = (found.embedding_FLC, found.eighth_FL4c, found.quarter_FL16c)
    size = sum(each.nbytes for each in parts)
    kept = KeptFeatures(2 * size)
    for seed in (1, 2, 1, 3, 1, 2):
        kept.features(model, pictures(seed))
    assert (kept.encoded, kept.found) == (4, 2)


def frozen(**run):
    config = tiny_training(3)
    unroll = replace(config.unroll, freezes_encoder=True)
    return replace(config, unroll=unroll, run=replace(config.run, **run))


def test_a_training_with_kept_features_is_the_same(tmp_path):
    plain, _ = trained(frozen(), tmp_path / "plain")
    keeping, _ = trained(frozen(kept_features_gib=0.5), tmp_path / "keeping")
    kept = keeping.learner.kept
    assert kept.encoded > 0
    pairs = zip(plain.learner.model.parameters(), keeping.learner.model.parameters(), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    assert same_weights(plain.learner.model.image_encoder, keeping.learner.model.image_encoder)


def test_features_that_change_are_not_to_be_kept():
    config = tiny_training()
    with pytest.raises(TrainingError, match=r"run.kept_features_gib is 1\.0; expected .*freezes"):
        replace(config, run=replace(config.run, kept_features_gib=1.0))
    dropping = replace(config.model, drop_path=0.1)
    with pytest.raises(
        TrainingError, match=r"run.kept_features_gib is 0\.5; expected .*drop_path=0"
    ):
        replace(frozen(kept_features_gib=0.5), model=dropping)
    with pytest.raises(TrainingError, match=r"run.kept_features_gib is -1; expected at least 0"):
        RunOptions(kept_features_gib=-1)
