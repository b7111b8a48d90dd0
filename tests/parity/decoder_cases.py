"""Module fixtures of the mask decoder and of what is made of its answers."""

import torch
from torch import Tensor

from masklet.model.mask_decoder import to_quads
from masklet.model.sam2 import SAM2
from masklet.model.tensors import Candidates, FrameFeatures, PromptTensors
from masklet.ops.masks import hide_absent, pick, stability_scores, stable_candidate
from masklet.ops.resize import resize_logits, resize_mask
from tests.parity import inputs
from tests.parity.cases import CPU, Case, Outputs, Table, tensors_of, tokens_of

_DECODER_GRID = (64, 64)


def _features(case: Case) -> FrameFeatures:
    """The image of the decoder's fixtures."""
    tensors = tensors_of(case)
    return FrameFeatures(
        embedding_FLC=tokens_of(tensors["md_img"]),
        eighth_FL4c=to_quads(tokens_of(tensors["md_h1"]), _DECODER_GRID, levels=1),
        quarter_FL16c=to_quads(tokens_of(tensors["md_h0"]), _DECODER_GRID, levels=2),
        grid=_DECODER_GRID,
    )


def _decoded(case: Case, model: SAM2) -> Candidates:
    features, tensors = _features(case), tensors_of(case)
    candidates: Candidates = model.sam_mask_decoder(
        features.embedding_FLC + tokens_of(tensors["md_dense"]),
        tensors["md_sparse"],
        model.sam_prompt_encoder.pe_layer.grid(_DECODER_GRID),
        features,
    )
    return candidates


def _decoder_all(case: Case, model: SAM2) -> Outputs:
    decoded = _decoded(case, model)
    return {
        "masks": decoded.logits_BMhw,
        "iou": decoded.iou_BM,
        "tokens": decoded.pointers_BMC,
        "score": decoded.object_score_B[:, None],
    }


def _stability(case: Case, model: SAM2) -> Outputs:
    return {"stability": stability_scores(_decoded(case, model).logits_BMhw, delta=0.05)}


def _decoder_multimask(case: Case, model: SAM2) -> Outputs:
    everything = _decoder_all(case, model)
    of_three = {name: values[:, 1:] for name, values in everything.items() if name != "score"}
    return {**of_three, "score": everything["score"]}


def _decoder_single(case: Case, model: SAM2) -> Outputs:
    decoded = _decoded(case, model)
    return {
        **_picked(decoded, stable_candidate(decoded.logits_BMhw, decoded.iou_BM)),
        # parity 11: the pointer's token follows the mode, not the mask.
        "tokens": decoded.pointers_BMC[:, :1],
        "score": decoded.object_score_B[:, None],
    }


def _decoder_at_threshold(case: Case, model: SAM2) -> Outputs:
    decoded = _decoded(case, model)
    threshold = float(case["name"].rsplit("_", 1)[1])
    return _picked(
        decoded, stable_candidate(decoded.logits_BMhw, decoded.iou_BM, threshold=threshold)
    )


def _picked(decoded: Candidates, index_B: Tensor) -> Outputs:
    return {
        "masks": pick(decoded.logits_BMhw, index_B)[:, None],
        "iou": pick(decoded.iou_BM, index_B)[:, None],
    }


def _two_way(case: Case, model: SAM2) -> Outputs:
    decoder, tensors = model.sam_mask_decoder, tensors_of(case)
    tokens = torch.cat(
        [
            decoder.obj_score_token.weight,
            decoder.iou_token.weight,
            decoder.mask_tokens.weight,
            tensors["md_sparse"][0],
        ]
    )
    positions = model.sam_prompt_encoder.pe_layer.grid(_DECODER_GRID)
    result = decoder.transformer(tokens[None], tokens_of(tensors["md_img"]), positions)
    return {"queries": result.tokens_BTC, "keys": result.image_BLC}


def _heads(case: Case, model: SAM2) -> Outputs:
    features = _features(case)
    prompts = PromptTensors.nothing(1, CPU)
    if "point" in case["inputs"]:
        point = torch.tensor(case["inputs"]["point"], dtype=torch.float32).reshape(1, 1, 2)
        prompts = PromptTensors(points_BP2=point, labels_BP=torch.ones((1, 1), dtype=torch.int64))
    decoded = model.decode(features.embedding_FLC, features, prompts)
    low = hide_absent(decoded.logits_BMhw[:, 1:], decoded.object_score_B)
    high = resize_logits(low[0], (1024, 1024))[None]
    best = decoded.iou_BM[:, 1:].argmax(dim=1)
    return {
        "low_multi": low,
        "high_multi": high,
        "iou": decoded.iou_BM[:, 1:],
        "low": pick(low, best)[:, None],
        "high": pick(high, best)[:, None],
        "ptr": pick(decoded.pointers_BMC, 1 + best),
        "score": decoded.object_score_B[:, None],
    }


def _adopt_mask(case: Case, model: SAM2) -> Outputs:
    mask = torch.from_numpy(inputs.blob_mask(1024, 1024, 21))[None].float()
    adopted = model.adopt_mask(_features(case), mask)
    low = resize_mask(adopted.logits_BMhw[0], (256, 256))[None]
    return {
        "low_multi": low,
        "high_multi": adopted.logits_BMhw,
        "iou": adopted.iou_BM,
        "low": low,
        "high": adopted.logits_BMhw,
        "ptr": adopted.pointers_BMC[:, 0],
        "score": adopted.object_score_B[:, None],
    }


def _mask_downsample(case: Case, model: SAM2) -> Outputs:
    mask = torch.from_numpy(inputs.blob_mask(1024, 1024, 21))[None, None].float()
    return {"out": model.mask_downsample(mask)}


def _pointer_projection(case: Case, model: SAM2) -> Outputs:
    return {"out": model.obj_ptr_proj(tensors_of(case)["ptr_in"])}


FUNCTIONS: Table = (
    (r"decoder_all", _decoder_all),
    (r"decoder_stability", _stability),
    (r"decoder_multimask_True", _decoder_multimask),
    (r"decoder_multimask_False", _decoder_single),
    (r"decoder_stability_thresh_[01]", _decoder_at_threshold),
    (r"two_way_transformer", _two_way),
    (r"sam_heads_.*", _heads),
    (r"mask_as_output", _adopt_mask),
    (r"mask_downsample", _mask_downsample),
    (r"obj_ptr_proj", _pointer_projection),
)
