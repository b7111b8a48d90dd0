"""YouTube-VOS's G."""

import pytest

from masklet.eval.records import ObjectScores
from masklet.eval.you_tube import by_kind, you_tube_g


def scored(region, boundary, *, is_seen):
    return ObjectScores("clip", 1, {"J": region, "F": boundary, "J&F": 0.0}, is_seen=is_seen)


def test_seen_and_unseen_categories_count_the_same_however_many_there_are():
    seen = [scored(0.8, 0.9, is_seen=True), scored(0.6, 0.7, is_seen=True)]
    unseen = scored(0.2, 0.4, is_seen=False)
    assert you_tube_g([*seen, unseen]) == pytest.approx((0.7 + 0.8 + 0.2 + 0.4) / 4)
    assert you_tube_g([*seen, unseen, unseen, unseen]) == you_tube_g([*seen, unseen])


@pytest.mark.parametrize("kinds", [[], [True], [False, False], [None, True]], ids=str)
def test_without_both_kinds_there_is_no_g(kinds):
    assert you_tube_g([scored(0.5, 0.5, is_seen=kind) for kind in kinds]) is None


def test_objects_of_unknown_kind_do_not_count():
    known = [scored(0.5, 0.5, is_seen=True), scored(0.7, 0.7, is_seen=False)]
    assert you_tube_g([*known, scored(0.0, 0.0, is_seen=None)]) == you_tube_g(known)


def test_an_object_without_scores_adds_none():
    assert by_kind(ObjectScores("clip", 1, {}, is_seen=True)) == {}
    assert by_kind(scored(0.5, 0.25, is_seen=False)) == {"J unseen": 0.5, "F unseen": 0.25}
