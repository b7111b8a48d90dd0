"""A batch goes through the network as the reference trains: order, memories, clicks, gradients."""

from dataclasses import dataclass, field, replace

import pytest
import torch

from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.policy import Hypothesis, Moment
from masklet.memory.standard import StandardPolicy
from masklet.model.preprocess import normalize
from masklet.model.sam2 import SAM2
from masklet.ops.masks import pick
from masklet.tracking.rows import RowPrompt
from masklet.tracking.steps import condition_rows, decode_rows, remember_rows
from masklet.train.prompting import (
    Click,
    FramePlan,
    MixedPrompts,
    PromptOptions,
    PromptPlan,
    UserPlan,
    draw_plan,
)
from masklet.train.unroll import UnrollOptions, unroll, unrolled_loss
from tests.tiny import tiny_model
from tests.train.clips import tiny_batch

CLICK, TWO = Click(), (Click(), Click())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def plan_of(*frames, rows=None):
    return PromptPlan((UserPlan(rows, frames),))


def answers(model, batch, plan, options=None, seed=0):
    return unroll(model, batch, plan, generator=generator(seed), options=options)


def frames_of(unrolled):
    (user,) = unrolled.users
    return user.frames


@dataclass
class Spy:
    """A model that notes what each frame was conditioned with, and otherwise is the real one."""

    real: SAM2
    readouts: list = field(default_factory=list)
    encoded: list = field(default_factory=list)

    @property
    def config(self):
        return self.real.config

    @property
    def device(self):
        return self.real.device

    def encode_image(self, images):
        self.encoded.append(len(images))
        return self.real.encode_image(images)

    def condition(self, features, readout):
        seen = None if readout is None else (readout.slots_BN[0], readout.times_BK[0])
        self.readouts.append(seen and tuple(values.tolist() for values in seen))
        return self.real.condition(features, readout)

    def decode(self, embedding, features, prompts):
        return self.real.decode(embedding, features, prompts)

    def adopt_mask(self, features, mask):
        return self.real.adopt_mask(features, mask)

    def encode_memory(self, features, logits, score, *, binarize):
        assert not binarize
        return self.real.encode_memory(features, logits, score, binarize=binarize)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def batch():
    return tiny_batch()


def test_initial_frames_come_first_without_memory_and_the_others_in_time_with_all_before(batch):
    spy = Spy(tiny_model())
    plan = plan_of(FramePlan(0, CLICK, TWO), FramePlan(2, "box", TWO))
    visited = frames_of(answers(spy, batch, plan))
    assert [each.frame for each in visited] == [0, 2, 1, 3]
    assert spy.encoded == [8]
    assert spy.readouts == [
        None,
        None,
        # Frame 1: both conditioning frames, of which one is in the future, and its pointer first.
        ([0, 0], [pytest.approx(-1 / 3), pytest.approx(1 / 3)]),
        # Frame 3: frame 2 is a conditioning one, so frame 1 is the only recent one, two ago.
        ([0, 0, 5], [pytest.approx(1.0), pytest.approx(1 / 3), pytest.approx(2 / 3)]),
    ]


def test_a_corrected_frame_is_a_conditioning_one_from_then_on(batch):
    spy = Spy(tiny_model())
    visited = frames_of(answers(spy, batch, plan_of(FramePlan(0, "mask"), FramePlan(2, None, TWO))))
    assert [(each.frame, each.is_asked) for each in visited] == [
        (0, True),
        (1, False),
        (2, True),
        (3, False),
    ]
    # A mask needs no conditioned frame; at frame 3 frames 0 and 2 are conditioning ones.
    assert [slots for slots, _ in spy.readouts] == [[0], [0, 6], [0, 0, 5]]


def test_three_candidates_are_offered_for_at_most_one_point_and_one_for_more(model, batch):
    plan = plan_of(FramePlan(0, CLICK, TWO), FramePlan(1, "box"), FramePlan(3, None, TWO))
    visited = {each.frame: each for each in frames_of(answers(model, batch, plan))}
    offered = {
        frame: [step.candidates.iou_BM.shape[1] for step in each.steps]
        for frame, each in visited.items()
    }
    assert offered == {0: [3, 1, 1], 1: [1], 2: [3], 3: [3, 3, 1]}


