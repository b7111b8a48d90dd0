"""The prepared beginnings do from the first step on what they were prepared for."""

from dataclasses import replace

import pytest
import torch

from masklet.model.sam2 import SAM2
from masklet.model.tensors import PromptTensors
from masklet.train.starting import start_memory, start_prompts
from tests.tiny import noise, tiny_config, tiny_hybrid_config, tiny_light_config


def fresh(config):
    torch.manual_seed(3)
    return SAM2(config).eval().requires_grad_(False)


def moved_cells(model, x, y):
    """How far a click moves each cell of the picture in the decoder, `(H, W)`."""
    features = model.encode_image(0.5 * noise(1, 3, 64, 64))
    embedding = model.condition(features, None)
    encoder, grid = model.sam_prompt_encoder, (4, 4)

    def image(label):
        points = PromptTensors(torch.tensor([[[x, y]]]), torch.tensor([[label]]))
        tokens = encoder.embed_prompts(points.points_BP2, points.labels_BP, (64, 64))
        outputs = model.sam_mask_decoder._output_tokens(1)
        sequence = torch.cat([outputs, tokens], dim=1)
        positions = encoder.pe_layer.grid(grid)
        found = model.sam_mask_decoder.transformer(sequence, embedding, positions)
        return found.image_BLC[0]

    return (image(1) - image(0)).norm(dim=1).reshape(grid)


@pytest.mark.parametrize("place", [(8.0, 8.0), (40.0, 24.0), (56.0, 56.0)])
def test_a_click_marks_its_own_place_from_the_first_step_on(place):
    # Thirty-two channels are too few to tell places apart.
    model = fresh(replace(tiny_hybrid_config(), width=128))
    start_prompts(model, generator=torch.Generator())
    moved = moved_cells(model, *place)
    x, y = (int(side // 16) for side in place)
    assert moved[y, x] > moved.median()


@pytest.mark.parametrize("config", [tiny_config(), tiny_hybrid_config(), tiny_light_config()])
def test_a_memory_says_where_the_object_was_from_the_first_step_on(config):
    model = fresh(config)
    pictures = noise(8, 3, 64, 64)
    start_memory(model, model.encode_image(pictures).embedding_FLC, generator=torch.Generator())
    features = model.encode_image(pictures[:1])
    mask = torch.zeros(1, 64, 64)
    mask[:, :, :32] = 1
    memory_LD = model.encode_memory(features, mask * 20 - 10, torch.tensor([10.0]), binarize=True)[
        0
    ]
    inside = memory_LD[:, -4:].mean(dim=1).reshape(4, 4)
    assert inside[:, 0].min() > 0 > inside[:, 3].max()


def test_only_weights_change_that_are_learned_later():
    model = fresh(tiny_config())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    start_memory(
        model, model.encode_image(noise(8, 3, 64, 64)).embedding_FLC, generator=torch.Generator()
    )
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    assert changed
    assert all(n.startswith(("memory_", "mask_downsample")) for n in changed)
    assert all(value.isfinite().all() for value in model.state_dict().values())
