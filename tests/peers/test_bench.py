"""Peers as `masklet bench --peers` measures them: the same masks on the same clip, and their times."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from masklet.cli.bench_peers import plan_peers, save_for_peer
from masklet.eval.bench.peer_rows import peer_cells, peer_rows
from masklet.eval.bench.peers import PEERS, PeerSetup
from masklet.eval.bench.speed import Plan, cells_of, made_clip
from masklet.eval.bench.speed_records import Setup
from masklet.io.open import open_video
from masklet.model.config import SAM2_1_TINY
from masklet.model.sam2 import SAM2
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from masklet.weights.save import save_huggingface, save_official
from tests.tiny import with_weights

# The peers' own imports warn of what Python and torch have deprecated.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

SIZE = 64
BOXES = [(6.0, 8.0, 40.0, 50.0), (20.0, 4.0, 60.0, 30.0)]


@pytest.fixture(scope="module")
def model():
    with torch.device("meta"):
        empty = SAM2(replace(SAM2_1_TINY, image_size=SIZE)).eval()
    return with_weights(empty.to_empty(device="cpu"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Pictures of the network's own size, which nobody has to resize."""
    folder = tmp_path_factory.mktemp("clip")
    for number, frame in enumerate(made_clip(4, (SIZE, SIZE))):
        Image.fromarray(frame).save(folder / f"{number:05d}.jpg", quality=95)
    return folder


@pytest.fixture(scope="module")
def ours(model, clip):
    tracker = Tracker(model, num_frames=4)
    prompts = {number: Prompt.box_xyxy(*box) for number, box in enumerate(BOXES, 1)}
    with open_video(clip) as video:
        return [
            tracker.step(frame, {} if number else prompts).masks.masks()
            for number, frame in enumerate(video.frames())
        ]


@pytest.mark.parametrize("library", PEERS)
def test_a_peer_gives_the_masks_that_we_give(library, model, clip, ours, tmp_path):
    pytest.importorskip(library, reason=f"{library} is not installed: run `make test-peers`")
    save = save_huggingface if library == "transformers" else save_official
    save(model, tmp_path / "weights")
    peer = PEERS[library](PeerSetup(tmp_path / "weights", "sam2.1-hiera-tiny", SIZE, "float32"))
    peer.open(clip)
    first = peer.prompt(BOXES)
    theirs = list(peer.track())
    assert np.array_equal(theirs[0], first)
    assert len(theirs) == len(ours) == 4
    for mine, other in zip(ours, theirs, strict=True):
        assert 0 < mine.mean() < 1
        # A pixel at the threshold may fall either way.
        assert (mine == other).mean() > 0.99


@pytest.mark.parametrize("library", PEERS)
def test_a_row_of_a_peer_has_its_times_and_its_memory(library):
    pytest.importorskip(library, reason=f"{library} is not installed: run `make test-peers`")
    ours = cells_of([Setup("untrained:sam2.1-hiera-tiny", "cpu", "bfloat16")], [SIZE], [1])
    assert peer_cells(ours, library)[0] in plan_peers(ours).cells
    plan = Plan(ours, made_clip(3, (48, 64)), repeats=2)
    (row,) = peer_rows(peer_cells(ours, library), plan, save_for_peer, lambda _: None)
    assert row.failure is None
    assert row.parts["frame"].count == 2
    assert row.frames_per_second > 0
    assert row.peak.num_bytes > 100 * 2**20
