"""Files that are no videos, or damaged ones, are refused with a message that helps."""

import gc
import os
import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from masklet.errors import VideoError
from masklet.io.decode_pyav import VideoFile
from masklet.io.images import DEFAULT_MAX_PIXELS
from masklet.io.packet_decoder import PacketDecoder
from tests.io.clips import RECIPES, Recipe, damage, decoded, encode, pictures

NO_VIDEO = (
    r"is no video of a kind that can be read, or it is damaged or cut off: .*Check that it plays"
)


def missing(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)


def empty(path: Path) -> None:
    path.touch()


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def text(path: Path) -> None:
    path.write_text("a letter, not a video\n" * 100)


def noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(20_000))


def without_its_end(path: Path) -> None:
    # An MP4 tells at its end what is in it.
    encode(path, pictures(20))
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"moov") - 4])


def a_picture(path: Path) -> None:
    encode(path.with_suffix(".jpg"), pictures(1), Recipe("mjpeg", "jpg", "yuvj420p"))
    path.with_suffix(".jpg").rename(path)


def concat_list(path: Path) -> None:
    encode(path.with_name("other.mp4"), pictures(3))
    path.write_text("ffconcat version 1.0\nfile other.mp4\n")


def hls_list(path: Path) -> None:
    encode(path.with_name("other.ts"), pictures(40), RECIPES["h264 with open groups in ts"])
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.ts\n#EXT-X-ENDLIST\n")


def dash_list(path: Path) -> None:
    path.write_text('<?xml version="1.0"?><MPD type="static"><Period duration="PT1S"/></MPD>')


def sound_alone(path: Path) -> None:
    with av.open(path, "w", format="matroska") as file:
        stream = file.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        silence.rate = 8000
        file.mux([*stream.encode(silence), *stream.encode(None)])


def no_frames(path: Path) -> None:
    with av.open(path, "w", format="avi") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.height, stream.width = 48, 64
        file.start_encoding()


def too_large(path: Path) -> None:
    with av.open(path, "w", format="matroska") as file:
        stream = file.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 15_000, 16_000, "yuvj420p"
        packet = av.Packet(b"\xff\xd8\xff\xd9")
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 25)
        file.start_encoding()
        file.mux(packet)


