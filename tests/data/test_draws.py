"""What is drawn at random follows its law, and its generator."""

import torch

from tests.data.coded_clips import draws


def test_the_generator_decides():
    assert torch.equal(draws(3).normal(5), draws(3).normal(5))
    assert not torch.equal(draws(3).normal(5), draws(4).normal(5))
    one = draws(3)
    assert not torch.equal(one.whole(0, 1000, 5), one.whole(0, 1000, 5))


def test_chances_of_nothing_and_of_all_are_certain():
    assert not draws().happens(0.0, 1000).any()
    assert draws().happens(1.0, 1000).all()
    assert 0.2 < draws().happens(0.25, 2000).float().mean() < 0.3


def test_numbers_are_within_their_bounds():
    whole = draws().whole(-1, 2, 1000)
    assert sorted(set(whole.tolist())) == [-1, 0, 1, 2]
    numbers = draws().uniform(2.0, 3.0, 1000)
    assert 2.0 <= numbers.min() < 2.01
    assert 2.99 < numbers.max() <= 3.0


def test_places_are_picked_by_weight():
    picked = draws().pick(torch.tensor([0.0, 3.0, 1.0]).expand(2000, 3))
    shares = torch.bincount(picked, minlength=3) / 2000
    assert shares[0] == 0
    assert 0.7 < shares[1] < 0.8
    assert draws().pick(torch.zeros(4, 3)).tolist() == [0, 0, 0, 0]


def test_ranks_put_what_cannot_be_drawn_last():
    ranks = draws().ranks(torch.tensor([0.0, 1.0, 0.0, 5.0]))
    assert ranks.isinf().tolist() == [True, False, True, False]
