"""Replay parity scenarios and compare them with what the reference answered.

    python tests/parity/run.py i_t21_480x854 modules
    python tests/parity/run.py path/to/new.json --fixtures path/to/fixtures

Prints a report per scenario and at last how many passed. Exits 1 if something is beyond its
tolerance, 2 if a scenario, its golden or the options cannot be used.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

# A script has only its own folder on the path; this one runs from any clone.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from masklet.compat.sam2.sam2_video_predictor import SAM2VideoPredictor, predictor_of
from masklet.errors import CheckpointError
from tests.parity import modules
from tests.parity.adapters import CompatImages, CompatVideos
from tests.parity.comparison import Report, compare, kind_of
from tests.parity.recording import Recording
from tests.parity.replay import replay_image, replay_video
from tests.parity.scenarios import (
    Dtype,
    Scenario,
    UnreadableError,
    build_model,
    model_of,
    read_scenario,
)
from tests.parity.ties import TIES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    reports: list[Report | None] = []
    for reference in options.scenarios:
        started = time.perf_counter()
        try:
            scenario = read_scenario(reference, options.fixtures)
            report = replay(scenario, options.dtype)
        except UnreadableError as error:
            reports.append(None)
            _say(f"{reference}: not run: {error}")
            continue
        reports.append(report)
        outcome = "passed" if report.passed else "FAILED"
        _say(f"{scenario.name}: {outcome} in {time.perf_counter() - started:.1f} s")
        _say(report.text())
    passed = sum(report is not None and report.passed for report in reports)
    _say(f"{passed} passed, {len(reports) - passed} failed")
    if None in reports:
        return 2
    return 0 if passed == len(reports) else 1


def replay(scenario: Scenario, dtype: Dtype = "float32") -> Report:
    """Replay one scenario and compare it.

    Raises:
        UnreadableError: there is no adapter, no golden or no model for it.
    """
    match scenario.kind:
        case "image":
            golden = scenario.golden(dtype)
            recording = replay_image(scenario, CompatImages(model_of(scenario, dtype)))
            return compare(recording, golden, scenario.limits(dtype), kind_of)
        case "modules":
            golden = scenario.golden(dtype)
            limits = modules.limits_of(scenario.limits(dtype))
            return compare(_replay_modules(scenario), golden, limits, modules.kind_of)
        case _:
            golden = scenario.golden(dtype)
            predictor = predictor_for(scenario, dtype)
            ties = TIES.get(scenario.name, ())
            recording = replay_video(scenario, CompatVideos(predictor, ties))
            return compare(recording, golden, scenario.limits(dtype), kind_of)


def predictor_for(scenario: Scenario, dtype: Dtype) -> SAM2VideoPredictor:
    """The drop-in layer's predictor with the settings of a video scenario.

    Raises:
        UnreadableError: a setting is unknown.
    """
    overrides = [f"++model.{name}={value}" for name, value in scenario.fields["flags"].items()]
    try:
        predictor = predictor_of(
            model_of(scenario),
            device="cpu",
            hydra_overrides_extra=overrides,
            memory_dtype=getattr(torch, dtype),
        )
    except CheckpointError as error:
        raise UnreadableError(f"{scenario.name}: {error}") from error
    # The reference fills holes with a kernel for CUDA, and its answers were made on a CPU.
    predictor.fill_hole_area = 0
    return predictor


def _replay_modules(scenario: Scenario) -> Recording:
    whole = Recording()
    for case in scenario.fields["cases"]:
        needed = modules.weights_of(case)
        recording = modules.replay_case(case, None if needed is None else build_model(*needed))
        whole.arrays.update(recording.arrays)
        whole.shapes.update(recording.shapes)
    return whole


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Replay parity scenarios and compare with the reference."
    )
    parser.add_argument(
        "scenarios",
        nargs="+",
        metavar="SCENARIO.json",
        help="path of a scenario, or the name of one in the fixtures",
    )
    parser.add_argument(
        "--fixtures",
        type=Path,
        help="folder with golden/ and perhaps shapes/ (default: what is committed here, then "
        "shared/parity beside the repository)",
    )
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16"),
        default="float32",
        help="of the network's products on images; of the stored memories of a video",
    )
    parser.add_argument("--threads", type=_positive, default=torch.get_num_threads())
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} threads; expected at least one")
    return number


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
