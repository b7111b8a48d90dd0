"""Module fixtures of pixels, positions, the image encoder and the prompt encoder."""

import torch
from torch import Tensor

from masklet.model.positions import sine_grid, sine_times
from masklet.model.preprocess import normalize, preprocess_image, to_input_pixels
from masklet.model.sam2 import SAM2
from masklet.model.trunks.token_map import TokenMap
from masklet.ops.resize import resize_frame_pil
from tests.parity import inputs
from tests.parity.cases import CPU, Case, Outputs, Table, image_of, tensors_of, times_of

_PROMPT_GRID = (64, 64)


def _sine_grid(case: Case, model: None) -> Outputs:
    given = case["inputs"]
    grid = (given["h"], given["w"])
    return {"pe": image_of(sine_grid(grid, given["num_pos_feats"], CPU)[None], grid)}


def _fourier_grid(case: Case, model: SAM2) -> Outputs:
    grid = (case["inputs"]["h"], case["inputs"]["w"])
    return {"pe": image_of(model.sam_prompt_encoder.pe_layer.grid(grid)[None], grid)}


def _fourier_points(case: Case, model: SAM2) -> Outputs:
    height, width = case["inputs"]["image_size"]
    points = torch.tensor(case["inputs"]["coords"]) / torch.tensor([width, height])
    return {"pe": model.sam_prompt_encoder.pe_layer(points)}


def _sine_times(case: Case, model: None) -> Outputs:
    return {f"d{width}": sine_times(times_of(case), width) for width in case["inputs"]["dims"]}


def _trunk_positions(case: Case, model: SAM2) -> Outputs:
    height, width = case["inputs"]["hw"]
    return {"out": model.image_encoder.trunk.positions((height, width))}


def _trunk(case: Case, model: SAM2) -> Outputs:
    (images,) = tensors_of(case).values()
    stages = model.image_encoder.trunk(images)
    return {
        f"stage{number}": image_of(stage.ordered(0).tokens_BLC, stage.grid)
        for number, stage in enumerate(stages)
    }


def _encoder(case: Case, model: SAM2) -> Outputs:
    (images,) = tensors_of(case).values()
    maps = pyramid(model, model.image_encoder.trunk(images))
    return {f"fpn{level}": image for level, image in enumerate(maps)}


def pyramid(model: SAM2, stages: tuple[TokenMap, ...]) -> list[Tensor]:
    """The neck's maps at strides 4, 8 and 16, `(F, C, H, W)`, as the reference computes them.

    The network never makes the two fine ones: it composes them with what the decoder does next.
    """
    neck = model.image_encoder.neck
    fine = [
        image_of(
            neck.get_submodule(f"convs.{3 - level}.conv")(stage.ordered(0).tokens_BLC), stage.grid
        )
        for level, stage in enumerate(stages[:2])
    ]
    return [*fine, image_of(neck.embedding(stages[2], stages[3]), stages[2].grid)]


def _image_transform(case: Case, model: None) -> Outputs:
    return {"out": preprocess_image(inputs.picture(*case["inputs"]["image"]), (1024, 1024), CPU)[0]}


def _video_transform(case: Case, model: None) -> Outputs:
    side = case["inputs"]["size"]
    frame = resize_frame_pil(inputs.picture(*case["inputs"]["image"]), (side, side))
    return {"out": normalize(frame[None])[0]}


def _point_transform(case: Case, model: None) -> Outputs:
    height, width = case["inputs"]["hw"]
    points = torch.tensor(case["inputs"]["coords"])
    return {"out": to_input_pixels(points, (height, width), (1024, 1024))}


def _prompt_points(case: Case, model: SAM2) -> Outputs:
    points, labels = torch.tensor(case["inputs"]["coords"]), torch.tensor(case["inputs"]["labels"])
    encoder = model.sam_prompt_encoder
    return {
        "sparse": encoder.embed_prompts(points, labels, (1024, 1024)),
        "dense": _no_mask(model, rows=1),
    }


def _corners(case: Case, model: SAM2) -> Tensor:
    boxes = torch.tensor(case["inputs"]["boxes"]).reshape(-1, 2, 2)
    labels = torch.tensor([[2, 3]]).expand(len(boxes), 2)
    return model.sam_prompt_encoder.embed_points(boxes, labels, (1024, 1024))


def _prompt_boxes(case: Case, model: SAM2) -> Outputs:
    corners = _corners(case, model)
    return {"sparse": corners, "dense": _no_mask(model, rows=len(corners))}


def _prompt_points_and_boxes(case: Case, model: SAM2) -> Outputs:
    points = [[10.0, 20.0], [500.5, 300.25], [700.0, 900.0], [1000.0, 30.0], [64.0, 64.0]]
    clicks = model.sam_prompt_encoder.embed_points(
        torch.tensor([points]), torch.tensor([[1, 0, 2, 3, -1]]), (1024, 1024)
    )
    corners = _corners(case, model)
    return {"sparse": torch.cat([clicks.expand(len(corners), -1, -1), corners], dim=1)}


def _prompt_mask(case: Case, model: SAM2) -> Outputs:
    mask = tensors_of(case)["pe_mask"]
    dense = model.sam_prompt_encoder.embed_mask(mask[:, 0])
    return {"dense": image_of(dense, _PROMPT_GRID)}


def _no_mask(model: SAM2, rows: int) -> Tensor:
    dense = model.sam_prompt_encoder.embed_no_mask()
    return image_of(dense.expand(rows, 64 * 64, -1), _PROMPT_GRID)


FUNCTIONS: Table = (
    (r"sine_pe_.*", _sine_grid),
    (r"random_pe_dense", _fourier_grid),
    (r"random_pe_coords", _fourier_points),
    (r"sine_1d", _sine_times),
    (r"prompt_points", _prompt_points),
    (r"prompt_boxes", _prompt_boxes),
    (r"prompt_points_boxes", _prompt_points_and_boxes),
    (r"prompt_mask", _prompt_mask),
    (r".*/pos_embed_.*", _trunk_positions),
    (r".*/trunk_.*", _trunk),
    (r".*/encoder_.*", _encoder),
    (r"image_transform_.*", _image_transform),
    (r"video_transform_.*", _video_transform),
    (r"transform_coords", _point_transform),
)
