"""Time and memory of image segmentation, ours beside transformers' Sam2 and PyPI's `sam2`.

    python benchmarks/image.py                          # everything: about twenty minutes
    python benchmarks/image.py --sizes tiny --threads 1 # one model; the others' figures stay

One run, one machine, the same deterministic weights and picture, the same number of threads. Each
measurement has a process of its own, so peak memory is its own; libraries take turns, so that a
busy moment of the machine does not fall on one of them. Every time stands beside its floor: the
reference's floating-point operations over the float32 matrix product rate of the same process.

Needs the two peers (`make peers` installs them). Writes a table in Markdown and all figures as JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from measure import environment, forget_peak, matmul_rate, resident, timed
from tables import image_table

HERE = Path(__file__).resolve().parent
LIBRARIES = ("masklet", "transformers", "sam2")
STAGES = ("encode", "click", "boxes")
SIDE = 1024
Calls: TypeAlias = dict[str, Callable[[], Any]]


def main() -> None:
    """Measure, print the table, write both."""
    arguments = _parsed()
    if arguments.child:
        print("RESULT " + json.dumps(_child(arguments)))
        return
    figures: dict[str, Any] = {"environment": environment(arguments.threads), "sizes": {}}
    earlier = arguments.out.with_suffix(".json")
    if earlier.exists():
        known = json.loads(earlier.read_text())
        if known["environment"] == figures["environment"]:
            figures["sizes"] = known["sizes"]
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes.split(","):
            print(f"{size}: writing the weights", file=sys.stderr)
            _run("weights", arguments, "--size", size, "--folder", folder)
            figures["sizes"][size] = _measure(size, folder, arguments)
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
    table = image_table(figures)
    arguments.out.with_suffix(".md").write_text(table)
    print(table)


def _measure(size: str, folder: str, arguments: argparse.Namespace) -> dict[str, Any]:
    common = ["--size", size, "--folder", folder]
    figures: dict[str, Any] = {"flops": _run("flops", arguments, *common)}
    for dtype in ("float32", "bfloat16"):
        rounds: dict[str, list[dict[str, Any]]] = {library: [] for library in LIBRARIES}
        for _ in range(arguments.rounds):
            for library in LIBRARIES:
                result = _run("time", arguments, "--library", library, "--dtype", dtype, *common)
                print(f"{size} {dtype} {library}: {_short(result)}", file=sys.stderr)
                rounds[library].append(result)
        figures[dtype] = {library: _merged(results) for library, results in rounds.items()}
    figures["agreement"] = _agreement(Path(folder), size)
    return figures


def _child(arguments: argparse.Namespace) -> dict[str, Any]:
    match arguments.child:
        case "weights":
            return _write_weights(arguments.size, Path(arguments.folder))
        case "flops":
            return _count_operations(arguments.size, Path(arguments.folder))
        case _:
            return _time_library(arguments)


# ------------------------------------------------------------------ one library, in its own process


def _time_library(arguments: argparse.Namespace) -> dict[str, Any]:
    started = time.perf_counter()
    import torch  # noqa: PLC0415  # its import is part of what is measured

    torch.set_num_threads(arguments.threads)
    build = {"masklet": _masklet, "transformers": _transformers, "sam2": _sam2}[arguments.library]
    path = _path(arguments.folder, arguments.size, arguments.library)
    model, calls = build(path, arguments.dtype)
    figures: dict[str, Any] = {"load_s": time.perf_counter() - started}
    # Weights that are mapped from their file count as loaded only once they were read.
    assert all(bool(weight.isfinite().all()) for weight in model.parameters())
    figures["loaded_mib"] = resident("VmRSS")
    figures["matmul_gflops"] = matmul_rate()
    masks = {}
    for stage, repeats in (("encode", 3), ("click", 9), ("boxes", 3)):
        forget_peak()
        masks[stage] = calls[stage]()
        figures[stage] = timed(calls[stage], repeats)
        figures[f"{stage}_peak_mib"] = resident("VmHWM")
    figures["matmul_gflops"] = max(figures["matmul_gflops"], matmul_rate())
    np.savez_compressed(
        _path(arguments.folder, arguments.size, f"{arguments.library}-{arguments.dtype}.npz"),
        click=masks["click"],
        boxes=masks["boxes"],
    )
    return figures


def _masklet(path: Path, dtype: str) -> tuple[Any, Calls]:
    import masklet  # noqa: PLC0415

    model = masklet.load(path, device="cpu", dtype=dtype)
    predictor = masklet.ImagePredictor(model)
    image = _picture()
    kept: list[Any] = []
    click = masklet.Prompt.point(500, 400)
    boxes = [masklet.Prompt.box_xyxy(*box) for box in _boxes()]

    def encode() -> None:
        kept[:] = [predictor.encode(image)]

    def three() -> np.ndarray[Any, Any]:
        return predictor.predict(kept[0], click).masks()

    return model, {
        "encode": encode,
        "click": three,
        "boxes": lambda: predictor.predict(kept[0], boxes).masks(),
    }


def _sam2(path: Path, dtype: str) -> tuple[Any, Calls]:
    import torch  # noqa: PLC0415

    from masklet.eval.bench.torchvision_stand_in import offer_torchvision  # noqa: PLC0415

    offer_torchvision()
    from sam2.build_sam import build_sam2  # noqa: PLC0415
    from sam2.sam2_image_predictor import SAM2ImagePredictor  # noqa: PLC0415

    letter = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l"}[path.name.split(".")[0]]
    model = build_sam2(f"configs/sam2.1/sam2.1_hiera_{letter}.yaml", str(path), device="cpu")
    predictor = SAM2ImagePredictor(model)
    image, boxes = _picture(), np.array(_boxes(), np.float32)
    narrow = torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")

    def within(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:  # Any: whatever the peer returns
            with narrow:
                return call()

        return run

    def click() -> Any:
        masks, scores, _ = predictor.predict(np.array([[500, 400]]), np.array([1]))
        return masks[np.argsort(-scores, kind="stable")] > 0

    return model, {
        "encode": within(lambda: predictor.set_image(image)),
        "click": within(click),
        "boxes": within(lambda: predictor.predict(box=boxes, multimask_output=False)[0][:, 0] > 0),
    }


def _transformers(path: Path, dtype: str) -> tuple[Any, Calls]:
    import torch  # noqa: PLC0415

    from masklet.eval.bench.torchvision_stand_in import offer_torchvision  # noqa: PLC0415

    offer_torchvision()
    from transformers import Sam2Model  # noqa: PLC0415

    model = Sam2Model.from_pretrained(path).eval()
    boxes = torch.tensor(_boxes())[None]
    point = torch.tensor([[[[500.0, 400.0]]]])
    label = torch.ones(1, 1, 1, dtype=torch.int32)
    mean = torch.tensor((0.485, 0.456, 0.406))[:, None, None]
    std = torch.tensor((0.229, 0.224, 0.225))[:, None, None]
    image = _picture()
    kept: list[Any] = []

    def within(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            narrow = torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")
            with torch.inference_mode(), narrow:
                return call()

        return run

    def encode() -> None:
        pixels = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        kept[:] = [model.get_image_embeddings(((pixels - mean) / std)[None])]

    def decode(**prompts: Any) -> Any:  # Any: whatever the peer takes
        out = model(image_embeddings=list(kept[0]), **prompts)
        order = out.iou_scores.argsort(dim=-1, descending=True)[..., None, None]
        logits = out.pred_masks.float().take_along_dim(order, dim=2).flatten(0, -3)[:, None]
        full = torch.nn.functional.interpolate(logits, (SIDE, SIDE), mode="bilinear")
        return (full[:, 0] > 0).numpy()

    return model, {
        "encode": within(encode),
        "click": within(lambda: decode(input_points=point, input_labels=label)),
        "boxes": within(lambda: decode(input_boxes=boxes, multimask_output=False)),
    }


# ------------------------------------------------------------------------------- weights and floors


def _write_weights(size: str, folder: Path) -> dict[str, Any]:
    import torch  # noqa: PLC0415

    from masklet.model.config import VARIANTS  # noqa: PLC0415
    from masklet.model.sam2 import SAM2  # noqa: PLC0415
    from masklet.weights import save  # noqa: PLC0415

    sys.path.insert(0, str(HERE.parent))
    from tests.parity.weights import state_dict  # noqa: PLC0415

    with torch.device("meta"):
        model = SAM2(VARIANTS[f"sam2.1-hiera-{size.replace('_', '-')}"])
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict(state_dict(shapes, seed=0), assign=True)
    save.save_official(model, _path(str(folder), size, "sam2"))
    save.save_safetensors(model, _path(str(folder), size, "masklet"))
    save.save_huggingface(model, _path(str(folder), size, "transformers"))
    return {}


def _count_operations(size: str, folder: Path) -> dict[str, float]:
    """GFLOP of the reference's own modules, 2 per multiply-add, attention in full."""
    import torch  # noqa: PLC0415
    from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: PLC0415
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415

    from masklet.eval.bench.torchvision_stand_in import offer_torchvision  # noqa: PLC0415

    offer_torchvision()
    from sam2.build_sam import build_sam2  # noqa: PLC0415

    letter = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l"}[size]
    model = build_sam2(f"configs/sam2.1/sam2.1_hiera_{letter}.yaml", device="cpu").to("meta")

    def gflop(call: Callable[[], Any]) -> float:
        plain = sdpa_kernel(SDPBackend.MATH)
        with FlopCounterMode(display=False) as counter, plain, torch.no_grad():
            call()
        return counter.get_total_flops() / 1e9

    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, device="meta")

    def decoder(rows: int) -> Callable[[], Any]:
        fine = [zeros(1, 32, 256, 256), zeros(1, 64, 128, 128)]
        image = zeros(1, 256, 64, 64)
        return lambda: model.sam_mask_decoder(
            image, image, zeros(rows, 3, 256), zeros(rows, 256, 64, 64), True, rows > 1, fine
        )

    return {
        "encode": gflop(lambda: model.forward_image(zeros(1, 3, SIDE, SIDE))),
        "click": gflop(decoder(1)),
        "boxes": gflop(decoder(64)),
    }


