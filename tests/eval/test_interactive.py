"""The simulated user of a clip: which frame is corrected, where it clicks, when it stops."""

import numpy as np
import pytest

from masklet.errors import PromptError
from masklet.eval.interactive import (
    InteractiveOptions,
    annotation_seconds,
    corrected_rounds,
    run_interactive,
)
from masklet.eval.model_methods import VideoModel
from masklet.eval.scoring import Scoring, score_clip
from masklet.eval.stopwatch import Stopwatch
from masklet.ops.rle import decode
from tests.eval.clips import ArrayClip, moving_square
from tests.eval.oracle import OracleVideo, without_columns
from tests.tracking.made import made_model

FRAMES = tuple(range(12))
ALL = Scoring(frames="all")
CLIP = ArrayClip({1: moving_square()}, FRAMES)


def rounds_of(method, clip=CLIP, **options):
    return list(corrected_rounds(method, clip, InteractiveOptions(**options), Stopwatch()))


def prompted(rounds):
    return [each.prompted.get(1) for each in rounds]


def shown(each, frame, object_id=1):
    (mask,) = [f.at(object_id) for f in each.shown if f.frame_index == frame]
    return decode(mask.segmentation)


def test_offline_the_frame_with_the_lowest_iou_is_next_and_may_come_again():
    oracle = OracleVideo(CLIP, {(1, 0): 0, (1, 3): 6, (1, 7): 19, (1, 9): 12}, gain=1)
    rounds = rounds_of(oracle, prompted_frames=6)
    # Three clicks give three columns back: 19, 16, 13, then 12 is worse than 10.
    assert prompted(rounds) == [0, 7, 7, 7, 9, 7]
    assert [start for start, _ in oracle.runs[0].walks] == [0] * 6


def test_of_equally_bad_frames_the_first_is_corrected():
    oracle = OracleVideo(CLIP, {(1, 4): 8, (1, 8): 8}, gain=1)
    assert prompted(rounds_of(oracle, prompted_frames=3)) == [0, 4, 8]


