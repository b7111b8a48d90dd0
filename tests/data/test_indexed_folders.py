"""Folders of frames and indexed PNGs are listed as the datasets they are, with what they lack."""

import pytest

from masklet.data.indexed_folders import (
    open_davis_2016,
    open_davis_2017,
    open_folder,
    open_lvos,
    open_mose,
    open_youtube_vos,
)
from masklet.data.records import Problem
from masklet.errors import DatasetError
from tests.data.made_clips import (
    TWO,
    labels,
    write_clip,
    write_davis,
    write_frame,
    write_labels,
    write_meta,
    write_split,
    write_text,
)

FIRST_ONLY = {0: TWO[1], 1: None, 2: None}


def names(dataset):
    return [clip.name for clip in dataset.items]


def told(dataset):
    """The problems, without the folder of the test."""
    root = f"{dataset.root}/"
    return [str(problem).replace(root, "") for problem in dataset.problems]


def test_davis_2017_is_what_its_list_names(tmp_path):
    root = write_davis(tmp_path / "davis", ["dog", "bear", "cat"])
    write_text(root / "ImageSets" / "2017" / "train.txt", "cat\n\n")
    write_text(root / "ImageSets" / "2017" / "val.txt", "dog\nbear\ndog\n")
    val, train = open_davis_2017(root), open_davis_2017(root, "train")
    assert (val.name, val.layout, names(val)) == ("davis val", "davis-2017", ["dog", "bear"])
    assert (train.name, names(train)) == ("davis train", ["cat"])
    assert val.problems == train.problems == ()


@pytest.mark.parametrize("place", ["480p", "Full-Resolution", "720p"])
def test_any_resolution_will_do(tmp_path, place):
    (clip,) = open_davis_2017(write_davis(tmp_path, ["dog"], place=place)).items
    assert clip.frames.folder == tmp_path / "JPEGImages" / place / "dog"


def test_of_several_resolutions_480p_is_measured(tmp_path):
    write_davis(tmp_path, ["dog"], place="1080p")
    (clip,) = open_davis_2017(write_davis(tmp_path, ["dog"])).items
    assert clip.frames.folder == tmp_path / "JPEGImages" / "480p" / "dog"


def test_the_list_of_2016_serves_on_the_folder_of_2017(tmp_path):
    root = write_davis(tmp_path / "davis", ["dog", "bear"])
    write_text(root / "ImageSets" / "2016" / "val.txt", "bear")
    dataset = open_davis_2016(root)
    assert (dataset.name, dataset.layout, names(dataset)) == ("davis val", "davis-2016", ["bear"])


def test_the_lists_of_davis_2016_name_pairs_of_files(tmp_path):
    root = write_davis(tmp_path, ["dog"], year="480p")
    pairs = [f"/JPEGImages/480p/dog/0000{i}.jpg /Annotations/480p/dog/0000{i}.png" for i in "012"]
    write_text(root / "ImageSets" / "480p" / "val.txt", "\n".join(pairs))
    assert names(open_davis_2016(root)) == ["dog"]


def test_davis_test_dev_has_first_masks_only(tmp_path):
    root = write_davis(tmp_path, ["girl"], split="test-dev", drawn=FIRST_ONLY)
    dataset = open_davis_2017(root, "test-dev")
    assert dataset.problems == ()
    assert dataset.items[0].annotated == (0,)


def test_what_davis_lacks_is_told(tmp_path):
    root = write_davis(tmp_path, ["bear", "cow", "dog", "elk"])
    (root / "JPEGImages/480p/bear/00001.jpg").unlink()
    (root / "Annotations/480p/dog/00002.png").unlink()
    for path in (root / "JPEGImages/480p/cow").iterdir():
        path.unlink()
    for path in (root / "Annotations/480p/elk").iterdir():
        path.unlink()
    write_text(root / "ImageSets" / "2017" / "val.txt", "bear\ncow\ndog\nelk\nfox")
    dataset = open_davis_2017(root)
    assert told(dataset) == [
        "bear: Annotations/480p/bear/00001.png: there is no frame of this number",
        "cow: JPEGImages/480p/cow: there are no frames",
        "dog: JPEGImages/480p/dog/00002.jpg: there is no annotation of this number",
        "elk: Annotations/480p/elk: there are no annotations",
        "fox: JPEGImages/480p/fox: there are no frames",
    ]
    assert names(dataset) == ["bear", "cow", "dog", "elk", "fox"], "counted, not left out"
    assert [clip.problems for clip in dataset.items] == [(each,) for each in dataset.problems]


def test_a_missing_list_is_told_with_those_that_are_there(tmp_path):
    root = write_davis(tmp_path, ["dog"], split="train")
    says = r"no list val\.txt in .*ImageSets.2017; expected .* each line\. Choose one of train, or"
    with pytest.raises(DatasetError, match=says):
        open_davis_2017(root)
    with pytest.raises(DatasetError, match=r"no list val\.txt in .*2016; .*Unpack the lists too"):
        open_davis_2016(root)


