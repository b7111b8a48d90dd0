"""`masklet track` is stopped, killed or out of disk, and goes on as if nothing had happened."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from masklet.cli.tracking_record import LOG_NAME, STATE_NAME
from masklet.io.encode import write_video
from masklet.io.masklets import MaskletLog, read_masklets
from masklet.io.open import open_video
from tests.cli.conftest import clip_pictures

PROMPTS = ("--point", "3:12,18@1", "--box", "6:20,8,40,28@2")
WORDS = ("clip.mp4", *PROMPTS, "--both", "--format", "masklets,palette,overlay")
FRAMES = 12 - 3 + 6
"""Forward from 3, then back from 5."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals and limits")

# The state is saved after every frame, and frames are slow enough to be interrupted between.
SLOWLY = """
import time
from masklet.cli import tracking_record, tracking_run
tracking_record._SAVE_SECONDS = tracking_record._SHARE = 0
follow = tracking_run.follow
def slowly(*arguments):
    for step in follow(*arguments):
        yield step
        time.sleep(0.15)
tracking_run.follow = slowly
"""
# A shell starts what runs in its background deaf to interrupts, and children inherit that.
HEAR = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def start(model_path, folder, before, *words):
    """The command in a process of its own, after some Python."""
    code = f"import sys\n{before}\nfrom masklet.cli.main import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "track", *words, "--model", str(model_path)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_for_frames(process, results, count):
    deadline = time.monotonic() + 120
    while process.poll() is None and lines(results / LOG_NAME) <= count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.poll() is None


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory, lively_path):
    """The results of a run that nothing stopped, in a process of its own."""
    made = tmp_path_factory.mktemp("whole")
    write_video(made / "clip.mp4", clip_pictures(), 10)
    process = start(lively_path, made, "", *WORDS, "--out", "results")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return contents(made / "results")


@pytest.fixture
def expected(clip, whole):
    """The same, and the clip in the folder of the command."""
    return whole


@pytest.mark.parametrize("frames", [4, FRAMES - 2], ids=["forward", "back"])
def test_after_kill_9_the_log_is_readable_and_resuming_gives_the_same_bytes(
    run, expected, folder, lively_path, frames
):
    results = folder / "killed"
    process = start(lively_path, folder, SLOWLY, *WORDS, "--out", "killed")
    wait_for_frames(process, results, frames)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    log = MaskletLog.open(results / LOG_NAME)
    assert frames <= len(log) < FRAMES
    assert [frame.frame_index for frame in log.frames()][:4] == [3, 4, 5, 6]
    assert (results / STATE_NAME).exists()
    done = run("track", *WORDS, "--model", str(lively_path), "--out", "killed", "--resume")
    assert done.code == 0, done.err
    assert contents(results) == expected


@pytest.mark.parametrize("lookahead", [1, 4])
def test_going_on_from_any_frame_gives_the_same_bytes(
    run, clip, folder, lively_path, monkeypatch, lookahead
):
    words = ("clip.mp4", *PROMPTS, "--format", "masklets", "--lookahead", lookahead)
    words = (*words, "--model", lively_path, "--quiet")
    assert run("track", *words, "--out", "whole").code == 0
    for frames in (2, 7):
        stop_after(monkeypatch, frames)
        stopped = run("track", *words, "--out", "parts", "--overwrite")
        assert stopped.code == 130
        monkeypatch.undo()
        monkeypatch.chdir(folder)
        assert run("track", *words, "--out", "parts", "--resume").code == 0
        assert contents(folder / "parts") == contents(folder / "whole")


def stop_after(monkeypatch, frames, number=signal.SIGINT):
    """A signal comes when so many frames are tracked."""
    from masklet.cli.tracking_record import Record

    add, seen = Record.add, []

    def added(self, step):
        add(self, step)
        seen.append(step)
        if len(seen) == frames:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Record, "add", added)


