"""Where the time of training goes: the parts of a step, its operations, pictures a second.

    python benchmarks/training.py 'packs/images-train-*.tar'
    python benchmarks/training.py 'packs/*.tar' --recipe small_video --kind clips

One thread; the median of some steps in each stage of the recipe. What is drawn and changed is shown
beside the rest, as training does it in a thread of its own where there is a second core. Writes a
table in Markdown and all figures as JSON.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile

from masklet.cli.train_data import open_data
from masklet.eval.environment import environment
from masklet.model.preprocess import normalize
from masklet.recipes.catalog import recipe
from masklet.train.building import build_model
from masklet.train.config import Stage, TrainConfig, settled
from masklet.train.feed import Feed
from masklet.train.feeding import make_feed
from masklet.train.parallel import Crew
from masklet.train.prompting import draw_plan
from masklet.train.step import Learner, computing, make_learner
from masklet.train.unroll import unroll, unrolled_loss

HERE = Path(__file__).resolve().parent
PARTS = ("draw", "encode", "answer", "compare", "backward", "optimise")
# The first steps choose kernels and take memory.
WARM = 2
OPERATIONS = 12


def main() -> None:
    """Measure, print the tables, write both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", nargs="+")
    parser.add_argument("--recipe", default="small_image")
    parser.add_argument("--kind", choices=("pictures", "clips"), default="pictures")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "training")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = recipe(arguments.recipe)
    crew = Crew(torch.device("cpu"))
    model = build_model(config, crew.device)
    config = settled(config, model.config.image_size)
    feed = make_feed(open_data(arguments.data, None).datasets, config, crew, cache=arguments.cache)
    learner = make_learner(model, config, crew)
    figures: dict[str, Any] = {
        "environment": {"line": str(environment()), **asdict(environment())},
        "recipe": arguments.recipe,
        "kind": arguments.kind,
        "steps": arguments.steps,
        "stages": [],
    }
    share = float(arguments.kind == "pictures")
    for stage in (replace(each, picture_share=share) for each in config.stages):
        print(f"{arguments.kind} of {stage.pixels} pixels", file=sys.stderr)
        figures["stages"].append(measured(learner, config, feed, stage, arguments.steps))
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
    tables = parts_table(figures["stages"]) + "\n" + operations_table(figures["stages"][-1])
    arguments.out.with_suffix(".md").write_text(tables)
    print(tables)


def measured(
    learner: Learner, config: TrainConfig, feed: Feed, stage: Stage, steps: int
) -> dict[str, Any]:
    """Seconds of every part, frames of a step, and the operations of two more steps."""
    rows = [one_step(learner, config, feed, stage, step) for step in range(WARM + steps)][WARM:]
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for step in range(2):
            one_step(learner, config, feed, stage, step)
    events = sorted(seen.key_averages(), key=lambda each: -each.self_cpu_time_total)
    whole = sum(each.self_cpu_time_total for each in events)
    return {
        "side": stage.pixels,
        "frames": statistics.median(row["frames"] for row in rows),
        "rows": statistics.median(row["rows"] for row in rows),
        **{part: statistics.median(row[part] for row in rows) for part in PARTS},
        "operations": {each.key: each.self_cpu_time_total / whole for each in events[:OPERATIONS]},
    }


def one_step(
    learner: Learner, config: TrainConfig, feed: Feed, stage: Stage, step: int
) -> dict[str, float]:
    """A step of training as `take_step` takes it, its parts timed apart."""
    spent: dict[str, float] = {}

    @contextmanager
    def part(name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        spent[name] = time.perf_counter() - begun

    model = learner.model
    with part("draw"):
        given = feed.step(step, stage)
        batch = given.batches[0]
    options = config.picture_prompts if batch.length == 1 else config.clip_prompts
    plan = draw_plan(
        options,
        frames=batch.length,
        rows=batch.rows,
        generator=torch.Generator().manual_seed(step),
    )
    generator = torch.Generator().manual_seed(step)
    with sdpa_kernel(SDPBackend.MATH):
        with part("encode"), computing(config, batch.device):
            features = model.encode_image(normalize(batch.frames_F3SS))
        with part("answer"), computing(config, batch.device):
            answers = unroll(
                model, batch, plan, generator=generator, options=config.unroll, features=features
            )
        with part("compare"):
            loss = unrolled_loss(answers, batch, config.losses, config.rules).total
        with part("backward"):
            loss.backward()
    with part("optimise"):
        nn.utils.clip_grad_norm_(list(model.parameters()), config.clip_norm)
        for optimizer in learner.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if learner.average is not None:
            learner.average.update(model)
    return spent | {"frames": len(batch.frames_F3SS), "rows": batch.rows}


def parts_table(stages: list[dict[str, Any]]) -> str:
    """Milliseconds of a step by stage, and frames a second with drawing beside the rest."""
    lines = [
        "| side | frames | rows | " + " | ".join(PARTS) + " | frames a second |",
        "|" + "---:|" * (len(PARTS) + 4),
    ]
    for stage in stages:
        rest = sum(stage[part] for part in PARTS[1:])
        cells = [f"{stage[name]:.0f}" for name in ("side", "frames", "rows")]
        cells += [f"{1000 * stage[part]:.0f}" for part in PARTS]
        lines.append(f"| {' | '.join(cells)} | {stage['frames'] / max(rest, stage['draw']):.1f} |")
    return "\n".join(lines) + "\n"


def operations_table(stage: dict[str, Any]) -> str:
    """The longest operations of a stage and their share of the processor's time."""
    lines = [f"| operation at {stage['side']} pixels | share |", "|---|---:|"]
    lines += [f"| `{name}` | {share:.1%} |" for name, share in stage["operations"].items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
