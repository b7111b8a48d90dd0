"""Pixels of prompted masks that lie on the threshold, and the side on which the reference saw them.

Masks of prompts are remembered as 0 and 1. Where the reference's logit is within 5e-6 of 0, whether
its pixel is inside is for rounding to say, which differs between processors and numbers of threads,
and from the memory on everything differs by far more than rounding. To compare the rest, such a
pixel is put on the reference's side: its logit moves by less than a tenth of what it may differ by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from masklet.compat.video_state import Answer
from masklet.ops.resize import resize_logits

# Beyond this a logit is on the wrong side for another reason than rounding, and stays there.
_TIE = 1e-5


@dataclass(frozen=True)
class Tie:
    """One such pixel."""

    object_id: int
    frame_index: int
    row: int
    """Of the mask at the size of the network's input."""
    column: int
    is_inside: bool

    def settled(self, answer: Answer) -> Answer:
        """The answer with the pixel on the reference's side, if it is near the threshold at all."""
        height, width = answer.logits_hw.shape
        large_HW = resize_logits(answer.logits_hw[None], (4 * height, 4 * width))[0]
        seen = float(large_HW[self.row, self.column])
        if abs(seen) > _TIE or (seen > 0) == self.is_inside:
            return answer
        # A pixel of the large mask is a mean of the four small ones around it.
        top, left = (2 * self.row - 3) // 8, (2 * self.column - 3) // 8
        logits_hw = answer.logits_hw.clone()
        logits_hw[top : top + 2, left : left + 2] += -2 * seen
        return replace(answer, logits_hw=logits_hw)


TIES: Mapping[str, tuple[Tie, ...]] = MappingProxyType(
    {
        # 4.1e-6 in the reference.
        "v_t21_nonoverlap_512": (Tie(1, 0, row=9, column=247, is_inside=True),),
        # -1.0e-6 in the reference.
        "v_t21_allcond_512": (Tie(1, 0, row=269, column=83, is_inside=False),),
    }
)
"""By scenario."""
