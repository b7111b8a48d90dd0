"""What is wrong with an item is told once, without advice."""

import pytest

from masklet.data.findings import Findings, clause
from masklet.errors import DatasetError, ImageError, OutputError, VideoError


def failing(error):
    def read():
        raise error

    return read


def test_what_can_be_read_is_handed_over():
    findings = Findings("bear")
    assert findings.attempt("frame 1", lambda: 5) == 5
    assert findings.problems() == ()


@pytest.mark.parametrize("kind", [DatasetError, ImageError, VideoError])
def test_what_cannot_be_read_is_a_problem(kind):
    findings = Findings("bear")
    assert findings.attempt("frame 1", failing(kind("it is red; expected blue. Paint."))) is None
    assert [str(each) for each in findings.problems()] == ["bear: frame 1: it is red"]


def test_other_errors_are_not_those_of_the_data():
    with pytest.raises(OutputError, match="full"):
        Findings("bear").attempt("", failing(OutputError("full")))


def test_a_file_that_is_needed_twice_is_told_once():
    findings = Findings("bear")
    for where in ("frame 1", "frame 2"):
        findings.attempt(where, failing(DatasetError("a.json is gone; expected it.")))
    assert [each.where for each in findings.problems()] == ["frame 1"]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("a.png is red; expected blue. Paint it.", "a.png is red"),
        ("it holds 3 files. Expected one.", "it holds 3 files"),
        ("nothing else is said", "nothing else is said"),
        ("it is as expected by nobody; expected more", "it is as expected by nobody"),
    ],
)
def test_a_clause_is_what_happened(message, told):
    assert clause(DatasetError(message)) == told
