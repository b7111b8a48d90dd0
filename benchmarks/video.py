"""Time and memory of tracking, ours beside transformers' Sam2Video and PyPI's `sam2`.

    python benchmarks/video.py --threads 1              # everything: about an hour on one core
    python benchmarks/video.py --parts first,frames     # a part; the others' figures stay

One run, one machine, the same deterministic weights (tiny), clip and number of threads; every
measurement has a process of its own, libraries take turns. Four parts:

- `first`: from a loaded model and a folder of pictures to the first mask of one box.
- `frames`: a tracked frame with 1, 4, 8 and 16 objects, in float32 and bfloat16. One object is
  timed with seven memories, several with four, where the peers take minutes a frame.
- `memory`: the highest memory of the process, above the loaded model, for longer and longer clips.
- `seek`: ours alone, the first mask on frame 100,100 of an H.264 file, and the frames decoded for it.

With one thread, times are processor time, which other jobs on the machine hardly change; with
more, wall time. Needs the two peers (`make peers` installs them).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measure import environment, forget_peak, resident
from tables import video_table
from trackers import LIBRARIES

from masklet.eval.bench.peers import Box, PeerSetup

HERE = Path(__file__).resolve().parent
HEIGHT, WIDTH = 720, 1280
# One object reaches seven memories at frame 7; its next frames are timed.
FRAMES = {1: 10, 4: 5, 8: 5, 16: 5}
FIRST_FRAMES = (50, 200)
# Not a multiple of the encoder's 250, or it would be a key frame itself.
FAR = 100_100


def main() -> None:
    """Measure, print the table, write both."""
    arguments = _parsed()
    if arguments.child:
        print("RESULT " + json.dumps(_child(arguments)))
        return
    figures: dict[str, Any] = {"environment": environment(arguments.threads)}
    earlier = arguments.out.with_suffix(".json")
    if earlier.exists():
        known = json.loads(earlier.read_text())
        if known["environment"] == figures["environment"]:
            figures = known
    parts = {"first": _first, "frames": _frames, "memory": _memory, "seek": _seek}
    with tempfile.TemporaryDirectory() as folder:
        for side in {1024, *(side for side, _ in arguments.memory)}:
            _run("weights", arguments, side=side, folder=folder)
        for part in arguments.parts.split(","):
            parts[part](figures, Path(folder), arguments)
            earlier.write_text(json.dumps(figures, indent=1) + "\n")
    table = video_table(figures)
    arguments.out.with_suffix(".md").write_text(table)
    print(table)


def _first(figures: dict[str, Any], folder: Path, arguments: argparse.Namespace) -> None:
    figures["first"] = {
        str(count): {
            library: _run("first", arguments, library=library, folder=folder, frames=count)
            for library in LIBRARIES
        }
        for count in FIRST_FRAMES
    }


def _frames(figures: dict[str, Any], folder: Path, arguments: argparse.Namespace) -> None:
    figures.setdefault("frames", {})
    for objects in arguments.objects:
        figures["frames"][str(objects)] = {
            dtype: {
                library: _run(
                    "frames",
                    arguments,
                    library=library,
                    folder=folder,
                    dtype=dtype,
                    objects=objects,
                    frames=FRAMES.get(objects, 5),
                )
                for library in LIBRARIES
                # The peers gain little from autocast; that is shown where it is cheap to measure.
                if dtype == "float32" or library == "masklet" or objects == 1
            }
            for dtype in ("float32", "bfloat16")
        }
        figures["frames"][str(objects)]["agreement"] = _agreement(folder, objects)


def _memory(figures: dict[str, Any], folder: Path, arguments: argparse.Namespace) -> None:
    figures["memory"] = {
        str(side): {
            library: {
                str(count): _run(
                    "memory", arguments, library=library, folder=folder, side=side, frames=count
                )
                for count in counts
            }
            for library in LIBRARIES
        }
        for side, counts in arguments.memory
    }


def _seek(figures: dict[str, Any], folder: Path, arguments: argparse.Namespace) -> None:
    figures["seek"] = _run("seek", arguments, folder=folder)


# ------------------------------------------------------------------ one library, in its own process


def _child(arguments: argparse.Namespace) -> dict[str, Any]:
    import torch  # noqa: PLC0415

    torch.set_num_threads(arguments.threads)
    folder = Path(arguments.folder)
    if arguments.child == "weights":
        return _write_weights(folder, arguments.side)
    if arguments.child == "seek":
        return _seek_far(folder, arguments)
    endings = {"sam2": "pt", "masklet": "safetensors", "transformers": "folder"}
    path = folder / f"{arguments.side}.{endings[arguments.library]}"
    setup = PeerSetup(path, "sam2.1-hiera-tiny", arguments.side, arguments.dtype)
    library = LIBRARIES[arguments.library](setup)
    # Weights that are mapped from their file count as loaded only once they were read.
    assert all(bool(weight.isfinite().all()) for weight in library.model.parameters())
    loaded = resident("VmRSS")
    clock = _clock(arguments.threads)
    forget_peak()
    started = clock()
    library.open(_clip(folder, arguments.frames))
    last = library.prompt(_boxes(arguments.objects))
    figures: dict[str, Any] = {"first_s": clock() - started, "loaded_mib": loaded}
    if arguments.child == "first":
        return figures
    times = []
    started = clock()
    for masks in library.track():
        times.append(clock() - started)
        last, started = masks, clock()
    figures |= {"times_s": times, "peak_mib": resident("VmHWM")}
    steady = times[7:] if len(times) > 7 else times[4:]
    figures["frame_s"] = float(np.median(steady))
    name = f"{arguments.library}-{arguments.dtype}-{arguments.objects}.npy"
    np.save(folder / name, np.packbits(last, axis=-1))
    return figures


def _seek_far(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    import masklet  # noqa: PLC0415

    random = np.random.default_rng(0)
    still = random.integers(0, 256, (96, 160, 3), np.uint8)
    pictures = (np.roll(still, number, axis=1) for number in range(FAR + 1))
    masklet.write_video(folder / "far.mp4", pictures, 25)
    model = masklet.load(folder / "1024.safetensors", device="cpu")
    clock = _clock(arguments.threads)
    started = clock()
    with masklet.open_video(folder / "far.mp4") as video:
        figures = {"open_s": clock() - started, "frames": len(video)}
        tracker = masklet.Tracker(model, num_frames=len(video), first_frame=FAR)
        result = tracker.step(video[FAR], {1: masklet.Prompt.point(80, 48)})
        result.masks.masks()
        return figures | {"first_s": clock() - started, "decoded": video.decoded_frames}


def _clock(threads: int) -> Callable[[], float]:
    return time.process_time if threads == 1 else time.perf_counter


def _write_weights(folder: Path, side: int) -> dict[str, Any]:
    import torch  # noqa: PLC0415

    from masklet.model.config import VARIANTS  # noqa: PLC0415
    from masklet.model.sam2 import SAM2  # noqa: PLC0415
    from masklet.weights import save  # noqa: PLC0415

    sys.path.insert(0, str(HERE.parent))
    from tests.parity.weights import state_dict  # noqa: PLC0415

    with torch.device("meta"):
        model = SAM2(replace(VARIANTS["sam2.1-hiera-tiny"], image_size=side))
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict(state_dict(shapes, seed=0), assign=True)
    save.save_official(model, folder / f"{side}.pt")
    save.save_safetensors(model, folder / f"{side}.safetensors")
    save.save_huggingface(model, folder / f"{side}.folder")
    return {}


def _write_clip(clip: Path, frames: int) -> None:
    """A folder of JPEG pictures: waves that drift, the same for everybody."""
    from PIL import Image  # noqa: PLC0415

    clip.mkdir()
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    for number in range(frames):
        at = x + 7 * number
        waves = [np.sin(at / 37) + np.cos(y / 53), np.sin((at + y) / 71), np.cos((x - 2 * y) / 97)]
        picture = np.stack([127 + 60 * wave for wave in waves], axis=2).clip(0, 255)
        Image.fromarray(picture.astype(np.uint8)).save(clip / f"{number:05d}.jpg", quality=90)


def _clip(folder: Path, frames: int) -> Path:
    return folder / f"clip-{frames}"


def _boxes(objects: int) -> list[Box]:
    places = [(20 + 310 * (number % 4), 20 + 170 * (number // 4)) for number in range(objects)]
    return [(x, y, x + 220.0, y + 130.0) for x, y in places]


def _agreement(folder: Path, objects: int) -> dict[str, dict[str, float]]:
    """IoU with our float32 masks on the last frame: the peers', and ours in bfloat16."""
    ours = np.unpackbits(np.load(folder / f"masklet-float32-{objects}.npy"), axis=-1)
    agreement = {}
    for library in LIBRARIES:
        for dtype in ("float32", "bfloat16"):
            path = folder / f"{library}-{dtype}-{objects}.npy"
            if path.exists():
                other = np.unpackbits(np.load(path), axis=-1)
                both, either = (ours & other).sum(axis=(1, 2)), (ours | other).sum(axis=(1, 2))
                iou = both / np.maximum(either, 1)
                agreement[f"{library} {dtype}"] = {
                    "mean": float(iou.mean()),
                    "least": float(iou.min()),
                }
    return agreement


