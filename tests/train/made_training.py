"""A training of the tiny model in which every source of random numbers matters."""

import random
from hashlib import sha256

import numpy as np
import torch

from masklet.model.tensors import PromptTensors
from masklet.train.checkpoint import TrainingState
from masklet.train.ema import Average
from masklet.train.optim import OptimOptions, make_optimizers
from tests.tiny import tiny_model

RECIPE = {"optim": {"rate": 1e-3, "betas": (0.9, 0.98)}, "size": 64, "frozen": ["no_obj_ptr"]}


def made_training(seed=0):
    model = tiny_model(seed).train()
    options = OptimOptions(muon_learning_rate=0.02, layer_decay=0.8, frozen=("no_obj_ptr",))
    optimizers = make_optimizers(model, options)
    generators = {"data": torch.Generator().manual_seed(seed)}
    return TrainingState(model, optimizers, Average(model, decay=0.9), generators)


def learn(state, steps):
    for _ in range(steps):
        images = torch.rand(2, 3, 64, 64, generator=state.generators["data"])
        scale = torch.rand(()) + random.random() + float(np.random.rand())  # noqa: NPY002
        features = state.model.encode_image(images * scale)
        click = PromptTensors(torch.full((2, 1, 2), 20.0), torch.ones(2, 1, dtype=torch.int64))
        found = state.model.decode(state.model.condition(features, None), features, click)
        loss = found.logits_BMhw.square().mean() + found.iou_BM.sum()
        for optimizer in state.optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in state.optimizers:
            optimizer.step()
        state.average.update(state.model)


def digest(state):
    """Weights, averages and what the optimisers keep, to the last bit."""
    seen = sha256()
    kept = [
        value
        for optimizer in state.optimizers
        for _, values in sorted(optimizer.state_dict()["state"].items())
        for _, value in sorted(values.items())
    ]
    averages = state.average.tensors()
    for tensor in [*state.model.state_dict().values(), *averages.values(), *kept]:
        seen.update(tensor.detach().contiguous().numpy().tobytes())
    return seen.hexdigest()
