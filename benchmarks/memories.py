"""What smaller memories save: a tracked frame with many objects, and the attention in it.

    python benchmarks/memories.py --size 512 --objects 16

`masklet eval run --memories pooled` and `foveated` say what they cost in accuracy.
"""

import argparse
from statistics import median
from typing import get_args

import torch

import masklet
from masklet.eval.bench.laps import Laps, TimedModel
from masklet.eval.bench.speed import made_clip
from masklet.eval.bench.steady import steady_tracker
from masklet.memory.standard import MemoryForm, StandardPolicy


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="masklet-small")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--objects", type=int, default=16)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, clip = masklet.load(arguments.model), made_clip(2)
    print("| memories | frame, ms | memory attention, ms |\n|---|--:|--:|")
    for form in get_args(MemoryForm):
        laps = Laps(model.device)
        tracker = steady_tracker(
            TimedModel(model, laps),
            clip,
            size=arguments.size,
            objects=arguments.objects,
            policy=StandardPolicy(memories=form),
        )
        laps.forget()
        for number in range(arguments.frames):
            with laps.lap("frame"):
                tracker.step(clip[number % 2]).masks.masks()
        seconds = laps.seconds()
        frame, attention = (1000 * median(seconds[name]) for name in ("frame", "memory attention"))
        print(f"| {form} | {frame:.0f} | {attention:.0f} |", flush=True)


if __name__ == "__main__":
    main()
