"""Settings go to JSON and back, and are changed by text of the right type."""

import json
from dataclasses import dataclass, field

import pytest

from masklet.errors import TrainingError
from masklet.model.config import MASKLET_SMALL_HYBRID, SAM2_1_TINY, ModelConfig
from masklet.train.lora import LoraOptions
from masklet.train.optim import OptimOptions
from masklet.train.prompting import MixedPrompts, PromptOptions
from masklet.train.settings import as_document, from_document, setting_names, with_settings


@dataclass(frozen=True)
class Part:
    begins: float = 0.0
    side: int = 64


@dataclass(frozen=True)
class Whole:
    name: str
    model: ModelConfig | None = SAM2_1_TINY
    prompts: PromptOptions = field(default_factory=lambda: PromptOptions(mixed=MixedPrompts()))
    optim: OptimOptions = field(default_factory=OptimOptions)
    lora: LoraOptions | None = None
    parts: tuple[Part, ...] = (Part(), Part(0.5, 128))
    shares: tuple[float, ...] = ()
    is_fast: bool = False


WHOLE = Whole("example")


@pytest.mark.parametrize("model", [SAM2_1_TINY, MASKLET_SMALL_HYBRID, None])
def test_records_of_all_kinds_come_back_from_json(model):
    whole = Whole("example", model, lora=LoraOptions(rank=2), shares=(0.5, 1.0))
    document = json.loads(json.dumps(as_document(whole)))
    assert from_document(Whole, document) == whole


def test_what_a_document_leaves_out_is_as_by_default():
    assert from_document(Whole, {"name": "example"}) == WHOLE


@pytest.mark.parametrize(
    ("setting", "read"),
    [
        ("name=other", lambda whole: whole.name == "other"),
        ("is_fast=yes", lambda whole: whole.is_fast is True),
        ("is_fast=off", lambda whole: whole.is_fast is False),
        ("optim.learning_rate=2e-4", lambda whole: whole.optim.learning_rate == 2e-4),
        ("optim.encoder_learning_rate=1", lambda w: w.optim.encoder_learning_rate == 1.0),
        ("optim.encoder_learning_rate=none", lambda w: w.optim.encoder_learning_rate is None),
        ("optim.betas=0.9, 0.98", lambda whole: whole.optim.betas == (0.9, 0.98)),
        ("optim.frozen=a.b,c", lambda whole: whole.optim.frozen == ("a.b", "c")),
        ("optim.frozen=", lambda whole: whole.optim.frozen == ()),
        ("optim.muon_precision=float32", lambda whole: whole.optim.muon_precision == "float32"),
        ("prompts.corrections=1e1", lambda whole: whole.prompts.corrections == 10),
        ("prompts.mixed=none", lambda whole: whole.prompts.mixed is None),
        ("prompts.mixed.most_clicks=3", lambda whole: whole.prompts.mixed.most_clicks == 3),
        ("lora.rank=4", lambda whole: whole.lora == LoraOptions(rank=4)),
        ("parts.1.side=96", lambda whole: whole.parts[1] == Part(0.5, 96)),
        ('parts=[{"side": 32}]', lambda whole: whole.parts == (Part(0.0, 32),)),
        ("model.trunk.embed_dim=48", lambda whole: whole.model.trunk.embed_dim == 48),
        ("model.memory.version=2.0", lambda whole: whole.model.memory.version == "2.0"),
        ("model=none", lambda whole: whole.model is None),
    ],
)
def test_a_setting_is_read_by_the_type_of_its_field(setting, read):
    assert read(with_settings(WHOLE, [setting]))


def test_settings_count_together_and_the_last_one_wins():
    changed = with_settings(WHOLE, ["parts.0.side=32", "parts.1.side=32", "parts.0.side=96"])
    assert [part.side for part in changed.parts] == [96, 32]
    assert changed.optim == WHOLE.optim


def test_all_settings_have_names():
    names = setting_names(WHOLE)
    assert {"optim.betas", "parts.1.begins", "model.memory.version", "lora"} <= set(names)


@pytest.mark.parametrize(
    ("setting", "near"),
    [
        ("optim.learnin_rate=1", "optim.learning_rate"),
        ("optim.lr=1", "optim.learning_rate"),
        ("parts.2.side=1", "parts.1.side"),
        ("parts.first.side=1", "parts.1.side, parts.0.side"),
        ("nothing=1", "name, model.trunk.embed_dim"),
        ("name.first=1", "name"),
        ("model.trunk.num_head=1", "model.trunk.num_heads"),
    ],
)
def test_an_unknown_setting_is_told_with_the_nearest(setting, near):
    key = setting.partition("=")[0]
    with pytest.raises(TrainingError, match=rf"there is no setting '{key}'.*Did you mean {near}"):
        with_settings(WHOLE, [setting])


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("optim.learning_rate=fast", "a number"),
        ("optim.encoder_learning_rate=fast", "a number or none"),
        ("prompts.corrections=1.5", "a whole number"),
        ("is_fast=perhaps", "true or false"),
        ("optim.betas=0.9", "2 values, each a number, with commas"),
        ("shares=1,x", "several, each a number"),
        ("optim.muon_precision=int8", "bfloat16 or float32"),
        ("model.memory.version=3", r"2\.0 or 2\.1"),
        ("lora=deep", "the settings of LoraOptions as JSON or none"),
        ("parts=[1", "several, each the settings of Part"),
        ("optim.betas=[1]", "2 values"),
        ("is_fast=[1]", "true or false"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_with_what_was_expected(setting, expected):
    key = setting.partition("=")[0]
    with pytest.raises(
        TrainingError, match=rf"setting \S*{key} was given as .*expected {expected}"
    ):
        with_settings(WHOLE, [setting])


def test_a_setting_needs_a_value():
    with pytest.raises(TrainingError, match="'is_fast' has no value; expected KEY=VALUE"):
        with_settings(WHOLE, ["is_fast"])


def test_a_record_needs_what_has_no_default():
    with pytest.raises(TrainingError, match="recipe has no name; expected name at least"):
        from_document(Whole, {})


def test_a_document_with_unknown_fields_is_refused():
    with pytest.raises(TrainingError, match=r"'recipe.optim.speed'.*one of this recipe"):
        from_document(Whole, {"name": "example", "optim": {"speed": 3}})


def test_a_value_out_of_range_is_refused_by_its_record():
    with pytest.raises(TrainingError, match="learning_rate is -1"):
        with_settings(WHOLE, ["optim.learning_rate=-1"])
