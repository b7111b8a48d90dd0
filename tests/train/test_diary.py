"""The diary of a training grows line by line and forgets steps that are made again."""

import json
import math

import pytest

from masklet.errors import OutputError
from masklet.train.diary import diary, read_diary


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def test_a_record_is_in_the_file_as_soon_as_it_is_written(path):
    with diary(path, steps=0) as write:
        write({"step": 1, "loss": 1 / 3, "scores": {"score": 2 / 3}})
        assert json.loads(path.read_text()) == {
            "step": 1,
            "loss": 0.333333,
            "scores": {"score": 0.666667},
        }


def test_going_on_after_some_steps_forgets_later_ones(path):
    with diary(path, steps=0) as write:
        for step in range(1, 6):
            write({"step": step})
    with diary(path, steps=3) as write:
        write({"step": 4, "again": True})
    assert [record["step"] for record in read_diary(path)] == [1, 2, 3, 4]
    assert read_diary(path)[-1]["again"]


def test_a_torn_line_is_left_out_and_written_anew(path):
    path.write_text('{"step": 1}\n{"step": 2}\n{"ste')
    assert [record["step"] for record in read_diary(path)] == [1, 2]
    with diary(path, steps=2) as write:
        write({"step": 3})
    assert [record["step"] for record in read_diary(path)] == [1, 2, 3]


def test_small_and_endless_numbers_are_kept(path):
    with diary(path, steps=0) as write:
        write({"step": 1, "rate": 1.23456789e-9, "loss": math.inf, "none": None})
    (record,) = read_diary(path)
    assert record == {"step": 1, "rate": 1.23457e-9, "loss": math.inf, "none": None}


def test_a_diary_that_cannot_be_written_is_told(tmp_path):
    with (
        pytest.raises(OutputError, match="could not be written"),
        diary(tmp_path / "gone" / "metrics.jsonl", steps=0),
    ):
        pytest.fail("the folder is not there")
