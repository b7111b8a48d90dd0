"""Clips that are drawn by the program, of what is hard in videos, with exact truth.

Nothing is stored: a clip is a recipe, its frames are painted and its masks computed when they are
asked for, the same on every machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from masklet.data.records import Dataset, FrameTruth, ObjectRecord, VideoDataset
from masklet.data.scenes.film import Film, Scene
from masklet.data.scenes.kinds import SCENE_KINDS, SceneKind, draw_scene
from masklet.errors import DatasetError
from masklet.io.video import checked_index
from masklet.types import ObjectId

SUITE_VERSION = 1
"""Another one has other pictures: scores of two versions cannot be compared."""

SUITE_SIZE = (240, 320)
"""`(height, width)` of the robustness suite unless asked otherwise."""

_SMALLEST_SIDE = 96


@dataclass(frozen=True, slots=True)
class GeneratedClip:
    """A clip that is drawn; see `masklet.data.records.Clip`.

    >>> clip = generated_clip("leaving", 0, size=(96, 128))
    >>> clip.name, clip.objects()[0].category, clip.open()[0].shape
    ('leaving-000', 'leaving', (96, 128, 3))
    """

    name: str
    scene: Scene
    category: str | None = None
    """Of all its objects; in the robustness suite the kind of the clip."""

    @property
    def size(self) -> tuple[int, int]:
        """`(height, width)` of its frames."""
        return self.scene.size

    @property
    def seed(self) -> str:
        """The text from which it was drawn."""
        return self.scene.seed

    @property
    def frame_names(self) -> tuple[str, ...]:
        """ "00000", "00001" and so on."""
        return tuple(f"{index:05d}" for index in range(self.scene.length))

    @property
    def annotated(self) -> tuple[int, ...]:
        """All frames."""
        return tuple(range(self.scene.length))

    def objects(self) -> tuple[ObjectRecord, ...]:
        """The objects that are seen at some time, by rising id; looks for the frame they begin."""
        first = _first_seen(self.scene)
        return tuple(ObjectRecord(each, first[each], self.category) for each in sorted(first))

    def truth(self, frame_index: int) -> FrameTruth:
        """The pixels that show each object, computed now. Raises `IndexError`."""
        return FrameTruth(self.scene.visible(checked_index(frame_index, self.scene.length)))

    def open(self) -> Film:
        """The frames, painted as they are asked for."""
        return Film(self.scene, self.name)


def robustness_suite(
    *, clips_per_kind: int, size: tuple[int, int] = SUITE_SIZE, seed: int = 0
) -> VideoDataset:
    """Clips of every kind in `SCENE_KINDS`, in turns, so that the first few are a fair sample.

    Clips have names such as "occlusion-003", and their objects the kind as category. A clip depends
    on its name, size and seed, not on how many there are.

    Args:
        clips_per_kind: how many.
        size: `(height, width)` of the frames, at least 96 each.
        seed: another one gives other clips.

    Raises:
        DatasetError: there are to be no clips, or too small ones.

    >>> suite = robustness_suite(clips_per_kind=2)
    >>> len(suite.items), suite.items[0].name, suite.items[-1].name
    (20, 'occlusion-000', 'light-001')
    """
    if clips_per_kind < 1:
        raise DatasetError(
            f"{clips_per_kind} clips per kind were asked for; expected 1 or more. Choose a number."
        )
    clips = tuple(
        generated_clip(kind, number, size=size, seed=seed)
        for number in range(clips_per_kind)
        for kind in SCENE_KINDS
    )
    name = f"robustness {SUITE_VERSION}, {size[0]}x{size[1]}, seed {seed}"
    return Dataset(name, root=Path(), layout="generated", items=clips)


def generated_clip(
    kind: SceneKind, number: int, *, size: tuple[int, int] = SUITE_SIZE, seed: int = 0
) -> GeneratedClip:
    """One clip of the robustness suite. Raises `DatasetError` where the size is too small.

    >>> len(generated_clip("long", 7).frame_names)
    300
    """
    if min(size) < _SMALLEST_SIDE:
        raise DatasetError(
            f"the frames were to be {size[1]}x{size[0]} pixels; expected at least "
            f"{_SMALLEST_SIDE} each way, so that there is room to move. Choose a larger size."
        )
    name = f"{kind}-{number:03d}"
    return GeneratedClip(name, draw_scene(kind, f"{seed}/{name}", size), category=kind)


def _first_seen(scene: Scene) -> Mapping[ObjectId, int]:
    """The first frame of each object that is ever visible."""
    missing, first = set(scene.object_ids()), dict[ObjectId, int]()
    for frame_index in range(scene.length):
        masks = scene.visible(frame_index)
        seen = {each for each in missing if masks[each].any()}
        first |= dict.fromkeys(seen, frame_index)
        missing -= seen
        if not missing:
            break
    return first