def test_candidates_that_were_not_offered_may_learn_too(model, batch):
    plan = plan_of(FramePlan(0, CLICK, TWO))
    offered, taught = (
        answers(model, batch, plan, UnrollOptions(teaches=which)) for which in ("offered", "all")
    )
    steps = frames_of(taught)[0].steps
    assert [step.others.iou_BM.shape[1] for step in steps] == [1, 3, 3]
    assert all(step.others is None for step in frames_of(offered)[0].steps)
    plain, more = unrolled_loss(offered, batch), unrolled_loss(taught, batch)
    assert more.dice > plain.dice
    assert more.iou > plain.iou
    # The object is there or not whichever candidate is looked at, and only what was shown is told.
    torch.testing.assert_close(more.object_score, plain.object_score)
    assert torch.equal(more.reached, plain.reached)


def test_clicks_add_up_and_the_answer_before_enters_with_its_gradient(model, batch):
    plan = plan_of(FramePlan(0, "box", TWO))
    first, second, third = frames_of(answers(model, batch, plan))[0].steps
    assert first.prompt.mask_Bhw is None
    assert second.prompt.mask_Bhw is first.logits_Bhw
    assert third.prompt.mask_Bhw is second.logits_Bhw
    assert third.prompt.labels_BP[:, :2].tolist() == [[2, 3]] * 4
    assert torch.equal(third.prompt.points_BP2[:, :3], second.prompt.points_BP2)


def test_the_answer_shown_is_the_one_predicted_best(model, batch):
    (step, *_) = frames_of(answers(model, batch, plan_of(FramePlan(0, CLICK))))[0].steps
    found = step.candidates
    assert torch.equal(step.shown_B, found.iou_BM.argmax(dim=1))
    assert torch.equal(step.logits_Bhw, pick(found.logits_BMhw, step.shown_B))


def test_a_given_mask_is_its_own_answer(model, batch):
    given, *tracked = frames_of(answers(model, batch, plan_of(FramePlan(0, "mask"))))
    assert given.steps == ()
    assert torch.equal(given.logits_BHW > 0, batch.masks_TBSS[0])
    assert [len(each.steps) for each in tracked] == [1, 1, 1]


def hiding(seed=0):
    """A model that takes every object for absent."""
    model = tiny_model(seed)
    with torch.no_grad():
        list(model.sam_mask_decoder.pred_obj_score_head.parameters())[-1].fill_(-1e4)
    return model


def test_where_an_object_is_taken_for_absent_its_masks_are_far_below_zero(batch):
    plan = plan_of(FramePlan(0, CLICK, (CLICK,)))
    (first, second) = frames_of(answers(hiding(), batch, plan))[0].steps
    assert first.candidates.logits_BMhw.eq(-1024).all()
    assert second.prompt.mask_Bhw.eq(-1024).all()
    apart = UnrollOptions(hides_absent=False)
    (first, second) = frames_of(answers(hiding(), batch, plan, apart))[0].steps
    assert first.candidates.logits_BMhw.gt(-1024).all()
    # What is corrected is what would have been shown.
    assert second.prompt.mask_Bhw.eq(-1024).all()


def tracked_by_rows(model, batch, frames):
    """The same clip through the steps of tracking, a mask on the first frame, row by row."""
    features = model.encode_image(normalize(batch.frames_F3SS))
    policy = StandardPolicy(stability_fallback=False)
    rows = batch.rows
    tracks = [Hypothesis(row, MemoryBank(), None) for row in range(rows)]
    said = []
    for frame in range(frames):
        seen = features.rows(batch.row_to_frame_TB[frame])
        moment = Moment(frame, num_frames=frames)
        if frame == 0:
            found = model.adopt_mask(seen, batch.masks_TBSS[0].float())
        else:
            embedding = condition_rows(model, seen, [policy.recall(t, moment) for t in tracks])
            found = decode_rows(model, embedding, seen, [RowPrompt.nothing(model.device)] * rows)
        choice = policy.choose(tracks, found, [0] * rows, moment)
        logits = pick(found.logits_BMhw, choice.mask_B)
        pointers = pick(found.pointers_BMC, choice.pointer_B)
        spatial = remember_rows(model, seen, logits, found.object_score_B, [False] * rows)
        for row in range(rows):
            score = found.object_score_B[row]
            memory = Memory(frame, spatial[row], pointers[row], score, score)
            bank = tracks[row].bank
            kept = bank.condition_on(memory) if frame == 0 else bank.remember(memory, keep=None)
            tracks[row] = replace(tracks[row], bank=kept)
        said.append(logits)
    return said


def test_what_is_learned_is_what_tracking_does(model):
    batch = tiny_batch(frames=5)
    visited = frames_of(answers(model, batch, plan_of(FramePlan(0, "mask"))))
    with torch.no_grad():
        expected = tracked_by_rows(model, batch, frames=5)
    for each, logits in zip(visited, expected, strict=True):
        torch.testing.assert_close(each.logits_BHW, logits, rtol=1e-4, atol=1e-3)