def test_an_interrupt_leaves_valid_results_and_the_command_that_goes_on(
    run, expected, folder, lively_path
):
    results = folder / "stopped"
    process = start(lively_path, folder, HEAR + SLOWLY, *WORDS, "--out", "stopped")
    wait_for_frames(process, results, 3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    frames = read_masklets(results / "masklets.json").frames
    assert 3 <= len(frames) < FRAMES
    with open_video(results / "overlay.mp4") as overlay:
        assert len(overlay) == len(frames)
    assert len(list((results / "palette").iterdir())) == len(frames)
    assert f"clip.mp4: frames 3 to {frames[-1].frame_index}, " in out
    told = f"masklet: interrupted after {len(frames)} of {FRAMES} frames; go on with: "
    command = shlex.split(err.split(told)[1])
    assert command[:3] == ["masklet", "track", "clip.mp4"]
    assert command[-1] == "--resume"
    assert run(*command[1:]).code == 0
    assert contents(results) == expected


def test_a_run_that_was_killed_before_its_first_state_begins_again(
    run, expected, folder, lively_path, monkeypatch
):
    words = (*WORDS, "--model", str(lively_path), "--out", "killed")
    stop_after(monkeypatch, 5, signal.SIGTERM)
    assert run("track", *words).code == 130
    (folder / "killed" / STATE_NAME).unlink()
    (folder / "killed" / "palette" / ".masklet-0123.tmp").write_text("half")
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert run("track", *words, "--resume").code == 0
    assert contents(folder / "killed") == expected


@pytest.fixture
def stopped(run, clip, folder, lively_path, monkeypatch):
    """A run that was interrupted after 4 frames; its words."""
    words = ("clip.mp4", "--point", "3:12,18", "--format", "masklets")
    stop_after(monkeypatch, 4)
    assert run("track", *words, "--model", str(lively_path)).code == 130
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    return words


def test_an_unfinished_run_is_neither_overwritten_nor_mixed_up(run, stopped, lively_path):
    done = run("track", *stopped, "--model", str(lively_path))
    assert done.code == 2
    assert "masklet-out holds an unfinished run, masklets.partial.jsonl" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--end", "9"], "was begun with end None, now it is end 9"),
        (["--memory-dtype", "float32"], "begun with memory_dtype 'bfloat16', now it is memory_"),
        (["--point", "4:1,1"], "was begun with other prompts"),
        (["--both"], "was begun with direction 'forward', now it is direction 'both'"),
    ],
)
def test_resuming_with_other_options_is_refused(run, stopped, lively_path, words, message):
    done = run("track", *stopped, *words, "--model", str(lively_path), "--resume")
    assert done.code == 2
    assert message in done.err
    assert "Repeat the command as it was, or start anew with --overwrite" in done.err


def test_resuming_with_another_model_is_refused(run, stopped, folder, lively_path, model_path):
    done = run("track", *stopped, "--model", str(model_path), "--resume")
    assert "was begun with weights '" in done.err
    copied = folder / "copy.safetensors"
    copied.write_bytes(lively_path.read_bytes())
    done = run("track", *stopped, "--model", copied, "--resume")
    assert "copy.safetensors'; expected the same video, prompts, model and options" in done.err


def test_resuming_with_another_video_of_that_name_is_refused(run, stopped, folder, lively_path):
    write_video(folder / "clip.mp4", list(clip_pictures())[::-1], 10)
    done = run("track", *stopped, "--model", str(lively_path), "--resume")
    assert done.code == 2
    assert "was begun with video_bytes " in done.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "the first line of masklet-out/tracker.state is no JSON"),
        (b'{"format": "other"}\n', "tracker.state has the format 'other', version None"),
        (b'{"format": "masklet-track-state", "format_version": 1}\n', "says None for 'walk'"),
    ],
)
def test_a_state_that_is_damaged_is_told(run, stopped, folder, lively_path, text, message):
    (folder / "masklet-out" / STATE_NAME).write_bytes(text)
    done = run("track", *stopped, "--model", str(lively_path), "--resume")
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_state_that_cannot_be_read_is_told(run, stopped, folder, lively_path):
    (folder / "masklet-out" / STATE_NAME).unlink()
    (folder / "masklet-out" / STATE_NAME).mkdir()
    done = run("track", *stopped, "--model", str(lively_path), "--resume")
    assert done.code == 2
    assert "tracker.state cannot be read: Is a directory; expected the state of" in done.err


def test_a_full_disk_keeps_the_masks_and_says_how_to_go_on(run, expected, folder, lively_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    process = start(lively_path, folder, limit, *WORDS, "--out", "full")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert out == ""
    told, error = err.splitlines()
    assert told.startswith("masklet: what was tracked is kept; go on with: masklet track clip.mp4")
    assert "could not be written: File too large" in error
    left = contents(folder / "full")
    assert LOG_NAME in left
    assert not any(name.startswith(".masklet") for name in left)
    for name, data in left.items():
        assert name in (LOG_NAME, STATE_NAME) or data == expected[name]
    done = run("track", *WORDS, "--model", str(lively_path), "--out", "full", "--resume")
    assert done.code == 0, done.err
    assert contents(folder / "full") == expected


def test_the_summary_of_an_interrupted_run_says_that_it_is_not_complete(
    run, clip, lively_path, monkeypatch
):
    stop_after(monkeypatch, 4)
    words = ("clip.mp4", "--point", "3:12,18", "--json", "--model", str(lively_path))
    done = run("track", *words)
    assert done.code == 130
    assert json.loads(done.out)["complete"] is False
    # The frame that was under way when the signal came was finished.
    assert json.loads(done.out)["num_frames"] == 5