def test_clicks_go_to_the_middle_of_what_is_still_wrong():
    oracle = OracleVideo(CLIP, {(1, 5): 12}, gain=4)
    rounds_of(oracle, prompted_frames=2)
    # The square lies at x 10 + frame, y 4, 20 pixels wide; its last columns are lost.
    first, *others = oracle.runs[0].said
    assert first == (1, 0, (19.0, 13.0), 1)
    for (_, frame, (x, y), label), lost in zip(others, (12, 8, 4), strict=True):
        assert (frame, label) == (5, 1)
        assert x in (35 - lost // 2 - 1, 35 - lost // 2)
        assert 4 + lost // 2 - 1 <= y <= 24 - lost // 2


def test_no_click_is_made_where_the_answer_is_right():
    oracle = OracleVideo(CLIP, {(1, 6): 4}, gain=4)
    rounds = rounds_of(oracle, prompted_frames=4)
    assert prompted(rounds) == [0, 6, None, None]
    # One click each: the first answer is right at once.
    assert [(frame, label) for _, frame, _, label in oracle.runs[0].said] == [(0, 1), (6, 1)]
    assert rounds[3].shown == rounds[1].shown


def test_online_the_user_stops_at_the_next_bad_frame_and_never_goes_back():
    lost = {(1, 2): 4, (1, 4): 12, (1, 6): 5, (1, 8): 6, (1, 10): 19}
    oracle = OracleVideo(CLIP, lost, gain=1)
    # An IoU below 0.75 is six columns of twenty or more; frame 4 stays bad, but it is over.
    rounds = rounds_of(oracle, mode="online", prompted_frames=6)
    assert prompted(rounds) == [0, 4, 8, 10, None, None]
    assert [start for start, _ in oracle.runs[0].walks] == [0, 4, 8, 10]


def test_online_frames_before_a_correction_stay_as_they_were_shown():
    oracle = OracleVideo(CLIP, {(1, 3): 4, (1, 4): 12, (1, 5): 4}, gain=4, reach=1)
    online = rounds_of(oracle, mode="online", prompted_frames=2)[1]
    offline = rounds_of(oracle, prompted_frames=2)[1]
    truth = CLIP.masks[1]
    assert np.array_equal(shown(online, 3), without_columns(truth[3], 4))
    assert np.array_equal(shown(offline, 3), truth[3])
    for corrected in (online, offline):
        assert np.array_equal(shown(corrected, 5), truth[5])


def test_online_another_objects_earlier_stop_changes_nothing():
    clip = ArrayClip({1: moving_square(), 2: moving_square(y=26)}, FRAMES)
    oracle = OracleVideo(clip, {(1, 7): 4, (1, 8): 12, (2, 2): 12}, gain=4, reach=1)
    rounds = rounds_of(oracle, clip, mode="online", prompted_frames=2)
    assert dict(rounds[1].prompted) == {1: 8, 2: 2}
    assert np.array_equal(shown(rounds[1], 7), without_columns(clip.masks[1][7], 4))


def test_every_object_has_its_own_user_who_begins_where_it_appears():
    clip = ArrayClip({1: moving_square(), 2: moving_square(first=5, y=26)}, FRAMES)
    oracle = OracleVideo(clip, {(1, 2): 8, (2, 9): 14}, gain=4)
    rounds = rounds_of(oracle, clip, prompted_frames=3)
    assert [dict(each.prompted) for each in rounds] == [{1: 0, 2: 5}, {1: 2, 2: 9}, {2: 9}]
    assert oracle.runs[0].walks == [(0, (1, 2)), (0, (1, 2)), (5, (2,))]
    assert all(f.at(2) is None for each in rounds for f in each.shown if f.frame_index < 5)


def test_a_mask_where_the_object_is_hidden_is_clicked_away():
    truth = moving_square()
    truth[7] = False
    clip = ArrayClip({1: truth}, FRAMES)
    oracle = OracleVideo(clip, masks={1: moving_square()})
    assert prompted(rounds_of(oracle, clip, prompted_frames=2)) == [0, 7]
    assert [(frame, label) for _, frame, _, label in oracle.runs[0].said] == [
        (0, 1),
        *[(7, 0)] * 3,
    ]


def test_only_annotated_frames_are_looked_at():
    clip = ArrayClip({1: moving_square()}, (0, 4, 8, 10))
    oracle = OracleVideo(clip, {(1, 3): 19, (1, 10): 2})
    assert prompted(rounds_of(oracle, clip, prompted_frames=3)) == [0, 10, None]


def test_pixels_that_nobody_judged_are_never_wrong():
    nobody_knows = {frame: np.zeros((48, 96), bool) for frame in FRAMES}
    nobody_knows[6][:, 30:] = True
    nobody_knows[8][:, 20:] = True
    clip = ArrayClip({1: moving_square()}, FRAMES, nobody_knows)
    # Lost on frame 6 are the columns 26 to 35, on frame 8 those from 23 to 37.
    oracle = OracleVideo(clip, {(1, 6): 10, (1, 8): 15}, gain=10)
    assert prompted(rounds_of(oracle, clip, prompted_frames=3)) == [0, 6, None]
    (_, (_, _, (x, _), label)) = oracle.runs[0].said
    assert (x, label) == (27.0, 1)


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_scores_are_those_of_every_round_and_their_mean(mode):
    oracle = OracleVideo(CLIP, {(1, 5): 12, (1, 8): 8}, gain=4)
    run = run_interactive(oracle, CLIP, InteractiveOptions(mode, prompted_frames=4), scoring=ALL)
    (scores,) = run.scores.objects
    rounds = [value for name, value in scores.values.items() if name.startswith("J&F@")]
    assert len(rounds) == 4
    assert rounds[0] < rounds[1] < rounds[2] == rounds[3] == 1.0
    assert scores.values["J&F"] == pytest.approx(np.mean(rounds))
    (last,) = score_clip(CLIP, run.shown, scoring=ALL)
    assert scores.series == last.series
    assert scores.category == "square 1"
    assert run.prompted == {1: (0, 5, 8)}
    assert run.scores.frames == sum(12 - start for start, _ in oracle.runs[0].walks)
    assert run.scores.seconds > 0
    seconds = [scores.values[f"seconds@{n}"] for n in (1, 2, 3, 4)]
    # After the third prompted frame nothing is left to do.
    assert seconds == [annotation_seconds(mode, 12, n) for n in (1, 2, 3, 3)]


def test_the_time_of_an_object_that_begins_late_is_that_of_the_rest_of_the_clip():
    clip = ArrayClip({2: moving_square(first=5)}, FRAMES)
    run = run_interactive(OracleVideo(clip), clip, InteractiveOptions("online"), scoring=ALL)
    assert run.scores.objects[0].values["seconds@8"] == pytest.approx(0.7 + 5.5)


def test_the_annotation_time_is_the_papers():
    assert annotation_seconds("offline", 150, 3) == pytest.approx((15 + 1 + 4.5) * 3)
    assert annotation_seconds("online", 150, 3) == pytest.approx(15 + (1 + 4.5) * 3)


def test_a_clip_without_objects_is_not_opened():
    class Empty(ArrayClip):
        def objects(self):
            return ()

        def open(self):
            raise AssertionError

    run = run_interactive(OracleVideo(CLIP), Empty(CLIP.masks, FRAMES))
    assert (run.scores.objects, run.shown, run.prompted) == ((), (), {})


@pytest.mark.parametrize("options", [{"prompted_frames": 0}, {"clicks": 0}], ids=str)
def test_a_user_who_does_nothing_is_refused(options):
    with pytest.raises(PromptError, match="expected at least 1 of both"):
        InteractiveOptions(**options)


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_model_is_corrected_to_the_end(mode):
    masks = {1: moving_square(frames=6), 2: moving_square(frames=6, first=2, y=26)}
    clip = ArrayClip(masks, (0, 2, 3, 5))
    method = VideoModel(made_model(), name="tiny")
    options = InteractiveOptions(mode, prompted_frames=2)
    run = run_interactive(method, clip, options, scoring=ALL)
    assert [frame.frame_index for frame in run.shown] == list(range(6))
    assert {i: frames[0] for i, frames in run.prompted.items()} == {1: 0, 2: 2}
    for scores in run.scores.objects:
        assert {"J&F", "J&F@1", "J&F@2", "seconds@2"} <= scores.values.keys()
        assert all(frame in clip.annotated for frame in run.prompted[scores.object_id])
