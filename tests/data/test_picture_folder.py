"""A folder of pictures and painted masks is a dataset."""

import numpy as np
import pytest
from PIL import Image

from masklet.data.picture_folder import is_picture_folder, open_picture_folder
from masklet.errors import DatasetError
from masklet.ops import rle
from tests.data.made_packs import SIZE, box, jpeg


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    return tmp_path


def add_picture(folder, name, suffix=".jpg"):
    (folder / "images" / f"{name}{suffix}").write_bytes(jpeg())


def save(path, labels, mode="L"):
    path.parent.mkdir(exist_ok=True)
    picture = Image.fromarray(labels.astype(np.uint8))
    if mode == "P":
        picture.putpalette(list(range(256)) * 3)
    picture.save(path)


def areas(picture):
    return {each.object_id: rle.area(each.segmentation) for each in picture.objects()}


def test_numbers_are_objects_and_255_is_not_judged(folder):
    add_picture(folder, "cat")
    save(folder / "masks" / "cat.png", box(2, 3, 8, 9) * 1 + box(10, 3, 12, 9) * 7, mode="P")
    dataset = open_picture_folder(folder)
    (picture,) = dataset.items
    assert (dataset.name, dataset.layout) == (folder.name, "picture-folder")
    assert picture.name == "cat"
    assert picture.image().shape == (*SIZE, 3)
    assert areas(picture) == {1: 36, 7: 12}
    save(folder / "masks" / "cat.png", box(2, 3, 8, 9) * 1 + box(10, 3, 12, 9) * 255)
    assert areas(picture) == {1: 36}


def test_a_black_and_white_mask_is_one_object(folder):
    add_picture(folder, "cat", ".png")
    save(folder / "masks" / "cat.png", box(2, 3, 8, 9) * 255)
    assert areas(open_picture_folder(folder).items[0]) == {255: 36}


def test_a_folder_of_masks_has_an_object_in_each_file(folder):
    add_picture(folder, "cat")
    for number, mask in enumerate([box(2, 3, 8, 9), box(0, 0, 5, 5), box(0, 0, 0, 0)]):
        save(folder / "masks" / "cat" / f"{number}.png", mask * 255)
    assert areas(open_picture_folder(folder).items[0]) == {1: 36, 2: 25}


def test_a_picture_without_a_mask_is_told(folder):
    add_picture(folder, "cat")
    add_picture(folder, "dog")
    (folder / "images" / "notes.txt").write_text("")
    save(folder / "masks" / "cat.png", box(2, 3, 8, 9) * 255)
    dataset = open_picture_folder(folder)
    assert [picture.name for picture in dataset.items] == ["cat"]
    assert [str(each) for each in dataset.problems] == [
        f"dog: {folder / 'images' / 'dog.jpg'}: there is no masks/dog.png"
    ]


def test_a_mask_of_another_size_is_told(folder):
    add_picture(folder, "cat")
    save(folder / "masks" / "cat.png", np.ones((5, 5)))
    with pytest.raises(
        DatasetError, match=r"cat\.jpg is 30x20 pixels, its annotations are for 5x5"
    ):
        open_picture_folder(folder).items[0].image()


def test_a_folder_without_pairs_is_no_dataset(folder):
    assert is_picture_folder(folder)
    add_picture(folder, "cat")
    with pytest.raises(DatasetError, match=r"holds no picture with a mask; expected pairs such as"):
        open_picture_folder(folder)
    assert not is_picture_folder(folder / "images")
