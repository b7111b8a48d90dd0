"""What is no picture is refused with its reason, and never half read."""

import struct
import threading
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from masklet.errors import ImageError
from masklet.io.images import read_image


def noise(height: int = 20, width: int = 30, channels: int = 3) -> npt.NDArray[np.uint8]:
    values = np.random.default_rng(5).integers(0, 256, (height, width, channels), np.uint8)
    return values if channels > 1 else values[..., 0]


def saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)  # type: ignore[arg-type]
    return path


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header claims a size and that has no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 20, 30), np.uint8), r"channels first.*transpose\(1, 2, 0\)"),
        (np.zeros((1, 20, 30), np.float32), r"channels first"),
        (np.zeros((2, 20, 30, 3), np.uint8), r"Pass one picture at a time"),
        (np.zeros((20, 30, 2), np.uint8), r"shape \(20, 30, 2\); expected \(height, width\)"),
        (np.zeros(7, np.uint8), r"shape \(7,\)"),
        (np.zeros((0, 5, 3), np.uint8), r"no pixels; expected at least one"),
        (np.zeros((4, 5, 3), np.int64), r"holds int64; expected uint8.*astype\(numpy.uint8\)"),
        (np.zeros((4, 5), np.complex64), r"holds complex64"),
        (np.full((4, 5), np.nan), r"NaN or infinite values; expected floats from 0 to 1"),
        (np.full((4, 5), np.inf), r"NaN or infinite"),
        (np.full((4, 5, 3), 255.0), r"floats from 255 to 255; expected 0 to 1. Divide"),
        (np.full((4, 5), -0.1), r"floats from -0.1 to -0.1"),
    ],
)
def test_an_array_that_is_no_picture_is_refused(
    array: npt.NDArray[np.generic], message: str
) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(array)


def test_other_things_are_refused_by_their_type() -> None:
    with pytest.raises(ImageError, match=r"cannot be read from list; expected a path"):
        read_image([[1, 2], [3, 4]])  # type: ignore[arg-type]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"there is no file .*gone\.jpg; expected a picture"):
        read_image(tmp_path / "gone.jpg")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"is a folder; expected a picture.*read its files"):
        read_image(tmp_path)


def test_a_device_is_no_picture() -> None:
    with pytest.raises(ImageError, match=r"/dev/null is a device or a pipe"):
        read_image("/dev/null")


def test_an_impossible_path_is_no_picture() -> None:
    with pytest.raises(ImageError, match=r"cannot be read: .*null.*expected the path"):
        read_image("a\0b")
    with pytest.raises(ImageError, match=r"cannot be read: .*too long"):
        read_image("a" * 300)


def test_an_empty_file_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(ImageError, match=r"a\.jpg is an empty file; .*download it again"):
        read_image(tmp_path / "a.jpg")


def test_text_with_the_name_of_a_picture_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("Dear diary, today I was renamed.")
    with pytest.raises(ImageError, match=r"no picture of a kind that can be read.*JPEG.*as PNG"):
        read_image(tmp_path / "a.jpg")


def test_postscript_is_never_handed_to_its_interpreter(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(noise()), format="EPS")
    with pytest.raises(ImageError, match="no picture of a kind that can be read"):
        read_image(path)


# Pillow reads AVIF since 11.3.
NEEDS_AVIF = pytest.mark.skipif(
    ".avif" not in Image.registered_extensions(), reason="this Pillow has no AVIF"
)
KINDS = [
    *("jpg", "png", "webp", "gif", "tif", "bmp", "jp2", "ppm"),
    pytest.param("avif", marks=NEEDS_AVIF),
]


@pytest.mark.parametrize("kept", [0.4, 0.8, 0.97])
@pytest.mark.parametrize("suffix", KINDS)
def test_a_truncated_file_is_an_error_and_never_half_a_picture(
    tmp_path: Path, suffix: str, kept: float
) -> None:
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(noise(60, 80)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ImageError, match=r"damaged or cut off|its beginning is damaged"):
        read_image(path)


@pytest.mark.filterwarnings("ignore")  # Pillow warns about some of the damage it reports
@pytest.mark.parametrize("suffix", KINDS)
def test_flipped_bytes_give_a_picture_or_an_image_error(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(noise(16, 16)))
    whole = path.read_bytes()
    generator = np.random.default_rng(3)
    for _ in range(40):
        damaged = bytearray(whole)
        damaged[generator.integers(min(len(whole), 400))] = generator.integers(256)
        path.write_bytes(damaged)
        with suppress(ImageError):
            assert read_image(path).shape[2] == 3


@pytest.mark.parametrize("side", [1100, 60000], ids=["just above", "far above"])
def test_a_decompression_bomb_is_refused_from_its_header(tmp_path: Path, side: int) -> None:
    (tmp_path / "a.png").write_bytes(bomb(side, side))
    with pytest.raises(ImageError, match=r"more than 1,000,000 pixels; .*--max-pixels"):
        read_image(tmp_path / "a.png", max_pixels=1_000_000)


def test_the_default_limit_stops_what_would_fill_the_memory(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(bomb(60000, 60000))
    with pytest.raises(ImageError, match=r"more than 200,000,000 pixels"):
        read_image(tmp_path / "a.png")


def test_the_pixel_limit_can_be_lowered_and_raised(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(noise(10, 10)))
    assert read_image(path, max_pixels=100).shape == (10, 10, 3)
    with pytest.raises(ImageError, match="more than 99 pixels"):
        read_image(path, max_pixels=99)
    with Image.open(path) as picture, pytest.raises(ImageError, match="more than 99 pixels"):
        read_image(picture, max_pixels=99)


def test_pillows_own_limit_neither_applies_nor_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    path = saved(tmp_path / "a.png", Image.fromarray(noise()))
    assert read_image(path).shape == noise().shape
    assert Image.MAX_IMAGE_PIXELS == 10


def test_many_threads_read_and_restore_pillows_limit(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(noise()))
    before = Image.MAX_IMAGE_PIXELS
    read: list[npt.NDArray[np.uint8]] = []
    threads = [threading.Thread(target=lambda: read.append(read_image(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 8
    assert before == Image.MAX_IMAGE_PIXELS