REFUSED = {
    "missing.mp4": (missing, r"there is no file .*missing\.mp4; expected a video.*which is "),
    "empty.mp4": (empty, r"empty\.mp4 is an empty file; expected a video"),
    "folder.mp4": (folder, r"folder\.mp4 is a folder, a device or a pipe; expected a video file"),
    "pipe.mp4": (pipe, r"pipe\.mp4 is a folder, a device or a pipe; expected a video file"),
    "a\0b.mp4": (missing, r"cannot be read: embedded null byte; expected the path of a video"),
    "text.mp4": (text, NO_VIDEO),
    "noise.mkv": (noise, NO_VIDEO),
    "cut.mp4": (without_its_end, NO_VIDEO),
    "picture.mp4": (a_picture, NO_VIDEO),
    "list.ffconcat": (concat_list, NO_VIDEO),
    "list.mp4": (concat_list, NO_VIDEO),
    "list.m3u8": (hls_list, NO_VIDEO),
    "list.mpd": (dash_list, NO_VIDEO),
    "sound.mkv": (sound_alone, r"sound\.mkv holds no video, only audio; expected a video track"),
    "none.avi": (no_frames, r"none\.avi holds a video track without frames; expected at least one"),
    "large.mkv": (too_large, r"large\.mkv has frames of 16000x15000; expected at most 200,000,000"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str) -> None:
    make, message = REFUSED[name]
    path = tmp_path / name
    make(path)
    with pytest.raises(VideoError, match=message):
        VideoFile(path)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux does")
@pytest.mark.parametrize("name", [name for name in REFUSED if "\0" not in name])
def test_nothing_stays_open_after_a_refusal(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    REFUSED[name][0](path)
    with pytest.raises(VideoError):
        VideoFile(path)
    assert not [file for file in open_files() if file.startswith(str(tmp_path))]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux does")
def test_nothing_stays_open_after_closing(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", pictures(20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with VideoFile(path) as video:
            video[10]
            assert str(path) in open_files()
        assert str(path) not in open_files()
        gc.collect()


def open_files() -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:
            continue
    return found


def test_a_playlist_of_a_kind_that_ffmpeg_follows_is_what_is_refused(tmp_path: Path) -> None:
    for make, name, count in ((concat_list, "list.ffconcat", 3), (hls_list, "list.m3u8", 40)):
        make(tmp_path / name)
        # FFmpeg itself would read the other file.
        assert len(decoded(tmp_path / name)) == count
        with pytest.raises(VideoError, match=NO_VIDEO):
            VideoFile(tmp_path / name)


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mkv"
    sound_alone(path)
    song = tmp_path / "song.mp4"
    with av.open(path) as source, av.open(song, "w") as target:
        sound = target.add_stream("aac", rate=8000)
        cover = target.add_stream("mjpeg", rate=25)
        cover.height, cover.width, cover.pix_fmt = 48, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        for frame in source.decode(audio=0):
            target.mux(sound.encode(frame))
        target.mux([*cover.encode(av.VideoFrame.from_ndarray(pictures(1)[0])), *cover.encode(None)])
        target.mux(sound.encode(None))
    with pytest.raises(VideoError, match=r"holds no video, only audio and a cover picture"):
        VideoFile(song)


def test_a_codec_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.avi", pictures(3), Recipe("mjpeg", "avi", "yuvj420p"))
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"QQQQ"))
    with pytest.raises(VideoError, match=r"a\.avi is of a codec that this FFmpeg does not know"):
        VideoFile(path)


def resized(path: Path, recipe: Recipe) -> Path:
    """Six frames in one track, the last three larger."""
    parts = [
        encode(path.with_name(f"{height}.{recipe.suffix}"), pictures(3, (height, 64)), recipe)
        for height in (48, 80)
    ]
    with av.open(parts[0]) as first, av.open(parts[1]) as second, av.open(path, "w") as file:
        stream = file.add_stream_from_template(first.streams.video[0])
        packets = [packet for source in (first, second) for packet in source.demux(video=0)]
        for number, packet in enumerate(packet for packet in packets if packet.size > 0):
            packet.pts = packet.dts = 40 * number
            packet.stream = stream
            file.mux(packet)
    return path


@pytest.mark.parametrize("codec", ["libvpx-vp9", "mjpeg"])
def test_a_size_that_changes_is_told_at_the_frame(tmp_path: Path, codec: str) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = resized(tmp_path / "a.mkv", Recipe(codec, "mkv", pixels))
    with VideoFile(path) as video:
        assert len(video) == 6
        assert video[2].shape == (48, 64, 3)
        for index in (3, 5):
            with pytest.raises(VideoError, match=rf"frame {index} of a\.mkv is 64x80 pixels, the"):
                video[index]
        assert video[0].shape == (48, 64, 3)


@pytest.mark.parametrize("number", [1, 17, 38])
def test_a_damaged_frame_is_named_and_the_others_are_read(tmp_path: Path, number: int) -> None:
    path = encode(tmp_path / "a.mp4", pictures(40), Recipe(group=8, options={"bf": "0"}))
    undamaged = decoded(path)
    damage(path, number)
    with VideoFile(path) as video:
        assert [index for index in range(40) if reading_fails(video, index)] == [number]
        with pytest.raises(
            VideoError,
            match=rf"frame {number} of a\.mp4 cannot be decoded: Invalid data.*the frames after",
        ):
            list(video)
        assert [index for index in range(39, -1, -1) if reading_fails(video, index)] == [number]
        assert len(list(video.frames(number + 1))) == 39 - number
        # The frames up to the next key frame lean on the damaged one.
        for index in (*range(number), *range(-(-(number + 1) // 8) * 8, 40)):
            np.testing.assert_array_equal(video[index], undamaged[index])


def reading_fails(video: VideoFile, index: int) -> bool:
    try:
        video[index]
    except VideoError:
        return True
    return False


@pytest.mark.parametrize("at", [0.3, 0.7])
@pytest.mark.parametrize("name", RECIPES)
def test_damage_anywhere_never_gives_anything_but_frames_or_the_error(
    tmp_path: Path, name: str, at: float
) -> None:
    recipe = RECIPES[name]
    path = encode(tmp_path / f"a.{recipe.suffix}", pictures(40, (96, 128)), recipe)
    data = bytearray(path.read_bytes())
    begin = int(len(data) * at)
    data[begin : begin + 60] = bytes(byte ^ 0x5A for byte in data[begin : begin + 60])
    path.write_bytes(data)
    with VideoFile(path) as video:
        forward = [reading_fails(video, index) for index in range(len(video))]
        again = [reading_fails(video, index) for index in range(len(video))]
    assert forward == again
    assert forward.count(False) >= 1


CUT = [name for name, recipe in RECIPES.items() if recipe.suffix not in ("mp4", "mov")]


@pytest.mark.parametrize("part", [0.55, 0.97])
@pytest.mark.parametrize("name", CUT)
def test_of_a_file_that_was_cut_off_the_frames_that_are_there_are_read(
    tmp_path: Path, name: str, part: float
) -> None:
    recipe = RECIPES[name]
    path = encode(tmp_path / f"a.{recipe.suffix}", pictures(40, (96, 128)), recipe)
    whole = decoded(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with VideoFile(path) as video:
        frames = list(video)
        assert len(frames) == len(video)
    assert 1 <= len(frames) <= 40
    # A decoder may show a last frame of which a part is missing, and those that lean on it.
    np.testing.assert_array_equal(frames[:-4], whole[: max(0, len(frames) - 4)])


def test_an_end_that_holds_a_part_of_a_frame_is_no_frame(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.avi", pictures(10), Recipe("mjpeg", "avi", "yuvj420p"))
    whole = decoded(path)
    data = path.read_bytes()
    last = data.rindex(b"00dc", 0, data.rindex(b"idx1"))
    path.write_bytes(data[: last + 300])
    with VideoFile(path) as video:
        np.testing.assert_array_equal(list(video), whole[:9])


def test_a_frame_larger_than_the_file_says_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = resized(tmp_path / "a.mkv", Recipe("mjpeg", "mkv", "yuvj420p"))
    assert DEFAULT_MAX_PIXELS == 200_000_000
    monkeypatch.setattr("masklet.io.packet_decoder.DEFAULT_MAX_PIXELS", 64 * 50)
    with (
        VideoFile(path) as video,
        pytest.raises(VideoError, match=r"frame 3 of a\.mkv cannot be decoded"),
    ):
        list(video)


def test_a_file_that_cannot_be_searched_is_read_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "a.mp4", pictures(40))
    restarts: list[bool] = []
    restart = PacketDecoder.restart

    def counted(decoder: PacketDecoder, *, threaded: bool = True) -> None:
        restarts.append(threaded)
        restart(decoder, threaded=threaded)

    monkeypatch.setattr(PacketDecoder, "restart", counted)
    monkeypatch.setattr(PacketDecoder, "_sought", lambda *_: iter(()))
    frames = decoded(path)
    with VideoFile(path, cache_bytes=0) as video:
        for index in (30, 3, 25):
            np.testing.assert_array_equal(video[index], frames[index])
    assert len(restarts) >= 3
