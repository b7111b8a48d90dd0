"""The official video predictor: prompts on frames of a clip in, masks of all its frames out.

It does what the reference does, also where `masklet.Session` knows better; `docs/differences.md`
has the list. Shapes: N objects, S the side of the input, h w the mask-logit grid.
"""

from collections.abc import Iterator, Sequence
from typing import Any, SupportsIndex, TypeAlias

import numpy.typing as npt
import torch
from torch import Tensor

from masklet.compat.building import DEFAULT_DEVICE, load_network, place
from masklet.compat.overrides import Remembering, video_settings
from masklet.compat.sam2.modeling.sam2_base import SAM2Base, StabilityFallback
from masklet.compat.video_frames import Video, open_frames, span_of
from masklet.compat.video_objects import (
    Rules,
    answer_prompt,
    features_of,
    remember_prompts,
    track_objects,
)
from masklet.compat.video_prompts import mask_on_input, on_input, said
from masklet.compat.video_state import Account, InferenceState, ObjectId
from masklet.compat.video_steps import without_overlap
from masklet.errors import PromptError
from masklet.io.video import checked_index
from masklet.model.sam2 import SAM2
from masklet.ops.resize import resize_logits

Numbers: TypeAlias = npt.ArrayLike | Tensor | None
"""What official programs pass as points, labels or a box."""
Shown: TypeAlias = tuple[int, list[ObjectId], Tensor]
"""A frame, the objects, and their logits `(N, 1, height, width)`; a mask is where they are above 0."""

# Shown of an object that was never looked at on a frame.
_NOTHING = -1024.0


