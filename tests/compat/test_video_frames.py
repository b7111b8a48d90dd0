"""What `init_state` takes as a video, and what the state shows of it."""

import gc
import io
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from masklet.compat import video_frames
from masklet.compat.video_steps import Rows
from masklet.errors import VideoError
from masklet.model.preprocess import normalize
from masklet.ops.resize import resize_frame_pil


def as_input(frame):
    return normalize(resize_frame_pil(np.ascontiguousarray(frame), (64, 64))[None])[0]


def write_mp4(target, frames):
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.bit_rate = 72, 48, 4_000_000
        pictures = [av.VideoFrame.from_ndarray(frame) for frame in frames]
        file.mux([packet for each in [*pictures, None] for packet in stream.encode(each)])


@pytest.fixture
def folder(tmp_path, clip):
    for number, frame in enumerate(clip):
        Image.fromarray(frame).save(tmp_path / f"{number + 5}.jpg", quality=100, subsampling=0)
    return tmp_path


def stored(path):
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def test_a_state_shows_what_official_programs_read(video_predictor, clip):
    state = video_predictor.init_state(clip, offload_video_to_cpu=True, offload_state_to_cpu=True)
    video_predictor.add_new_points_or_box(state, 0, "cat", points=[[12, 20]], labels=[1])
    shown = dict(state)
    assert len(state) == len(shown)
    assert torch.equal(shown.pop("images")[7], as_input(clip[7]))
    assert shown == {
        "num_frames": 8,
        "video_height": 48,
        "video_width": 72,
        "device": torch.device("cpu"),
        "storage_device": torch.device("cpu"),
        "offload_video_to_cpu": True,
        "offload_state_to_cpu": True,
        "obj_ids": ["cat"],
        "obj_id_to_idx": {"cat": 0},
        "obj_idx_to_id": {0: "cat"},
    }


def test_logits_and_memories_are_kept_where_they_are_wanted_and_pointers_stay():
    rows = Rows(torch.zeros(2, 4, 4), torch.zeros(2, 8), torch.zeros(2), torch.zeros(2))
    # The meta device stands for main memory, and this one for an accelerator.
    elsewhere = torch.device("meta")
    answers = rows.kept(torch.zeros(2, 1, 8), fill_hole_area=0, storage=elsewhere)
    for answer in answers:
        assert {answer.logits_hw.device, answer.spatial_LD.device} == {elsewhere}
        assert answer.pointer_C.device == answer.object_score.device == torch.device("cpu")


def test_a_folder_of_jpeg_files_is_read_by_number_and_as_stored(video_predictor, folder, clip):
    turned = Image.Exif()
    turned[0x0112] = 6  # to be shown turned by a quarter
    Image.fromarray(clip[3]).save(folder / "8.jpeg", exif=turned)
    (folder / "8.jpg").unlink()
    (folder / "notes.txt").write_text("no frame")
    Image.fromarray(clip[0]).save(folder / "00.png")
    state = video_predictor.init_state(str(folder))
    assert (state["num_frames"], state["video_height"], state["video_width"]) == (8, 48, 72)
    files = ["5.jpg", "6.jpg", "7.jpg", "8.jpeg", "9.jpg", "10.jpg", "11.jpg", "12.jpg"]
    for index, name in enumerate(files):
        assert torch.equal(state["images"][index], as_input(stored(folder / name)))


@pytest.mark.parametrize("kind", [np.asarray, list, lambda clip: [*map(Image.fromarray, clip)]])
def test_frames_in_memory_are_a_video(video_predictor, clip, kind):
    state = video_predictor.init_state(kind(clip))
    assert torch.equal(state["images"][6], as_input(clip[6]))


def test_pictures_of_other_names_and_kinds_are_a_video(video_predictor, clip, tmp_path):
    for number, frame in enumerate(clip):
        Image.fromarray(frame).save(tmp_path / f"frame_{number}.png")
    state = video_predictor.init_state(tmp_path)
    assert torch.equal(state["images"][5], as_input(clip[5]))


def test_a_video_file_and_its_bytes_are_the_same_video(video_predictor, clip, tmp_path):
    path = tmp_path / "clip.mp4"
    write_mp4(path, clip)
    shown = []
    for video in (str(path), path, path.read_bytes()):
        state = video_predictor.init_state(video)
        assert (state["num_frames"], state["video_height"], state["video_width"]) == (8, 48, 72)
        video_predictor.add_new_points_or_box(state, 7, 1, points=[[12, 20]], labels=[1])
        walk = video_predictor.propagate_in_video(state, reverse=True)
        shown.append(torch.stack([logits for _, _, logits in walk]))
        assert len(shown[-1]) == 8
    assert torch.equal(shown[0], shown[1])
    assert torch.equal(shown[0], shown[2])


def test_bytes_are_kept_in_a_file_as_long_as_their_video(
    video_predictor, clip, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = io.BytesIO()
    write_mp4(content, clip)
    state = video_predictor.init_state(content.getvalue())
    assert len(list(tmp_path.iterdir())) == 1
    del state
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_frames_are_read_one_at_a_time_when_they_are_needed(video_predictor, folder, monkeypatch):
    opened = []
    read = Image.open

    def noted(path, *arguments, **options):
        opened.append(Path(path).stem)
        return read(path, *arguments, **options)

    monkeypatch.setattr(video_frames.Image, "open", noted)
    state = video_predictor.init_state(str(folder))
    assert set(opened) == {"5"}
    video_predictor.add_new_points_or_box(state, 3, 1, points=[[12, 20]], labels=[1])
    opened.clear()
    walk = video_predictor.propagate_in_video(state)
    next(walk)
    next(walk)
    assert opened == ["8", "9"]


@pytest.mark.parametrize("video", [5, None, 3.5])
def test_what_cannot_be_a_video_is_refused(video_predictor, video):
    message = rf"video_path is a {type(video).__name__}; expected a folder"
    with pytest.raises(NotImplementedError, match=message):
        video_predictor.init_state(video)


def test_an_empty_folder_is_refused(video_predictor, tmp_path):
    with pytest.raises(RuntimeError, match=r"no images found in .*; expected JPEG files"):
        video_predictor.init_state(str(tmp_path))


def test_a_damaged_frame_is_refused_by_its_file(video_predictor, folder):
    (folder / "7.jpg").write_bytes(b"no picture")
    state = video_predictor.init_state(str(folder))
    with pytest.raises(VideoError, match=r"7\.jpg cannot be read as a picture: .* a JPEG file"):
        video_predictor.add_new_points_or_box(state, 2, 1, points=[[12, 20]], labels=[1])
    with pytest.raises(IndexError, match="there is no frame 8"):
        state["images"][8]


@pytest.mark.parametrize("video", ["nothing.mp4", b"no video"])
def test_a_video_that_cannot_be_read_is_refused(video_predictor, video, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(VideoError):
        video_predictor.init_state(video)
    assert list(tmp_path.iterdir()) == []
