"""The camera, things and those that pass begin and go where they should."""

import torch

from masklet.data.casting import MotionOptions, draw_cast
from masklet.data.paths import away_and_back, draw_plan, drawn_paths, rigid_maps, times
from masklet.data.warps import mapped, middles
from tests.data.coded_clips import blobs, coded, draws


def test_paths_begin_at_zero_and_are_smooth():
    paths = drawn_paths(1.0, 50, 9, draws())
    assert paths[:, 0].abs().max() == 0
    assert paths[:, -1].abs().max() <= 1
    bends = paths.diff(dim=1).diff(dim=1)
    assert bends.std(dim=1).max() < 1e-5
    assert drawn_paths(1.0, 4, 1, draws()).tolist() == [[0.0]] * 4


def test_things_that_leave_are_away_in_the_middle():
    pulse = away_and_back(8, torch.device("cpu"))
    assert pulse[[0, 7]].abs().max() < 1e-6
    assert pulse[3:5].min() > 0.9
    assert times(5, torch.device("cpu")).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_thing_turns_and_grows_around_its_centre():
    centre, way = torch.tensor([[0.4, -0.2]]), torch.tensor([[[0.0, 0.5]]])
    maps = rigid_maps(centre, way, torch.tensor([[1.0]]), torch.tensor([[2.0]]))[:, 0]
    torch.testing.assert_close(mapped(maps, way), centre[:, None])
    beside = mapped(maps, way + torch.tensor([0.2, 0.0])) - centre
    torch.testing.assert_close(beside.norm(), torch.tensor(0.1))


def plan_of(length=7, **options):
    raw = coded(blobs(clips=40, length=1, objects=1))
    cast = draw_cast(raw, MotionOptions(**options), draws())
    return cast, draw_plan(cast, MotionOptions(**options), length, draws(1))


def test_on_the_first_frame_the_mover_is_where_it_was():
    cast, plan = plan_of(leaving=1.0)
    first = plan.mover.maps_VT33[:, 0]
    torch.testing.assert_close(first, torch.eye(3).expand_as(first), atol=1e-5, rtol=0)
    there = mapped(plan.mover.maps_VT33[:, 3], cast.centre_V2[:, None])
    # What is seen at its old place in the middle of the clip is far beside its picture.
    assert (there - cast.centre_V2[:, None]).norm(dim=-1).min() > 1


def test_an_occluder_meets_the_mover_after_the_first_frame():
    cast, plan = plan_of(mover=1.0, occluder=1.0, way=0.0, turn=0.0, growth=0.0)
    places = torch.stack(
        [
            mapped(plan.occluder.maps_VT33[:, time], cast.centre_V2[:, None])[:, 0]
            for time in range(7)
        ],
        1,
    )
    distance = (places - cast.occluder_centre_V2[:, None]).norm(dim=-1)
    assert distance[:, 1:].amin(dim=1).max() < 1e-4
    assert distance[:, 0].min() > 0.03


def test_a_camera_stays_over_the_picture():
    _, plan = plan_of(turn=0.0, tilt=0.0, growth=0.0)
    corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0]]).expand(40, 2, 2)
    for time in range(7):
        assert mapped(plan.camera.maps_VT33[:, time], corners).abs().max() <= 1 + 1e-5


def test_bends_are_smooth_and_begin_with_none():
    _, plan = plan_of(bend=0.05)
    assert plan.scene_bend.at(0, (32, 32)).abs().max() == 0
    field = plan.scene_bend.at(6, (32, 32))
    assert 0.01 < field.abs().max() < 0.5
    assert field.diff(dim=1).abs().max() < 0.03


def test_only_open_shutters_smear():
    _, never = plan_of(smear=0.0)
    _, always = plan_of(smear=1.0)
    for track in ("camera", "mover", "twin", "occluder"):
        assert getattr(never, track).smear_V2.abs().max() == 0
        assert getattr(always, track).smear_V2.abs().max() > 0


def test_the_middle_of_a_mask_is_the_mean_of_its_pixels():
    mask = torch.zeros(1, 2, 8, 8, dtype=torch.bool)
    mask[0, 0, 6:, :4] = True
    torch.testing.assert_close(middles(mask), torch.tensor([[[-0.5, 0.75], [0.0, 0.0]]]))
