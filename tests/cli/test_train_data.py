"""What `masklet train` learns from is opened from all kinds of places, and what it is measured on."""

import numpy as np
import pytest
from PIL import Image

from masklet.cli.train_data import open_data
from masklet.cli.train_scoring import Beginning
from masklet.data.davis_writer import tiny_dataset
from masklet.data.scenes.tiny import tiny_clips
from masklet.errors import DatasetError
from tests.data.made_packs import annotated, box, clip, cutouts, jpeg, runs, write_tar


def pictures(count):
    mask = runs(box(2, 3, 8, 9))
    files = {}
    for number in range(count):
        files[f"{number:04d}.jpg"] = jpeg(20 * number % 250)
        files[f"{number:04d}.json"] = annotated([mask])
    return files


@pytest.fixture
def packs(tmp_path):
    """Two packs of pictures, one of clips, one that is damaged, and what is measured on."""
    folder = tmp_path / "packs"
    folder.mkdir()
    write_tar(folder / "images-train-000.tar", pictures(3))
    write_tar(folder / "images-train-001.tar", pictures(4))
    write_tar(folder / "videos-train-000.tar", clip())
    write_tar(folder / "damaged-000.tar", {"00000.png": b"", "00000.json": b"{}"})
    write_tar(folder / "val-images.tar", pictures(2))
    write_tar(folder / "val-videos.tar", clip("cat"))
    return folder


def names(data):
    return [(dataset.name, len(dataset.items)) for dataset in data.datasets]


def test_a_folder_of_packs_is_learned_from_but_for_what_is_measured_on(packs):
    data = open_data([str(packs)], None)
    expected = [("images-train-000", 3), ("images-train-001", 4), ("videos-train-000", 1)]
    assert names(data) == expected
    assert data.remarks == (f"passed over in {packs}: damaged-000.tar",)
    assert data.held.name == "val-images, val-videos"
    assert (len(data.held.pictures), len(data.held.clips)) == (2, 1)


def photos_of(dataset):
    return {scene.photo.path.name for scene in dataset.items if scene.photo is not None}


def test_cut_outs_are_learned_from_before_all_backgrounds(packs):
    write_tar(packs / "cutouts-000.tar", cutouts(*(f"{n:05d}" for n in range(30))))
    write_tar(packs / "sea.tar", {"photo/sea.jpg": jpeg()})
    wood = write_tar(packs.parent / "wood.tar", {"photo/wood.jpg": jpeg()})
    data = open_data([str(packs), str(wood)], None)
    assert names(data)[0] == ("cutouts-000", 30)
    assert [dataset.layout for dataset in data.datasets[1:]] == [
        *("picture-pack", "picture-pack", "video-pack")
    ]
    assert photos_of(data.datasets[0]) == {"sea.tar", "wood.tar"}
    assert data.held.name == "val-images, val-videos"
    alone = open_data([str(packs / "cutouts-000.tar")], None)
    assert (names(alone), photos_of(alone.datasets[0])) == ([("cutouts-000", 30)], set())
    assert not alone.held, "other scenes show what would be kept back"


def test_backgrounds_without_cut_outs_are_passed_over(packs, tmp_path):
    sea = write_tar(tmp_path / "sea.tar", {"photo/sea.jpg": jpeg()})
    data = open_data([str(packs / "images-train-000.tar"), str(sea)], None)
    assert names(data) == [("images-train-000", 3)]
    assert data.remarks[0] == "passed over, since there are no cut-outs: sea.tar"
    with pytest.raises(DatasetError, match="nothing to learn from"):
        open_data([str(sea)], None)


def test_a_pattern_means_what_it_matches(packs):
    data = open_data([f"{packs}/images-*.tar"], str(packs / "val-videos.tar"))
    assert names(data) == [("images-train-000", 3), ("images-train-001", 4)]
    assert (data.held.name, len(data.held.clips)) == ("val-videos", 1)


def test_a_folder_of_pictures_and_masks_is_taken_and_a_fifth_kept_back(tmp_path):
    for number in range(10):
        for kind in ("images", "masks"):
            place = tmp_path / "cats" / kind / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), 255, np.uint8)).save(place)
    data = open_data([str(tmp_path / "cats")], None)
    assert names(data) == [("cats", 8)]
    assert [picture.name for picture in data.held.pictures] == ["0", "5"]
    assert "every fifth picture is kept back" in data.remarks[0]


def test_few_pictures_are_all_learned_from(packs):
    data = open_data([str(packs / "images-train-000.tar")], None)
    assert names(data) == [("images-train-000", 3)]
    assert not data.held
    assert "only the loss will tell" in data.remarks[0]


def test_datasets_in_their_own_layouts_are_opened(tmp_path):
    tiny_dataset(tmp_path / "tiny")
    assert names(open_data([str(tmp_path / "tiny")], None)) == [("tiny val", 3)]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "nothing to learn from; expected --data"),
        (["gone-*.tar"], r"no path matches gone-\*\.tar"),
        (["gone"], "gone does not exist"),
    ],
)
def test_data_that_are_not_there_are_told(data, told):
    with pytest.raises(DatasetError, match=told):
        open_data(data, None)


def test_packs_to_measure_on_alone_are_nothing_to_learn_from(packs):
    with pytest.raises(DatasetError, match="nothing to learn from"):
        open_data([str(packs / "val-images.tar")], None)


def test_of_a_clip_the_beginning_is_measured():
    whole = tiny_clips()[2]
    part = Beginning(whole, frames=3)
    assert part.name == "late"
    assert (part.annotated, part.frame_names) == ((0, 1, 2), ("00000", "00001", "00002"))
    assert [each.object_id for each in part.objects()] == [1, 3]
    assert len(part.open()) == 3
    assert (part.open()[1] == whole.open()[1]).all()
    assert part.truth(1).masks.keys() == whole.truth(1).masks.keys()
