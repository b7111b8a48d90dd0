"""The hybrid trunk equals its plain form at every size, can be taught, wrapped and exported."""

import dataclasses
import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from masklet.model.config import HybridConfig
from masklet.model.precision import set_precision
from masklet.model.sam2 import SAM2
from masklet.model.tensors import MemoryReadout, PromptTensors
from masklet.model.trunks.hybrid import Hybrid
from tests.tiny import noise, tiny_config, tiny_hybrid_config, with_weights

PREFIX = "image_encoder.trunk."
TRUNK = tiny_hybrid_config().trunk
SIDES = [(64, 64), (32, 32), (96, 160), (160, 32), (224, 64)]


def hybrid(config=TRUNK, seed=0):
    return with_weights(Hybrid(config).eval(), seed, PREFIX)


def image_of(stage):
    return stage.ordered(0).tokens_BLC.unflatten(1, stage.grid)


def norm(layer, image):
    """Layer norm of the channels of `(B, C, H, W)`."""
    mean = image.mean(dim=1, keepdim=True)
    variance = image.var(dim=1, unbiased=False, keepdim=True)
    weight, bias = layer.weight[:, None, None], layer.bias[:, None, None]
    return (image - mean) / (variance + 1e-6).sqrt() * weight + bias


def pointwise(layer, image):
    return torch.einsum("oi,bihw->bohw", layer.weight, image) + layer.bias[:, None, None]