class SAM2VideoPredictor(SAM2Base):
    """Masks through a video, as the reference's class of this name gives them.

    Args:
        sam_model: from `build_sam2` or `masklet.load`; its parts are taken over, not copied.
        fill_hole_area: holes of at most so many low-resolution pixels are filled.
        non_overlap_masks: whether a pixel belongs to one object at most, in what is returned.
        clear_non_cond_mem_around_input: whether a propagation forgets what was tracked around a
            prompt, when the prompt is new and when it comes to it.
        add_all_frames_to_correct_as_cond: whether a prompt on a frame that was tracked already is
            conditioned on, and so survives the next propagation over that frame.
        remembering: how memories are used.
        memory_dtype: how memories are stored: the reference rounds them to bfloat16.

    All of them are attributes too, and may be changed at any time.

    >>> from masklet.compat.sam2.build_sam import build_sam2_video_predictor
    >>> small = ["++model.image_size=128"]
    >>> predictor = build_sam2_video_predictor(
    ...     "sam2.1_hiera_t.yaml", device="cpu", hydra_overrides_extra=small
    ... )
    >>> state = predictor.init_state(torch.zeros(3, 48, 64, 3).byte().numpy())
    >>> _ = predictor.add_new_points_or_box(state, 0, 1, points=[[32, 24]], labels=[1])
    >>> [(frame, ids, tuple(logits.shape)) for frame, ids, logits in predictor.propagate_in_video(state)]
    [(0, [1], (1, 1, 48, 64)), (1, [1], (1, 1, 48, 64)), (2, [1], (1, 1, 48, 64))]
    """

    def __init__(
        self,
        sam_model: SAM2,
        fill_hole_area: int = 0,
        non_overlap_masks: bool = False,
        clear_non_cond_mem_around_input: bool = False,
        add_all_frames_to_correct_as_cond: bool = False,
        *,
        remembering: Remembering | None = None,
        memory_dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        fallback: StabilityFallback | None = StabilityFallback()
        if isinstance(sam_model, SAM2Base):
            fallback = sam_model.fallback
        super().__init__(sam_model, image_size=sam_model.config.image_size, fallback=fallback)
        self.fill_hole_area = fill_hole_area
        self.non_overlap_masks = non_overlap_masks
        self.clear_non_cond_mem_around_input = clear_non_cond_mem_around_input
        self.add_all_frames_to_correct_as_cond = add_all_frames_to_correct_as_cond
        chosen = Remembering() if remembering is None else remembering
        self.max_cond_frames_in_attn = chosen.max_cond_frames_in_attn
        self.memory_temporal_stride_for_eval = chosen.memory_temporal_stride_for_eval
        self.binarize_mask_from_pts_for_mem_enc = chosen.binarize_mask_from_pts_for_mem_enc
        self.memory_dtype = memory_dtype

    @classmethod
    def from_pretrained(cls, model_id: str, **kwargs: Any) -> "SAM2VideoPredictor":
        """A predictor with the model of a hub id or path; see `build_sam2_video_predictor_hf`.

        Args:
            model_id: such as "facebook/sam2.1-hiera-large".
            kwargs: of the builder.
        """
        return predictor_of(load_network(model_id), **kwargs)

    @torch.inference_mode()
    def init_state(
        self,
        video_path: Video,
        offload_video_to_cpu: bool = False,
        offload_state_to_cpu: bool = False,
        async_loading_frames: bool = False,
    ) -> InferenceState:
        """Open a video.

        Args:
            video_path: a folder of frames, a video file or its bytes, an array of frames
                `(T, height, width, 3)` uint8 RGB, or a list of such frames, pictures or paths.
            offload_video_to_cpu: nothing to do: frames are read when they are needed.
            offload_state_to_cpu: whether masks and memories are kept in main memory.
            async_loading_frames: nothing to do, as above.

        Raises:
            NotImplementedError: it is nothing that could be a video.
            RuntimeError: the folder is empty.
            VideoError: the video cannot be read.
        """
        state = InferenceState(
            open_frames(video_path, self.image_size, self.device),
            offload_video_to_cpu=offload_video_to_cpu,
            offload_state_to_cpu=offload_state_to_cpu,
            device=self.device,
        )
        # As the reference: what is wrong with the first frame shows now.
        features_of(self, state, 0)
        return state

    @torch.inference_mode()
    def add_new_points_or_box(  # noqa: PLR0913, PLR0917  # as the reference
        self,
        inference_state: InferenceState,
        frame_idx: SupportsIndex,
        obj_id: ObjectId,
        points: Numbers = None,
        labels: Numbers = None,
        clear_old_points: bool = True,
        normalize_coords: bool = True,
        box: Numbers = None,
    ) -> Shown:
        """Say with clicks, a box or both where an object is on a frame.

        Args:
            inference_state: from `init_state`.
            frame_idx: counted from 0.
            obj_id: the object's name, a number or anything else that can be the key of a dictionary.
            points: `(P, 2)` x, y.
            labels: `(P,)`, 1 on the object, 0 beside it.
            clear_old_points: whether earlier clicks on this frame are forgotten; the mask that they
                gave is corrected in either case.
            normalize_coords: True for pixels of the video, False for 0 to 1.
            box: `(4,)` x0, y0, x1, y1.

        Raises:
            PromptError: points without labels or labels without points, neither points nor a box, a
                box with `clear_old_points=False`, or a number that cannot be; nothing has changed.
            IndexError: there is no such frame.
        """
        if box is not None and not clear_old_points:
            raise PromptError(
                "a box came with clear_old_points=False; expected a box as the first thing that is "
                "said on a frame. Leave clear_old_points out, and pass all points with the box."
            )
        prompt = said(points, labels, box)
        frame = checked_index(frame_idx, len(inference_state.frames))
        size = inference_state.frames.size if normalize_coords else (1, 1)
        given = on_input(prompt, size, self.image_size, self.device)
        account = inference_state.account_of(obj_id)
        earlier = account.points.get(frame)
        if earlier is not None and not clear_old_points:
            given = earlier.followed_by(given)
        account.points[frame] = given
        account.masks_SS.pop(frame, None)
        return self._prompted(inference_state, frame, account)

    def add_new_points(self, *args: Any, **kwargs: Any) -> Shown:  # Any: as of what it calls
        """The old name of `add_new_points_or_box`.

        Args:
            args: as of `add_new_points_or_box`.
            kwargs: as of `add_new_points_or_box`.
        """
        return self.add_new_points_or_box(*args, **kwargs)

    @torch.inference_mode()
    def add_new_mask(
        self,
        inference_state: InferenceState,
        frame_idx: SupportsIndex,
        obj_id: ObjectId,
        mask: npt.ArrayLike | Tensor,
    ) -> Shown:
        """Say with a mask where an object is on a frame; it is returned at low resolution.

        Args:
            inference_state: from `init_state`.
            frame_idx: counted from 0.
            obj_id: as of `add_new_points_or_box`.
            mask: `(height, width)` bool of any size.

        Raises:
            AssertionError: it has not two dimensions.
            IndexError: there is no such frame.
        """
        mask_SS = mask_on_input(mask, self.image_size, self.device)
        frame = checked_index(frame_idx, len(inference_state.frames))
        account = inference_state.account_of(obj_id)
        account.masks_SS[frame] = mask_SS
        account.points.pop(frame, None)
        return self._prompted(inference_state, frame, account)

    @torch.inference_mode()
    def propagate_in_video(
        self,
        inference_state: InferenceState,
        start_frame_idx: int | None = None,
        max_frame_num_to_track: int | None = None,
        reverse: bool = False,
    ) -> Iterator[Shown]:
        """Track all objects, and yield the masks of one frame after the other.

        Args:
            inference_state: from `init_state`.
            start_frame_idx: the first prompted frame of any object unless given.
            max_frame_num_to_track: how many frames after the first one; all of them unless given.
            reverse: towards the start of the video; from frame 0 there is nothing to yield.

        Raises:
            RuntimeError: there is no object, or one without a prompt.
            IndexError: there is no such frame.
        """
        self.propagate_in_video_preflight(inference_state)
        rules = self._rules()
        object_ids = inference_state.object_ids
        accounts = list(inference_state.accounts.values())
        if start_frame_idx is None:
            start_frame_idx = min(min(account.conditioning) for account in accounts)
        span = span_of(
            len(inference_state.frames), start_frame_idx, max_frame_num_to_track, reverse=reverse
        )
        for frame, image in zip(span, inference_state.frames.walk(span), strict=True):
            logits_Nhw = track_objects(
                self, inference_state, frame, image, accounts, rules, reverse=reverse
            )
            logits_NHW = resize_logits(logits_Nhw, inference_state.frames.size)
            yield frame, object_ids, self._separated(logits_NHW)

    @torch.inference_mode()
    def propagate_in_video_preflight(self, inference_state: InferenceState) -> None:
        """Remember what was prompted since the last propagation; every propagation begins with it.

        Raises:
            RuntimeError: there is no object, or one without a prompt.
        """
        if not inference_state.accounts:
            raise RuntimeError(
                "a propagation was started and no object has a prompt; expected at least one. "
                "Call add_new_points_or_box or add_new_mask first."
            )
        rules = self._rules()
        for object_id, account in inference_state.accounts.items():
            remember_prompts(self, inference_state, account, rules)
            if not account.conditioning:
                raise RuntimeError(
                    f"a propagation was started and object {object_id!r} has no prompt; expected one "
                    "of every object. Call add_new_points_or_box for it, or remove_object."
                )

    @torch.inference_mode()
    def clear_all_prompts_in_frame(
        self,
        inference_state: InferenceState,
        frame_idx: SupportsIndex,
        obj_id: ObjectId,
        need_output: bool = True,
    ) -> Shown | None:
        """Take back everything that was said about an object on a frame.

        Args:
            inference_state: from `init_state`.
            frame_idx: counted from 0.
            obj_id: as of `add_new_points_or_box`.
            need_output: False returns None.
        """
        frame = checked_index(frame_idx, len(inference_state.frames))
        inference_state.account_of(obj_id).unprompt(frame)
        return self._shown_after(inference_state, frame) if need_output else None

    @torch.inference_mode()
    def reset_state(self, inference_state: InferenceState) -> None:
        """Forget all objects; the list of them that was handed out becomes empty."""
        inference_state.reset()

    @torch.inference_mode()
    def remove_object(
        self,
        inference_state: InferenceState,
        obj_id: ObjectId,
        strict: bool = False,
        need_output: bool = True,
    ) -> tuple[list[ObjectId], list[tuple[int, Tensor]]]:
        """Forget an object; of the last one, everything.

        Args:
            inference_state: from `init_state`.
            obj_id: as of `add_new_points_or_box`.
            strict: whether an unknown object is an error.
            need_output: False returns no frames.

        Returns:
            The objects that are left, and the frames on which the removed one was prompted, each
            with the logits of the others.

        Raises:
            RuntimeError: `strict`, and there is no such object.
        """
        if obj_id not in inference_state.accounts:
            if strict:
                raise RuntimeError(
                    f"object {obj_id!r} is to be removed and does not exist; expected one of "
                    f"{inference_state.object_ids}. Leave strict out to ignore that."
                )
            return inference_state.object_ids, []
        if len(inference_state.accounts) == 1:
            inference_state.reset()
            return inference_state.object_ids, []
        prompted = inference_state.remove(obj_id).prompted()
        changed = prompted if need_output else []
        shown = [self._shown_after(inference_state, frame) for frame in changed]
        return inference_state.object_ids, [(frame, logits) for frame, _, logits in shown]

    def _rules(self) -> Rules:
        """The settings as they are now."""
        limit = self.max_cond_frames_in_attn
        return Rules(
            fallback=None if self.training else self.fallback,
            fill_hole_area=self.fill_hole_area,
            corrections_condition=self.add_all_frames_to_correct_as_cond,
            clears_around_prompts=self.clear_non_cond_mem_around_input,
            binarizes_prompted=self.binarize_mask_from_pts_for_mem_enc,
            stride=self.memory_temporal_stride_for_eval,
            max_conditioning=None if limit == -1 else limit,
            memory_dtype=self.memory_dtype,
        )

    def _prompted(self, state: InferenceState, frame: int, account: Account) -> Shown:
        conditions = answer_prompt(self, state, frame, account, self._rules())
        return self._shown(state, frame, conditioning=conditions)

    def _shown(self, state: InferenceState, frame: int, *, conditioning: bool) -> Shown:
        answers = state.answers_on(frame, conditioning=conditioning)
        video_NHW = torch.full((len(answers), *state.frames.size), _NOTHING, device=state.device)
        for row, answer in enumerate(answers):
            if answer is not None:
                logits_1hw = answer.logits_hw.to(state.device)[None]
                video_NHW[row] = resize_logits(logits_1hw, state.frames.size)[0]
        return frame, state.object_ids, self._separated(video_NHW)

    def _shown_after(self, state: InferenceState, frame: int) -> Shown:
        """A frame about which something was taken back: first prompts count before corrections."""
        drafts = (account.new_conditioning for account in state.accounts.values())
        return self._shown(state, frame, conditioning=any(frame in each for each in drafts))

    def _separated(self, logits_NHW: Tensor) -> Tensor:
        return (without_overlap(logits_NHW) if self.non_overlap_masks else logits_NHW)[:, None]


def predictor_of(
    network: SAM2,
    *,
    device: str | torch.device = DEFAULT_DEVICE,
    mode: str = "eval",
    hydra_overrides_extra: Sequence[str] = (),
    apply_postprocessing: bool = True,
    memory_dtype: torch.dtype = torch.bfloat16,
    **_ignored: Any,  # Any: whatever programs pass to several functions at once
) -> SAM2VideoPredictor:
    """What the builders make of a network; arguments as of `build_sam2_video_predictor`."""
    chosen = video_settings(
        hydra_overrides_extra,
        image_size=network.config.image_size,
        apply_postprocessing=apply_postprocessing,
    )
    predictor = SAM2VideoPredictor(
        SAM2Base(network, image_size=chosen.model.image_size, fallback=chosen.model.fallback),
        fill_hole_area=chosen.fill_hole_area,
        non_overlap_masks=chosen.non_overlap_masks,
        clear_non_cond_mem_around_input=chosen.clear_non_cond_mem_around_input,
        add_all_frames_to_correct_as_cond=chosen.add_all_frames_to_correct_as_cond,
        remembering=chosen.remembering,
        memory_dtype=memory_dtype,
    )
    return predictor.to(place(device)).train(mode != "eval")
