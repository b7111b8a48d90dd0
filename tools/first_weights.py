"""Train and export masklet-small, the weights that are part of the package, on a CPU.

    python tools/first_weights.py DATA RUN --minutes 50 --export masklet-small.safetensors

DATA is described in `first_weights_data`; `first_weights_scores` measures the result. RUN keeps the
log and the newest checkpoint; the same command continues from it. The learning rate and the picture
size follow the clock, so that training ends on time on any machine.

Shapes: S picture side, h = w = S / 4 mask grid, F pictures, K prompts a picture, B = F K rows, M
candidates. Losses compare on the mask grid with soft targets, the covered share of every cell.
"""

import argparse
import copy
import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from first_weights_data import Library, Painter, read_library, read_photos
from first_weights_scores import evaluate, interior_depths, ious
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from masklet.image.predictor import ImagePredictor
from masklet.model.config import HieraConfig, MemoryConfig, ModelConfig, Version
from masklet.model.preprocess import normalize
from masklet.model.sam2 import SAM2
from masklet.model.tensors import Candidates, FrameFeatures, PromptTensors
from masklet.model.two_way import Attention
from masklet.weights.save import save_safetensors

CONFIG = ModelConfig(
    trunk=HieraConfig(
        embed_dim=48,
        num_heads=1,
        stages=(1, 2, 6, 2),
        global_blocks=(4, 6, 8, 10),
        window_sizes=(8, 4, 4, 2),
        position_grid=7,
    ),
    memory=MemoryConfig(version=Version.V2_1, layers=2, width=32),
    width=128,
    image_size=256,
)
# Neither what is the same everywhere nor fine detail may drown the positions of prompts at first.
FAINT = {
    "image_encoder.neck.convs.0": 0.3,
    "image_encoder.neck.convs.1": 0.3,
    "sam_mask_decoder.conv_s": 0.1,
    "sam_prompt_encoder.no_mask_embed": 0.1,
    "sam_prompt_encoder.point_embeddings": 0.5,
}
# The side of the pictures from this share of the time on: small pictures teach the most a minute.
SIZES = ((0.0, 128), (0.4, 192), (0.75, 256))
PICTURES, CLICK_ROWS, BOX_ROWS = 16, 4, 2
LEARNING_RATE, WEIGHT_DECAY, EMA_DECAY = 6e-4, 0.05, 0.999


class Batches(torch.utils.data.IterableDataset[tuple[Tensor, Tensor]]):
    """Pictures `(F, S, S, 3)` and targets `(F, K, h, w)`, uint8, of the size that the clock asks."""

    def __init__(self, library: Library, begin: float, seconds: float) -> None:
        self.library, self.begin, self.seconds = library, begin, seconds

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        painter = Painter(self.library, seed=int(self.begin))
        while True:
            share = (time.time() - self.begin) / self.seconds
            side = max(side for start, side in SIZES if start <= share or start == 0)
            samples = [painter.sample(side, CLICK_ROWS + BOX_ROWS) for _ in range(PICTURES)]
            pictures, targets = (np.stack(part) for part in zip(*samples, strict=True))
            yield torch.from_numpy(pictures), torch.from_numpy(targets)


def click_cells(wanted_Bhw: Tensor, *, centred: Tensor, limit: int = 12) -> Tensor:
    """A cell of every mask as `(B,)` index: near the most interior one, or any."""
    depths = interior_depths(wanted_Bhw, limit).flatten(1)
    floor = torch.where(centred, 0.6 * depths.amax(dim=1), 0.5)
    noise = torch.rand(depths.shape)
    return torch.where(depths >= floor[:, None].clamp(min=0.5), noise, noise - 1).argmax(dim=1)


