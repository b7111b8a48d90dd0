"""How a run was measured, in sentences that follow its settings."""

from dataclasses import asdict

import pytest

from masklet.eval.clicks import ClickOptions
from masklet.eval.interactive import InteractiveOptions
from masklet.eval.reports.protocol_words import protocol_words
from masklet.eval.vos import VosOptions

CASES = {
    "mask": ("vos", VosOptions(), "by its true mask. The method carries it to the end"),
    "box": ("vos", VosOptions("box"), "by the tight box of its true mask"),
    "click": ("vos", VosOptions("clicks"), "by one click in the middle of its true mask"),
    "clicks": ("vos", VosOptions("clicks", clicks=3), "by 3 clicks, each in the middle of the"),
    "all masks": ("vos", VosOptions(use_all_masks=True), "Every annotated mask is a prompt"),
    "exclusive": ("vos", VosOptions(non_overlap=True), "A pixel belongs to one object at most"),
    "separately": ("vos", VosOptions(separately=True), "in a pass of its own"),
    "late": ("vos", VosOptions(first_frame_only_objects=True), "never shown, and count as missed"),
    "robustness": ("robustness", VosOptions(), "generated, so the truth is exact"),
    "nine": ("clicks", ClickOptions(), "is clicked 9 times, each time in the middle of the"),
    "alone": ("clicks", ClickOptions(), "asked for by its tight box and by its true mask."),
    "random": ("clicks", ClickOptions(where="random"), "each time on a wrong pixel"),
    "some": ("clicks", ClickOptions(max_objects=5), "At most 5 objects of a picture"),
    "large": ("clicks", ClickOptions(min_area=64), "fewer than 64 pixels are left out"),
    "offline": ("interactive", InteractiveOptions(), "Offline: after each pass the user corrects"),
    "online": ("interactive", InteractiveOptions("online"), "an IoU below 0.75 to correct it"),
    "frames": ("interactive", InteractiveOptions(clicks=2), "Up to 8 frames are prompted with 2"),
}


@pytest.mark.parametrize(("task", "options", "told"), CASES.values(), ids=CASES)
def test_every_option_is_told(task, options, told):
    words, _ = protocol_words(task, {"protocol": asdict(options)})
    assert told in words


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ("inner", "The first and the last annotated frame of a clip are not scored."),
        ("after prompt", "The frame on which an object is prompted is not scored."),
        ("all", "Every annotated frame is scored."),
    ],
)
def test_it_is_told_which_frames_count(frames, told):
    assert protocol_words("vos", {"protocol": {"frames": frames}})[0].endswith(told)


def test_options_that_are_off_are_not_told():
    words, _ = protocol_words("vos", {"protocol": asdict(VosOptions())})
    assert "pass of its own" not in words
    words, _ = protocol_words("clicks", {"protocol": asdict(ClickOptions(box=False, mask=False))})
    assert "Apart from that" not in words


def test_a_limit_and_the_statistics_are_told():
    words, statistics = protocol_words("clicks", {"limit": 1200})
    assert words.endswith("Only 1,200 pictures were evaluated, spread evenly over the dataset.")
    assert "drawing whole pictures" in statistics


def test_masks_that_were_made_elsewhere_are_said_to_be():
    words, _ = protocol_words("vos", {"protocol": {"frames": "all", "strict": False}})
    assert words.startswith("The masks were made elsewhere.")


def test_a_prompt_of_another_kind_is_told_as_it_is_called():
    assert "by scribbles." in protocol_words("vos", {"protocol": {"prompt": "scribbles"}})[0]
