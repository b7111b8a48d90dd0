"""Rows of any history: grouping never changes an answer."""

from dataclasses import replace

import pytest
import torch

from masklet.memory.bank import Memory
from masklet.memory.policy import Recall
from masklet.memory.smaller import foveated
from masklet.model.tensors import Candidates
from masklet.tracking.rows import RowPrompt, groups_of, layout_of, scattered
from masklet.tracking.steps import condition_rows, decode_rows, remember_rows


def remembered(frame_index, seed):
    numbers = torch.Generator().manual_seed(seed)
    scalar = torch.zeros(())
    return Memory(
        frame_index,
        torch.randn(16, 16, generator=numbers),
        torch.randn(32, generator=numbers),
        scalar,
        scalar,
    )


def recall(spatial, pointers, seed):
    return Recall(
        tuple((remembered(n, seed + n), min(n, 6)) for n in range(spatial)),
        tuple((remembered(n, seed - n), n / 15) for n in range(pointers)),
    )


@pytest.fixture(scope="module")
def features(model):
    numbers = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        return model.encode_image(torch.randn(1, 3, 64, 64, generator=numbers))


HISTORIES = [(1, 1), (0, 0), (3, 2), (1, 1), (2, 0), (0, 0), (3, 2)]


def test_groups_keep_the_order_of_rows_within_and_of_first_rows_between():
    assert groups_of(["a", "b", "a", "c", "b"]) == [[0, 2], [1, 4], [3]]
    parts = [torch.tensor([0.0, 2.0]), torch.tensor([1.0, 4.0]), torch.tensor([3.0])]
    assert scattered(parts, [[0, 2], [1, 4], [3]]).tolist() == [0, 1, 2, 3, 4]


def test_groups_have_at_most_so_many_rows():
    assert groups_of(["a", "b", "a", "a"], max_rows=2) == [[0, 2], [3], [1]]
    assert groups_of(["a", "b", "a"], max_rows=1) == [[0], [2], [1]]
    assert groups_of([], max_rows=1) == []


def test_conditioning_rows_of_mixed_histories_equals_one_by_one(model, features):
    recalls = [recall(*history, seed=10 * row) for row, history in enumerate(HISTORIES)]
    with torch.inference_mode():
        together = condition_rows(model, features, recalls)
        for row, alone in enumerate(recalls):
            expected = condition_rows(model, features, [alone])[0]
            torch.testing.assert_close(together[row], expected, rtol=1e-4, atol=1e-4)


def small(memory, seed):
    logits = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(seed))
    cut = foveated(memory.spatial_LD[None], logits, (4, 4))
    return replace(memory, spatial_LD=cut.spatial_BSD[0], cells=cut.cells(0))


def foveated_recall(spatial, pointers, seed):
    whole = recall(spatial, pointers, seed)
    first, *others = whole.spatial
    cut = tuple((small(memory, seed + slot), slot) for memory, slot in others)
    return replace(whole, spatial=(first, *cut))


def pooled_recall(spatial, pointers, seed):
    return replace(recall(spatial, pointers, seed), pooled_slots=frozenset(range(1, 3)))


def test_conditioning_rows_of_small_and_whole_memories_equals_one_by_one(model, features):
    forms = [recall, foveated_recall, pooled_recall]
    recalls = [form(4, 2, seed=10 * row) for row, form in enumerate(forms * 2)]
    with torch.inference_mode():
        together = condition_rows(model, features, recalls)
        for row, alone in enumerate(recalls):
            expected = condition_rows(model, features, [alone])[0]
            torch.testing.assert_close(together[row], expected, rtol=1e-4, atol=1e-4)
        whole = condition_rows(model, features, [recall(4, 2, seed=10)])[0]
    assert (together[1] - whole).abs().max() > 1e-3


def test_rows_go_together_where_their_memories_are_read_alike():
    assert layout_of(Recall()) == ()
    assert layout_of(foveated_recall(3, 2, 1)) == layout_of(foveated_recall(3, 2, 5))
    # Of another layout are rows whose memories are pooled, although they are as many tokens.
    layouts = {layout_of(form(3, 2, 1)) for form in (recall, foveated_recall, pooled_recall)}
    assert len(layouts) == 3


def test_a_memory_that_is_small_already_is_not_pooled(model, features):
    cut = foveated_recall(3, 1, seed=2)
    with torch.inference_mode():
        pooled_too = condition_rows(model, features, [replace(cut, pooled_slots=frozenset({1, 2}))])
        assert torch.equal(pooled_too, condition_rows(model, features, [cut]))


def test_conditioning_uses_the_features_of_each_rows_own_frame(model):
    numbers = torch.Generator().manual_seed(2)
    recalls = [recall(2, 1, seed=5), recall(0, 0, seed=0), recall(2, 1, seed=9)]
    with torch.inference_mode():
        frames = model.encode_image(torch.randn(3, 3, 64, 64, generator=numbers))
        together = condition_rows(model, frames, recalls)
        for row in range(3):
            expected = condition_rows(model, frames.frame(row), [recalls[row]])[0]
            torch.testing.assert_close(together[row], expected, rtol=1e-4, atol=1e-4)


def test_decoding_rows_of_mixed_prompts_equals_one_by_one(model, features):
    mask = torch.linspace(-4, 4, 256).reshape(16, 16)
    prompts = [
        RowPrompt(torch.tensor([[20.0, 30.0]]), torch.tensor([1]), points=1),
        RowPrompt.nothing(torch.device("cpu")),
        RowPrompt(torch.tensor([[9.0, 9.0], [50.0, 40.0]]), torch.tensor([2, 3]), points=2),
        RowPrompt(torch.tensor([[40.0, 12.0]]), torch.tensor([0]), points=1, mask_hw=mask),
        RowPrompt(torch.tensor([[33.0, 8.0]]), torch.tensor([1]), points=1),
    ]
    with torch.inference_mode():
        embedding = model.condition(features, None)
        several = embedding.expand(len(prompts), -1, -1)
        together = decode_rows(model, several, features, prompts)
        for row, prompt in enumerate(prompts):
            alone = decode_rows(model, embedding, features, [prompt])
            for name in Candidates.__slots__:
                torch.testing.assert_close(
                    getattr(together, name)[row], getattr(alone, name)[0], rtol=1e-4, atol=1e-4
                )


def test_rows_whose_object_is_absent_have_no_mask(model, features):
    nothing = [RowPrompt.nothing(torch.device("cpu"))]
    head = model.sam_mask_decoder.pred_obj_score_head.layers[2].bias
    kept = head.clone()
    with torch.inference_mode():
        head -= 1000.0
        candidates = decode_rows(model, model.condition(features, None), features, nothing)
        head.copy_(kept)
    assert float(candidates.object_score_B[0]) < 0
    assert (candidates.logits_BMhw == -1024.0).all()


def test_prompted_and_tracked_rows_are_remembered_each_in_its_way(model, features):
    numbers = torch.Generator().manual_seed(4)
    logits = torch.randn(3, 16, 16, generator=numbers)
    score = torch.tensor([1.0, 1.0, -1.0])
    flags = [True, False, True]
    with torch.inference_mode():
        together = remember_rows(model, features, logits, score, flags)
        for row, flag in enumerate(flags):
            only = slice(row, row + 1)
            alone = remember_rows(model, features, logits[only], score[only], [flag])
            torch.testing.assert_close(together[row], alone[0], rtol=1e-4, atol=1e-4)
        flipped = remember_rows(model, features, logits, score, [not flag for flag in flags])
    assert (together - flipped).abs().amax(dim=(1, 2)).min() > 1e-3
