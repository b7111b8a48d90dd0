"""Pictures within files are read as pictures in files are, or it is told why not."""

import io

import numpy as np
import pytest
from PIL import Image

from masklet.data.pictures import check_picture_size, errors_of_dataset, read_packed_picture
from masklet.data.spans import Span
from masklet.errors import DatasetError, ImageError, StateError
from masklet.io.images import read_image
from tests.data.made_packs import jpeg


@pytest.fixture
def packed(tmp_path):
    def write(data):
        (tmp_path / "a.tar").write_bytes(b"before" + data + b"after")
        return Span(tmp_path / "a.tar", "1.jpg", 6, len(data))

    return write


def test_it_equals_the_file(tmp_path, packed):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = jpeg(77, exif=exif)
    (tmp_path / "1.jpg").write_bytes(data)
    pixels = read_packed_picture(packed(data))
    assert pixels.shape == (30, 20, 3)
    np.testing.assert_array_equal(pixels, read_image(tmp_path / "1.jpg"))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "it is of another kind, or its beginning is damaged"),
        (b"GIF89a" + bytes(100), "it is of another kind"),
        (jpeg()[:300], "Truncated"),
        (jpeg(size=(200, 200), quality=95)[:-100], "the image is damaged or cut off"),
        (jpeg()[2:], "it is of another kind"),
    ],
    ids=["empty", "gif", "cut early", "cut late", "without its beginning"],
)
def test_what_is_no_picture_is_told(packed, data, what):
    with pytest.raises(
        DatasetError, match=rf"1\.jpg in .*a\.tar cannot be read as a picture: .*{what}.*; expected"
    ):
        read_packed_picture(packed(data))


def test_a_picture_that_would_fill_the_memory_is_refused(packed, monkeypatch):
    data = io.BytesIO()
    Image.new("1", (100, 100)).save(data, "PNG")
    for limit in (60, 9000):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DatasetError, match="cannot be read as a picture: Image size"):
            read_packed_picture(packed(data.getvalue()))


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_is_told_or_harmless(packed, seed):
    random = np.random.default_rng(seed)
    data = np.frombuffer(jpeg(), np.uint8).copy()
    places = random.integers(0, len(data), 5)
    data[places] = random.integers(0, 256, 5)
    try:
        pixels = read_packed_picture(packed(data.tobytes()))
    except DatasetError:
        return
    assert pixels.ndim == 3


def test_another_size_is_told():
    with pytest.raises(
        DatasetError, match="a is 30x20 pixels, its annotations are for 20x30; expected"
    ):
        check_picture_size(np.zeros((20, 30, 3), np.uint8), (30, 20), "a")


@pytest.mark.parametrize("kind", [ImageError, StateError])
def test_errors_keep_their_words(kind):
    with pytest.raises(DatasetError, match=r"^it is broken$"), errors_of_dataset():
        raise kind("it is broken")
