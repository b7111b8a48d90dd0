"""What every process of a crew does in `test_parallel`, started by torchrun: FOLDER THREADS."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from masklet.train.building import build_model
from masklet.train.optim import OptimOptions
from masklet.train.parallel import joined_crew
from masklet.train.step import make_learner, take_step
from tests.train.clips import tiny_batch
from tests.train.made_run import tiny_training, trained

WHOLE = tiny_batch(clips=4, frames=3)


def alike():
    """Without any luck: every clip begins with a mask, and nothing is dropped."""
    base = tiny_training()
    prompts = replace(base.clip_prompts, points=0.0, initial_frames=(1, 1))
    model = replace(base.model, dropout=0.0)
    return replace(base, clip_prompts=prompts, model=model, optim=OptimOptions(learning_rate=1e-3))


def half(rank):
    """Two of the four clips."""
    frames, rows = slice(6 * rank, 6 * rank + 6), slice(4 * rank, 4 * rank + 4)
    return replace(
        WHOLE,
        frames_F3SS=WHOLE.frames_F3SS[frames],
        masks_TBSS=WHOLE.masks_TBSS[:, rows],
        known_TB=WHOLE.known_TB[:, rows],
        row_to_frame_TB=WHOLE.row_to_frame_TB[:, rows] - 6 * rank,
        names=WHOLE.names[2 * rank : 2 * rank + 2],
    )


def stepped(crew, batch, folder, steps=3):
    """Weights and losses after some steps on one batch."""
    config = alike()
    learner = make_learner(build_model(config, crew.device), config, crew)
    told = [
        take_step(learner, config, [batch], step=step, progress=0.5, evidence=folder)
        for step in range(steps)
    ]
    return learner.model, told


def main():
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    with joined_crew(torch.device("cpu")) as crew:
        model, told = stepped(crew, half(crew.rank), folder)
        torch.save(model.state_dict(), folder / f"weights-{crew.rank}.pt")
        losses = [each.loss for each in told]
        seen = []

        def stop():
            # The others would never stop: what the first process says counts.
            return crew.is_first and len(seen) == 2

        # Pictures leave the memory without gradients, in all processes.
        config = tiny_training(4)
        _, ended = trained(config, folder / "run", crew=crew, told=seen.append, stop=stop)
        begun = ended.standing.step
        work, ended = trained(config, folder / "run", crew=crew, resumes=True)
        torch.save(work.learner.model.state_dict(), folder / f"trained-{crew.rank}.pt")
        record = {"losses": losses, "begun": begun, "ended": ended.standing.step}
        record |= {"told": len(seen), "frames": ended.standing.frames}
        (folder / f"told-{crew.rank}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
