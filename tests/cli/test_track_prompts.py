"""What is typed or recorded about frames of a video becomes prompts."""

import json

import numpy as np
import pytest
from PIL import Image

from masklet.cli.video_prompts import (
    check_prompts,
    joined_prompts,
    recorded_prompts,
    typed_prompts,
)
from masklet.errors import ImageError, PromptError, StateError
from masklet.io.images import write_png
from masklet.io.masklets import Masklets, write_masklets
from masklet.types import Prompt, VideoInfo

VIDEO = VideoInfo("clip.mp4", size=(48, 64), num_frames=12, fps=10.0)


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_clicks_on_several_frames_are_about_one_object():
    prompts = typed_prompts(["7:4,3", "0:40,30", "0:8.5,9,0"], [], [])
    assert list(prompts) == [0, 7]
    assert list(prompts[0]) == list(prompts[7]) == [1]
    assert prompts[0][1].points.tolist() == [[40, 30], [8.5, 9]]
    assert prompts[0][1].labels.tolist() == [1, 0]


def test_what_is_said_about_one_object_on_one_frame_adds_up():
    prompts = typed_prompts(["2:4,3@5"], ["2:1,1,9,9@5", "0:2,2,8,8@1"], [])
    assert prompts[2][5].box is not None
    assert prompts[2][5].points.tolist() == [[4, 3]]
    assert list(prompts[0]) == [1]


def test_boxes_without_ids_on_one_frame_are_numbered():
    assert list(typed_prompts([], ["3:1,1,9,9", "3:20,1,29,9"], [])[3]) == [1, 2]


def test_a_mask_is_a_picture_of_two_values():
    write_png("first.png", np.eye(4, dtype=bool))
    prompts = typed_prompts([], [], ["5:first.png@3"])
    np.testing.assert_array_equal(prompts[5][3].mask, np.eye(4, dtype=bool))


def test_every_index_of_a_palette_picture_is_an_object():
    labels = np.array([[0, 2, 2], [7, 7, 0]], np.uint8)
    picture = Image.fromarray(labels)
    picture.putpalette(list(range(30)))
    picture.save("palette.png")
    prompts = typed_prompts(["0:1,1,1@7"], [], ["0:palette.png"])
    assert list(prompts[0]) == [2, 7]
    np.testing.assert_array_equal(prompts[0][2].mask, labels == 2)
    assert prompts[0][7].points.tolist() == [[1, 1]]


def test_with_an_id_the_one_index_of_a_palette_picture_is_that_object():
    picture = Image.fromarray(np.array([[0, 2, 2]], np.uint8))
    picture.putpalette(list(range(30)))
    picture.save("palette.png")
    assert list(typed_prompts([], [], ["0:palette.png@9"])[0]) == [9]


@pytest.mark.parametrize(
    ("points", "boxes", "masks", "message"),
    [
        (["40,30"], [], [], "--point '40,30' names no frame; expected FRAME: before it"),
        (["-1:40,30"], [], [], "For example --point 0:320,240."),
        ([], ["9,9,40,30"], [], "For example --box 0:100,50,420,380."),
        ([], [], ["first.png"], "For example --mask 0:first.png."),
        (["4:40"], [], [], "frame 4: --point '40' does not read as a click"),
        (["4:4,3,2"], [], [], "has the label 2; expected 1"),
        (["4:4,3@x"], [], [], "names the object 'x'"),
        (["0:4,3@1", "0:9,9@2", "5:9,9"], [], [], "--point '5:9,9' does not say which one is"),
        ([], ["0:1,1,9,9@1", "0:1,1,9,9@2", "3:1,1,5,5", "4:1,1,5,5"], [], "several objects"),
        ([], ["0:9,9,1,1"], [], "frame 0: the box (9, 9, 1, 1) is empty or inverted"),
        ([], ["0:1,1,9,9@1", "0:1,1,5,5@1"], [], "object 1 has 2 boxes"),
    ],
)
def test_what_does_not_read_as_a_prompt_is_told(points, boxes, masks, message):
    with pytest.raises(PromptError) as told:
        typed_prompts(points, boxes, masks)
    assert message in str(told.value)


