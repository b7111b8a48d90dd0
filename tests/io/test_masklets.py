"""Masks of a video survive being written, as one file and as a log that grows."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from masklet.errors import OutputError, StateError
from masklet.io.masklets import MaskletLog, read_masklets, write_masklets
from masklet.types import FrameMasks
from tests.io.made import VIDEO, files_of_at_most, frames, masklets, seen, square

not_on_windows = pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")


def same(one, other):
    assert (one.video, one.model, one.masklet_version) == (
        other.video,
        other.model,
        other.masklet_version,
    )
    assert one.frames == other.frames
    assert dict(one.settings) == dict(other.settings)
    assert {k: list(v) for k, v in one.prompts.items()} == {
        k: list(v) for k, v in other.prompts.items()
    }
    for index, of_frame in one.prompts.items():
        for object_id, prompt in of_frame.items():
            twin = other.prompts[index][object_id]
            for name in ("points", "labels", "box", "mask"):
                np.testing.assert_array_equal(getattr(prompt, name), getattr(twin, name))


def logged(path, of=None):
    with MaskletLog.create(path, masklets(0)) as log:
        for frame in frames() if of is None else of:
            log.append(frame)
    return path


def test_what_was_written_is_read(tmp_path):
    write_masklets(tmp_path / "a.json", masklets())
    same(read_masklets(tmp_path / "a.json"), masklets())


def test_a_video_of_unknown_length_and_rate_is_read(tmp_path):
    live = replace(masklets(), video=replace(VIDEO, num_frames=None, fps=None))
    write_masklets(tmp_path / "a.json", live)
    same(read_masklets(tmp_path / "a.json"), live)


def test_a_video_without_frames_is_read(tmp_path):
    write_masklets(tmp_path / "a.json", masklets(0))
    same(read_masklets(tmp_path / "a.json"), masklets(0))


def test_every_frame_has_one_short_line(tmp_path):
    write_masklets(tmp_path / "a.json", masklets())
    lines = (tmp_path / "a.json").read_text().splitlines()
    of_frames = [line for line in lines if line.startswith('  {"frame_index"')]
    assert len(of_frames) == 5
    assert max(len(line) for line in of_frames) < 400


def test_the_file_says_what_it_is_and_who_wrote_it(tmp_path):
    write_masklets(tmp_path / "a.json", masklets())
    document = json.loads((tmp_path / "a.json").read_text())
    assert (document["format"], document["format_version"]) == ("masklet-video", 1)
    assert (document["masklet_version"], document["model"]) == ("1.2.3", "tiny")
    assert document["video"] == {
        "name": "clip.mp4",
        "width": 30,
        "height": 20,
        "num_frames": 5,
        "fps": 29.97,
    }
    first = document["frames"][1]["objects"][0]
    assert (first["bbox"], first["area"]) == ([1, 2, 6, 6], 36)


def test_frames_out_of_order_are_refused(tmp_path):
    write_masklets(tmp_path / "a.json", replace(masklets(), frames=frames()[::-1]))
    with pytest.raises(StateError, match=r"has frame 3 after frame 4; expected rising frame ind"):
        read_masklets(tmp_path / "a.json")


def test_a_log_is_read_back(tmp_path):
    with MaskletLog.open(logged(tmp_path / "a.jsonl")) as log:
        assert len(log) == 5
        assert log.header.frames == ()
        assert tuple(log.frames()) == frames()
        same(log.masklets(), masklets())


def test_a_log_of_both_directions_is_sorted_and_the_later_frame_counts(tmp_path):
    again = FrameMasks(2, (seen(1, square(5, 5)),))
    path = logged(tmp_path / "a.jsonl", [*frames()[2:], again, *frames()[1::-1]])
    log = MaskletLog.open(path)
    assert [frame.frame_index for frame in log.frames()] == [2, 3, 4, 2, 1, 0]
    assert log.masklets().frames == (*frames()[:2], again, *frames()[3:])


def test_a_log_can_be_read_while_it_grows(tmp_path):
    with MaskletLog.create(tmp_path / "a.jsonl", masklets(0)) as log:
        for count, frame in enumerate(frames(), 1):
            log.append(frame)
            assert len(MaskletLog.open(tmp_path / "a.jsonl")) == count
            assert tuple(log.frames()) == frames()[:count]


@pytest.mark.parametrize("torn", [b'{"frame', b'{"frame_index":5,"objects":[]}', b"\0\0\0\n"])
def test_a_last_line_that_was_cut_off_is_ignored_and_replaced(tmp_path, torn):
    path, whole = logged(tmp_path / "a.jsonl"), logged(tmp_path / "b.jsonl")
    path.write_bytes(path.read_bytes() + torn)
    before = path.read_bytes()
    with MaskletLog.open(path) as log:
        assert tuple(log.frames()) == frames()
        assert path.read_bytes() == before
        log.append(FrameMasks(4, ()))
    with MaskletLog.open(whole) as log:
        log.append(FrameMasks(4, ()))
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("kept", range(6))
def test_a_run_that_goes_on_from_any_frame_writes_the_same_bytes(tmp_path, kept):
    path = logged(tmp_path / "a.jsonl")
    whole = path.read_bytes()
    with MaskletLog.open(path) as log:
        log.keep(kept)
        assert (len(log), len(MaskletLog.open(path))) == (kept, kept)
        for frame in frames()[kept:]:
            log.append(frame)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("count", [6, -1])
def test_more_frames_than_there_are_cannot_be_kept(tmp_path, count):
    log = MaskletLog.open(logged(tmp_path / "a.jsonl"))
    with pytest.raises(StateError, match=rf"a\.jsonl holds 5 frames, {count} are to be kept; exp"):
        log.keep(count)


def test_a_damaged_line_before_the_last_is_refused_with_its_number(tmp_path):
    path = logged(tmp_path / "a.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"{]\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(StateError, match=r"a\.jsonl, line 3 is no JSON: .*; expected the masks of"):
        MaskletLog.open(path).masklets()


def test_a_log_that_ends_in_its_header_is_refused(tmp_path):
    path = logged(tmp_path / "a.jsonl", [])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StateError, match=r"a\.jsonl ends within its first line; expected at least"):
        MaskletLog.open(path)


@pytest.mark.parametrize("name", ["gone.jsonl", "a\0b"])
def test_a_log_that_is_not_there_is_refused(tmp_path, name):
    with pytest.raises(StateError, match=r"cannot be read: .*; expected masks of a video as mask"):
        MaskletLog.open(tmp_path / name)


def test_the_two_forms_are_told_apart(tmp_path):
    write_masklets(tmp_path / "a.json", masklets())
    logged(tmp_path / "a.jsonl", [])
    says = r"has the format 'masklet-video-log'; expected 'masklet-video', masks of a video as"
    with pytest.raises(StateError, match=says):
        read_masklets(tmp_path / "a.jsonl")
    with pytest.raises(StateError, match=r"the first line of .*a\.json is no JSON"):
        MaskletLog.open(tmp_path / "a.json")


def test_closing_twice_does_no_harm_and_appending_opens_again(tmp_path):
    log = MaskletLog.create(tmp_path / "a.jsonl", masklets(0))
    log.append(frames()[0])
    log.close()
    log.close()
    log.append(frames()[1])
    log.close()
    assert tuple(MaskletLog.open(tmp_path / "a.jsonl").frames()) == frames()[:2]


@not_on_windows
def test_a_full_disk_leaves_what_was_appended_before(tmp_path):
    path = tmp_path / "a.jsonl"
    with MaskletLog.create(path, masklets(0)) as log:
        log.append(frames()[0])
        room = path.stat().st_size + 100
        with (
            files_of_at_most(room),
            pytest.raises(OutputError, match=r"a\.jsonl could not be written: File too large; exp"),
        ):
            log.append(frames()[1])
        assert len(log) == 1
        assert tuple(MaskletLog.open(path).frames()) == frames()[:1]
        log.append(frames()[1])
    assert path.read_bytes() == logged(tmp_path / "b.jsonl", frames()[:2]).read_bytes()


def test_an_interrupt_while_appending_leaves_whole_lines(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    with MaskletLog.create(path, masklets(0)) as log:
        log.append(frames()[0])
        file = log._file
        log._file = Interrupting(file)
        with pytest.raises(KeyboardInterrupt):
            log.append(frames()[1])
        log._file = file
        assert path.read_bytes().endswith(b"\n")
        assert len(MaskletLog.open(path)) == len(log) == 1


class Interrupting:
    """A file on which Ctrl-C comes in the middle of a line."""

    def __init__(self, file):
        self._file = file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        self._file.write(data[:10])
        raise KeyboardInterrupt


KILLED = """
import os, signal, sys
from masklet.io.masklets import MaskletLog
from tests.io.made import frames, masklets
log = MaskletLog.create(sys.argv[1], masklets(0))
for frame in frames():
    log.append(frame)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_killed_process_leaves_all_that_it_appended(tmp_path):
    path = tmp_path / "a.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)],
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_bytes() == logged(tmp_path / "b.jsonl").read_bytes()


def test_a_log_reaches_the_disk_every_few_seconds(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with MaskletLog.create(tmp_path / "a.jsonl", masklets(0)) as log:
        synced.clear()
        log.append(frames()[0])
        assert len(synced) == 0
        monkeypatch.setattr("time.monotonic", lambda: log._synced + 3)
        log.append(frames()[1])
        assert len(synced) == 1
    assert len(synced) == 2
