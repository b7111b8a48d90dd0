"""Does memory stay constant however long the video is? Streams made-up frames through a tracker.

    python benchmarks/soak.py --frames 5000 --objects 3 --side 256
    python benchmarks/soak.py --frames 300 --model sam2.1-hiera-tiny

A small random model is as good as any for this: what is held does not depend on the weights. After
a warm-up, in which memories and the allocator fill, a line is fitted to the resident memory of this
process; the exit code is 1 if it rises by more than `--limit` MB per 1,000 frames. Linux only.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from measure import resident

from masklet.model.config import HieraConfig, MemoryConfig, ModelConfig, Version
from masklet.model.sam2 import SAM2
from masklet.tracking.stream import encode_frames
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from masklet.weights.load import load

_MB_PER_MIB = 1.048576
_EVERY = 500


def main() -> None:
    """Stream, measure, judge."""
    arguments = _parsed()
    torch.set_num_threads(arguments.threads)
    model = load(arguments.model) if arguments.model else small_model(arguments.side)
    tracker = Tracker(model, input_size=arguments.side)
    prompts = _prompts(arguments.objects, arguments.side)
    measured: list[tuple[int, float]] = []
    begun = time.perf_counter()
    frames = made_frames(arguments.frames, arguments.objects, arguments.side)
    for encoded in encode_frames(model, frames, input_size=tracker.input_size):
        done = tracker.state.frame_index + 1
        # Read as whoever uses the masks reads them: as run lengths on the host.
        tracker.step_encoded(encoded, prompts if done == 1 else None).kept()
        measured.append((done, resident("VmRSS") * _MB_PER_MIB))
        if done % _EVERY == 0 or done == arguments.frames:
            rate = done / (time.perf_counter() - begun)
            print(f"{done:6d} frames  {measured[-1][1]:8.1f} MB  {rate:6.1f} frames/s", flush=True)
    warm_up = min(arguments.warm_up, arguments.frames // 2)
    slope = slope_per_1000(measured[warm_up:])
    is_constant = slope <= arguments.limit
    print(
        f"{slope:+.3f} MB per 1,000 frames after frame {warm_up}; "
        f"{'within' if is_constant else 'above'} the limit of {arguments.limit:g}"
    )
    sys.exit(0 if is_constant else 1)


def slope_per_1000(measured: list[tuple[int, float]]) -> float:
    """The slope of the line through (frame, MB), by least squares, in MB per 1,000 frames."""
    frames, megabytes = np.array(measured).T
    return float(np.polyfit(frames, megabytes, 1)[0] * 1000)


def small_model(side: int) -> SAM2:
    """A model of few channels with random weights that are the same every time."""
    torch.manual_seed(0)
    trunk = HieraConfig(
        embed_dim=16,
        num_heads=1,
        stages=(1, 1, 2, 1),
        global_blocks=(3,),
        window_sizes=(8, 4, 14, 7),
        position_grid=7,
    )
    memory = MemoryConfig(version=Version.V2_1, layers=2, width=16)
    return SAM2(ModelConfig(trunk, memory, width=64, image_size=side)).eval()


def made_frames(count: int, objects: int, side: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Squares that wander over a slope, `(side, side, 3)` uint8 RGB."""
    y, x = np.mgrid[:side, :side]
    ground = np.stack([x * 255 // side, y * 255 // side, 255 - x * 255 // side], axis=2)
    for number in range(count):
        picture = ground.astype(np.uint8)
        for each in range(objects):
            left, top = (int(place) for place in _place(number, each, side))
            colour = (40 + 70 * each % 200, 220 - 60 * each % 200, 90 + 50 * each % 160)
            picture[top : top + side // 6, left : left + side // 6] = colour
        yield picture


def _place(number: int, each: int, side: int) -> tuple[float, float]:
    turn = number / (37 + 11 * each) + each
    reach = side * 0.4
    return reach + reach * np.sin(turn), reach + reach * np.cos(turn * 0.7)


def _prompts(objects: int, side: int) -> dict[int, Prompt]:
    centres = (_place(0, each, side) for each in range(objects))
    return {
        number: Prompt.point(left + side / 12, top + side / 12)
        for number, (left, top) in enumerate(centres, start=1)
    }


def _parsed() -> Any:  # Any: argparse
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument("--objects", type=int, default=3)
    parser.add_argument("--side", type=int, default=256, help="of the frames, a multiple of 32")
    parser.add_argument("--model", help="a name or a file; a small random one unless given")
    parser.add_argument("--warm-up", type=int, default=500, help="frames that do not count")
    parser.add_argument("--limit", type=float, default=1.0, help="MB per 1,000 frames")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