# --------------------------------------------------------------------------------------- small parts


def _picture() -> np.ndarray[Any, Any]:
    """A smooth picture with some structure, the same for everybody."""
    y, x = np.mgrid[:SIDE, :SIDE]
    waves = [np.sin(x / 37) + np.cos(y / 53), np.sin((x + y) / 71), np.cos((x - 2 * y) / 97)]
    return np.stack([(127 + 60 * wave).clip(0, 255).astype(np.uint8) for wave in waves], axis=2)


def _boxes() -> list[list[float]]:
    starts = [20 + 110 * step for step in range(8)]
    return [[x, y, x + 150.0, y + 130.0] for y in starts for x in starts]


def _path(folder: str, size: str, kind: str) -> Path:
    endings = {"sam2": ".pt", "masklet": ".safetensors", "transformers": ""}
    return Path(folder) / (size + endings.get(kind, "." + kind))


def _merged(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The quietest of several rounds, figure by figure."""
    merged: dict[str, Any] = {}
    for key, value in results[0].items():
        values = [result[key] for result in results]
        if isinstance(value, dict):
            merged[key] = {part: min(v[part] for v in values) for part in value}
        else:
            merged[key] = max(values) if key == "matmul_gflops" else min(values)
    return merged


def _agreement(folder: Path, size: str) -> dict[str, Any]:
    """IoU of masks with ours in float32: the peers', and ours in bfloat16."""
    loaded = {
        (library, dtype): np.load(_path(str(folder), size, f"{library}-{dtype}.npz"))
        for library in LIBRARIES
        for dtype in ("float32", "bfloat16")
    }
    ours = loaded["masklet", "float32"]
    figures: dict[str, Any] = {}
    for (library, dtype), other in loaded.items():
        for stage in ("click", "boxes"):
            both = (ours[stage] & other[stage]).sum(axis=(1, 2))
            either = (ours[stage] | other[stage]).sum(axis=(1, 2))
            iou = both / np.maximum(either, 1)
            # A box's single mask gives way to another candidate where it is not stable. Close to
            # that threshold rounding decides, and two candidates have little in common: below this
            # IoU a box is taken for one of these, left out of the mean and counted apart.
            same = iou > 0.9 if stage == "boxes" else iou >= 0
            figures[f"{library} {dtype} {stage}"] = {
                "mean": float(iou[same].mean()),
                "least": float(iou[same].min()),
                "other_candidate": int((~same).sum()),
            }
    return figures


def _short(result: dict[str, Any]) -> str:
    times = ", ".join(f"{stage} {result[stage]['wall_s']:.3f} s" for stage in STAGES)
    return f"load {result['load_s']:.2f} s, {times}"


def _run(job: str, arguments: argparse.Namespace, *rest: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", job, "--threads", str(arguments.threads), *rest]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return result
    raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", default="tiny,base_plus,large")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "image")
    for hidden in ("--child", "--size", "--folder", "--library", "--dtype"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