def turned(heads_BGDHW):
    """Pairs of channels as complex numbers, half turned by their column, half by their row."""
    *_, width, rows, columns = heads_BGDHW.shape
    speeds = torch.tensor([100 ** (-n / (width // 4)) for n in range(width // 4)])
    pairs = torch.complex(heads_BGDHW[:, :, 0::2], heads_BGDHW[:, :, 1::2])
    by_column = speeds[:, None, None] * torch.arange(columns)
    by_row = speeds[:, None, None] * torch.arange(rows)[:, None]
    angles = torch.cat([by_column.expand(-1, rows, -1), by_row.expand(-1, -1, columns)])
    return (pairs * torch.polar(torch.ones_like(angles), angles)).flatten(3)


def attended(attention, image):
    qkv = pointwise(attention.qkv, image).unflatten(1, (3, attention.heads, -1))
    q, k = turned(qkv[:, 0]), turned(qkv[:, 1])
    scores = torch.einsum("bgdl,bgds->bgls", q, k.conj()).real
    weights = (scores / (qkv.shape[3] ** 0.5)).softmax(dim=-1)
    read = torch.einsum("bgls,bgds->bgdl", weights, qkv[:, 2].flatten(3))
    return pointwise(attention.proj, read.flatten(1, 2).unflatten(2, image.shape[2:]))


def plain_block(block, x):
    if block.merge is not None:
        weight = block.merge.weight.unflatten(1, (2, 2, -1)).permute(0, 3, 1, 2)
        x = F.conv2d(x, weight, block.merge.bias, stride=2)
    if block.attn is not None:
        x = x + attended(block.attn, norm(block.norm1, x))
    convolved = F.conv2d(x, block.dwconv.weight, block.dwconv.bias, padding=1, groups=x.shape[1])
    y = norm(block.norm2, convolved)
    if block.gate is not None:
        first, second = block.gate.layers
        gate = second(first(y.mean(dim=(2, 3))).relu()).sigmoid()
        y = y * gate[:, :, None, None]
    first, second = block.mlp.layers
    return x + pointwise(second, F.gelu(pointwise(first, y)))


def plain(model, images):
    """The ends of the four stages, `(B, H, W, C)`, image by image in the usual layout."""
    stem = model.patch_embed
    x = norm(stem.norm, stem.proj(F.relu(stem.stem(images))))
    ends = []
    for number, block in enumerate(model.blocks):
        x = plain_block(block, x)
        if number + 1 in (1, 3, 6, 8):
            x = norm(model.norms[len(ends)], x)
            ends.append(x.permute(0, 2, 3, 1))
    return ends


@pytest.mark.parametrize("side", SIDES, ids=str)
def test_the_trunk_equals_its_plain_form(side):
    model, images = hybrid(), noise(2, 3, *side)
    with torch.no_grad():
        ours, expected = model(images), plain(model, images)
    for stage, stride, end in zip(ours, (4, 8, 16, 32), expected, strict=True):
        assert stage.grid == (side[0] // stride, side[1] // stride)
        torch.testing.assert_close(image_of(stage), end, atol=2e-5, rtol=2e-5)


def test_the_trunk_has_the_gradients_of_its_plain_form():
    images = noise(1, 3, 96, 64)
    gradients = []
    for forward in (lambda model, x: [image_of(stage) for stage in model(x)], plain):
        model = hybrid().train()
        # Weighted: the squares of normalised channels add up to the same whatever they are.
        ends = forward(model, images)
        sum((end * noise(*end.shape)).sum() for end in ends).backward()
        gradients.append({name: value.grad for name, value in model.named_parameters()})
    ours, expected = gradients
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, expected[name], atol=2e-3, rtol=2e-3, msg=name)
        assert gradient.abs().max() > 1e-4, name


def test_images_of_a_batch_do_not_see_each_other():
    model, images = hybrid().train(), noise(3, 3, 96, 64)
    with torch.no_grad():
        together, alone = model(images), model(images[1:2])
    for stage, own in zip(together, alone, strict=True):
        torch.testing.assert_close(image_of(stage)[1:2], image_of(own), atol=1e-5, rtol=1e-5)


def test_global_blocks_alone_see_what_is_far_away():
    """Gates hear of it too, so they are taken out."""
    near, far = noise(1, 3, 256, 64), noise(1, 3, 256, 64)
    far[:, :, 224:] += 1
    for blocks, is_seen in (((), False), ((4,), True)):
        model = hybrid(dataclasses.replace(TRUNK, global_blocks=blocks))
        for block in model.blocks:
            block.gate = None
        with torch.no_grad():
            moved = image_of(model(far)[2])[:, 0] - image_of(model(near)[2])[:, 0]
        assert bool(moved.abs().max() > 1e-6) is is_seen


def verbs(model, side):
    """All four verbs on one picture, as a mask's logits, features and a memory."""
    features = model.encode_image(noise(1, 3, *side))
    height, width = features.grid
    readout = MemoryReadout(
        noise(2, 3, height * width, 8), torch.tensor([[0, 5, 6]] * 2), noise(2, 2, 32), noise(2, 2)
    )
    prompts = PromptTensors(noise(2, 1, 2, scale=20), torch.ones(2, 1, dtype=torch.int64))
    found = model.decode(model.condition(features, readout), features, prompts)
    logits = noise(2, *side)
    memory = model.encode_memory(features, logits, found.object_score_B, binarize=False)
    return found.logits_BMhw, features.quarter_FL16c, features.eighth_FL4c, memory


def test_the_four_verbs_take_its_features():
    model = with_weights(SAM2(tiny_hybrid_config()).eval())
    with torch.no_grad():
        logits, quarter, eighth, memory = verbs(model, (64, 96))
    assert logits.shape == (2, 4, 16, 24)
    assert (quarter.shape, eighth.shape) == ((1, 24, 16, 4), (1, 24, 4, 8))
    assert memory.shape == (2, 24, 8)
    assert all(value.isfinite().all() for value in (logits, quarter, eighth, memory))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_features_of_a_narrow_model_are_close_and_float32(dtype):
    images = noise(1, 3, 64, 64)
    model = with_weights(SAM2(tiny_hybrid_config()).eval())
    with torch.no_grad():
        wide = model.encode_image(images)
        narrow = set_precision(model, dtype).encode_image(images)
    for name in ("embedding_FLC", "eighth_FL4c", "quarter_FL16c"):
        ours, expected = getattr(narrow, name), getattr(wide, name)
        assert ours.dtype == torch.float32
        assert 1e-5 < (ours - expected).abs().mean() / expected.std() < 0.03


def test_training_without_dropped_paths_answers_as_evaluation_does():
    model, images = hybrid(), noise(1, 3, 64, 64)
    with torch.no_grad():
        calm, taught = model(images), model.train()(images)
    for one, other in zip(calm, taught, strict=True):
        assert torch.equal(one.tokens_BLC, other.tokens_BLC)


def test_paths_are_dropped_more_often_the_deeper_they_are():
    model = Hybrid(TRUNK, drop_path=0.35)
    assert [block.drop_path.rate for block in model.blocks] == pytest.approx(
        [0.05 * number for number in range(8)]
    )


def test_a_dropped_block_passes_on_what_came_in():
    block = hybrid().train().blocks[4]
    block.drop_path.rate = 1.0 - 1e-12
    x = hybrid()(noise(2, 3, 64, 64))[2]
    assert torch.equal(block(x).tokens_BLC, x.tokens_BLC)


def taught(model, images):
    """Gradients of all parameters, and of the images."""
    images = images.clone().requires_grad_()
    generator = torch.Generator().manual_seed(0)
    loss = torch.zeros(())
    torch.manual_seed(0)
    for stage in model(images):
        tokens = stage.tokens_BLC
        loss = loss + (tokens * torch.randn(tokens.shape, generator=generator)).sum()
    loss.backward()
    return [images.grad, *(parameter.grad for parameter in model.parameters())]


@pytest.mark.parametrize("drop_path", [0.0, 0.4])
def test_blocks_can_be_computed_again_instead_of_kept(drop_path):
    """Whoever trains wraps `forward` of every block; the trunk knows nothing of it."""
    plainly, again = (Hybrid(TRUNK, drop_path).train() for _ in range(2))
    again.load_state_dict(plainly.state_dict())
    for block in again.blocks:
        block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False)
    images = noise(2, 3, 64, 64)
    for one, other in zip(taught(plainly, images), taught(again, images), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


class Tokens(nn.Module):
    """The trunk with tensors for an answer, as exporters want it."""

    def __init__(self, trunk):
        super().__init__()
        self.trunk = trunk

    def forward(self, images):
        return tuple(stage.tokens_BLC for stage in self.trunk(images))


def test_the_trunk_can_be_exported_for_any_number_of_images():
    model, images = Tokens(hybrid()), noise(2, 3, 64, 96)
    batch = {0: torch.export.Dim("images", min=1, max=64)}
    exported = torch.export.export(model, (images,), dynamic_shapes=(batch,))
    targets = {str(node.target) for node in exported.graph.nodes if node.op == "call_function"}
    assert not [name for name in targets if "mkldnn" in name or "complex" in name]
    with torch.no_grad():
        for given in (images, noise(3, 3, 64, 96)):
            for ours, expected in zip(exported.module()(given), model(given), strict=True):
                torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stages": (1, 2, 0, 1)}, r"the stages have \(1, 2, 0, 1\) blocks; expected one at least"),
        ({"num_heads": 5}, "block 4 has 5 heads for 24 channels; expected heads of equal width"),
        ({"num_heads": 0}, "block 4 has 0 heads for 24 channels"),
        ({"num_heads": 4}, "a multiple of 4. Choose another number of heads"),
        ({"global_blocks": (8,)}, "block 8 is to be global; expected numbers of the 8 blocks"),
        ({"global_blocks": (-1,)}, "block -1 is to be global"),
    ],
    ids=["empty stage", "odd heads", "no heads", "odd head width", "too deep", "negative"],
)
def test_a_trunk_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Hybrid(dataclasses.replace(TRUNK, **change))


def test_a_trunk_without_attention_needs_no_heads():
    assert len(Hybrid(HybridConfig((8, 8, 8, 8), (1, 1, 1, 1), (), num_heads=0)).blocks) == 4


@pytest.mark.parametrize("config", [tiny_config(), tiny_hybrid_config()], ids=["hiera", "hybrid"])
def test_both_trunks_learn_a_mask_by_heart_at_the_same_rate(config):
    torch.manual_seed(0)
    model = SAM2(config).train()
    images = noise(2, 3, 64, 64)
    wanted = (noise(2, 1, 4, 4, seed=1) > 0).float()
    wanted = wanted.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    click = PromptTensors(torch.full((2, 1, 2), 30.0), torch.ones(2, 1, dtype=torch.int64))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        features = model.encode_image(images)
        logits = model.decode(model.condition(features, None), features, click).logits_BMhw
        loss = F.binary_cross_entropy_with_logits(logits[:, :1], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
