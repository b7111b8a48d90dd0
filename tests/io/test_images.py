"""Reading pictures of every kind, refusing what is none, writing PNG."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from masklet.errors import ImageError, OutputError
from masklet.io.images import SUFFIXES, count_frames, read_image, write_png


def noise(height: int = 20, width: int = 30, channels: int = 3) -> npt.NDArray[np.uint8]:
    values = np.random.default_rng(5).integers(0, 256, (height, width, channels), np.uint8)
    return values if channels > 1 else values[..., 0]


def smooth(height: int = 64, width: int = 96) -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 2, y * 3, 255 - x * 2], axis=2).astype(np.uint8)


def saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)  # type: ignore[arg-type]
    return path


# Pillow reads AVIF since 11.3.
NEEDS_AVIF = pytest.mark.skipif(
    ".avif" not in Image.registered_extensions(), reason="this Pillow has no AVIF"
)

LOSSLESS = {
    "png": {},
    "webp": {"lossless": True},
    "tif": {"compression": "tiff_lzw"},
    "bmp": {},
    "ppm": {},
    "jp2": {},
}


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_a_lossless_file_gives_the_pixels_that_were_saved(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(noise()), **LOSSLESS[suffix])
    picture = read_image(path)
    np.testing.assert_array_equal(picture, noise())
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous
    assert picture.flags.writeable


@pytest.mark.parametrize("suffix", ["jpg", pytest.param("avif", marks=NEEDS_AVIF)])
def test_a_lossy_file_is_close_to_what_was_saved(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(smooth()), quality=95)
    error = np.abs(read_image(path).astype(int) - smooth())
    assert error.mean() < 3


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = saved(tmp_path / "really-a-png.jpg", Image.fromarray(noise()), format="PNG")
    np.testing.assert_array_equal(read_image(str(path)), noise())


def test_an_open_pillow_image_is_read(tmp_path: Path) -> None:
    with Image.open(saved(tmp_path / "a.png", Image.fromarray(noise()))) as picture:
        np.testing.assert_array_equal(read_image(picture), noise())


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"])
def test_every_mode_of_pillow_becomes_what_convert_gives(mode: str) -> None:
    picture = Image.fromarray(smooth()).convert(mode)
    np.testing.assert_array_equal(read_image(picture), np.asarray(picture.convert("RGB")))


def test_a_cmyk_jpeg_has_its_colours(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.fromarray(smooth()).convert("CMYK"), quality=95)
    assert np.abs(read_image(path).astype(int) - smooth()).mean() < 4


def test_transparency_is_dropped_and_the_colours_beneath_show(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(noise(channels=4)))
    np.testing.assert_array_equal(read_image(path), noise(channels=4)[..., :3])


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path: Path) -> None:
    picture = Image.fromarray(smooth()).convert("P")
    path = saved(tmp_path / "a.png", picture, transparency=bytes(range(256)))
    np.testing.assert_array_equal(read_image(path), np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_gray_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 128, 129, 257, 30000, 65535]], np.uint16)
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(values))
    assert read_image(path)[0, :, 1].tolist() == [0, 0, 1, 1, 117, 255]


def test_16_bit_big_endian_gray_is_scaled() -> None:
    values = np.array([[0, 257, 65535]], ">u2")
    picture = Image.frombytes("I;16B", (3, 1), values.tobytes())
    assert read_image(picture)[0, :, 0].tolist() == [0, 1, 255]


def test_16_bit_files_keep_their_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.arange(6, dtype=np.uint16).reshape(2, 3) * 257
    path = saved(tmp_path / "a.png", Image.fromarray(values), exif=exif)
    assert read_image(path)[..., 0].tolist() == np.rot90(np.arange(6).reshape(2, 3), -1).tolist()


def test_32_bit_integers_count_as_16_bits() -> None:
    picture = Image.fromarray(np.array([[0, 65535]], np.int32))
    assert read_image(picture)[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize("values", [[-1, 5], [0, 65536]])
def test_32_bit_integers_beyond_16_bits_are_refused(values: list[int]) -> None:
    with pytest.raises(ImageError, match=r"holds integers from .* to .*; expected 8 or 16 bits"):
        read_image(Image.fromarray(np.array([values], np.int32)))


def test_a_float_tiff_from_0_to_1_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", Image.fromarray(np.array([[0, 0.5, 1]], np.float32)))
    assert read_image(path)[0, :, 0].tolist() == [0, 128, 255]


def test_colours_without_a_way_to_rgb_are_refused() -> None:
    with pytest.raises(ImageError, match=r"colours of kind La.*Save it as RGB"):
        read_image(Image.new("La", (2, 2)))


ORIENTATIONS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: np.rot90,
}


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_orientation_turns_the_picture_upright(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(noise()), exif=exif, lossless=True)
    np.testing.assert_array_equal(read_image(path), ORIENTATIONS[orientation](noise()))


def test_a_photo_from_an_upright_phone_is_higher_than_wide(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.jpg", Image.fromarray(smooth(64, 96)), exif=exif)
    assert read_image(path).shape == (96, 64, 3)
    with Image.open(path) as picture:
        assert read_image(picture).shape == (96, 64, 3)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0XX", b"Exif\0\0"])
def test_damaged_exif_does_not_spoil_the_picture(tmp_path: Path, exif: bytes) -> None:
    path = saved(tmp_path / "a.jpg", Image.fromarray(smooth()), exif=exif)
    assert read_image(path).shape == smooth().shape


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_of_an_animation_the_first_frame_is_read(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "green", "blue")]
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    assert count_frames(path) == 3
    assert (read_image(path) == (255, 0, 0)).all()


def test_of_an_open_animation_the_current_frame_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.gif") as picture:
        picture.seek(1)
        assert (read_image(picture) == (0, 0, 255)).all()


def test_the_preview_that_a_camera_appends_is_no_second_frame(tmp_path: Path) -> None:
    photo = Image.fromarray(smooth())
    path = tmp_path / "a.jpg"
    photo.save(path, format="MPO", save_all=True, append_images=[photo.resize((9, 6))])
    assert count_frames(path) == 1
    assert read_image(path).shape == smooth().shape


@pytest.mark.parametrize("shape", [(1, 1), (3, 20000), (20000, 3), (1, 7)])
def test_extreme_shapes_are_legal(tmp_path: Path, shape: tuple[int, int]) -> None:
    picture = noise(*shape)
    path = tmp_path / "a.png"
    write_png(path, picture)
    np.testing.assert_array_equal(read_image(path), picture)
    np.testing.assert_array_equal(read_image(picture), picture)


@given(hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 2, st.sampled_from([1, 3, 4]))))
def test_an_array_keeps_its_colours(array: npt.NDArray[np.uint8]) -> None:
    picture = read_image(array)
    assert picture.shape == (*array.shape[:2], 3)
    assert picture.flags.c_contiguous
    np.testing.assert_array_equal(picture, np.broadcast_to(array[..., :3], picture.shape))


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (np.array([[0, 7, 255]], np.uint8), [0, 7, 255]),
        (np.array([[0, 128, 129, 65535]], np.uint16), [0, 0, 1, 255]),
        (np.array([[0, 128, 129, 65535]], ">u2"), [0, 0, 1, 255]),
        (np.array([[False, True]]), [0, 255]),
        (np.array([[0, 0.25, 1]], np.float64), [0, 64, 255]),
        (np.array([[0, 0.5, 1]], np.float16), [0, 128, 255]),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, np.ndarray) else None,
)
def test_a_gray_array_is_scaled_by_its_dtype(
    values: npt.NDArray[np.generic], levels: list[int]
) -> None:
    picture = read_image(values)
    assert picture[0, :, 0].tolist() == levels
    assert (picture == picture[..., :1]).all()


def test_an_array_that_is_a_view_becomes_contiguous() -> None:
    view = noise()[::-1, ::2]
    picture = read_image(view)
    assert picture.flags.c_contiguous
    np.testing.assert_array_equal(picture, view)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_written_png_holds_the_array(tmp_path: Path, channels: int) -> None:
    write_png(tmp_path / "a.png", noise(channels=channels))
    with Image.open(tmp_path / "a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), noise(channels=channels))


def test_a_bool_mask_is_written_as_0_and_255_in_8_bits(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.array([[False, True]]))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "L"
        assert np.asarray(picture).tolist() == [[0, 255]]


def test_a_written_view_holds_its_own_pixels(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", noise()[::-1, ::2])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), noise()[::-1, ::2])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2)),
        np.zeros((2, 2, 2), np.uint8),
        np.zeros(3, bool),
        np.zeros((0, 4), np.uint8),
    ],
    ids=["float", "two channels", "one dimension", "no pixels"],
)
def test_what_is_no_picture_is_not_written(tmp_path: Path, array: npt.NDArray[np.generic]) -> None:
    with pytest.raises(ImageError, match=r"was to hold an array of shape .*expected \(height"):
        write_png(tmp_path / "a.png", array)
    assert list(tmp_path.iterdir()) == []


def test_writing_into_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.png could not be written: No such file"):
        write_png(tmp_path / "gone" / "a.png", noise())


def test_every_suffix_is_one_that_pillow_knows_or_a_name_for_it() -> None:
    known = {*Image.registered_extensions(), ".apng", ".avif", ".jpe", ".jfif"}
    assert set(SUFFIXES) <= known
