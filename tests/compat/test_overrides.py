"""Overrides that mean something are understood, all others are refused with advice."""

import pytest

from masklet.compat.overrides import Remembering, Settings, settings, video_settings
from masklet.compat.sam2.modeling.sam2_base import StabilityFallback
from masklet.errors import CheckpointError

DECODER = "model.sam_mask_decoder_extra_args.dynamic_multimask_"


def read(*overrides, apply_postprocessing=False):
    return settings(overrides, image_size=1024, apply_postprocessing=apply_postprocessing)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], Settings(1024, None)),
        (["++model.image_size=512"], Settings(512, None)),
        (["model.image_size=512"], Settings(512, None)),
        (["++model.image_size=512", "++model.image_size=256"], Settings(256, None)),
        ([f"++{DECODER}via_stability=true"], Settings(1024, StabilityFallback(0.05, 0.98))),
        ([f"++{DECODER}via_stability=True"], Settings(1024, StabilityFallback(0.05, 0.98))),
        ([f"++{DECODER}via_stability=false"], Settings(1024, None)),
        ([f"++{DECODER}stability_delta=0.1"], Settings(1024, None)),
        (
            [
                f"++{DECODER}via_stability=true",
                f"++{DECODER}stability_delta=0.1",
                f"++{DECODER}stability_thresh=9e-1",
            ],
            Settings(1024, StabilityFallback(0.1, 0.9)),
        ),
    ],
)
def test_an_override_becomes_a_setting(overrides, expected):
    assert read(*overrides) == expected


@pytest.mark.parametrize("override", ["via_stability=false", "stability_thresh=0.5"])
def test_postprocessing_comes_after_every_override_as_in_the_reference(override):
    assert read(f"++{DECODER}{override}", apply_postprocessing=True) == Settings(
        1024, StabilityFallback(0.05, 0.98)
    )


@pytest.mark.parametrize(
    ("override", "advice"),
    [
        ("++model.fill_hole_area=8", "SAM2ImagePredictor(model, max_hole_area=...)"),
        ("++model.binarize_mask_from_pts_for_mem_enc=true", "It changes videos only"),
        ("++model.add_all_frames_to_correct_as_cond=true", "It changes videos only"),
        ("++model.num_maskmem=5", "All released models have it alike"),
        ("++model.image_encoder.trunk.embed_dim=96", "masklet.model.config.ModelConfig"),
        ("++model.compile_image_encoder=True", "model.image_encoder.trunk.compile()"),
        ("++model.sigmoid_bias_for_mem_enc=1", "Leave it out."),
        ("++model=other", "Leave it out."),
        ("hydra.run.dir=outputs", "Leave it out."),
    ],
)
def test_an_override_without_a_counterpart_is_refused_and_says_what_to_use(override, advice):
    with pytest.raises(CheckpointError) as caught:
        read(override)
    message = str(caught.value)
    assert f"the override {override!r} sets a field without a counterpart here" in message
    assert "expected one of model.image_size, " in message
    assert advice in message


@pytest.mark.parametrize("override", ["~model.image_size", "model.image_size", "=3", ""])
def test_what_is_no_override_is_refused(override):
    with pytest.raises(CheckpointError, match=r"cannot be read; expected \+\+model\.field=value"):
        read(override)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model.image_size=500", "a positive multiple of 32"),
        ("model.image_size=0", "a positive multiple of 32"),
        ("model.image_size=-32", "a positive multiple of 32"),
        ("model.image_size=big", "a positive multiple of 32"),
        (f"{DECODER}via_stability=1", "true or false"),
        (f"{DECODER}stability_delta=much", "a finite number"),
        (f"{DECODER}stability_thresh=nan", "a finite number"),
    ],
)
@pytest.mark.parametrize("apply_postprocessing", [False, True])
def test_a_value_that_cannot_be_is_refused(override, expected, apply_postprocessing):
    with pytest.raises(CheckpointError) as caught:
        read(override, apply_postprocessing=apply_postprocessing)
    assert f"the override {override} has a value that cannot be" in str(caught.value)
    assert f"expected {expected}" in str(caught.value)


def read_for_videos(*overrides, apply_postprocessing=False):
    return video_settings(overrides, image_size=1024, apply_postprocessing=apply_postprocessing)


def test_without_overrides_and_postprocessing_a_video_has_the_settings_of_the_config_files():
    chosen = read_for_videos()
    assert chosen.model == Settings(1024, None)
    assert chosen.remembering == Remembering(-1, 1, binarize_mask_from_pts_for_mem_enc=False)
    assert chosen.fill_hole_area == 0
    assert not chosen.non_overlap_masks
    assert not chosen.clear_non_cond_mem_around_input
    assert not chosen.add_all_frames_to_correct_as_cond


def test_postprocessing_of_videos_comes_after_every_override_as_in_the_reference():
    overrides = ["++model.fill_hole_area=0", "++model.binarize_mask_from_pts_for_mem_enc=false"]
    chosen = read_for_videos(*overrides, apply_postprocessing=True)
    assert chosen.fill_hole_area == 8
    assert chosen.remembering.binarize_mask_from_pts_for_mem_enc
    assert chosen.model.fallback == StabilityFallback(0.05, 0.98)


def test_every_setting_of_videos_can_be_overridden():
    chosen = read_for_videos(
        "++model.image_size=512",
        "++model.fill_hole_area=3",
        "++model.non_overlap_masks=True",
        "+model.clear_non_cond_mem_around_input=true",
        "model.add_all_frames_to_correct_as_cond=true",
        "++model.max_cond_frames_in_attn=4",
        "++model.memory_temporal_stride_for_eval=2",
        "++model.binarize_mask_from_pts_for_mem_enc=true",
        "++model.non_overlap_masks_for_mem_enc=true",
    )
    assert chosen.model == Settings(512, None)
    assert chosen.remembering == Remembering(4, 2, binarize_mask_from_pts_for_mem_enc=True)
    assert chosen.fill_hole_area == 3
    assert chosen.non_overlap_masks
    assert chosen.clear_non_cond_mem_around_input
    assert chosen.add_all_frames_to_correct_as_cond


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model.fill_hole_area=-1", "a number of pixels, 0 for none"),
        ("model.fill_hole_area=1.5", "a number of pixels, 0 for none"),
        ("model.max_cond_frames_in_attn=1", "-1 for all, or at least 2"),
        ("model.memory_temporal_stride_for_eval=0", "a number of frames, at least 1"),
        ("model.non_overlap_masks=1", "true or false"),
        ("model.non_overlap_masks_for_mem_enc=maybe", "true or false"),
    ],
)
def test_a_value_that_cannot_be_for_videos_is_refused(override, expected):
    with pytest.raises(CheckpointError) as caught:
        read_for_videos(override)
    assert f"the override {override} has a value that cannot be" in str(caught.value)
    assert f"expected {expected}" in str(caught.value)


def test_an_override_without_a_counterpart_for_videos_is_refused_with_those_that_have_one():
    with pytest.raises(CheckpointError) as caught:
        read_for_videos("++model.sigmoid_bias_for_mem_enc=1")
    message = str(caught.value)
    assert "'++model.sigmoid_bias_for_mem_enc=1' sets a field without a counterpart" in message
    assert "model.memory_temporal_stride_for_eval" in message
