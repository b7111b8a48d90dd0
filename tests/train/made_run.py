"""A training of a tiny model on three short clips, in a second."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch

from masklet.data.augment import UNCHANGED
from masklet.data.records import Dataset
from masklet.data.resident import ResidentStore, StoreOptions
from masklet.data.scenes.tiny import tiny_clips
from masklet.train.building import build_model
from masklet.train.config import DataOptions, Every, ModelOptions, RunOptions, Stage, TrainConfig
from masklet.train.feed_resident import ResidentFeed
from masklet.train.loop import Hooks, Work, train
from masklet.train.optim import OptimOptions
from masklet.train.parallel import Crew
from masklet.train.prompting import MixedPrompts, PromptOptions
from masklet.train.run_folder import RunFolder
from masklet.train.step import make_learner
from tests.tiny import tiny_hybrid_config

ALONE = Crew(torch.device("cpu"))


def tiny_training(steps=4, **changes):
    """Pictures and clips of 64 pixels in turns, nothing changed about them."""
    never = Every()
    base = TrainConfig(
        "tiny",
        ModelOptions(tiny_hybrid_config(), prepared=("prompts",)),
        data=DataOptions(3, 2, pictures=UNCHANGED, clips=UNCHANGED, stored_side=64),
        stages=(Stage(0.0, side=64, pictures=4, clips=2, frames=3, picture_share=0.6),),
        picture_prompts=PromptOptions(mixed=MixedPrompts(most_clicks=3)),
        clip_prompts=PromptOptions(corrections=1),
        optim=OptimOptions(learning_rate=2e-3),
        precision="float32",
        run=RunOptions(steps=steps, checkpoint=never, evaluate=never, sheet=never),
    )
    return replace(base, **changes)


@lru_cache(maxsize=1)
def tiny_store():
    tiny = Dataset("tiny", Path(), "generated", tiny_clips())
    return ResidentStore.build([tiny], StoreOptions(side=64), device="cpu")


def tiny_work(config, folder, *, resumes=False, crew=ALONE, **hooks):
    """All that a run works with; the folder is begun."""
    place = RunFolder(Path(folder))
    if crew.is_first:
        place.begin(config, resumes=resumes)
    crew.wait()
    learner = make_learner(build_model(config, crew.device), config, crew)
    return Work(learner, config, ResidentFeed(tiny_store(), config, crew), place, Hooks(**hooks))


def trained(config, folder, **options):
    work = tiny_work(config, folder, **options)
    return work, train(work)


def same_weights(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