def test_a_folder_without_clips_is_told(tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    says = r"holds no clips in JPEGImages; expected JPEGImages/clip/00000\.jpg and .* Check the pa"
    with pytest.raises(DatasetError, match=says):
        open_folder(tmp_path)


@pytest.mark.parametrize("place", ["", "480p"])
def test_any_folder_that_lies_so_is_opened(tmp_path, place):
    for name in ("b", "a"):
        frames, drawn = tmp_path / "JPEGImages" / place, tmp_path / "Annotations" / place
        write_clip(frames / name, drawn / name, {0: TWO[0], 1: None, 2: TWO[2]})
    (tmp_path / "JPEGImages" / ".cache").mkdir()
    dataset = open_folder(tmp_path)
    assert (dataset.name, dataset.layout) == (tmp_path.name, "folder")
    assert names(dataset) == ["a", "b"]
    assert dataset.problems == (), "between frames that are annotated there may be others"


@pytest.mark.parametrize("place", ["", "2017"])
def test_lists_of_any_folder_are_its_splits(tmp_path, place):
    root = write_davis(tmp_path, ["a", "b"])
    write_text(root / "ImageSets" / place / "mine.txt", "b")
    dataset = open_folder(root, "mine")
    assert (dataset.name, names(dataset)) == (f"{root.name} mine", ["b"])


def test_what_lies_on_one_side_only_is_told(tmp_path):
    write_frame(tmp_path / "JPEGImages" / "a" / "0.jpg")
    write_labels(tmp_path / "Annotations" / "b" / "0.png", TWO[0])
    assert told(open_folder(tmp_path)) == [
        "a: Annotations/a: there are no annotations",
        "b: JPEGImages/b: there are no frames",
    ]


def test_names_that_are_no_numbers_and_doubles_are_told(tmp_path):
    write_clip(tmp_path / "JPEGImages" / "a", tmp_path / "Annotations" / "a", TWO)
    write_frame(tmp_path / "JPEGImages" / "a" / "cover.jpg")
    write_frame(tmp_path / "JPEGImages" / "a" / "1.png")
    (tmp_path / "JPEGImages" / "a" / "notes.txt").touch()
    (tmp_path / "JPEGImages" / "a" / ".00000.jpg").touch()
    write_labels(tmp_path / "Annotations" / "a" / "mask.png", TWO[0])
    assert told(open_folder(tmp_path)) == [
        "a: JPEGImages/a/1.png: it is number 1, as 00001.jpg",
        "a: JPEGImages/a/cover.jpg: its name is no number",
        "a: Annotations/a/mask.png: its name is no number",
    ]


def test_black_and_white_is_told_clip_by_clip(tmp_path):
    frames, drawn = tmp_path / "JPEGImages", tmp_path / "Annotations"
    plain = {0: labels({}), 1: labels({255: (2, 3)})}
    write_clip(frames / "plain", drawn / "plain", plain, palette=False)
    write_clip(frames / "indexed", drawn / "indexed", {0: labels({1: (2, 3), 255: (9, 9)})})
    write_clip(frames / "blank", drawn / "blank", {0: labels({})})
    write_clip(frames / "torn", drawn / "torn", {0: labels({1: (2, 3)})})
    (drawn / "torn" / "00000.png").write_bytes(b"")
    voids = {clip.name: clip.layout.void for clip in open_folder(tmp_path).items}
    assert voids == {"blank": 255, "indexed": 255, "plain": None, "torn": 255}


def youtube_vos(root):
    """A training clip of foxes and hens, a validation clip of a fox and a cow."""
    clips = {"a": {0: TWO[1], 5: TWO[1]}}
    numbers = ["00000", "00005"]
    for split, second in (("train", "hen"), ("valid", "cow")):
        write_split(root / split, clips)
        described = {
            "1": {"category": "fox", "frames": numbers},
            "2": {"category": second, "frames": numbers},
        }
        write_meta(root / split / "meta.json", {"a": described})
    return root


def test_youtube_vos_knows_which_categories_were_seen(tmp_path):
    root = youtube_vos(tmp_path / "yv")
    valid, train = open_youtube_vos(root), open_youtube_vos(root, "train")
    assert (valid.name, valid.layout, train.name) == ("yv valid", "youtube-vos", "yv train")
    seen = [(each.category, each.is_seen) for each in valid.items[0].objects()]
    assert seen == [("fox", True), ("cow", False)]
    assert [each.is_seen for each in train.items[0].objects()] == [True, True]
    (beside,) = open_youtube_vos(root / "valid").items
    assert beside.objects() == valid.items[0].objects()


def test_without_the_training_split_it_is_not_known_what_was_seen(tmp_path):
    root = youtube_vos(tmp_path)
    (root / "train" / "meta.json").unlink()
    (clip,) = open_youtube_vos(root).items
    assert [(each.category, each.is_seen) for each in clip.objects()] == [
        ("fox", None),
        ("cow", None),
    ]


def test_an_object_without_a_category_is_neither_seen_nor_unseen(tmp_path):
    root = youtube_vos(tmp_path)
    described = {each: {"frames": ["00000", "00005"]} for each in "12"}
    write_meta(root / "valid" / "meta.json", {"a": described})
    (clip,) = open_youtube_vos(root).items
    assert {each.is_seen for each in clip.objects()} == {None}


def test_what_meta_json_lists_and_is_not_there_is_told(tmp_path):
    write_split(tmp_path / "train", {"a": {0: TWO[1], 5: None}, "b": {0: TWO[1]}})
    described = {each: {"frames": ["00000", "00005", "00010"]} for each in "12"}
    write_meta(tmp_path / "train" / "meta.json", {"a": described, "c": described})
    assert told(open_youtube_vos(tmp_path)) == [
        "a: train/JPEGImages/a: there is no frame 10, which meta.json lists",
        "a: train/JPEGImages/a/00005.jpg: there is no annotation of this number",
        "b: train/meta.json: it names no object of the clip",
        "c: train/JPEGImages/c: there are no frames",
    ]


def test_youtube_vos_without_meta_json_is_told_and_opened(tmp_path):
    write_split(tmp_path / "valid", {"a": FIRST_ONLY})
    dataset = open_youtube_vos(tmp_path)
    what = "it is missing, so it is not known when each object begins"
    assert dataset.problems == (Problem("", str(tmp_path / "valid" / "meta.json"), what),)
    assert len(dataset.items[0].objects()) == 2


def test_an_unreadable_meta_json_ends_it(tmp_path):
    write_split(tmp_path / "valid", {"a": FIRST_ONLY})
    write_text(tmp_path / "valid" / "meta.json", "{")
    with pytest.raises(DatasetError, match=r"meta\.json is no JSON: .*; expected the objects of e"):
        open_youtube_vos(tmp_path)


def test_mose_is_opened_by_its_splits(tmp_path):
    write_split(tmp_path / "m" / "train", {"b": TWO, "a": TWO})
    write_split(tmp_path / "m" / "valid", {"c": FIRST_ONLY})
    valid, train = open_mose(tmp_path / "m"), open_mose(tmp_path / "m", "train")
    assert (valid.name, valid.layout, names(valid)) == ("m valid", "mose", ["c"])
    assert (train.name, train.layout, names(train)) == ("m train", "mose", ["a", "b"])
    assert valid.problems == train.problems == ()


@pytest.mark.parametrize("split", ["val", "valid"])
def test_lvos_takes_the_meta_json_of_its_split_not_the_captions(tmp_path, split):
    root = tmp_path / "lvos"
    drawn = dict.fromkeys((1, 6, 11, 31), TWO[1])
    write_split(root / split, {"ship": drawn}, digits=8)
    ranges = {each: {"frame_range": {"start": "00000006", "end": "00000031"}} for each in "12"}
    write_meta(root / split / f"{split}_meta.json", {"ship": ranges})
    write_meta(root / split / f"{split}_expression_meta.json", {"other": ranges})
    dataset = open_lvos(root)
    assert (dataset.name, dataset.layout, dataset.problems) == (f"lvos {split}", "lvos", ())
    assert [note.first_number for note in dataset.items[0].notes] == [6, 6]


def test_the_test_split_of_lvos_has_first_masks_only(tmp_path):
    write_split(tmp_path / "test", {"ship": {1: TWO[0], 2: None, 3: TWO[2]}}, digits=8)
    ranges = {each: {"frame_range": {"start": number}} for each, number in (("1", 1), ("2", 3))}
    write_meta(tmp_path / "test" / "test_meta.json", {"ship": ranges})
    dataset = open_lvos(tmp_path)
    assert dataset.problems == ()
    assert dataset.items[0].is_prompts_only
    assert set(dataset.items[0].truth(2).masks) == {2}


def test_a_split_that_is_not_there_is_told(tmp_path):
    write_split(tmp_path / "train", {"a": TWO})
    with pytest.raises(DatasetError, match=r"has no split valid; expected one of train\. Choose"):
        open_mose(tmp_path, "valid")
    with pytest.raises(DatasetError, match=r"has no split valid; expected one of train\. Choose"):
        open_mose(tmp_path / "train", "valid")
    with pytest.raises(DatasetError, match=r"holds no split of a dataset; expected files or fold"):
        open_mose(tmp_path / "train" / "JPEGImages")


def test_a_split_without_clips_is_told(tmp_path):
    (tmp_path / "valid" / "JPEGImages").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"JPEGImages holds no clips; expected a folder of fram"):
        open_mose(tmp_path)
