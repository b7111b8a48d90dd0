"""Cut-outs of a pack have the pixels and parts that their files say, or it is told what is wrong."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from masklet.data.packed_cutouts import PackedCutout, cutouts_in, opaque
from masklet.data.tars import index_tar
from masklet.errors import DatasetError
from masklet.ops import rle
from tests.data.made_packs import SIZE, box, cutout_json, encoded, jpeg, png, rgba, write_tar

WHOLE, HALF, PIECE = box(1, 2, 18, 28), box(1, 2, 18, 12), box(4, 4, 8, 9)
NONE = np.zeros(SIZE, bool)


def found(tmp_path, files):
    return list(cutouts_in(index_tar(write_tar(tmp_path / "a.tar", files)).files))


def opened(tmp_path, described=None, picture=None):
    picture = png(rgba(WHOLE)) if picture is None else picture
    files = {"7.png": picture, "7.json": described or cutout_json()}
    (one,) = found(tmp_path, files)
    assert isinstance(one, PackedCutout)
    return one


def test_pixels_and_nested_parts_are_read(tmp_path):
    packed = opened(tmp_path, cutout_json([HALF, PIECE, PIECE], [-1, 0, 1]))
    cutout = pickle.loads(pickle.dumps(packed)).read()
    np.testing.assert_array_equal(opaque(cutout.pixels), WHOLE)
    np.testing.assert_array_equal(cutout.pixels, packed.pixels())
    np.testing.assert_array_equal(cutout.pixels, rgba(WHOLE))
    assert [each.parent for each in cutout.parts] == [None, 0, 1]
    assert [each.area for each in cutout.parts] == [170, 20, 20]
    np.testing.assert_array_equal(rle.decode(cutout.parts[1].segmentation), PIECE)


def test_palettes_are_read_with_their_transparency(tmp_path):
    picture = Image.fromarray(rgba(WHOLE)).quantize(4, method=Image.Quantize.FASTOCTREE)
    assert picture.mode == "P"
    picture.save(tmp_path / "p.png")
    pixels = opened(tmp_path, picture=(tmp_path / "p.png").read_bytes()).pixels()
    np.testing.assert_array_equal(opaque(pixels), WHOLE)
    assert (pixels[WHOLE] == (200, 60, 40, 255)).all()


def test_what_lacks_its_other_half_is_told(tmp_path):
    files = {"1.png": png(rgba(WHOLE)), "2.json": cutout_json()}
    assert [str(each) for each in found(tmp_path, files)] == [
        f"1: 1.png in {tmp_path / 'a.tar'}: there is no 1.json with its annotations",
        f"2: 2.json in {tmp_path / 'a.tar'}: the picture that it annotates is not there",
    ]


def changed(**fields):
    described = json.loads(cutout_json([HALF]))
    described["parts"][0] |= fields
    return encoded(described)


@pytest.mark.parametrize(
    ("described", "what"),
    [
        (b"{", r"7\.json in .*a\.tar is no JSON"),
        (b"[]", r"holds \[\]; expected the parts of a cut-out"),
        (encoded({"parts": []}), "says None for 'image'; expected an object"),
        (encoded({"image": {"height": 20}, "parts": []}), "its image, says None for 'width'"),
        (encoded({"image": {"height": 20, "width": 30}}), "says None for 'parts'; expected a list"),
        (changed(segmentation=None), r"7\.json in .*, parts\[0\] has a damaged mask"),
        (cutout_json([HALF], size=(20, 31)), r"has a mask of size \[20, 30\], its picture has \["),
        (cutout_json([HALF, NONE]), r"parts\[1\] has a mask without pixels; expected at least one"),
        (changed(parent="0"), r"parts\[0\] says '0' for 'parent'; expected a whole number"),
        (changed(parent=0), r"parts\[0\] says that it is a part of parts\[0\]; expected -1 for"),
        (changed(parent=-2), r"is a part of parts\[-2\]; expected -1 for the whole object, or a p"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_parts_that_are_wrong_are_refused(tmp_path, described, what):
    with pytest.raises(DatasetError, match=what):
        opened(tmp_path, described).read()


def test_a_picture_of_another_size_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"7\.png in .*a\.tar is 30x20 pixels, .* for 31x20"):
        opened(tmp_path, cutout_json(size=(20, 31))).read()


@pytest.mark.parametrize(
    ("picture", "what"),
    [
        (png(rgba(WHOLE))[:90], r"7\.png in .*a\.tar cannot be read as a picture: .*; expected a "),
        (jpeg(), r"as a picture: it is of another kind, or its beginning is damaged; expected a w"),
        (b"", r"as a picture: it is of another kind"),
        (png(rgba(NONE)), r"7\.png in .*a\.tar has no pixel that is more than half opaque; expect"),
    ],
    ids=["cut off", "a JPEG", "empty", "nothing on it"],
)
def test_pictures_that_are_wrong_are_refused(tmp_path, picture, what):
    packed = opened(tmp_path, picture=picture)
    for read in (packed.pixels, packed.read):
        with pytest.raises(DatasetError, match=what):
            read()
