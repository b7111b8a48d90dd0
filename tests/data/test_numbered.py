"""The files of a clip are found by their numbers."""

import os
from pathlib import Path

import pytest

from masklet.data import numbered
from masklet.data.numbered import (
    FRAME_SUFFIXES,
    Numbered,
    annotated_frames,
    annotated_number,
    check_whole,
    folders_in,
    list_numbered,
    number_of,
)
from masklet.data.records import Problem
from masklet.errors import DatasetError


def test_files_come_by_number_and_keep_their_names(tmp_path):
    for name in ("10.jpg", "9.PNG", "00000100.webp", "8.txt", ".7.jpg"):
        (tmp_path / name).touch()
    files = list_numbered(tmp_path, FRAME_SUFFIXES, "bear").files
    assert files == Numbered(tmp_path, (9, 10, 100), ("9.PNG", "10.jpg", "00000100.webp"))
    assert files.stems() == ("9", "10", "00000100")
    assert files.path_of(10) == tmp_path / "10.jpg"


def test_a_missing_folder_is_empty(tmp_path):
    (tmp_path / "file").touch()
    for name in ("gone", "file"):
        listed = list_numbered(tmp_path / name, FRAME_SUFFIXES, "bear")
        assert (listed.files.numbers, listed.problems) == ((), ())


@pytest.mark.skipif(os.name == "nt", reason="Windows says that such a folder is missing")
def test_a_folder_that_cannot_be_listed_is_a_problem(tmp_path):
    folder = tmp_path / ("x" * 300)  # longer than a name may be
    (problem,) = list_numbered(folder, FRAME_SUFFIXES, "bear").problems
    assert str(problem).startswith(f"bear: {folder}: it cannot be listed: ")


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("", None), ("-1", None), ("1.5", None), ("٣", None), ("²", None)],
)
def test_only_plain_digits_are_a_number(text, number):
    assert number_of(text) == number


def test_frames_that_are_drawn_are_counted_from_0():
    frames = Numbered(Path("bear"), (5, 10, 15), ("5.jpg", "10.jpg", "15.jpg"))
    assert annotated_frames(frames, {15, 5, 99}) == (0, 2)
    assert annotated_number(frames, {15, 5, 99}, 2) == 15
    with pytest.raises(IndexError, match=r"frame 1 of bear has no annotation; .* of the 2 that ha"):
        annotated_number(frames, {15, 5, 99}, 1)


def test_folders_are_sorted_and_visible(tmp_path):
    for name in ("b", "a", ".c"):
        (tmp_path / name).mkdir()
    (tmp_path / "d").touch()
    assert folders_in(tmp_path) == ["a", "b"]
    assert folders_in(tmp_path / "gone") == []


def test_a_clip_with_problems_names_the_first(tmp_path):
    check_whole("bear", ())
    problems = [Problem("bear", "1.jpg", "it is missing"), Problem("bear", "2.jpg", "too")]
    with pytest.raises(DatasetError, match=r"bear is broken: 1\.jpg: it is missing, and 1 more pr"):
        check_whole("bear", problems)
    with pytest.raises(DatasetError, match=r"bear is broken: 1\.jpg: it is missing; expected fra"):
        numbered.open_whole("bear", Numbered(tmp_path), problems[:1])
