"""The model that a training begins with: made new, or from weights, with what only training needs."""

from dataclasses import replace

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from masklet.errors import TrainingError
from masklet.model.config import ModelConfig
from masklet.model.layers import DropPath
from masklet.model.sam2 import SAM2
from masklet.model.trunks.token_map import TokenMap
from masklet.train.config import ModelOptions, TrainConfig
from masklet.train.lora import add_lora
from masklet.train.recipe_changes import recipe_changes
from masklet.train.restoring import add_head
from masklet.train.settings import as_document
from masklet.train.starting import start_prompts
from masklet.weights.load import load


def build_model(config: TrainConfig, device: torch.device) -> SAM2:
    """The model of a recipe on a device, in float32; all of it learns, or its adapters do.

    One that is to restore pictures has a head for that, and of the rest its image encoder alone
    learns. Its pictures have the size of the last stage, also for whoever loads what it exports.

    Raises:
        TrainingError: the architecture is impossible, or is not that of the weights.
        CheckpointError, DownloadError: the weights cannot be had.
    """
    options = config.model
    model = _fresh(options, config.seed) if options.weights is None else _loaded(options)
    side = config.stages[-1].side or model.config.image_size
    model.config = replace(model.config, image_size=side)
    if "prompts" in options.prepared:
        start_prompts(model, generator=torch.Generator().manual_seed(config.seed))
    model.requires_grad_(True)
    _set_dropping(model, options)
    if config.checkpoints_blocks:
        _checkpoint_blocks(model)
    if config.lora is not None:
        add_lora(model, config.lora, generator=torch.Generator().manual_seed(config.seed))
    if config.restore is not None:
        add_head(model, generator=torch.Generator().manual_seed(config.seed))
    return model.to(device)


def _fresh(options: ModelOptions, seed: int) -> SAM2:
    assert options.architecture is not None, "checked by the options"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return SAM2(options.architecture)
        except (ArithmeticError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"there is no model of this architecture: {error}; expected sizes that go "
                "together. Change model.architecture."
            ) from error


def _loaded(options: ModelOptions) -> SAM2:
    assert options.weights is not None, "the caller has looked"
    found = load(options.weights, device="cpu", dtype="float32")
    if options.architecture is not None:
        _check_same(options.weights, found.config, options.architecture)
    model = SAM2(found.config)
    # A copy: what was loaded may lie in a file.
    model.load_state_dict(found.state_dict())
    return model


def _check_same(weights: str, theirs: ModelConfig, ours: ModelConfig) -> None:
    # Positions are made for any size of picture.
    differences = recipe_changes(
        as_document(replace(theirs, image_size=0)), as_document(replace(ours, image_size=0))
    )
    if differences:
        raise TrainingError(
            f"the weights {weights} are of another architecture than the recipe: "
            f"{'; '.join(differences)}; expected the same. Set model.architecture=none to take "
            "that of the weights, or begin with others."
        )


def _set_dropping(model: SAM2, options: ModelOptions) -> None:
    blocks = list(model.image_encoder.trunk.blocks)
    for number, block in enumerate(blocks):
        for part in block.children():
            if isinstance(part, DropPath):
                part.rate = options.drop_path * number / max(len(blocks) - 1, 1)
    for module in model.memory_attention.modules():
        if isinstance(module, nn.Dropout):
            module.p = options.dropout


def _checkpoint_blocks(model: SAM2) -> None:
    """Make the blocks of the trunk forget what they computed until the backward pass.

    The method of each block is replaced, not the block, whose names a checkpoint has.
    """
    for block in model.image_encoder.trunk.blocks:
        forward = block.forward

        def again(x: TokenMap, forward: object = forward) -> TokenMap:
            kept: TokenMap = checkpoint(forward, x, use_reentrant=False)
            return kept

        block.forward = again