def test_a_mask_that_cannot_be_read_is_told_with_its_frame():
    with pytest.raises(ImageError, match=r"frame 3: there is no file gone\.png"):
        typed_prompts([], [], ["3:gone.png"])


def test_the_prompts_of_an_earlier_run_can_be_given_again():
    said = {2: {1: Prompt.point(4, 3)}, 5: {2: Prompt.box_xyxy(1, 2, 9, 8)}}
    write_masklets("masklets.json", Masklets(VIDEO, "tiny", "0.1.0", said))
    read = recorded_prompts("masklets.json", VIDEO)
    assert {frame: list(read[frame]) for frame in read} == {2: [1], 5: [2]}
    assert read[2][1].points.tolist() == [[4, 3]]
    assert read[5][2].box.tolist() == [1, 2, 9, 8]


def test_a_file_that_was_written_by_hand_need_not_say_what_there_is_not(tmp_path):
    document = {"prompts": [{"frame_index": 3, "object_id": 1, "box": [1, 2, 9, 8]}]}
    (tmp_path / "mine.json").write_text(json.dumps(document))
    assert recorded_prompts("mine.json", VIDEO)[3][1].box.tolist() == [1, 2, 9, 8]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected a JSON object with a list 'prompts'"),
        ("{}", "says None for 'prompts'; expected a list"),
        ('{"prompts": [{"object_id": 1}]}', "prompts[0] says None for 'frame_index'"),
        ('{"prompts": [{"frame_index": 1, "object_id": 1}]}', "prompts[0] is no prompt"),
    ],
)
def test_a_file_that_holds_no_prompts_is_told(tmp_path, text, message):
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(StateError) as told:
        recorded_prompts("mine.json", VIDEO)
    assert message in str(told.value)


def test_recorded_and_typed_prompts_add_up():
    recorded = {4: {2: Prompt.box_xyxy(1, 2, 9, 8)}}
    typed = {4: {1: Prompt.point(5, 5), 2: Prompt.point(4, 3)}, 0: {3: Prompt.point(1, 1)}}
    joined = joined_prompts(recorded, typed)
    assert list(joined) == [0, 4]
    assert list(joined[4]) == [1, 2]
    assert joined[4][2].box is not None
    assert len(joined[4][2].points) == 1
    assert list(recorded[4]) == [2]


def test_two_boxes_for_one_object_on_one_frame_are_told():
    box = {4: {2: Prompt.box_xyxy(1, 2, 9, 8)}}
    with pytest.raises(PromptError, match="object 2 on frame 4: both prompts have a box"):
        joined_prompts(box, box)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ({}, "no prompt was given; expected --point, --box, --mask or --prompts"),
        (
            {12: {1: Prompt.point(4, 3)}},
            "frame 12 is prompted, but clip.mp4 has the frames 0 to 11",
        ),
        ({-1: {1: Prompt.point(4, 3)}}, "frame -1 is prompted"),
        ({3: {2: Prompt.point(70, 3)}}, "object 2 on frame 3: point (70, 3) lies outside"),
        ({3: {1: Prompt.box_xyxy(70, 3, 90, 9)}}, "box (70, 3, 90, 9) lies outside"),
        ({3: {1: Prompt(mask=np.ones((4, 5), bool))}}, "the mask is 5 wide and 4 high"),
        ({3: {1: Prompt(mask=np.zeros((48, 64), bool))}}, "object 1 on frame 3: the mask is empty"),
    ],
)
def test_prompts_that_do_not_fit_the_video_are_told(prompts, message):
    with pytest.raises(PromptError) as told:
        check_prompts(prompts, VIDEO)
    assert message in str(told.value)
