"""Overrides that mean something for images are understood, all others are refused with advice."""

import pytest

from masklet.compat.overrides import Settings, settings
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
