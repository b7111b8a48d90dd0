"""Teach the memory of masklet-small to track, on one core of a CPU.

    python tools/first_memory.py DATA RUN WEIGHTS --minutes 50 --export masklet-small.safetensors

WEIGHTS are those of `first_weights`, whose image encoder and prompt encoder stay as they are; the
mask decoder learns slowly beside the memory, with pictures in between so that it forgets nothing.
DATA is described in `first_weights_data` and `first_memory_data`; `first_memory_scores` measures the
result. RUN keeps the log and the newest checkpoint; the same command continues from it.

Shapes: V clips, T frames, S side, R rows (one object of a clip), h = w = S / 4 mask grid.
"""

import argparse
import copy
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from first_memory_data import HELD_OUT, Clip, Filmer, Video, read_videos
from first_memory_scores import region_score, tracked
from first_memory_start import start_memory
from first_weights import corrections, fed_back, losses, noisy_boxes, picture_loss
from first_weights_data import Library, Painter, read_library
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.policy import Hypothesis, Moment
from masklet.memory.standard import StandardPolicy
from masklet.model.precision import set_precision
from masklet.model.preprocess import normalize
from masklet.model.sam2 import SAM2
from masklet.model.tensors import Candidates, FrameFeatures, PromptTensors
from masklet.ops.masks import hide_absent, pick
from masklet.ops.resize import resize_mask
from masklet.tracking.steps import condition_rows, remember_rows
from masklet.types import Prompt
from masklet.weights.load import load
from masklet.weights.save import save_safetensors

# From this share of the time on: the side of clips, their frames, every how many steps come pictures.
STAGES = ((0.0, 128, 5, 2), (0.25, 192, 5, 2), (0.5, 256, 5, 1), (0.85, 256, 7, 1))
CLIPS, OBJECTS, PICTURES = 8, 2, 8
MEMORY_RATE, DECODER_RATE, WEIGHT_DECAY, EMA_DECAY = 6e-4, 1e-4, 0.01, 0.995
MEMORY = (
    "memory_attention",
    "memory_encoder",
    "maskmem_tpos_enc",
    "no_obj_ptr",
    "mask_downsample",
    "obj_ptr_proj",
    "no_obj_embed_spatial",
    "obj_ptr_tpos_proj",
)
DECODER = ("sam_mask_decoder", "sam_prompt_encoder.not_a_point_embed")
# Part of the mask decoder, but what they say is part of a frame's features.
FIXED = ("sam_mask_decoder.conv_s0", "sam_mask_decoder.conv_s1")
POLICY = StandardPolicy()


@dataclass(frozen=True, slots=True)
class Batch:
    """Clips as the network needs them."""

    frames: tuple[FrameFeatures, ...]
    """Per frame of time the features of all rows."""
    masks_RTSS: Tensor
    """0 or 1."""
    soft_RThw: Tensor
    """The covered share of every cell."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was found on a frame, as it is remembered."""

    logits_Rhw: Tensor
    iou_R: Tensor
    pointer_RC: Tensor
    object_score_R: Tensor


def batch_of(eyes: SAM2, clips: list[Clip]) -> Batch:
    """Encode clips of one length."""
    frames = torch.from_numpy(np.concatenate([clip.frames for clip in clips]))
    length = len(clips[0].frames)
    with torch.no_grad():
        seen = eyes.encode_image(normalize(frames.permute(0, 3, 1, 2).float() / 255.0))
    owner_R = torch.tensor([n for n, clip in enumerate(clips) for _ in clip.masks]) * length
    masks = torch.from_numpy(np.concatenate([clip.masks for clip in clips])).float()
    return Batch(
        frames=tuple(seen.rows(owner_R + t) for t in range(length)),
        masks_RTSS=masks,
        soft_RThw=F.avg_pool2d(masks, 4),
    )


def shown(found: Candidates) -> Said:
    """The best of three, as the tracker takes it."""
    index_R = 1 + found.iou_BM[:, 1:].argmax(dim=1)
    logits_Rhw = pick(found.logits_BMhw, index_R).float()
    return Said(
        logits_Rhw=hide_absent(logits_Rhw, found.object_score_B.float()),
        iou_R=pick(found.iou_BM, index_R),
        pointer_RC=pick(found.pointers_BMC, index_R),
        object_score_R=found.object_score_B.float(),
    )


