"""A session with a policy that has a state of its own and several hypotheses per object."""

from dataclasses import dataclass, field, replace

import torch

from masklet.memory.policy import Choice
from masklet.memory.standard import StandardPolicy
from masklet.tracking.checkpoints import Budgets
from masklet.tracking.replaying import replay
from masklet.tracking.saving import state_from_bytes, state_to_bytes
from masklet.tracking.tracker import Tracker
from tests.tracking.sessions import BESIDE, DISC, SQUARE, exact, run, shown


@dataclass(frozen=True)
class TwoWays:
    """Every object goes on in two ways, by its two best candidates; the state counts frames."""

    standard: StandardPolicy = field(default_factory=StandardPolicy)

    @property
    def reach(self):
        return self.standard.reach

    @property
    def foveates(self):
        return self.standard.foveates

    def start(self):
        return 0

    def recall(self, track, moment):
        return self.standard.recall(track, moment)

    def choose(self, rows, evidence, points, moment):
        firsts = {}
        for number, row in enumerate(rows):
            firsts.setdefault(row.object_id, number)
        parents = [number for number in firsts.values() for _ in range(2)]
        best = evidence.iou_BM.argsort(dim=1, descending=True)[:, :2]
        ways = torch.tensor([0, 1] * len(firsts))
        mask_B = best[torch.tensor(parents), ways]
        counted = tuple(rows[parent].state + 1 for parent in parents)
        return Choice(tuple(parents), mask_B, mask_B, counted, tuple(range(0, len(parents), 2)))

    def store(self, track, memory, evidence, moment):
        kept = self.standard.store(track, memory, evidence, moment)
        return replace(kept, score=kept.score - 1.0)


TINY = Budgets(feature_cache_bytes=0, memory_bytes=0, host_bytes=0)


def edited(model, clip, **options):
    session = exact(model, clip, policy=TwoWays(), **options)
    session.prompt(1, 0, DISC)
    session.prompt(2, 2, SQUARE)
    run(session, 0, 7)
    session.prompt(1, 5, BESIDE)
    run(session, direction="both")
    return session


def test_it_streams_and_is_edited_to_the_same_masks(model, clip):
    session = exact(model, clip, policy=TwoWays())
    session.prompt(1, 0, DISC)
    session.prompt(2, 2, SQUARE)
    tracker = Tracker(model, policy=TwoWays(), num_frames=10, max_rows=1)
    streamed = [
        tracker.step(clip[i], {0: {1: DISC}, 2: {2: SQUARE}}.get(i)).kept() for i in range(10)
    ]
    assert list(session.propagate()) == streamed
    assert len(tracker.state.tracks[0]) == 2


def test_budgets_and_replays_change_no_mask(model, clip):
    session = edited(model, clip)
    assert shown(edited(model, clip, budgets=TINY)) == shown(session)
    again = replay(model, clip[:10], session.journal, policy=TwoWays())
    assert shown(again) == shown(session)


def test_its_state_is_saved_with_the_hypotheses(model, clip):
    tracker = Tracker(model, policy=TwoWays())
    for index in range(4):
        tracker.step(clip[index], {1: DISC} if index == 0 else None)
    other = Tracker(model, policy=TwoWays())
    other.state = state_from_bytes(state_to_bytes(tracker.state), torch.device("cpu"))
    assert [row.state for row in other.state.tracks[0]] == [4, 4]
    assert [row.score for row in other.state.tracks[0]] == [-3.0, -3.0]
    assert other.step(clip[4]).kept() == tracker.step(clip[4]).kept()
