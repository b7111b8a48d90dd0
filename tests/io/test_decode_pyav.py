"""Any frame of any video file is the one that reading from the beginning gives."""

import http.server
import threading
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masklet.errors import VideoError
from masklet.io.decode_pyav import VideoFile
from tests.io.clips import RECIPES, Picture, Recipe, decoded, encode, pictures

COUNT = 40
# Whatever the number of threads, a decoder gives few frames more than were asked for.
SLACK = 40


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[Picture]]]:
    """Each kind of file with its frames as PyAV gives them in one go."""
    folder = tmp_path_factory.mktemp("clips")
    made = {}
    for number, (name, recipe) in enumerate(RECIPES.items()):
        path = encode(folder / f"{number}.{recipe.suffix}", pictures(COUNT), recipe)
        made[name] = (path, decoded(path))
    return made


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=6)
@given(
    order=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=8),
    cache_bytes=st.sampled_from([0, 20_000, 1 << 20]),
)
def test_a_frame_is_the_same_in_any_order_of_asking(clips, name, order, cache_bytes) -> None:
    path, frames = clips[name]
    with VideoFile(path, cache_bytes=cache_bytes) as video:
        assert len(video) == len(frames) == COUNT
        for index in order:
            np.testing.assert_array_equal(video[index], frames[index])


@pytest.mark.parametrize("name", RECIPES)
def test_iteration_gives_the_same_frames_forward_and_backward(clips, name) -> None:
    path, frames = clips[name]
    with VideoFile(path, cache_bytes=20_000) as video:
        np.testing.assert_array_equal(list(video), frames)
        np.testing.assert_array_equal(list(video.frames(reverse=True)), frames[::-1])
        np.testing.assert_array_equal(list(video.frames(17, 31)), frames[17:31])
        np.testing.assert_array_equal(list(video.frames(17, 31, reverse=True)), frames[30:16:-1])


@pytest.mark.parametrize("name", RECIPES)
def test_frames_have_the_times_at_which_they_are_shown(clips, name) -> None:
    with VideoFile(clips[name][0]) as video:
        times = [video.time_of(index) for index in range(COUNT)]
        np.testing.assert_allclose(times, np.arange(COUNT) / 25, atol=0.002)
        assert video.info.fps == 25


def test_two_iterations_at_once_do_not_disturb_each_other(clips) -> None:
    path, frames = clips["h264 with open groups in mp4"]
    with VideoFile(path, cache_bytes=0) as video:
        for forward, backward in zip(
            video.frames(), enumerate(video.frames(reverse=True)), strict=True
        ):
            index, frame = backward
            np.testing.assert_array_equal(forward, frames[index])
            np.testing.assert_array_equal(frame, frames[COUNT - 1 - index])


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    group = pictures(50, (16, 16))
    recipe = Recipe(group=50, options={"preset": "ultrafast", "x264-params": "scenecut=0"})
    return encode(path, group * 60, recipe)


def test_a_late_frame_costs_no_frames_before_its_key_frame(long_clip: Path) -> None:
    with VideoFile(long_clip) as video:
        assert len(video) == 3000
        assert video.decoded_frames <= SLACK
        opened = video.decoded_frames
        video[2900]
        assert video.decoded_frames - opened <= SLACK


def test_a_frame_a_little_ahead_is_reached_by_decoding_on(long_clip: Path) -> None:
    with VideoFile(long_clip) as video:
        video[1000]
        before = video.decoded_frames
        for index in range(1005, 1050, 5):
            video[index]
        assert video.decoded_frames - before <= 50


def test_a_frame_of_a_later_group_is_reached_by_a_seek(long_clip: Path) -> None:
    with VideoFile(long_clip) as video:
        before = video.decoded_frames
        video[1500]
        video[2000]
        assert video.decoded_frames - before <= 2 * SLACK


def test_frames_that_are_kept_are_not_decoded_again(long_clip: Path) -> None:
    with VideoFile(long_clip) as video:
        video[149]
        before = video.decoded_frames
        for index in range(148, 100, -1):
            video[index]
        assert video.decoded_frames == before


