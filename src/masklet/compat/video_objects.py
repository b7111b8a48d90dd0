"""What the official video predictor does with the objects of a video on one frame.

Shapes: N objects, S the side of the input, h w the mask-logit grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from masklet.compat.sam2.modeling.sam2_base import StabilityFallback
from masklet.compat.video_prompts import row_prompt
from masklet.compat.video_state import Account, Answer, InferenceState
from masklet.compat.video_steps import Rows, adopted, clicked, tracked
from masklet.memory.policy import Hypothesis, Moment, Recall
from masklet.memory.standard import StandardPolicy
from masklet.model.sam2 import SAM2
from masklet.model.tensors import FrameFeatures
from masklet.tracking.steps import remember_rows

# Of how many places memories are taken, and of how many frames pointers.
_MEMORIES, _POINTERS = 7, 16


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of the predictor at the time of a call."""

    fallback: StabilityFallback | None
    fill_hole_area: int
    corrections_condition: bool
    """Whether a prompt on a frame that was tracked already is conditioned on."""
    clears_around_prompts: bool
    binarizes_prompted: bool
    stride: int
    max_conditioning: int | None
    memory_dtype: torch.dtype

    @property
    def reach(self) -> int:
        """How many frames away a memory of a tracked frame may be."""
        return max(self.cleared, _POINTERS)

    @property
    def cleared(self) -> int:
        """How many frames around a prompt are forgotten, where they are."""
        return _MEMORIES * self.stride


def answer_prompt(
    model: SAM2, state: InferenceState, frame: int, account: Account, rules: Rules
) -> bool:
    """Decode what is now said about an object on a frame, and keep the answer as a draft.

    Returns:
        Whether the draft is one to be conditioned on.
    """
    is_new = frame not in account.tracked
    conditions = is_new or rules.corrections_condition
    drafts = account.drafts(conditioning=conditions)
    features = features_of(model, state, frame)
    if frame in account.masks_SS:
        rows = adopted(model, features, account.masks_SS[frame])
    else:
        carried = drafts.get(frame) or account.known(frame)
        # A first prompt is read without memory, even where there is one of other frames.
        recall = Recall()
        if not is_new:
            recall = _recall(state, account, frame, rules, reverse=account.tracked[frame])
        prompt = row_prompt(account.points[frame], carried, model.device)
        rows = clicked(model, features, recall, prompt, rules.fallback)
    drafts[frame] = _kept(state, rows, None, rules)[0]
    return conditions


def remember_prompts(model: SAM2, state: InferenceState, account: Account, rules: Rules) -> None:
    """Make memories of the drafts of an object; conditioning ones win over all others."""
    if rules.clears_around_prompts:
        # First of all, so that no draft is lost with what is forgotten around another.
        for frame in (*account.new_others, *account.new_conditioning):
            account.forget_around(frame, rules.cleared)
    for permanent, drafts in (
        (account.others, account.new_others),
        (account.conditioning, account.new_conditioning),
    ):
        for frame, answer in drafts.items():
            permanent[frame] = _with_memory(model, state, frame, answer, rules)
        drafts.clear()
    for frame in account.conditioning:
        account.others.pop(frame, None)


def track_objects(  # the last one is keyword-only
    model: SAM2,
    state: InferenceState,
    frame: int,
    image_3SS: Tensor,
    accounts: Sequence[Account],
    rules: Rules,
    *,
    reverse: bool,
) -> Tensor:
    """The logits of a frame, `(N, h, w)`: tracked, but for objects that were prompted there."""
    followed = [account for account in accounts if frame not in account.conditioning]
    if followed:
        features = features_of(model, state, frame, image_3SS)
        recalls = [_recall(state, each, frame, rules, reverse=reverse) for each in followed]
        rows = tracked(model, features, recalls, rules.fallback)
        # parity 5: remembered as they are decoded, through a sigmoid; kept without their holes.
        is_prompted = [False] * len(followed)
        spatial_BLD = remember_rows(
            model, features, rows.logits_Bhw, rows.object_score_B, is_prompted
        )
        answers = _kept(state, rows, spatial_BLD.to(rules.memory_dtype), rules)
        for account, answer in zip(followed, answers, strict=True):
            account.others[frame] = answer
    for account in accounts:
        account.tracked[frame] = reverse
        if rules.clears_around_prompts and frame in account.conditioning:
            account.forget_around(frame, rules.cleared)
    known = [account.known(frame) for account in accounts]
    return torch.stack([each.logits_hw.to(state.device) for each in known if each is not None])


def features_of(
    model: SAM2, state: InferenceState, frame: int, image_3SS: Tensor | None = None
) -> FrameFeatures:
    """The features of a frame; those of the last one asked for are kept."""
    if state.features is None or state.features[0] != frame:
        image = state.frames[frame] if image_3SS is None else image_3SS
        state.features = (frame, model.encode_image(image[None]))
    return state.features[1]


def _with_memory(
    model: SAM2, state: InferenceState, frame: int, answer: Answer, rules: Rules
) -> Answer:
    """An answer to a prompt, remembered as it is shown (parity 5)."""
    spatial_BLD = remember_rows(
        model,
        features_of(model, state, frame),
        answer.logits_hw.to(state.device)[None],
        answer.object_score[None],
        [rules.binarizes_prompted],
    )
    stored_LD = spatial_BLD[0].to(rules.memory_dtype).to(state.storage_device)
    return replace(answer, spatial_LD=stored_LD)


def _recall(
    state: InferenceState, account: Account, frame: int, rules: Rules, *, reverse: bool
) -> Recall:
    policy = StandardPolicy(stride=rules.stride, max_conditioning=rules.max_conditioning)
    moment = Moment(frame, reverse, num_frames=len(state.frames))
    return policy.recall(Hypothesis(0, account.bank(frame, rules.reach), None), moment)


def _kept(
    state: InferenceState, rows: Rows, spatial_BLD: Tensor | None, rules: Rules
) -> list[Answer]:
    return rows.kept(spatial_BLD, fill_hole_area=rules.fill_hole_area, storage=state.storage_device)
