"""A folder or a list of pictures is a video, in the order that people expect."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from masklet.errors import VideoError
from masklet.io.folder import PictureVideo, open_folder
from masklet.io.images import write_png


def filled(folder: Path, names: Sequence[str], size: tuple[int, int] = (6, 8)) -> Path:
    """Pictures whose brightness is their place in `names`, times 10."""
    folder.mkdir(exist_ok=True)
    for place, name in enumerate(names):
        Image.fromarray(np.full((*size, 3), place * 10, np.uint8)).save(folder / name)
    return folder


def places(video: PictureVideo) -> list[int]:
    return [round(float(frame.mean()) / 10) for frame in video]


def test_2_comes_before_10(tmp_path: Path) -> None:
    names = ["frame1.png", "frame2.png", "frame3.png", "frame10.png", "frame11.png"]
    video = open_folder(filled(tmp_path / "clip", names), allow_gaps=True)
    assert places(video) == [0, 1, 2, 3, 4]
    assert video.info.name == "clip"
    assert video.info.size == (6, 8)
    assert video.info.fps is None


@pytest.mark.parametrize(
    "names",
    [
        ["00000.png", "00001.png", "00002.png"],
        ["00000005.png", "00000006.png", "00000007.png"],
        ["00000.png", "00005.png", "00010.png"],
        ["1.png", "2.png", "10.png"][:2],
        ["8.png", "9.png", "10.png"],
        ["a2_1.png", "a2_2.png", "a10_1.png"],
        ["20240131_235959.png", "20240201_000002.png"],
        ["shot 1704067200123.png", "shot 1704067200456.png", "shot 1704067201999.png"],
        ["Alpha.png", "beta.png", "Gamma.png"],
        ["7.png"],
    ],
    ids=lambda names: names[-1],
)
def test_names_come_in_natural_order(tmp_path: Path, names: list[str]) -> None:
    assert places(open_folder(filled(tmp_path, names))) == list(range(len(names)))


@pytest.mark.parametrize(
    "suffix", ["jpg", "JPEG", "png", "webp", "bmp", "tif", "tiff", "gif", "ppm"]
)
def test_pictures_of_many_kinds_are_frames(tmp_path: Path, suffix: str) -> None:
    video = open_folder(filled(tmp_path, [f"{index}.{suffix}" for index in range(3)]))
    assert places(video) == [0, 1, 2]


def test_files_that_are_no_pictures_are_passed_over(tmp_path: Path) -> None:
    filled(tmp_path, ["0.png", "1.png"])
    for name in ("Thumbs.db", "meta.json", ".hidden.png", "._0.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    filled(tmp_path / "masks", ["0.png", "1.png", "2.png"])
    assert places(open_folder(tmp_path)) == [0, 1]


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("0.jpg", "1.jpg"):
        Image.new("RGB", (8, 6)).save(tmp_path / name, exif=exif)
    video = open_folder(tmp_path)
    assert video.info.size == (8, 6)
    assert video[1].shape == (8, 6, 3)


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ([0, 1, 3], "2; expected steps of 1"),
        ([0, 1, 7, 8], "2 to 6; expected steps of 1"),
        ([0, 5, 15], "10; expected steps of 5"),
        ([1, 3, 4, 6], "2, 5; expected steps of 1"),
        ([1, 2, 4, 6, 8, 10], "3, 5, 7 and 1 more gaps; expected steps of 1"),
    ],
    ids=str,
)
def test_missing_numbers_are_named(tmp_path: Path, numbers: list[int], missing: str) -> None:
    filled(tmp_path, [f"{number:05}.png" for number in numbers])
    with pytest.raises(
        VideoError, match=f"between {numbers[0]} and .* no picture numbered {missing}"
    ):
        open_folder(tmp_path)
    assert len(open_folder(tmp_path, allow_gaps=True)) == len(numbers)


@pytest.mark.parametrize("names", [["1.png", "2.png", "2.jpg"], ["1.png", "02.png", "2.png"]])
def test_two_pictures_of_one_number_are_refused(tmp_path: Path, names: list[str]) -> None:
    filled(tmp_path, names)
    with pytest.raises(
        VideoError, match=r"are both number 2; expected one picture per frame.*masks"
    ):
        open_folder(tmp_path, allow_gaps=True)


def test_another_size_is_told_with_the_file(tmp_path: Path) -> None:
    filled(tmp_path, ["0.png", "1.png", "2.png"])
    write_png(tmp_path / "2.png", np.zeros((5, 9), np.uint8))
    video = open_folder(tmp_path)
    assert video[1].shape == (6, 8, 3)
    with pytest.raises(VideoError, match=r"frame 2 \(.*2\.png\) is 9x5 pixels, the first 8x6"):
        video[2]


def test_a_damaged_picture_is_told_with_its_frame(tmp_path: Path) -> None:
    filled(tmp_path, ["0.png", "1.png"])
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:40])
    with pytest.raises(VideoError, match=r"frame 1 cannot be read: .*1\.png is no picture"):
        open_folder(tmp_path)[1]
    (tmp_path / "0.png").write_bytes(b"")
    with pytest.raises(VideoError, match=r"frame 0 cannot be read: .*0\.png is an empty file"):
        open_folder(tmp_path)


def test_a_picture_that_disappears_is_told(tmp_path: Path) -> None:
    video = open_folder(filled(tmp_path, ["0.png", "1.png"]))
    (tmp_path / "1.png").unlink()
    with pytest.raises(VideoError, match="frame 1 cannot be read: there is no file"):
        video[1]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(VideoError, match="holds no pictures, only 1 other files; expected frames"):
        open_folder(tmp_path)


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone cannot be listed: No such file.*Check your rights"):
        open_folder(tmp_path / "gone")


def test_a_list_may_mix_paths_images_and_arrays(tmp_path: Path) -> None:
    filled(tmp_path, ["0.png"])
    gray = np.full((6, 8), 0.5, np.float32)
    video = PictureVideo(
        [str(tmp_path / "0.png"), tmp_path / "0.png", Image.new("L", (8, 6), 9), gray]
    )
    assert [int(frame[0, 0, 0]) for frame in video] == [0, 0, 9, 128]
    assert video.info.name == ""


def test_a_list_of_other_sizes_names_the_frame() -> None:
    video = PictureVideo([np.zeros((6, 8, 3), np.uint8), np.zeros((6, 9, 3), np.uint8)])
    with pytest.raises(VideoError, match="frame 1 is 9x6 pixels, the first 8x6"):
        video[1]


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(VideoError, match="the list of pictures is empty; expected at least one"):
        PictureVideo([])
