"""The builders make the model that a config names, with the weights of a checkpoint."""

import inspect
import logging

import pytest
import torch
from torch import nn

from masklet.compat.sam2.build_sam import (
    build_sam2,
    build_sam2_hf,
    build_sam2_video_predictor,
    build_sam2_video_predictor_hf,
)
from masklet.compat.sam2.modeling.sam2_base import SAM2Base, StabilityFallback
from masklet.compat.sam2.sam2_image_predictor import SAM2ImagePredictor
from masklet.compat.sam2.sam2_video_predictor import SAM2VideoPredictor
from masklet.errors import CheckpointError, DownloadError
from masklet.model.config import (
    SAM2_1_TINY,
    HieraConfig,
    MemoryConfig,
    ModelConfig,
    Version,
)
from masklet.model.sam2 import SAM2
from masklet.weights.save import save_huggingface, save_safetensors

TINY = "configs/sam2.1/sam2.1_hiera_t.yaml"


@pytest.fixture(scope="session")
def checkpoint(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": model.state_dict()}, path)
    return path


@pytest.fixture(scope="session")
def little():
    """A model of no released kind, as small as one can be that transformers has too."""
    trunk = HieraConfig(
        embed_dim=16,
        num_heads=1,
        stages=(1, 1, 1, 1),
        global_blocks=(2,),
        window_sizes=(8, 4, 4, 2),
        position_grid=7,
    )
    memory = MemoryConfig(version=Version.V2_0, layers=1)
    return SAM2(ModelConfig(trunk, memory, image_size=64)).eval()


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def test_the_signatures_are_the_official_ones():
    parameters = inspect.signature(build_sam2).parameters
    assert list(parameters) == [
        "config_file",
        "ckpt_path",
        "device",
        "mode",
        "hydra_overrides_extra",
        "apply_postprocessing",
        "kwargs",
    ]
    assert parameters["device"].default == "cuda"
    assert parameters["mode"].default == "eval"
    assert parameters["apply_postprocessing"].default is True
    assert list(inspect.signature(build_sam2_hf).parameters) == ["model_id", "kwargs"]


def test_a_built_model_is_a_module_in_evaluation_mode_with_what_programs_read():
    model = build_sam2(TINY, device="cpu")
    assert isinstance(model, SAM2Base)
    assert isinstance(model, nn.Module)
    assert not model.training
    assert not any(part.training for part in model.modules())
    assert model.image_size == 1024
    assert model.device == torch.device("cpu")
    assert model.to("cpu") is model
    assert model.fallback == StabilityFallback(0.05, 0.98)
    # The published number of parameters of this model.
    assert sum(parameter.numel() for parameter in model.parameters()) == 38_962_498
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_state_dict_has_the_names_of_the_network():
    assert (
        build_sam2(TINY, device="cpu").state_dict().keys() == SAM2(SAM2_1_TINY).state_dict().keys()
    )


def test_a_state_dict_loads_strictly(model):
    other = build_sam2(TINY, device="cpu")
    assert not same(other.state_dict(), model.state_dict())
    other.load_state_dict(model.state_dict(), strict=True)
    assert same(other.state_dict(), model.state_dict())


def test_the_size_of_the_input_can_be_overridden_and_leaves_the_network_alone():
    model = build_sam2(TINY, device="cpu", hydra_overrides_extra=["++model.image_size=512"])
    assert model.image_size == 512
    assert model.config.trunk == SAM2_1_TINY.trunk


def test_without_postprocessing_there_is_no_fallback():
    assert build_sam2(TINY, device="cpu", apply_postprocessing=False).fallback is None


def test_another_mode_leaves_the_model_in_training():
    assert build_sam2(TINY, device="cpu", mode="train").training


def test_unknown_keywords_are_ignored_as_in_the_reference():
    assert build_sam2(TINY, device="cpu", vos_optimized=True).image_size == 1024


def test_an_unknown_config_is_refused():
    with pytest.raises(CheckpointError, match=r"no model has the config 'sam3\.yaml'"):
        build_sam2("sam3.yaml", device="cpu")


def test_a_refused_override_is_named():
    with pytest.raises(CheckpointError, match="fill_hole_area"):
        build_sam2(TINY, device="cpu", hydra_overrides_extra=["++model.fill_hole_area=8"])


def test_a_checkpoint_is_loaded(model, checkpoint):
    assert same(build_sam2(TINY, str(checkpoint), device="cpu").state_dict(), model.state_dict())


def test_a_checkpoint_of_another_model_is_refused_and_says_which_it_looks_like(checkpoint):
    with pytest.raises(CheckpointError) as caught:
        build_sam2("sam2_hiera_l.yaml", checkpoint, device="cpu")
    message = str(caught.value)
    assert f"{checkpoint} looks like sam2.1-hiera-tiny" in message
    assert "the config sam2_hiera_l.yaml is sam2-hiera-large" in message
    assert "Name the config that belongs to the checkpoint." in message


def test_a_checkpoint_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing\.pt"):
        build_sam2(TINY, tmp_path / "nothing.pt", device="cpu")


def test_a_name_of_the_zoo_is_no_checkpoint_path():
    with pytest.raises(CheckpointError, match=r"sam2\.1-hiera-tiny cannot be read"):
        build_sam2(TINY, "sam2.1-hiera-tiny", device="cpu")


def test_where_no_device_is_named_and_cuda_is_missing_the_cpu_is_used_and_logged(
    monkeypatch, caplog
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with caplog.at_level(logging.INFO, logger="masklet"):
        model = build_sam2(TINY)
    assert model.device == torch.device("cpu")
    assert "CUDA is not available: using the CPU" in caplog.text


@pytest.mark.parametrize("device", ["cuda", "cuda:0", torch.device("cuda")])
def test_where_cuda_is_asked_for_and_missing_the_device_is_refused(monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="finds no CUDA device") as caught:
        build_sam2(TINY, device=device)
    assert "Leave the device out or pass device='cpu'." in str(caught.value)


def test_a_hub_id_leads_to_the_zoo(monkeypatch):
    monkeypatch.setenv("MASKLET_OFFLINE", "1")
    with pytest.raises(DownloadError, match=r"sam2\.1_hiera_tiny\.pt is not in .*MASKLET_OFFLINE"):
        build_sam2_hf("facebook/sam2.1-hiera-tiny", device="cpu")


def test_an_unknown_hub_id_is_refused_with_the_nearest():
    with pytest.raises(CheckpointError, match=r"Did you mean .*sam2\.1-hiera-tiny"):
        build_sam2_hf("facebook/sam2.1-hiera-tinny", device="cpu")


def test_a_checkpoint_stands_for_a_hub_id(model, checkpoint):
    built = build_sam2_hf(
        str(checkpoint), device="cpu", hydra_overrides_extra=["++model.image_size=128"]
    )
    assert same(built.state_dict(), model.state_dict())
    assert built.image_size == 128


def test_a_folder_of_transformers_stands_for_a_hub_id(little, tmp_path):
    save_huggingface(little, tmp_path / "little")
    built = build_sam2_hf(str(tmp_path / "little"), device="cpu")
    assert same(built.state_dict(), little.state_dict())
    assert built.config == little.config


def test_a_predictor_is_made_from_a_path_and_takes_its_share_of_the_keywords(little, tmp_path):
    save_safetensors(little, tmp_path / "little.safetensors")
    predictor = SAM2ImagePredictor.from_pretrained(
        str(tmp_path / "little.safetensors"),
        device="cpu",
        apply_postprocessing=False,
        mask_threshold=0.5,
    )
    assert predictor.mask_threshold == 0.5
    assert predictor.model.fallback is None
    assert predictor.device == torch.device("cpu")


def test_half_precision_weights_run_in_single(little, tmp_path):
    save_safetensors(little, tmp_path / "little.safetensors")
    halved = build_sam2_hf(str(tmp_path / "little.safetensors"), device="cpu").half()
    save_safetensors(halved, tmp_path / "half.safetensors")
    built = build_sam2_hf(str(tmp_path / "half.safetensors"), device="cpu")
    assert {parameter.dtype for parameter in built.parameters()} == {torch.float32}


def test_a_video_predictor_is_the_network_itself_with_the_official_signature_and_settings():
    parameters = inspect.signature(build_sam2_video_predictor).parameters
    official = [*inspect.signature(build_sam2).parameters]
    assert list(parameters) == [*official[:-1], "vos_optimized", "kwargs"]
    predictor = build_sam2_video_predictor(TINY, device="cpu")
    assert isinstance(predictor, SAM2VideoPredictor)
    assert isinstance(predictor, SAM2Base)
    assert not predictor.training
    assert predictor.state_dict().keys() == SAM2(SAM2_1_TINY).state_dict().keys()
    assert (predictor.image_size, predictor.fill_hole_area) == (1024, 8)
    assert predictor.binarize_mask_from_pts_for_mem_enc
    assert predictor.fallback == StabilityFallback(0.05, 0.98)
    assert (predictor.max_cond_frames_in_attn, predictor.memory_temporal_stride_for_eval) == (-1, 1)
    assert predictor.memory_dtype is torch.bfloat16


def test_a_video_predictor_takes_overrides_weights_and_our_memory_dtype(model, checkpoint):
    predictor = build_sam2_video_predictor(
        TINY,
        str(checkpoint),
        device="cpu",
        mode="train",
        hydra_overrides_extra=["++model.image_size=512", "++model.non_overlap_masks=true"],
        apply_postprocessing=False,
        vos_optimized=True,
        memory_dtype=torch.float32,
        add_all_frames_to_correct_as_cond=True,
    )
    assert same(predictor.state_dict(), model.state_dict())
    assert (predictor.image_size, predictor.non_overlap_masks) == (512, True)
    assert (predictor.training, predictor.fallback, predictor.fill_hole_area) == (True, None, 0)
    assert predictor.memory_dtype is torch.float32
    # Unknown keywords are ignored, as in the reference: a setting is an override.
    assert not predictor.add_all_frames_to_correct_as_cond


def test_settings_of_a_video_predictor_may_be_given_to_its_constructor(model):
    predictor = SAM2VideoPredictor(
        model,
        fill_hole_area=4,
        non_overlap_masks=True,
        clear_non_cond_mem_around_input=True,
        add_all_frames_to_correct_as_cond=True,
    )
    assert (predictor.image_size, predictor.fallback) == (model.image_size, model.fallback)
    assert predictor.fill_hole_area == 4
    assert predictor.non_overlap_masks
    assert predictor.clear_non_cond_mem_around_input
    assert predictor.add_all_frames_to_correct_as_cond
    assert not predictor.binarize_mask_from_pts_for_mem_enc


def test_a_video_predictor_is_made_from_a_path_or_a_hub_id(little, tmp_path, monkeypatch):
    save_safetensors(little, tmp_path / "little.safetensors")
    path = str(tmp_path / "little.safetensors")
    for make in (build_sam2_video_predictor_hf, SAM2VideoPredictor.from_pretrained):
        predictor = make(path, device="cpu", apply_postprocessing=False)
        assert isinstance(predictor, SAM2VideoPredictor)
        assert same(predictor.state_dict(), little.state_dict())
        assert predictor.fill_hole_area == 0
    monkeypatch.setenv("MASKLET_OFFLINE", "1")
    with pytest.raises(DownloadError, match=r"sam2\.1_hiera_tiny\.pt is not in"):
        build_sam2_video_predictor_hf("facebook/sam2.1-hiera-tiny", device="cpu")