def to_points(cells_B: Tensor, grid_width: int) -> Tensor:
    """A place inside each cell, `(B, 1, 2)` in pixels of the network's input."""
    xy_B2 = torch.stack([cells_B % grid_width, cells_B // grid_width], dim=1)
    return ((xy_B2 + torch.rand(xy_B2.shape)) * 4 - 0.5)[:, None]


def noisy_boxes(inside_Bhw: Tensor, jitter: float = 0.1) -> Tensor:
    """Boxes around masks as two corners, `(B, 2, 2)`, each moved by a share of its side."""
    ends = []
    for axis in (1, 2):
        hit = inside_Bhw.any(dim=axis).float()
        size = hit.shape[1]
        ends.append((hit.argmax(dim=1) * 4.0, (size - hit.flip(1).argmax(dim=1)) * 4.0))
    (x0, x1), (y0, y1) = ends
    box_B4 = torch.stack([x0, y0, x1, y1], dim=1)
    sides = torch.stack([x1 - x0, y1 - y0] * 2, dim=1)
    moved = box_B4 + (torch.rand(box_B4.shape) * 2 - 1) * jitter * sides
    return moved.clamp(0, inside_Bhw.shape[-1] * 4 - 1).reshape(-1, 2, 2)


def corrections(logits_Bhw: Tensor, inside_Bhw: Tensor) -> tuple[Tensor, Tensor]:
    """One click each in the thickest error, `(B, 1, 2)`, and its label, `(B, 1)`."""
    said = logits_Bhw > 0
    errors_B2hw = torch.stack([inside_Bhw & ~said, said & ~inside_Bhw], dim=1)
    depths = interior_depths(errors_B2hw.flatten(0, 1), 12).reshape(len(said), 2, -1)
    is_missing = depths[:, 0].amax(dim=1) >= depths[:, 1].amax(dim=1)
    wanted = torch.where(is_missing[:, None, None], errors_B2hw[:, 0], errors_B2hw[:, 1])
    cells = click_cells(wanted, centred=torch.ones(len(said), dtype=torch.bool))
    return to_points(cells, said.shape[-1]), is_missing[:, None].long()


def losses(found: Candidates, target_Bhw: Tensor, is_there_B: Tensor) -> dict[str, Tensor]:
    """Focal and dice, error of the predicted IoU, of the object score, their sum; IoU reached.

    Candidate 0 always learns the mask, of 1 to 3 the best one does, so that three answers stay for
    an ambiguous click; a twentieth for the others keeps all three alive.
    """
    logits = found.logits_BMhw.float()
    target = target_Bhw[:, None].expand_as(logits)
    chance = logits.sigmoid()
    # Normalised focal loss (arXiv 2102.06583): what is wrong weighs the same however small it is.
    # Without the factor alpha: targets are soft, and it would pull every edge inwards.
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    hardness = (chance - target).detach().square()
    focal_BM = (hardness * entropy).sum(dim=(2, 3)) / (hardness.sum(dim=(2, 3)) + 1)
    overlap = (chance * target).sum(dim=(2, 3))
    dice_BM = 1 - (2 * overlap + 1) / (chance.sum(dim=(2, 3)) + target.sum(dim=(2, 3)) + 1)
    mask_BM = focal_BM + dice_BM
    mask_B = mask_BM[:, 0] + mask_BM[:, 1:].amin(dim=1) + 0.05 * mask_BM[:, 1:].mean(dim=1)
    true_BM = ious(logits > 0, target > 0.5)
    error_B = (found.iou_BM.float() - true_BM).abs().mean(dim=1)
    there = is_there_B.float()
    parts = {
        "mask": (mask_B * there).mean(),
        "iou": (error_B * there).mean(),
        "object": F.binary_cross_entropy_with_logits(found.object_score_B.float(), there),
    }
    loss = torch.stack(list(parts.values())).sum()
    return parts | {"loss": loss, "reached": true_BM.amax(dim=1)[is_there_B].mean()}


def spread(features: FrameFeatures, count: int) -> FrameFeatures:
    """Every picture `count` times, as the rows of its prompts see it."""

    def repeated(x_F: Tensor) -> Tensor:
        return x_F[:, None].expand(-1, count, *x_F.shape[1:]).flatten(0, 1)

    return replace(
        features,
        embedding_FLC=repeated(features.embedding_FLC),
        eighth_FL4c=repeated(features.eighth_FL4c),
        quarter_FL16c=repeated(features.quarter_FL16c),
    )


def fed_back(found: Candidates, index_B: Tensor) -> Tensor:
    """One candidate per row as a mask prompt."""
    chosen = found.logits_BMhw[torch.arange(len(index_B)), index_B]
    return chosen.detach().float().clamp(-32, 32)


def picture_loss(model: SAM2, pictures: Tensor, targets: Tensor, rounds: int) -> dict[str, Tensor]:
    """One pass of the encoder; clicks, boxes and `rounds` corrections of the clicks' answers."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = model.encode_image(normalize(pictures.permute(0, 3, 1, 2).float() / 255.0))
        grid = targets.shape[-1]
        soft_BFK = targets.float() / 255.0
        soft = soft_BFK[:, :CLICK_ROWS].flatten(0, 1)
        inside = soft > 0.5
        # A row of every eighth picture has nothing but a click beside everything.
        is_there = torch.arange(len(soft)) % (8 * CLICK_ROWS) > 0
        asked = torch.where(is_there[:, None, None], inside, ~inside)
        cells = click_cells(asked, centred=torch.rand(len(soft)) < 0.5)
        points, labels = to_points(cells, grid), is_there[:, None].long()
        rows = spread(features, CLICK_ROWS)
        embedding = model.condition(rows, None)
        found = model.decode(embedding, rows, PromptTensors(points, labels))
        total = losses(found, soft, is_there)
        carried = fed_back(found, 1 + found.iou_BM[:, 1:].argmax(dim=1))
        for _ in range(rounds):
            point, label = corrections(carried, inside)
            points, labels = torch.cat([points, point], 1), torch.cat([labels, label], 1)
            found = model.decode(embedding, rows, PromptTensors(points, labels, carried))
            carried = fed_back(found, torch.zeros(len(soft), dtype=torch.int64))
            total["loss"] = total["loss"] + losses(found, soft, is_there)["loss"]
        soft = soft_BFK[:, CLICK_ROWS:].flatten(0, 1)
        boxes = noisy_boxes(soft > 0.5)
        corners = torch.tensor([[2, 3]]).expand(len(boxes), 2)
        rows = spread(features, BOX_ROWS)
        found = model.decode(model.condition(rows, None), rows, PromptTensors(boxes, corners))
        boxed = losses(found, soft, torch.ones(len(boxes), dtype=torch.bool))
        return total | {"boxed": boxed["reached"], "loss": total["loss"] + boxed["loss"]}


def fresh_model() -> SAM2:
    """A model in which prompts look at their own place, and mark it, from the first step on.

    Queries and keys of the decoder's attentions start as one map, so a prompt and a cell of the
    image are as similar as their positions, and values start as they are, so the cell hears what
    kind of prompt it was. With the usual start, finding that took more steps than we have.
    """
    model = SAM2(CONFIG).train()
    with torch.no_grad():
        for name, module in model.sam_mask_decoder.named_modules():
            if not isinstance(module, Attention) or name.endswith("layers.1.self_attn"):
                continue
            if name.endswith("self_attn"):
                torch.nn.init.orthogonal_(module.q_proj.weight, gain=1.3)
            else:
                module.q_proj.weight *= 2.5
            module.k_proj.weight.copy_(module.q_proj.weight)
            torch.nn.init.orthogonal_(module.v_proj.weight)
            module.out_proj.weight.copy_(module.v_proj.weight.t())
        for name, parameter in model.named_parameters():
            for start, factor in FAINT.items():
                if name.startswith(start):
                    parameter.mul_(factor)
    return model


class Training:
    """The model, its average, the optimiser and the clock: all that a checkpoint holds."""

    def __init__(self, run: Path, seconds: float) -> None:
        self.run, self.seconds = run, seconds
        self.model = fresh_model()
        self.average = copy.deepcopy(self.model).eval()
        matrices = [p for p in self.model.parameters() if p.dim() > 1]
        others = [p for p in self.model.parameters() if p.dim() <= 1]
        groups: list[dict[str, Any]] = [  # Any: parameters beside numbers
            {"params": matrices},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(
            groups, lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY
        )
        self.step, self.elapsed = 0, 0.0
        if (path := run / "checkpoint.pt").exists():
            saved = torch.load(path, weights_only=True)
            self.model.load_state_dict(saved["model"])
            self.average.load_state_dict(saved["average"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.step, self.elapsed = saved["step"], saved["elapsed"]
        self.begin = time.time() - self.elapsed
        self.durations: dict[int, list[float]] = {1: [], 2: []}

    def learn(self, pictures: Tensor, targets: Tensor) -> dict[str, float]:
        """One step; the learning rate warms up and then falls to zero with the clock."""
        self._choose_threads()
        started = time.time()
        self.elapsed = started - self.begin
        share = min(self.elapsed / self.seconds, 1.0)
        rate = LEARNING_RATE * min((self.step + 1) / 100, 0.5 + 0.5 * math.cos(math.pi * share))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        parts = picture_loss(self.model, pictures, targets, rounds=(1, 2, 1, 3)[self.step % 4])
        self.optimiser.zero_grad()
        parts["loss"].backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        weight = 1 - min(EMA_DECAY, self.step / (self.step + 10))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
                slow.lerp_(fast, weight)
        self.durations[torch.get_num_threads()].append(time.time() - started)
        return {name: float(value.detach()) for name, value in parts.items()} | {
            "norm": float(norm),
            "rate": rate,
        }

    def _choose_threads(self) -> None:
        """One or two threads, whichever was faster just now: two wait for each other on a busy CPU."""
        turn = self.step % 30
        if turn < 4:
            torch.set_num_threads(1 + turn // 2)
        elif turn == 4 and self.durations[1] and self.durations[2]:
            torch.set_num_threads(min((1, 2), key=lambda count: min(self.durations[count][-2:])))

    def save(self, export: Path, side: int) -> None:
        """Write the checkpoint and the weights, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
        }
        torch.save(state, self.run / "checkpoint.new")
        (self.run / "checkpoint.new").replace(self.run / "checkpoint.pt")
        self.average.config = replace(CONFIG, image_size=side)
        shipped = SAM2(self.average.config)
        shipped.load_state_dict(self.average.state_dict())
        save_safetensors(shipped.half(), export, name="masklet-small", licence="Apache-2.0")


def train(data: Path, run: Path, minutes: float, export: Path) -> None:
    """Train until the clock says stop, with a look at 60 pictures every ten minutes."""
    run.mkdir(parents=True, exist_ok=True)
    library = read_library(data)
    validation = read_photos([data / "val-images.tar"])
    validation = [validation[n] for n in np.random.default_rng(0).permutation(len(validation))[:60]]
    torch.manual_seed(int(time.time()))
    training = Training(run, minutes * 60)
    dataset = Batches(library, training.begin, training.seconds)
    batches = torch.utils.data.DataLoader(
        dataset, batch_size=None, num_workers=1, prefetch_factor=4
    )
    with (run / "log.jsonl").open("a", buffering=1) as log:
        looked = training.elapsed - 300
        # Many small windows: the fused attention of CPUs spends longer on them than plain products.
        with sdpa_kernel(SDPBackend.MATH):
            for pictures, targets in batches:
                said = training.learn(pictures, targets)
                is_over = training.elapsed >= training.seconds
                if training.step % 20 == 0:
                    entry = {
                        "step": training.step,
                        "seconds": training.elapsed,
                        "side": pictures.shape[1],
                        "threads": torch.get_num_threads(),
                    }
                    log.write(json.dumps(entry | {k: round(v, 5) for k, v in said.items()}) + "\n")
                if is_over or training.elapsed - looked > 600:
                    looked = training.elapsed
                    training.save(export, pictures.shape[1])
                    predictor = ImagePredictor(training.average)
                    scores = evaluate(predictor, validation, per_image=3, clicks=2)["all"]
                    log.write(json.dumps({"step": training.step, "validation": scores}) + "\n")
                if is_over:
                    return


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train masklet-small.")
    parser.add_argument("data", type=Path, help="folder of tar files")
    parser.add_argument("run", type=Path, help="folder for the log and the checkpoint")
    parser.add_argument(
        "--minutes", type=float, default=50.0, help="of training, all runs together"
    )
    parser.add_argument(
        "--export", type=Path, required=True, help="the weights, renewed every ten minutes"
    )
    arguments = parser.parse_args()
    train(arguments.data, arguments.run, arguments.minutes, arguments.export)


if __name__ == "__main__":
    main()
