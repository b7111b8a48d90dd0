"""Objects of other clips are pasted with their masks, and hide what is below."""

import torch

from masklet.data.batches import areas
from masklet.data.paste import PasteOptions, feathered, pasted
from masklet.data.views import Scene
from tests.data.coded_clips import blobs, draws

ALWAYS = PasteOptions(chance=1.0, most=2, sizes=(0.0, 1.0), left_over=0.0)


def red(masks_VTKSS, known=None):
    """Clips whose only colour is red, on all their objects."""
    frames = torch.zeros(*masks_VTKSS.shape[:2], 3, *masks_VTKSS.shape[3:])
    frames[:, :, 0] = masks_VTKSS.any(dim=2).float()
    return Scene(frames, masks_VTKSS, _all_known(masks_VTKSS) if known is None else known)


def _all_known(masks_VTKSS):
    return torch.ones(masks_VTKSS.shape[:3], dtype=torch.bool)


def test_what_is_red_is_what_the_masks_say():
    before = red(blobs(clips=6, objects=1))
    after = pasted(before, ALWAYS, draws())
    assert after.masks_VTKSS.shape[2] == 3
    assert torch.equal(after.frames_VT3SS[:, :, 0] > 0.4, after.masks_VTKSS.any(dim=2))
    counts = after.masks_VTKSS.sum(dim=2)
    assert counts.max() == 1
    assert after.known_VTK[:, :, 1].float().mean() > 0.5
    assert torch.equal(after.known_VTK.any(dim=1), after.known_VTK.all(dim=1))
    # What is pasted is an object of another clip with all its pixels, unless the second hides some.
    sheet = after.masks_VTKSS[0, :, 2]
    if after.known_VTK[0, 0, 2]:
        assert any(torch.equal(sheet, other[:, 0]) for other in before.masks_VTKSS[1:])


def test_a_place_without_a_pasted_object_is_not_known():
    after = pasted(red(blobs(clips=40, length=1)), PasteOptions(chance=0.5, most=1), draws())
    is_there = after.masks_VTKSS[:, :, 3].any(dim=(2, 3))
    assert torch.equal(after.known_VTK[:, :, 3], is_there)
    assert 8 < is_there.sum() < 32


def test_nothing_is_pasted_without_chance_or_others():
    scene = red(blobs())
    assert pasted(scene, PasteOptions(), draws()) is scene
    alone = red(blobs(clips=1))
    assert pasted(alone, ALWAYS, draws()) is alone


def test_an_object_that_would_be_hidden_is_spared():
    masks = torch.zeros(2, 1, 1, 16, 16, dtype=torch.bool)
    masks[0, ..., 2:14, 2:14] = True
    masks[1, ..., 6:10, 6:10] = True
    options = PasteOptions(chance=1.0, most=1, sizes=(0.0, 1.0), left_over=0.3)
    after = pasted(red(masks), options, draws())
    assert after.known_VTK[:, 0].tolist() == [[True, True], [True, False]]
    assert areas(after.masks_VTKSS[:, 0]).tolist() == [[128.0, 16.0], [16.0, 0.0]]


def test_only_objects_of_the_asked_size_that_are_known_all_the_time_are_pasted():
    masks = torch.zeros(2, 2, 1, 16, 16, dtype=torch.bool)
    masks[0, ..., :4, :4] = True
    masks[1, ..., 10:, 10:] = True
    sizes = PasteOptions(chance=1.0, most=1, sizes=(0.0, 0.1))
    assert pasted(red(masks), sizes, draws()).known_VTK[:, 0, 1].tolist() == [False, True]
    known = _all_known(masks)
    known[0, 1] = False
    partly = pasted(red(masks, known), ALWAYS, draws())
    assert not partly.known_VTK[1, :, 1:].any()
    assert partly.known_VTK[0, :, 1].all()


def test_edges_are_soft_on_the_inside_and_thin_things_half_there():
    mask = torch.zeros(1, 9, 9, dtype=torch.bool)
    mask[0, 2:7, 2:7] = True
    alpha = feathered(mask)
    assert torch.equal(alpha > 0, mask)
    assert alpha[0, 4, 4] == 1
    assert 0.5 < alpha[0, 2, 4] < 0.9
    line = torch.zeros(1, 9, 9, dtype=torch.bool)
    line[0, 4] = True
    assert feathered(line)[0, 4].min() > 0.5