def _run(job: str, arguments: argparse.Namespace, **options: Any) -> dict[str, Any]:
    if "frames" in options and not _clip(options["folder"], options["frames"]).exists():
        _write_clip(_clip(options["folder"], options["frames"]), options["frames"])
    given = [part for key, value in options.items() for part in (f"--{key}", str(value))]
    command = [
        sys.executable,
        __file__,
        "--child",
        job,
        "--threads",
        str(arguments.threads),
        *given,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            shown = {key: round(value, 3) for key, value in result.items() if key != "times_s"}
            print(job, options, shown, file=sys.stderr)
            return result
    raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parts", default="first,frames,memory,seek")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--memory",
        type=_side_and_counts,
        nargs="+",
        default=[(1024, [10, 20, 40]), (512, [50, 100, 200])],
        metavar="SIDE:FRAMES,...",
        help="clips whose memory is measured",
    )
    parser.add_argument("--out", type=Path, default=HERE / "results" / "video")
    for hidden in ("--child", "--folder", "--library"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--dtype", default="float32", help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, default=1024, help=argparse.SUPPRESS)
    parser.add_argument("--frames", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4, 8, 16])
    parsed = parser.parse_args()
    if parsed.child:
        parsed.objects = parsed.objects[0] if len(parsed.objects) == 1 else 1
    return parsed


def _side_and_counts(text: str) -> tuple[int, list[int]]:
    side, counts = text.split(":")
    return int(side), [int(count) for count in counts.split(",")]


if __name__ == "__main__":
    main()