def tracking_losses(found: Candidates, soft_Rhw: Tensor, is_there_R: Tensor) -> dict[str, Tensor]:
    """As for pictures, and what is shown learns as much as the best candidate."""
    parts = losses(found, soft_Rhw, is_there_R)
    index_R = 1 + found.iou_BM[:, 1:].argmax(dim=1)
    both = torch.stack([index_R, index_R], dim=1)[..., None, None]
    alone = replace(
        found,
        logits_BMhw=found.logits_BMhw.gather(1, both.expand(-1, -1, *found.logits_BMhw.shape[2:])),
        iou_BM=found.iou_BM.gather(1, both[..., 0, 0]),
    )
    taken = losses(alone, soft_Rhw, is_there_R)
    return parts | {"loss": parts["loss"] + 0.5 * taken["mask"], "shown": taken["reached"]}


def given_mask(model: SAM2, features: FrameFeatures, masks_RSS: Tensor) -> Said:
    """A mask of the user's is its own answer."""
    adopted = model.adopt_mask(features, masks_RSS)
    grid = (masks_RSS.shape[1] // 4, masks_RSS.shape[2] // 4)
    return Said(
        logits_Rhw=resize_mask(adopted.logits_BMhw[:, 0], grid),
        iou_R=adopted.iou_BM[:, 0],
        pointer_RC=adopted.pointers_BMC[:, 0],
        object_score_R=adopted.object_score_B,
    )


class Rehearsal:
    """One pass through a batch of clips: what is remembered so far, and what it cost."""

    def __init__(self, model: SAM2, batch: Batch) -> None:
        self.model, self.batch = model, batch
        rows = len(batch.masks_RTSS)
        self.tracks = [Hypothesis(row, MemoryBank(), None) for row in range(rows)]
        self.loss = torch.zeros(())
        self.seen: dict[str, float] = {}

    def begin(self, *, with_mask: bool) -> None:
        """The first frame, with a mask or a box."""
        features, masks = self.batch.frames[0], self.batch.masks_RTSS[:, 0]
        if with_mask:
            self.remember(0, given_mask(self.model, features, masks), is_prompted=True)
            return
        soft = self.batch.soft_RThw[:, 0]
        boxes = noisy_boxes(soft > 0.25)
        corners = torch.tensor([[2, 3]]).expand(len(boxes), 2)
        embedding = self.model.condition(features, None)
        found = self.model.decode(embedding, features, PromptTensors(boxes, corners))
        self.learn("box", losses(found, soft, torch.ones(len(boxes), dtype=torch.bool)))
        self.remember(0, shown(found), is_prompted=True)

    def go_on(self, t: int, *, correct: bool) -> None:
        """A later frame, found by memory alone and, if asked to, corrected by a click."""
        features, soft = self.batch.frames[t], self.batch.soft_RThw[:, t]
        is_there = self.batch.masks_RTSS[:, t].sum(dim=(1, 2)) >= 8
        recalls = [POLICY.recall(track, Moment(t)) for track in self.tracks]
        embedding = condition_rows(self.model, features, recalls)
        nothing = PromptTensors.nothing(len(soft), embedding.device)
        found = self.model.decode(embedding, features, nothing)
        if is_there.any():
            self.learn(f"frame{t}", tracking_losses(found, soft, is_there))
        if correct and is_there.all():
            carried = fed_back(found, 1 + found.iou_BM[:, 1:].argmax(dim=1))
            points, labels = corrections(carried, soft > 0.5)
            found = self.model.decode(embedding, features, PromptTensors(points, labels, carried))
            self.learn("corrected", losses(found, soft, is_there))
            self.remember(t, shown(found), is_prompted=True)
            return
        self.remember(t, shown(found), is_prompted=False)

    def learn(self, name: str, parts: dict[str, Tensor]) -> None:
        """Add the losses of a frame; note the IoU that it reached."""
        self.loss = self.loss + parts["loss"]
        self.seen[name] = float(parts.get("shown", parts["reached"]).detach())
        self.seen["object"] = float(parts["object"].detach())

    def remember(self, t: int, said: Said, *, is_prompted: bool) -> None:
        """Keep what was said of a frame."""
        spatial_RLD = remember_rows(
            self.model,
            self.batch.frames[t],
            said.logits_Rhw,
            said.object_score_R,
            [is_prompted] * len(self.tracks),
        )
        for row, track in enumerate(self.tracks):
            memory = Memory(
                frame_index=t,
                spatial_LD=spatial_RLD[row],
                pointer_C=said.pointer_RC[row],
                object_score=said.object_score_R[row],
                iou=said.iou_R[row],
            )
            bank = track.bank
            bank = bank.condition_on(memory) if is_prompted else bank.remember(memory, keep=15)
            self.tracks[row] = replace(track, bank=bank)


def clip_loss(model: SAM2, batch: Batch, rng: np.random.Generator) -> Rehearsal:
    """Track all rows of a batch; three quarters begin with a mask, a quarter meets a correction."""
    rehearsal = Rehearsal(model, batch)
    length = len(batch.frames)
    corrected = int(rng.integers(2, length)) if rng.random() < 0.25 else 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rehearsal.begin(with_mask=bool(rng.random() < 0.75))
        for t in range(1, length):
            rehearsal.go_on(t, correct=t == corrected)
    return rehearsal


class Training:
    """The model, its average, the optimiser and the clock: all that a checkpoint holds."""

    def __init__(self, model: SAM2, run: Path, seconds: float) -> None:
        self.model, self.run, self.seconds = model, run, seconds
        self.eyes = set_precision(copy.deepcopy(model), torch.bfloat16)
        groups: list[dict[str, Any]] = []  # Any: parameters beside numbers
        for names in (MEMORY, DECODER):
            for is_matrix in (True, False):
                chosen = [
                    parameter
                    for name, parameter in model.named_parameters()
                    if name.startswith(names)
                    and not name.startswith(FIXED)
                    and (parameter.dim() > 1) == is_matrix
                ]
                decay = WEIGHT_DECAY if is_matrix else 0.0
                groups.append({"params": chosen, "weight_decay": decay})
        self.learned = [parameter for group in groups for parameter in group["params"]]
        for parameter in self.learned:
            parameter.requires_grad_(True)
        self.average = copy.deepcopy(model)
        self.optimiser = torch.optim.AdamW(groups, lr=MEMORY_RATE, betas=(0.9, 0.98))
        self.step, self.elapsed, self.best = 0, 0.0, 0.0
        if (path := run / "checkpoint.pt").exists():
            saved = torch.load(path, weights_only=True)
            self.model.load_state_dict(saved["model"])
            self.average.load_state_dict(saved["average"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.step, self.elapsed, self.best = saved["step"], saved["elapsed"], saved["best"]
        self.begin = time.time() - self.elapsed

    @property
    def stage(self) -> tuple[float, int, int, int]:
        """The row of `STAGES`, by the clock."""
        share = self.elapsed / self.seconds
        return next(stage for stage in STAGES[::-1] if stage[0] <= share)

    def learn(self, clips: list[Clip], painter: Painter) -> dict[str, float]:
        """One step; the learning rates warm up and then fall to zero with the clock."""
        self.elapsed = time.time() - self.begin
        share = min(self.elapsed / self.seconds, 1.0)
        factor = min((self.step + 1) / 50, 0.5 + 0.5 * math.cos(math.pi * share))
        # Matrices and vectors of the memory, then those of the decoder.
        rates = (MEMORY_RATE, MEMORY_RATE, DECODER_RATE, DECODER_RATE)
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        rehearsal = clip_loss(self.model, batch_of(self.eyes, clips), painter.rng)
        self.optimiser.zero_grad()
        (rehearsal.loss / len(clips[0].frames)).backward()
        said = dict(rehearsal.seen)
        if self.step % self.stage[3] == 0:
            # Always at full size: what the decoder knew before was learned there last.
            samples = [painter.sample(256, 6) for _ in range(PICTURES)]
            pictures, targets = (torch.from_numpy(np.stack(p)) for p in zip(*samples, strict=True))
            parts = picture_loss(self.model, pictures, targets, rounds=1 + self.step % 2)
            parts["loss"].backward()
            said["picture"] = float(parts["reached"].detach())
        torch.nn.utils.clip_grad_norm_(self.learned, 1.0)
        self.optimiser.step()
        self.step += 1
        weight = 1 - min(EMA_DECAY, self.step / (self.step + 10))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
                slow.lerp_(fast, weight)
        return said | {"loss": float(rehearsal.loss.detach()) / len(clips[0].frames)}

    def save(self, export: Path, score: float) -> None:
        """Write the checkpoint, and the weights if none were better."""
        if score >= self.best:
            self.best = score
            shipped = SAM2(self.average.config)
            shipped.load_state_dict(self.average.state_dict())
            save_safetensors(shipped.half(), export, name="masklet-small", licence="Apache-2.0")
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
            "best": self.best,
        }
        torch.save(state, self.run / "checkpoint.new")
        (self.run / "checkpoint.new").replace(self.run / "checkpoint.pt")


def validation_clips(library: Library, videos: list[Video]) -> list[Clip]:
    """Held-out videos, every second frame, and invented clips, always the same."""
    clips = []
    for video in videos:
        indices = range(0, len(video.frames), 2)
        masks = [video.mask(index, 0) for index in indices]
        frames = np.stack([video.frame(index) for index in indices])
        clips.append(Clip(frames, np.stack([m for m in masks if m is not None])[None]))
    filmer = Filmer(Painter(library, seed=12345), videos, real_share=0.0)
    return clips + [filmer.clip(256, 9, 1) for _ in range(8)]


def validate(model: SAM2, clips: list[Clip]) -> dict[str, float]:
    """Mean J after a mask on the first frame: of the held-out videos, of invented clips."""
    scores = []
    for clip in clips:
        said = tracked(model, list(clip.frames), Prompt.from_mask(clip.masks[0, 0]))[1:]
        pairs = zip(said, clip.masks[0, 1:], strict=True)
        scores.append(np.mean([region_score(mask, true) for mask, true in pairs]))
    real, invented = float(np.mean(scores[:-8])), float(np.mean(scores[-8:]))
    return {"real": real, "invented": invented, "score": (real + invented) / 2}


def train(data: Path, run: Path, weights: Path, minutes: float, export: Path) -> None:
    """Train until the clock says stop, with a look at the held-out clips every five minutes."""
    run.mkdir(parents=True, exist_ok=True)
    library = read_library(data)
    videos = read_videos(sorted(data.glob("videos-train-open-*.tar")))
    held_out = validation_clips(library, [v for v in videos if v.name in HELD_OUT])
    painter = Painter(library, seed=int(time.time()))
    torch.manual_seed(int(time.time()))
    filmer = Filmer(painter, [v for v in videos if v.name not in HELD_OUT])
    model = load(weights, device="cpu", dtype="float32")
    pictures = torch.from_numpy(np.stack([painter.sample(256, 1)[0] for _ in range(32)]))
    with torch.no_grad():
        seen = model.encode_image(normalize(pictures.permute(0, 3, 1, 2).float() / 255.0))
    start_memory(model, seen.embedding_FLC)
    training = Training(model, run, minutes * 60)
    looked = training.elapsed - 240
    with (run / "log.jsonl").open("a", buffering=1) as log, sdpa_kernel(SDPBackend.MATH):
        while True:
            _, side, length, _ = training.stage
            clips = [filmer.clip(side, length, OBJECTS) for _ in range(CLIPS)]
            said = training.learn(clips, painter)
            if training.step % 10 == 0:
                now = {"step": training.step, "seconds": round(training.elapsed), "side": side}
                log.write(json.dumps(now | {k: round(v, 4) for k, v in said.items()}) + "\n")
            is_over = training.elapsed >= training.seconds
            if is_over or training.elapsed - looked > 300:
                looked = training.elapsed
                scores = validate(training.average, held_out)
                training.save(export, scores["score"])
                log.write(json.dumps({"step": training.step, "validation": scores}) + "\n")
            if is_over:
                return


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Teach the memory of masklet-small.")
    parser.add_argument("data", type=Path, help="folder of tar files")
    parser.add_argument("run", type=Path, help="folder for the log and the checkpoint")
    parser.add_argument("weights", type=Path, help="the weights to begin with")
    parser.add_argument("--minutes", type=float, default=50.0, help="all runs together")
    parser.add_argument("--export", type=Path, required=True, help="the weights, when they improve")
    arguments = parser.parse_args()
    train(arguments.data, arguments.run, arguments.weights, arguments.minutes, arguments.export)


if __name__ == "__main__":
    main()
