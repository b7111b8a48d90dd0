"""A split is one that is there, and its list names clips."""

import pytest

from masklet.data.split_lists import chosen_split, image_set, read_list
from masklet.errors import DatasetError
from tests.data.made_clips import write_text


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        (["train", "val"], "val"),
        (["test", "train", "valid"], "valid"),
        (["test", "train"], "test"),
        (["night", "train"], "train"),
        (["day", "night"], "day"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_where_none_is_said_the_one_to_measure_on_is_taken(tmp_path, found, chosen):
    assert chosen_split(tmp_path, None, found) == chosen
    assert chosen_split(tmp_path, found[0], found) == found[0]


def test_a_split_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"has no split dev; expected one of train, val\. Choos"):
        chosen_split(tmp_path, "dev", ["train", "val"])
    with pytest.raises(DatasetError, match=r"holds no split of a dataset; expected files or folde"):
        chosen_split(tmp_path, "dev", [])


def test_the_first_folder_that_has_the_list_gives_it(tmp_path):
    for place in ("2017/val.txt", "2016/val.txt", "2016/train.txt"):
        write_text(tmp_path / "ImageSets" / place, "dog")
    lists = tmp_path / "ImageSets"
    assert image_set(tmp_path, "val", ("2017", "2016")) == lists / "2017" / "val.txt"
    assert image_set(tmp_path, "train", ("2017", "2016")) == lists / "2016" / "train.txt"
    says = r"no list dev\.txt in .*2017; expected one with .* Choose one of train, val, or check"
    with pytest.raises(DatasetError, match=says):
        image_set(tmp_path, "dev", ("2017", "2016"))


def test_a_list_names_each_clip_once_in_its_order(tmp_path):
    write_text(tmp_path / "a.txt", "\ufeffdog\r\nbear \n\n my clip\ndog\n")
    assert read_list(tmp_path / "a.txt") == ["dog", "bear", "my clip"]


def test_a_list_of_pairs_names_the_clips_that_they_are_of(tmp_path):
    lines = (
        f"/JPEGImages/480p/{name}/00000.jpg /Annotations/480p/{name}/00000.png"
        for name in ("dog", "dog", "bear")
    )
    write_text(tmp_path / "a.txt", "\n".join(lines))
    assert read_list(tmp_path / "a.txt") == ["dog", "bear"]


def test_a_list_that_cannot_be_read_or_is_empty_is_told(tmp_path):
    write_text(tmp_path / "empty.txt", "\n \n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for name, says in (
        ("empty", r"the list .*empty\.txt is empty; expected a clip on each line"),
        ("binary", r"the list .*binary\.txt cannot be read: 'utf-8' codec .*; expected a text"),
        ("gone", r"the list .*gone\.txt cannot be read: .*No such file"),
    ):
        with pytest.raises(DatasetError, match=says):
            read_list(tmp_path / f"{name}.txt")
