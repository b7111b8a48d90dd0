"""The three libraries that `video.py` compares: this package behind the protocol of the peers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import masklet
from masklet.eval.bench.peers import PEERS, Box, Peer, PeerSetup


class Masklet:
    """This package: frames are read when their turn comes."""

    def __init__(self, setup: PeerSetup) -> None:
        self.model = masklet.load(setup.weights, device=setup.device, dtype=setup.dtype)
        self._side = setup.size

    def open(self, folder: Path) -> None:
        """Nothing but the first picture's header is read."""
        video = masklet.open_video(folder)
        self._frames = iter(video.frames())
        self._tracker = masklet.Tracker(self.model, input_size=self._side, num_frames=len(video))

    def prompt(self, boxes: Sequence[Box]) -> npt.NDArray[np.bool_]:
        """The first step of the tracker."""
        prompts = {number: masklet.Prompt.box_xyxy(*box) for number, box in enumerate(boxes, 1)}
        self._first = self._tracker.step(next(self._frames), prompts).masks.masks()
        return self._first

    def track(self) -> Iterator[npt.NDArray[np.bool_]]:
        """One step a frame."""
        yield self._first
        for frame in self._frames:
            yield self._tracker.step(frame).masks.masks()


LIBRARIES: Mapping[str, Callable[[PeerSetup], Peer]] = {"masklet": Masklet, **PEERS}