def test_features_that_were_computed_before_give_the_same_answers(model, batch):
    plan = plan_of(FramePlan(0, CLICK, TWO))
    with torch.no_grad():
        features = model.encode_image(normalize(batch.frames_F3SS))
    spy = Spy(model)
    kept = unroll(spy, batch, plan, generator=generator(), features=features)
    assert spy.encoded == []
    expected = unrolled_loss(answers(model, batch, plan), batch).total
    torch.testing.assert_close(unrolled_loss(kept, batch).total, expected)


def test_the_same_generator_gives_the_same_loss_and_another_one_another(model, batch):
    plan = plan_of(FramePlan(0, CLICK, TWO))
    first, again, other = (
        unrolled_loss(answers(model, batch, plan, seed=seed), batch).total for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_rows_of_which_nothing_is_known_change_nothing(model, batch):
    plan = plan_of(FramePlan(0, "mask"))
    rows = [0, 2, 3]
    unknown = replace(batch, known_TB=batch.known_TB.clone())
    unknown.known_TB[:, 1] = False
    without = replace(
        batch,
        masks_TBSS=batch.masks_TBSS[:, rows],
        known_TB=batch.known_TB[:, rows],
        row_to_frame_TB=batch.row_to_frame_TB[:, rows],
    )
    found = unrolled_loss(answers(model, unknown, plan), unknown)
    expected = unrolled_loss(answers(model, without, plan), without)
    # The number of objects is that of the rows of which something is known.
    torch.testing.assert_close(found.total, expected.total, rtol=1e-5, atol=0)


def test_a_frame_that_is_not_known_costs_nothing(model, batch):
    plan = plan_of(FramePlan(0, "mask"))
    unrolled = answers(model, batch, plan)
    part = replace(batch, known_TB=batch.known_TB.clone())
    part.known_TB[1:3] = False
    last = frames_of(unrolled)[3]
    alone = replace(unrolled, users=(replace(unrolled.users[0], frames=(last,)),))
    expected = unrolled_loss(alone, batch).total
    torch.testing.assert_close(unrolled_loss(unrolled, part).total, expected)


def test_a_row_that_was_asked_about_where_it_is_not_known_costs_nothing_anywhere(model, batch):
    plan = plan_of(FramePlan(0, CLICK), FramePlan(2, CLICK))
    unrolled = answers(model, batch, plan)
    unasked, never = (replace(batch, known_TB=batch.known_TB.clone()) for _ in range(2))
    unasked.known_TB[2, 1] = False
    never.known_TB[:, 1] = False
    four = torch.tensor(4.0)
    found = unrolled_loss(unrolled, unasked, objects=four)
    torch.testing.assert_close(found.total, unrolled_loss(unrolled, never, objects=four).total)


def test_of_objects_that_are_hidden_everywhere_only_scores_are_learned(model):
    everywhere = [(frame, row) for frame in range(4) for row in range(4)]
    batch = tiny_batch(hidden=everywhere)
    report = unrolled_loss(answers(model, batch, plan_of(FramePlan(0, CLICK, TWO))), batch)
    assert report.focal == report.dice == report.iou == report.reached == 0
    assert report.object_score > 0
    torch.testing.assert_close(report.total, report.object_score)


def test_a_batch_without_rows_costs_nothing(model, batch):
    empty = replace(
        batch,
        masks_TBSS=batch.masks_TBSS[:, :0],
        known_TB=batch.known_TB[:, :0],
        row_to_frame_TB=batch.row_to_frame_TB[:, :0],
    )
    report = unrolled_loss(answers(model, empty, plan_of(FramePlan(0, CLICK))), empty)
    assert report.total == 0
    assert not report.total.requires_grad


def test_rows_of_several_users_cost_what_they_cost_alone(model):
    batch = tiny_batch(clips=4, frames=1)
    options = PromptOptions(mixed=MixedPrompts(most_clicks=3))
    plan = draw_plan(options, frames=1, rows=8, generator=generator())
    unrolled = answers(model, batch, plan)
    assert [user.rows_B.tolist() for user in unrolled.users] == [list(u.rows) for u in plan.users]
    eight = torch.tensor(8.0)
    alone = [
        unrolled_loss(replace(unrolled, users=(user,)), batch, objects=eight).total
        for user in unrolled.users
    ]
    torch.testing.assert_close(unrolled_loss(unrolled, batch).total, sum(alone))
