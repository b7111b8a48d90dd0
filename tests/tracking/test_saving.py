"""A tracker's state as bytes: whole, harmless, and continued in another process."""

import json
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from masklet.errors import StateError
from masklet.tracking.saving import state_from_bytes, state_to_bytes
from masklet.tracking.tracker import Tracker, TrackerState
from masklet.types import Prompt

CPU = torch.device("cpu")
DISC, SQUARE = Prompt.point(12, 20), Prompt.box_xyxy(53, 27, 67, 41)

CONTINUE = """
import sys
from pathlib import Path
import torch
from tests.tracking.made import made_model, moving_shapes
from tests.tracking.test_saving import CPU, digest
from masklet.tracking.saving import state_from_bytes
from masklet.tracking.tracker import Tracker
torch.set_num_threads(int(sys.argv[2]))
made, frames = made_model(), moving_shapes()
state = state_from_bytes(Path(sys.argv[1]).read_bytes(), CPU, config=made.config.to_json())
print(digest(made, state, frames))
"""


def digest(model, state, frames):
    """What the next frames look like, to the last bit."""
    tracker = Tracker(model)
    tracker.state = state
    seen = sha256()
    while tracker.state.frame_index < 12:
        result = tracker.step(frames[tracker.state.frame_index])
        seen.update(result.masks.logits.numpy().tobytes())
        seen.update(repr(result.kept()).encode())
    return seen.hexdigest()


@pytest.fixture(scope="module")
def state(model, clip):
    tracker = Tracker(model)
    for index in range(6):
        tracker.step(clip[index], {0: {1: DISC}, 3: {2: SQUARE}}.get(index))
    return tracker.state


def test_a_state_restored_in_another_process_continues_to_the_same_bytes(
    model, clip, state, tmp_path
):
    saved = tmp_path / "tracker"
    saved.write_bytes(state_to_bytes(state, config=model.config.to_json()))
    done = subprocess.run(
        [sys.executable, "-c", CONTINUE, str(saved), str(torch.get_num_threads())],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digest(model, state, clip)


def test_a_memory_that_hypotheses_share_is_saved_once(state):
    (track, *_) = state.tracks
    single = replace(state, tracks=(track,))
    double = replace(state, tracks=((track[0], replace(track[0], score=2.0)),))
    assert len(state_to_bytes(double)) - len(state_to_bytes(single)) < 400
    first, second = state_from_bytes(state_to_bytes(double), CPU).tracks[0]
    assert second.score == 2.0
    assert first.bank.recent[0] is second.bank.recent[0]


def test_the_state_of_a_policy_comes_back(state):
    kept = {"mean": [1.5, 2.0], "frames": 3, "none": None}
    with_state = replace(state, tracks=((replace(state.tracks[0][0], state=kept),),))
    assert state_from_bytes(state_to_bytes(with_state), CPU).tracks[0][0].state == kept


@pytest.mark.parametrize("kept", [object(), (1, 2)], ids=["object", "tuple"])
def test_a_policy_state_that_json_cannot_say_is_refused(state, kept):
    with_state = replace(state, tracks=((replace(state.tracks[0][0], state=kept),),))
    with pytest.raises(StateError, match=r"the policy keeps .*, which JSON cannot say"):
        state_to_bytes(with_state)


def test_a_tracker_of_nothing_is_saved_too():
    assert state_from_bytes(state_to_bytes(TrackerState(7)), CPU) == TrackerState(7)


def test_another_models_state_is_refused(model, state):
    data = state_to_bytes(state, config=replace(model.config, image_size=128).to_json())
    with pytest.raises(StateError, match="belongs to a model with another config"):
        state_from_bytes(data, CPU, config=model.config.to_json())
    assert state_from_bytes(data, CPU).frame_index == 6


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_bytes_that_were_cut_off_are_refused(state, length):
    with pytest.raises(StateError, match=r"bytes are no tracker's state: .* Were they cut off"):
        state_from_bytes(state_to_bytes(state)[:length], CPU)


def test_what_something_else_wrote_is_refused():
    with pytest.raises(StateError, match="no tracker's state"):
        state_from_bytes(save({"a": torch.zeros(1)}, {"format": "pt"}), CPU)
    with pytest.raises(StateError, match="no tracker's state"):
        state_from_bytes(save({"a": torch.zeros(1)}, {"masklet": "3"}), CPU)


def test_a_later_version_is_refused():
    header = {"format": "masklet tracker state", "version": 2}
    with pytest.raises(StateError, match=r"state' version 2; this masklet reads .* version 1"):
        state_from_bytes(save({}, {"masklet": json.dumps(header)}), CPU)


def test_a_state_that_lacks_a_memory_is_refused():
    header = {"format": "masklet tracker state", "version": 1, "memories": [3], "tracks": []}
    with pytest.raises(StateError, match=r"state is damaged: KeyError '0.spatial_LD'"):
        state_from_bytes(save({}, {"masklet": json.dumps(header)}), CPU)
