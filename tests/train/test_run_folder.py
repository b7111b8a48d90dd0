"""The folder of a training is begun once, and gone on with only where that is wanted."""

import json

import pytest

from masklet.errors import StateError
from masklet.train.config import TrainConfig
from masklet.train.run_folder import RunFolder
from masklet.train.settings import from_document
from tests.train.made_run import tiny_training


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "deep" / "run")


def begun_before(folder):
    folder.begin(tiny_training(), resumes=False)
    (folder.checkpoints / "step-000000003.safetensors").write_bytes(b"")
    return folder


def test_a_new_folder_holds_the_whole_config(folder):
    assert folder.begin(tiny_training(), resumes=False) is False
    document = json.loads((folder.root / "recipe.json").read_text())
    assert from_document(TrainConfig, document) == tiny_training()


def test_without_a_checkpoint_a_training_begins_anew(folder):
    folder.begin(tiny_training(), resumes=False)
    assert folder.begin(tiny_training(), resumes=True) is False
    assert folder.begin(tiny_training(), resumes=False) is False


def test_a_training_is_gone_on_with_where_that_is_wanted(folder):
    assert begun_before(folder).begin(tiny_training(), resumes=True) is True


def test_a_training_is_not_begun_over_another_one(folder):
    with pytest.raises(StateError, match=r"holds a training, up to step-0+3\.safe.*--resume, or"):
        begun_before(folder).begin(tiny_training(), resumes=False)


def test_a_folder_of_something_else_is_refused(folder):
    folder.root.mkdir(parents=True)
    (folder.root / "thesis.tex").write_text("")
    with pytest.raises(StateError, match=r"not of a training.*another --out"):
        folder.begin(tiny_training(), resumes=False)
    assert [path.name for path in folder.root.iterdir()] == ["thesis.tex"]
