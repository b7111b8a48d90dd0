"""Videos that were written are decoded again: as many pictures, as large, in the same colours."""

import os
import weakref
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from masklet.errors import ImageError, OutputError
from masklet.io import encode
from masklet.io.encode import (
    exact_rate,
    write_png_sequence,
    write_transparent_video,
    write_video,
)
from tests.io.made import files_of_at_most

COLOURS = np.array([[255, 40, 40], [20, 200, 60], [30, 90, 240]], np.uint8)


def striped(height=48, width=64):
    """Three upright stripes, red, green and blue."""
    return COLOURS[np.arange(width) * 3 // width][None].repeat(height, axis=0)


def clear(height=48, width=64):
    """The same with alpha: 0 in the upper third, 128 in the middle, 255 below."""
    alpha = np.array([0, 128, 255], np.uint8)[np.arange(height) * 3 // height]
    alpha = np.broadcast_to(alpha[:, None, None], (height, width, 1))
    return np.concatenate([striped(height, width), alpha], axis=2)


def noise(count, channels):
    random = np.random.default_rng(0)
    return (random.integers(0, 256, (96, 96, channels), np.uint8) for _ in range(count))


def decoded(path, pixels="rgb24", decoder=None):
    """All pictures, and what the file says of its video."""
    with av.open(str(path)) as container:
        (stream,) = container.streams
        if decoder is None:
            shown = list(container.decode(stream))
        else:
            context = av.CodecContext.create(decoder, "r")
            shown = [
                frame for packet in container.demux(stream) for frame in context.decode(packet)
            ]
        pictures = [frame.to_ndarray(format=pixels) for frame in shown]
        return pictures, stream.average_rate, stream.codec_context.name, shown[0].colorspace


def middles(picture):
    """The colours in the middle of the stripes."""
    height, width = picture.shape[:2]
    return picture[height // 2, [width // 6, width // 2, width * 5 // 6]].astype(int)


def moving(count):
    return (np.roll(striped(), 4 * index, axis=1) for index in range(count))


def test_a_video_has_all_its_pictures_in_their_colours(tmp_path):
    written = write_video(tmp_path / "a.mp4", moving(7), 29.97)
    pictures, rate, codec, colorspace = decoded(tmp_path / "a.mp4")
    assert (written.num_frames, written.codec) == (7, "libx264")
    assert (len(pictures), rate, codec) == (7, Fraction(30000, 1001), "h264")
    assert colorspace == 1  # BT.709
    for shown, drawn in zip(pictures, moving(7), strict=True):
        assert shown.shape == drawn.shape
        np.testing.assert_allclose(middles(shown), middles(drawn), atol=6)


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    y, x = np.mgrid[:320, :480]

    def waves(channels):
        for index in range(12):
            wave = 127 + 60 * np.sin((x + 7 * index) / 37) + 60 * np.cos(y / 23)
            yield np.stack([np.roll(wave, 30 * c, axis=1) for c in range(channels)], 2).astype("u1")

    def files(name, write, channels, times):
        for number in range(times):
            write(tmp_path / f"{number}-{name}", waves(channels), 25)
        return {path.read_bytes() for path in tmp_path.glob(f"*-{name}")}

    assert len(files("a.mp4", write_video, 3, 4)) == 1
    assert len(files("a.webm", write_transparent_video, 4, 2)) == 1
    assert len(files("a.mov", write_transparent_video, 4, 2)) == 1


def test_the_index_of_a_video_stands_before_its_pictures(tmp_path):
    write_video(tmp_path / "a.mp4", moving(3), 25)
    data = (tmp_path / "a.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("size", [(47, 63), (47, 64), (48, 63), (1, 1)])
def test_an_odd_size_is_made_even_by_repeating_the_edge(tmp_path, size):
    write_video(tmp_path / "a.mp4", [striped(*size)] * 2, 25)
    pictures, *_ = decoded(tmp_path / "a.mp4")
    height, width = size
    assert pictures[0].shape == (height + height % 2, width + width % 2, 3)
    np.testing.assert_allclose(
        pictures[0][-1, -1].astype(int), striped(*size)[-1, -1].astype(int), atol=8
    )


def test_without_an_encoder_for_h264_it_is_mpeg4_and_said(tmp_path, monkeypatch, caplog):
    encoders = {"no_such_encoder": {}, "mpeg4": encode._H264.encoders["mpeg4"]}
    monkeypatch.setattr(encode, "_H264", replace(encode._H264, encoders=encoders))
    assert write_video(tmp_path / "a.mp4", moving(3), 25).codec == "mpeg4"
    assert "a.mp4 is encoded by mpeg4" in caplog.text
    pictures, rate, codec, _ = decoded(tmp_path / "a.mp4")
    assert (len(pictures), rate, codec) == (3, 25, "mpeg4")
    np.testing.assert_allclose(middles(pictures[0]), middles(striped()), atol=8)


def test_without_any_encoder_nothing_is_written(tmp_path, monkeypatch):
    kind = replace(encode._H264, encoders={"no_such_encoder": {}})
    monkeypatch.setattr(encode, "_H264", kind)
    with pytest.raises(OutputError, match=r"a\.mp4 needs the encoder no_such_encoder, which PyAV"):
        write_video(tmp_path / "a.mp4", moving(3), 25)


@pytest.mark.parametrize(
    ("name", "codec", "decoder", "tolerance"),
    [("a.webm", "libvpx-vp9", "libvpx-vp9", 8), ("a.MOV", "prores_ks", None, 3)],
)
@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_transparency_is_kept(tmp_path, name, codec, decoder, tolerance, size):
    written = write_transparent_video(tmp_path / name, [clear(*size)] * 4, 24)
    pictures, rate, *_ = decoded(tmp_path / name, "rgba", decoder)
    assert (written.num_frames, written.codec) == (4, codec)
    assert (len(pictures), rate) == (4, 24)
    assert pictures[0].shape == (*size, 4)
    height = size[0]
    for row, alpha in ((height // 6, 0), (height // 2, 128), (height - 3, 255)):
        np.testing.assert_allclose(pictures[2][row, :, 3].astype(int), alpha, atol=tolerance)
    np.testing.assert_allclose(middles(pictures[2])[:, :3], COLOURS.astype(int), atol=tolerance)


def test_a_transparent_video_of_another_kind_is_refused(tmp_path):
    with pytest.raises(
        OutputError, match=r"a\.mp4 ends in \.mp4; expected \.webm \(VP9\) or \.mov"
    ):
        write_transparent_video(tmp_path / "a.mp4", [clear()], 24)


def test_a_sequence_of_pngs_is_exact_and_numbered(tmp_path):
    assert write_png_sequence(tmp_path / "out", [clear(), striped()], first=99_999) == 2
    for name, picture in (("99999.png", clear()), ("100000.png", striped())):
        with Image.open(tmp_path / "out" / name) as image:
            np.testing.assert_array_equal(np.asarray(image), picture)


def test_a_sequence_of_what_is_no_picture_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"00000\.png was to hold an array of shape \(2, 2, 2\)"):
        write_png_sequence(tmp_path, [np.zeros((2, 2, 2), np.uint8)])


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (25, Fraction(25)),
        (5.0, Fraction(5)),
        (23.98, Fraction(24000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (30000 / 1001, Fraction(30000, 1001)),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        (0.1, Fraction(1, 10)),
    ],
)
def test_rounded_rates_become_what_they_stand_for(fps, exact):
    assert exact_rate(fps) == exact


@pytest.mark.parametrize("fps", [0, -25, float("nan"), float("inf"), 1e6])
def test_a_rate_that_is_none_is_refused(tmp_path, fps):
    with pytest.raises(
        OutputError, match=r"cannot have .* frames a second; expected 0\.001 to 1000"
    ):
        write_video(tmp_path / "a.mp4", moving(1), fps)


WRONG = {
    "no pictures": ([], r"a\.mp4 was to become a video of no pictures; expected at least one"),
    "floats": (
        [np.zeros((4, 4, 3))],
        r"shape \(4, 4, 3\) and float64; expected \(height, width, 3\)",
    ),
    "transparent": ([clear()], r"shape \(48, 64, 4\) and uint8; expected \(height, width, 3\)"),
    "gray": ([striped()[..., 0]], r"shape \(48, 64\) and uint8; expected"),
    "without pixels": ([striped()[:0]], r"shape \(0, 64, 3\) and uint8; expected"),
    "of two sizes": (
        [striped(), striped(50)],
        r"picture of 64x50 after one of 64x48; expected one",
    ),
    "too wide": ([striped(2, 40_000)], r"a\.mp4 could not be encoded: .*; expected pictures that"),
}


@pytest.mark.parametrize(("pictures", "says"), WRONG.values(), ids=WRONG)
def test_pictures_that_are_no_video_leave_nothing(tmp_path, pictures, says):
    with pytest.raises(OutputError, match=says):
        write_video(tmp_path / "a.mp4", pictures, 25)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("count", [1, 30], ids=["found when closed", "found when written"])
@pytest.mark.parametrize(
    ("name", "write", "channels"),
    [
        ("a.mp4", write_video, 3),
        ("a.webm", write_transparent_video, 4),
        ("a.mov", write_transparent_video, 4),
    ],
)
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, name, write, channels, count):
    target = tmp_path / name
    target.write_text("old")
    with (
        files_of_at_most(2000),
        pytest.raises(OutputError, match=rf"{name} could not be written: File too large; expected"),
    ):
        write(target, noise(count, channels), 25)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_while_encoding_leaves_nothing(tmp_path, failure):
    def interrupted():
        yield from moving(3)
        raise failure

    with pytest.raises(failure):
        write_video(tmp_path / "a.mp4", interrupted(), 25)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(
        OutputError, match=r"a\.mp4 could not be written: No such file or directory"
    ):
        write_video(tmp_path / "gone" / "a.mp4", moving(1), 25)


def test_an_error_of_the_pictures_is_not_told_as_one_of_the_disk(tmp_path):
    def unplugged():
        yield striped()
        raise OSError("camera unplugged")

    with pytest.raises(OSError, match="camera unplugged") as caught:
        write_video(tmp_path / "a.mp4", unplugged(), 25)
    assert not isinstance(caught.value, OutputError)


def test_pictures_are_not_held_while_others_come(tmp_path):
    alive, most = weakref.WeakSet(), 0

    def counted():
        nonlocal most
        for index in range(12):
            picture = np.roll(striped(), index, axis=1).view(Tracked)
            alive.add(picture)
            most = max(most, len(alive))
            yield picture

    write_video(tmp_path / "a.mp4", counted(), 25)
    assert most <= 3


class Tracked(np.ndarray):
    """An array that can be in a set."""

    __hash__ = object.__hash__