def test_going_backward_keeps_within_its_bytes(long_clip: Path) -> None:
    with VideoFile(long_clip) as video:
        frame_bytes = sum(plane.buffer_size for plane in video._cache[0].planes)
    with VideoFile(long_clip, cache_bytes=10 * frame_bytes) as video:
        most = 0
        for _ in video.frames(0, 100, reverse=True):
            most = max(most, len(video._cache))
        # The rest is what the decoder gave before it could be told to stop.
        assert most <= 10 + SLACK
        # Each group in five passes.
        assert video.decoded_frames <= 2 * (50 + 40 + 30 + 20 + 10 + 5 * SLACK)


def test_going_forward_keeps_nothing_behind(long_clip: Path) -> None:
    with VideoFile(long_clip) as video:
        for index, _ in enumerate(video.frames(0, 200)):
            assert min(video._cache) == index


def test_closing_forgets_what_was_kept(long_clip: Path) -> None:
    video = VideoFile(long_clip)
    video[30]
    video.close()
    assert len(video._cache) == 0
    with pytest.raises(VideoError, match=r"long\.mp4 is closed; expected an open video"):
        video[30]


def test_frames_of_a_variable_rate_are_counted_and_timed(tmp_path: Path) -> None:
    times = [0, 1, 2, 12, 13, 50, 51, 60]
    path = encode(tmp_path / "a.mp4", pictures(8), Recipe(rate=Fraction(10)), times=times)
    with VideoFile(path) as video:
        assert [video.time_of(index) for index in range(8)] == pytest.approx(np.array(times) / 10)
        assert video.info.fps == pytest.approx(7 / 6)
        np.testing.assert_array_equal([video[index] for index in range(8)], decoded(path))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_a_rate_that_is_no_whole_number_is_told_exactly(tmp_path: Path, suffix: str) -> None:
    recipe = Recipe("mpeg4", suffix, rate=Fraction(30000, 1001))
    with VideoFile(encode(tmp_path / f"a.{suffix}", pictures(30), recipe)) as video:
        assert video.info.fps == 30000 / 1001


def test_what_an_edit_list_cuts_off_is_not_shown(tmp_path: Path) -> None:
    # An edit list as cutting without encoding makes it: decoding starts before what is shown.
    whole = encode(tmp_path / "whole.mp4", pictures(COUNT), RECIPES["h264 with B-frames in mp4"])
    frames = decoded(whole)
    path = tmp_path / "cut.mp4"
    options = {"avoid_negative_ts": "disabled"}
    with av.open(whole) as source, av.open(path, "w", options=options) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size == 0:
                continue
            packet.pts, packet.dts = packet.pts - 5 * 512, packet.dts - 5 * 512
            packet.stream = stream
            target.mux(packet)
    np.testing.assert_array_equal(decoded(path), frames[5:])
    with VideoFile(path, cache_bytes=0) as video:
        assert len(video) == COUNT - 5
        for index in (30, 0, 11, 3):
            np.testing.assert_array_equal(video[index], frames[5 + index])
        assert video.time_of(0) == 0


