"""Masks grown in quad order equal masks grown as images."""

import pytest
import torch
import torch.nn.functional as F

from masklet.model.mask_decoder import MaskDecoder, Unfold, from_quads, to_quads
from masklet.model.tensors import FrameFeatures
from tests.model.test_two_way import plain_transformer
from tests.tiny import noise, with_weights

GRID = (3, 4)
WIDTH = 32


def decoder():
    return with_weights(MaskDecoder(WIDTH).eval(), prefix="sam_mask_decoder.")


def fine_maps(frames):
    """Stride 4 and stride 8 as images."""
    height, width = GRID
    return (
        noise(frames, WIDTH // 8, 4 * height, 4 * width, seed=7, scale=0.5),
        noise(frames, WIDTH // 4, 2 * height, 2 * width, seed=8, scale=0.5),
    )


def features_of(quarter, eighth):
    return FrameFeatures(
        embedding_FLC=torch.empty(len(quarter), 0),
        eighth_FL4c=to_quads(eighth.flatten(2).transpose(1, 2), GRID, levels=1),
        quarter_FL16c=to_quads(quarter.flatten(2).transpose(1, 2), GRID, levels=2),
        grid=GRID,
    )


def mlp(layer, x):
    *hidden, last = layer.layers
    for one in hidden:
        x = F.relu(F.linear(x, one.weight, one.bias))
    return F.linear(x, last.weight, last.bias)


def plain(model, image, dense, sparse, positions, quarter, eighth):
    """Logits, IoU, tokens and score, with images of channels first."""
    rows = len(sparse)
    output = torch.cat(
        [model.obj_score_token.weight, model.iou_token.weight, model.mask_tokens.weight]
    )
    tokens = torch.cat([output.expand(rows, -1, -1), sparse], dim=1)
    whole = (image + dense).expand(rows, len(positions), -1)
    tokens, whole = plain_transformer(model.transformer, tokens, whole, positions)
    x = whole.transpose(1, 2).unflatten(2, GRID)
    first, norm, _, second = model.output_upscaling
    x = F.conv_transpose2d(x, first.weight, first.bias, stride=2) + eighth
    x = F.gelu(norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
    x = F.gelu(F.conv_transpose2d(x, second.weight, second.bias, stride=2) + quarter)
    brushes = [mlp(one, tokens[:, 2 + n]) for n, one in enumerate(model.output_hypernetworks_mlps)]
    logits = torch.einsum("bmc,bchw->bmhw", torch.stack(brushes, dim=1), x)
    iou = mlp(model.iou_prediction_head, tokens[:, 1]).sigmoid()
    return logits, iou, tokens[:, 2:6], mlp(model.pred_obj_score_head, tokens[:, 0])[:, 0]


def answers(candidates):
    return (
        candidates.logits_BMhw,
        candidates.iou_BM,
        candidates.pointers_BMC,
        candidates.object_score_B,
    )


@pytest.mark.parametrize("frames", [1, 2], ids=["one frame", "a frame per row"])
@pytest.mark.parametrize("masked", [False, True], ids=["no mask", "a mask per row"])
@pytest.mark.parametrize("points", [0, 3], ids=["no point", "three points"])
def test_candidates_equal_their_plain_form(frames, masked, points):
    model, positions = decoder(), noise(12, WIDTH, seed=3)
    image = noise(frames, 12, WIDTH)
    dense = noise(2, 12, WIDTH, seed=1) if masked else noise(1, 1, WIDTH, seed=1)
    sparse = noise(2, points, WIDTH, seed=2)
    quarter, eighth = fine_maps(frames)
    with torch.no_grad():
        ours = answers(model(image + dense, sparse, positions, features_of(quarter, eighth)))
        expected = plain(model, image, dense, sparse, positions, quarter, eighth)
    for own, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(own, other, atol=5e-5, rtol=1e-4)


def test_candidates_have_the_gradients_of_their_plain_form():
    gradients = []
    for is_plain in (False, True):
        model = decoder().train()
        image, dense, sparse = (
            noise(1, 12, WIDTH),
            noise(2, 12, WIDTH, seed=1),
            noise(2, 3, WIDTH, seed=2),
        )
        maps = fine_maps(1)
        for tensor in (image, dense, sparse, *maps):
            tensor.requires_grad_()
        arguments = (image, dense, sparse, noise(12, WIDTH, seed=3))
        results = (
            plain(model, *arguments, *maps)
            if is_plain
            else answers(model(image + dense, *arguments[2:], features_of(*maps)))
        )
        sum((x * noise(*x.shape, seed=9)).sum() for x in results).backward()
        inputs = {f"input {n}": x.grad for n, x in enumerate((image, dense, sparse, *maps))}
        gradients.append({**inputs, **{name: p.grad for name, p in model.named_parameters()}})
    ours, expected = gradients
    for name, gradient in expected.items():
        if gradient is None:
            # The projections of the fine maps are used by `SAM2.encode_image`.
            assert name.startswith(("conv_s0", "conv_s1"))
            continue
        own = torch.zeros_like(gradient) if ours[name] is None else ours[name]
        scale = gradient.abs().max().clamp(min=1.0)
        torch.testing.assert_close(own / scale, gradient / scale, atol=1e-4, rtol=1e-3)


def test_a_frame_shared_by_rows_equals_copies_of_it():
    model, positions = decoder(), noise(12, WIDTH, seed=3)
    image, dense, sparse = (
        noise(1, 12, WIDTH),
        noise(1, 1, WIDTH, seed=1),
        noise(3, 2, WIDTH, seed=2),
    )
    quarter, eighth = fine_maps(1)
    copies = [x.expand(3, *x.shape[1:]).contiguous() for x in (image, quarter, eighth)]
    with torch.no_grad():
        shared = answers(model(image + dense, sparse, positions, features_of(quarter, eighth)))
        own = answers(model(copies[0] + dense, sparse, positions, features_of(*copies[1:])))
    for one, other in zip(shared, own, strict=True):
        torch.testing.assert_close(one, other, atol=5e-5, rtol=1e-4)


def test_an_unfolded_token_is_a_transposed_convolution_of_its_pixel():
    layer = with_weights(Unfold(6, 3), prefix="output_upscaling.0.")
    image = noise(2, 6, *GRID)
    expected = F.conv_transpose2d(image, layer.weight, layer.bias, stride=2)
    unfolded = layer(image.flatten(2).transpose(1, 2))
    assert unfolded.shape == (2, 12, 4, 3)
    expected = to_quads(expected.flatten(2).transpose(1, 2), GRID, levels=1)
    torch.testing.assert_close(unfolded, expected)


def test_quads_of_two_levels_go_back_to_an_image():
    image = noise(2, 5, 4 * GRID[0], 4 * GRID[1])
    quads = to_quads(image.flatten(2).transpose(1, 2), GRID, levels=2)
    assert quads.shape == (2, 12, 16, 5)
    assert torch.equal(from_quads(quads.permute(0, 3, 1, 2).flatten(2), GRID), image)


def test_quad_order_is_token_then_child_then_grandchild():
    image = torch.arange(8 * 8).reshape(1, 64, 1)
    quads = to_quads(image, (2, 2), levels=2)[0, :, :, 0]
    # Token (0, 1), its child (1, 0), of that the grandchild (0, 1): row 2, column 4 + 1.
    assert quads[1, 2 * 4 + 1] == 2 * 8 + 5
    one_level = to_quads(torch.arange(16).reshape(1, 16, 1), (2, 2), levels=1)[0, :, :, 0]
    assert one_level.tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
