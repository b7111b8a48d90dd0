"""The grammar of prompts in the shell, and which pictures are meant."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masklet.cli.inputs import find_images, natural_key, output_names, read_prompts
from masklet.errors import ImageError, PromptError
from masklet.io.images import write_png


def read(points=(), boxes=(), masks=()):
    return read_prompts(points, boxes, masks, max_pixels=10_000)


@pytest.fixture
def guess(tmp_path):
    """A picture of a mask of 4 pixels."""
    path = tmp_path / "guess.png"
    mask = np.zeros((4, 6), bool)
    mask[1:3, 1:3] = True
    write_png(path, mask)
    return path


def test_clicks_and_a_box_and_a_mask_without_a_name_are_about_one_object(guess):
    prompts = read(["320,240", "20.5,30,0", "1,2,1"], ["10,20,30,40"], [str(guess)])
    assert list(prompts) == [1]
    assert prompts[1].points.tolist() == [[320, 240], [20.5, 30], [1, 2]]
    assert prompts[1].labels.tolist() == [1, 0, 1]
    assert prompts[1].box.tolist() == [10, 20, 30, 40]
    assert prompts[1].mask.sum() == 4


def test_several_boxes_are_several_objects_in_their_order():
    prompts = read(boxes=["0,0,9,9", "5,5,8,8"])
    assert {number: prompt.box.tolist() for number, prompt in prompts.items()} == {
        1: [0, 0, 9, 9],
        2: [5, 5, 8, 8],
    }


def test_names_say_which_object_is_meant(guess):
    prompts = read(["1,2@7", "3,4,0@2"], ["0,0,9,9@7", "5,5,8,8@2"], [f"{guess}@7"])
    assert list(prompts) == [2, 7]
    assert prompts[7].points.tolist() == [[1, 2]]
    assert prompts[7].box.tolist() == [0, 0, 9, 9]
    assert prompts[7].mask is not None
    assert prompts[2].labels.tolist() == [0]


def test_named_clicks_refine_boxes_that_are_numbered_by_their_order():
    prompts = read(["3,4,0@2"], ["0,0,9,9", "5,5,8,8"])
    assert prompts[2].points.tolist() == [[3, 4]]
    assert prompts[2].box.tolist() == [5, 5, 8, 8]
    assert len(prompts[1].points) == 0


def test_a_lone_box_is_object_1_beside_named_clicks():
    assert list(read(["3,4@2"], ["0,0,9,9"])) == [1, 2]


def test_a_mask_file_whose_name_looks_like_an_object_is_that_file(guess):
    odd = guess.rename(guess.with_name("guess.png@2"))
    assert list(read(masks=[str(odd)])) == [1]


def test_nothing_said_is_no_prompt():
    assert read() == {}


@given(st.floats(2, 9999, width=32), st.floats(2, 9999, width=32), st.integers(1, 99))
def test_numbers_are_read_as_they_are_written(x, y, number):
    prompts = read([f"{x},{y},0@{number}"])
    assert prompts[number].points.tolist() == [[x, y]]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"points": ["12"]}, r"--point '12' does not read as a click; expected X,Y or X,Y,LABEL"),
        ({"points": ["1,2,3,4"]}, r"--point '1,2,3,4' does not read as a click"),
        ({"points": ["a,b"]}, r"--point 'a,b' does not read as a click.*--point 320,240"),
        ({"points": [""]}, r"--point '' does not read as a click"),
        ({"points": ["1;2"]}, r"--point '1;2' does not read as a click"),
        ({"points": ["1,2,2"]}, r"--point '1,2,2' has the label 2; expected 1 .*with --box"),
        ({"points": ["nan,2"]}, r"a point is not finite"),
        ({"points": ["1,inf"]}, r"a point is not finite"),
        ({"points": ["1,2@x"]}, r"--point '1,2@x' names the object 'x'; expected a whole number"),
        ({"points": ["1,2@0"]}, r"names the object '0'"),
        ({"points": ["1,2@"]}, r"names the object ''"),
        ({"points": ["1,2@-1"]}, r"names the object '-1'"),
        ({"boxes": ["1,2,3"]}, r"--box '1,2,3' does not read as a box; expected X0,Y0,X1,Y1"),
        ({"boxes": ["9,9,1,1"]}, r"is empty or inverted"),
        ({"boxes": ["9,9,9,12"]}, r"is empty or inverted"),
        ({"boxes": ["0,0,9,9", "5,5,8,8@2"]}, r"1 of 2 boxes name their object; .*Add @ID"),
        ({"boxes": ["0,0,9,9@2", "5,5,8,8@2"]}, r"object 2 has 2 boxes and 0 masks"),
        (
            {"points": ["1,2"], "boxes": ["0,0,9,9", "5,5,8,8"]},
            r"several objects, and 1 of 1 --point do not say which one is meant.*320,240,1@2",
        ),
        ({"points": ["1,2", "3,4@2"]}, r"several objects, and 1 of 2 --point do not say"),
        ({"points": ["0.4,0.6"]}, r"coordinates 0.4, 0.6 all lie between 0 and 1; .*Multiply x"),
        ({"boxes": ["0,0,0.5,1"]}, r"coordinates 0, 0, 0.5, 1 all lie between 0 and 1"),
        ({"points": ["0.5,0.5"], "boxes": ["0,0,1,1"]}, r"all lie between 0 and 1"),
    ],
)
def test_what_does_not_read_as_a_prompt_is_refused(said, message):
    with pytest.raises(PromptError, match=message):
        read(**said)


def test_masks_of_several_objects_must_be_named(guess):
    with pytest.raises(PromptError, match=r"1 of 1 --mask do not say which .*guess\.png@2"):
        read(masks=[str(guess)], boxes=["0,0,9,9", "5,5,8,8"])


def test_one_object_has_one_mask(guess):
    with pytest.raises(PromptError, match=r"object 1 has 0 boxes and 2 masks"):
        read(masks=[str(guess), str(guess)])


def test_a_mask_that_is_missing_is_named():
    with pytest.raises(ImageError, match=r"there is no file gone\.png"):
        read(masks=["gone.png@2"])


def test_a_mask_obeys_the_pixel_limit(guess):
    with pytest.raises(ImageError, match="more than 10 pixels"):
        read_prompts([], [], [str(guess)], max_pixels=10)


@pytest.mark.parametrize("text", ["0,0", "1,1", "0,1"])
def test_whole_numbers_from_0_to_1_are_pixels(text):
    assert list(read([text])) == [1]


@pytest.fixture
def album(folder):
    for name in ("p10.jpg", "p9.JPG", "p1.png", "notes.txt", ".hidden.jpg", "more/p2.jpg"):
        path = folder / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "album" / "folder.jpg").mkdir()
    return folder / "album"


def names(paths):
    return [path.name for path in paths]


def test_a_folder_stands_for_its_pictures_in_natural_order(album):
    assert names(find_images([str(album)])) == ["p1.png", "p9.JPG", "p10.jpg"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("album/*.jpg", ["p10.jpg"]),
        ("album/p?.*", ["p1.png", "p9.JPG"]),
        ("album/**/*.jpg", ["p2.jpg", "p10.jpg"]),
        ("album/p[19].*", ["p1.png", "p9.JPG"]),
    ],
)
def test_a_pattern_is_expanded(album, pattern, found):
    assert sorted(names(find_images([pattern]))) == sorted(found)


def test_a_pattern_with_a_whole_path_is_expanded(album):
    assert names(find_images([f"{album}/*.png"])) == ["p1.png"]


def test_a_home_folder_is_found(album, monkeypatch):
    monkeypatch.setenv("HOME", str(album))
    assert names(find_images(["~/*.png", "~/p10.jpg"])) == ["p1.png", "p10.jpg"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    (folder / "a[1].jpg").touch()
    assert names(find_images(["a[1].jpg"])) == ["a[1].jpg"]


def test_what_was_named_twice_is_taken_once(album):
    found = find_images(["album/p1.png", str(album / "p1.png"), "album"])
    assert names(found) == ["p1.png", "p9.JPG", "p10.jpg"]


@pytest.mark.parametrize("name", ["gone.jpg", "n" * 300])
def test_a_file_that_is_missing_is_kept_for_its_own_error(folder, name):
    assert names(find_images([name])) == [name]


def test_a_pattern_without_a_match_is_refused(folder):
    with pytest.raises(ImageError, match=r"the pattern \*\.jpg matches no file; .*in quotes"):
        find_images(["*.jpg"])


def test_a_folder_without_pictures_is_refused(folder):
    (folder / "notes.txt").touch()
    with pytest.raises(ImageError, match=r"holds no picture; expected files ending in \.jpg"):
        find_images([str(folder)])


def test_a_folder_that_cannot_be_read_is_refused(folder, monkeypatch):
    # Real rights would not stop the administrator, who runs the tests in a container.
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ImageError, match=r"cannot be read: Permission denied; .*your rights"):
        find_images([str(folder)])


def test_results_are_called_like_their_pictures():
    assert output_names([Path("a/x.jpg"), Path("b/y.tar.png")]) == ["x", "y.tar"]


def test_pictures_of_one_name_get_their_folder_and_suffix():
    paths = [Path("a/x.jpg"), Path("b/x.jpg"), Path("b/X.png"), Path("y.jpg")]
    assert output_names(paths) == ["a_x_jpg", "b_x_jpg", "b_X_png", "y"]


def test_as_a_last_resort_results_are_numbered():
    paths = [Path("1/a/x.jpg"), Path("2/a/x.jpg"), Path("3/a/x.jpg"), Path("a_x_jpg_2.png")]
    assert output_names(paths) == ["a_x_jpg", "a_x_jpg_2", "a_x_jpg_3", "a_x_jpg_2_2"]


@given(st.lists(st.tuples(st.sampled_from("abA"), st.sampled_from(["x", "X", "y"])), max_size=9))
def test_results_never_share_a_name(parts):
    found = output_names([Path(folder) / f"{stem}.jpg" for folder, stem in parts])
    assert len({name.casefold() for name in found}) == len(parts)


@given(st.lists(st.integers(0, 10**20), min_size=1))
def test_numbered_files_sort_by_number(numbers):
    paths = [Path(f"frame_{number}.jpg") for number in numbers]
    assert sorted(paths, key=natural_key) == [Path(f"frame_{n}.jpg") for n in sorted(numbers)]


def test_any_names_can_be_sorted():
    mixed = [Path(name) for name in ("10", "b", "a1b", "1", "²", "a")]
    assert sorted(mixed, key=natural_key) == [Path(n) for n in ("1", "10", "a", "a1b", "b", "²")]