def test_hidden_frames_of_vp8_are_not_counted(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.webm", pictures(COUNT), Recipe("libvpx", "webm"))
    path = tmp_path / "hidden.webm"
    hidden = (5, 6, 20)
    with av.open(whole) as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size == 0:
                continue
            data = bytearray(packet)
            # The bit of VP8's frame header that says whether to show the frame.
            data[0] &= 0xFF if number not in hidden else 0xEF
            copy = av.Packet(bytes(data))
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
            copy.is_keyframe = packet.is_keyframe
            copy.stream = stream
            target.mux(copy)
    frames = decoded(path)
    assert len(frames) == COUNT - len(hidden)
    with VideoFile(path, cache_bytes=0) as video:
        assert len(video) == len(frames)
        for index in (36, 4, 5, 18, 0):
            np.testing.assert_array_equal(video[index], frames[index])


def test_joined_recordings_whose_times_start_again_are_read(tmp_path: Path) -> None:
    recipe = RECIPES["h264 with open groups in ts"]
    parts = [encode(tmp_path / f"{n}.ts", pictures(COUNT)[n:], recipe) for n in (0, 9)]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = decoded(path)
    with VideoFile(path, cache_bytes=0) as video:
        assert len(video) == len(frames)
        for index in (len(video) - 1, 3, 45, 38):
            np.testing.assert_array_equal(video[index], frames[index])
        times = [video.time_of(index) for index in range(len(video))]
        assert all(earlier < later for earlier, later in pairwise(times))


@pytest.mark.parametrize("name", ["h264 with open groups in ts", "mpeg2 in mpg"])
def test_a_recording_that_begins_within_a_group_is_read(clips, tmp_path: Path, name: str) -> None:
    data = clips[name][0].read_bytes()
    path = tmp_path / clips[name][0].name
    path.write_bytes(data[len(data) // 3 // 188 * 188 :])
    frames = decoded(path)
    assert 5 < len(frames) < COUNT
    with VideoFile(path, cache_bytes=0) as video:
        assert len(video) == len(frames)
        for index in (len(video) - 1, 0, 7):
            np.testing.assert_array_equal(video[index], frames[index])


@pytest.mark.parametrize("name", ["h264 with open groups in ts", "h264 without container"])
def test_a_recording_that_goes_on_keeps_the_length_it_had(clips, tmp_path: Path, name: str) -> None:
    data = clips[name][0].read_bytes()
    path = tmp_path / clips[name][0].name
    path.write_bytes(data[: len(data) // 2])
    with VideoFile(path, cache_bytes=0) as video:
        frames = list(video)
        path.write_bytes(data)
        # The last ones lean on what was not there yet.
        np.testing.assert_array_equal(list(video)[:-4], frames[:-4])
        assert len(list(video)) == len(video) == len(frames)


def test_a_single_frame_is_a_video(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", pictures(1))
    with VideoFile(path) as video:
        assert len(video) == 1
        assert video.time_of(0) == 0
        np.testing.assert_array_equal([*video, *video.frames(reverse=True)], decoded(path) * 2)


def test_sound_beside_the_video_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(path, "w") as file:
        sound, stream = file.add_stream("pcm_s16le", rate=8000), file.add_stream("mpeg4", rate=25)
        stream.height, stream.width = 48, 64
        for picture in pictures(10):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.int16), "s16", "mono")
            silence.rate = 8000
            file.mux(sound.encode(silence))
        file.mux([*stream.encode(None), *sound.encode(None)])
    with VideoFile(path) as video:
        np.testing.assert_array_equal(list(video), decoded(path))


def test_a_title_in_an_unknown_encoding_does_not_spoil_the_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(path, "w") as file:
        file.metadata["title"] = "TITLE"
        stream = file.add_stream("mpeg4", rate=25)
        stream.height, stream.width = 48, 64
        file.mux(
            [
                p
                for f in (av.VideoFrame.from_ndarray(pictures(1)[0]), None)
                for p in stream.encode(f)
            ]
        )
    path.write_bytes(path.read_bytes().replace(b"TITLE", b"T\xe9\xff\xfeE"))
    with VideoFile(path) as video:
        assert len(video) == 1


@pytest.mark.parametrize("name", ["a b.mp4", "concat:a|b.mp4", "http:x.mp4", "%d.mp4", "Ünï#?.mp4"])
def test_odd_file_names_are_names(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path / "plain.mp4", pictures(2)).rename(tmp_path / name)
    with VideoFile(path) as video:
        assert video.info.name == name


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    handler = partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_web_address_is_read_and_named_without_its_query(tmp_path: Path, web: str) -> None:
    path = encode(tmp_path / "a clip.mp4", pictures(5))
    with VideoFile(f"{web}/a%20clip.mp4?key=secret") as video:
        assert video.info.name == "a clip.mp4"
        np.testing.assert_array_equal(list(video), decoded(path))


def test_a_web_address_without_a_video_is_refused(web: str) -> None:
    with pytest.raises(VideoError, match=r"gone\.mp4 is no video.*Not Found") as caught:
        VideoFile(f"{web}/gone.mp4?key=secret")
    assert "secret" not in str(caught.value)
