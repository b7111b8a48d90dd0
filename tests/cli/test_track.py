"""`masklet track`: whole runs, every format read back, bad input that leaves nothing."""

import json
from itertools import pairwise

import av
import numpy as np
import pytest
from PIL import Image

import masklet
from masklet.cli.formats import Format
from masklet.cli.tracking_live import track_live
from masklet.cli.tracking_output import TrackOutput
from masklet.cli.tracking_plan import Direction, TrackTask
from masklet.errors import PromptError, VideoError
from masklet.io.camera import Camera
from masklet.io.coco import read_coco
from masklet.io.images import read_image, write_png
from masklet.io.masklets import MaskletLog, read_masklets
from masklet.io.object_png import read_object_pngs
from masklet.io.open import open_video
from masklet.io.palette_png import label_map, read_palette_pngs
from masklet.io.youtube_vis import read_youtube_vis
from masklet.ops import rle
from masklet.tracking.tracker import Tracker
from masklet.types import MaskSet, Prompt, VideoInfo
from masklet.weights.load import load
from tests.cli.conftest import clip_pictures

TWO = ("--point", "3:12,18@1", "--box", "6:20,8,40,28@2")


@pytest.fixture
def tracked(run, lively_path):
    def run_track(*words):
        return run("track", *words, "--model", lively_path)

    return run_track


def written(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_click_becomes_masks_an_overlay_a_sheet_and_a_plot(tracked, clip, folder):
    done = tracked("clip.mp4", "--point", "0:12,18", "--out", "results")
    assert done.code == 0, done.err
    results = folder / "results"
    assert written(results) == ["masklets.json", "overlay.mp4", "scores.png", "sheet.png"]
    assert done.out.startswith("clip.mp4: frames 0 to 11, 1 object, ")
    assert "\nobject 1: mean predicted IoU 0." in done.out
    with open_video(clip) as source, open_video(results / "overlay.mp4") as overlay:
        assert len(overlay) == 12
        assert overlay.info.fps == 10
        assert np.abs(overlay[7].astype(int) - source[7]).max() > 60
    assert read_image(results / "sheet.png").shape[1] > 1000
    assert read_image(results / "scores.png").shape[1] == 1600


def test_they_are_the_masks_that_python_gives(tracked, clip, folder, lively_path):
    tracked("clip.mp4", *TWO, "--out", "results")
    prompts = {3: {1: Prompt.point(12, 18)}, 6: {2: Prompt.box_xyxy(20, 8, 40, 28)}}
    expected = [result.kept() for result in masklet.track(load(lively_path), clip, prompts)]
    masklets = read_masklets(folder / "results" / "masklets.json")
    assert masklets.frames == tuple(expected)
    assert {frame: list(masklets.prompts[frame]) for frame in masklets.prompts} == {3: [1], 6: [2]}
    assert masklets.model == str(lively_path)
    assert masklets.video.num_frames == 12


def test_masks_that_are_fetched_from_a_device_become_the_same_bytes(
    tracked, clip, folder, monkeypatch
):
    assert tracked("clip.mp4", *TWO, "--format", "masklets", "--out", "here").code == 0
    # What `fetched` does with masks on a GPU.
    monkeypatch.setattr(MaskSet, "fetched", MaskSet._sent)
    assert tracked("clip.mp4", *TWO, "--format", "masklets", "--out", "there").code == 0
    here, there = (folder / name / "masklets.json" for name in ("here", "there"))
    assert here.read_bytes() == there.read_bytes()


def test_a_frame_is_written_when_the_next_one_was_given_to_the_device(tracked, clip, monkeypatch):
    events = []
    step, append = Tracker.step_encoded, MaskletLog.append

    def stepped(tracker, *arguments):
        events.append(("step", tracker.state.frame_index))
        return step(tracker, *arguments)

    def appended(log, frame):
        events.append(("write", frame.frame_index))
        append(log, frame)

    monkeypatch.setattr(Tracker, "step_encoded", stepped)
    monkeypatch.setattr(MaskletLog, "append", appended)
    words = ("--point", "3:12,18", "--end", 5, "--format", "masklets")
    assert tracked("clip.mp4", *words).code == 0
    written_last = [("step", 5), ("write", 4), ("write", 5)]
    assert events == [("step", 3), ("step", 4), ("write", 3), *written_last]


def test_every_format_is_read_back_as_the_same_masks(tracked, clip, folder):
    formats = [str(each) for each in Format]
    done = tracked("clip.mp4", *TWO, "--format", ",".join(formats), "--start", 2)
    assert done.code == 0, done.err
    results = folder / "masklet-out"
    frames = read_masklets(results / "masklets.json").frames
    assert [frame.frame_index for frame in frames] == list(range(2, 12))
    assert frames[0].objects == ()
    assert any(rle.area(mask.segmentation) for frame in frames for mask in frame.objects)
    exact = [
        {mask.object_id: rle.decode(mask.segmentation) for mask in frame.objects}
        for frame in frames
    ]
    for read in (read_coco(results / "coco.json")[1], read_youtube_vis(results / "ytvis.json")[1]):
        found = {frame.frame_index: frame for frame in read}
        for index, masks in enumerate(exact, start=2):
            for object_id, mask in masks.items():
                there = found[index].at(object_id) if index in found else None
                again = np.zeros_like(mask) if there is None else rle.decode(there.segmentation)
                np.testing.assert_array_equal(again, mask)
    for frame in read_object_pngs(results / "objects"):
        for mask in frame.objects:
            expected = exact[frame.frame_index - 2][mask.object_id]
            np.testing.assert_array_equal(rle.decode(mask.segmentation), expected)
    palette = {frame.frame_index: frame for frame in read_palette_pngs(results / "palette")}
    for frame in frames:
        again = label_map(palette[frame.frame_index], (48, 64))
        np.testing.assert_array_equal(again, label_map(frame, (48, 64)))


def test_cutouts_are_transparent_where_nothing_was_found(tracked, clip, folder):
    words = ("--format", "masklets", "--format", "cutout-png,cutout-mov,cutout-webm")
    assert tracked("clip.mp4", "--point", "4:20,18", *words).code == 0
    results = folder / "masklet-out"
    masklets = read_masklets(results / "masklets.json")
    mask = rle.decode(masklets.frames[3].objects[0].segmentation)
    with Image.open(results / "cutout" / "00007.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture)[..., 3] > 0, mask)
    for name, decoder in (("cutout.mov", "prores"), ("cutout.webm", "libvpx-vp9")):
        with av.open(results / name) as container:
            codec = av.CodecContext.create(decoder, "r")
            codec.extradata = container.streams.video[0].codec_context.extradata
            packets = list(container.demux(video=0))
            shown = [frame for packet in packets for frame in codec.decode(packet)]
        assert len(shown) == 8
        alpha = shown[3].to_ndarray(format="rgba")[..., 3]
        assert ((alpha > 127) == mask).mean() > 0.97


def test_backwards_is_from_the_last_prompt_down(tracked, clip, folder):
    done = tracked("clip.mp4", *TWO, "--reverse", "--start", 1, "--format", "masklets")
    assert done.code == 0
    frames = read_masklets(folder / "masklet-out" / "masklets.json").frames
    assert [frame.frame_index for frame in frames] == [1, 2, 3, 4, 5, 6]
    assert [len(frame.objects) for frame in frames] == [2, 2, 2, 1, 1, 1]


def test_both_ways_every_object_is_on_every_frame(tracked, clip, folder):
    done = tracked("clip.mp4", *TWO, "--both")
    assert done.code == 0
    frames = read_masklets(folder / "masklet-out" / "masklets.json").frames
    assert [frame.frame_index for frame in frames] == list(range(12))
    assert all([mask.object_id for mask in frame.objects] == [1, 2] for frame in frames)
    tracked("clip.mp4", *TWO, "--out", "forward")
    forward = read_masklets(folder / "forward" / "masklets.json").frames
    assert [frame.at(1) for frame in frames[3:]] == [frame.at(1) for frame in forward]


def test_the_span_ends_with_the_frame_that_was_named(tracked, clip, folder):
    tracked("clip.mp4", "--point", "4:20,18", "--end", 7, "--format", "masklets")
    frames = read_masklets(folder / "masklet-out" / "masklets.json").frames
    assert [frame.frame_index for frame in frames] == [4, 5, 6, 7]


def test_prompts_of_an_earlier_run_give_the_same_masks(tracked, clip, folder):
    tracked("clip.mp4", *TWO, "--out", "one")
    done = tracked("clip.mp4", "--prompts", "one/masklets.json", "--out", "two")
    assert done.code == 0
    for name in written(folder / "one"):
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


def test_a_mask_can_be_the_prompt(tracked, clip, folder):
    guess = np.zeros((48, 64), bool)
    guess[10:26, 4:20] = True
    write_png(folder / "first.png", guess)
    assert tracked("clip.mp4", "--mask", "0:first.png@3", "--format", "masklets").code == 0
    first = read_masklets(folder / "masklet-out" / "masklets.json").frames[0]
    # It went to the network's grid and back, which rounds the corners.
    assert (rle.decode(first.at(3).segmentation) ^ guess).sum() <= 8


def test_a_pixel_can_be_given_to_one_object_only(tracked, clip, folder):
    words = ("clip.mp4", *TWO, "--format", "masklets")
    areas = {}
    for name, more in (("plain", ()), ("apart", ("--non-overlap",))):
        tracked(*words, *more, "--out", name)
        last = read_masklets(folder / name / "masklets.json").frames[-1]
        masks = [rle.decode(mask.segmentation) for mask in last.objects]
        areas[name] = int((masks[0] & masks[1]).sum())
    assert areas["plain"] > 0
    assert areas["apart"] == 0


def test_pictures_of_a_folder_are_frames(tracked, folder):
    for number, picture in enumerate(clip_pictures(4)):
        Image.fromarray(picture).save(folder / f"{number}.png")
    done = tracked(".", "--point", "1:12,18", "--out", "results")
    assert done.code == 0, done.err
    masklets = read_masklets(folder / "results" / "masklets.json")
    assert masklets.video.fps is None
    assert len(masklets.frames) == 3


def test_how_it_was_tracked_is_recorded(tracked, clip, folder):
    options = ("--memory-dtype", "float32", "--stride", 2, "--max-conditioning", 3)
    options += ("--memories", "foveated", "--lookahead", 3, "--size", 96)
    tracked("clip.mp4", "--point", "4:20,18", *options, "--format", "masklets")
    settings = read_masklets(folder / "masklet-out" / "masklets.json").settings
    assert settings["memory_dtype"] == "float32"
    assert (settings["stride"], settings["max_conditioning"], settings["lookahead"]) == (2, 3, 3)
    assert settings["direction"] == "forward"
    assert (settings["memories"], settings["size"]) == ("foveated", 96)


def test_another_input_size_gives_other_masks(tracked, clip, folder):
    found = []
    for size in (64, 96):
        tracked(
            "clip.mp4", "--point", "4:20,18", "--size", size, "--format", "masklets", "--overwrite"
        )
        frames = read_masklets(folder / "masklet-out" / "masklets.json").frames
        found.append([mask.predicted_iou for frame in frames for mask in frame.objects])
    assert found[0]
    assert found[0] != found[1]


def test_an_input_size_that_does_not_fit_leaves_nothing_behind(tracked, clip, folder):
    done = tracked("clip.mp4", "--point", "4:20,18", "--size", 100)
    assert done.code == 2
    assert "multiples of 32" in done.err
    assert not (folder / "masklet-out").exists()


def test_how_many_frames_are_encoded_at_once_is_recorded_also_where_it_was_not_said(
    tracked, clip, folder
):
    assert tracked("clip.mp4", "--point", "0:12,18", "--end", 1, "--device", "cpu").code == 0
    assert read_masklets(folder / "masklet-out" / "masklets.json").settings["lookahead"] == 1


def test_small_memories_give_other_scores_of_the_same_object(tracked, clip, folder):
    scores = []
    for memories in ("full", "pooled", "foveated"):
        options = ("--memories", memories, "--format", "masklets", "--out", memories)
        assert tracked("clip.mp4", "--point", "0:12,18", *options).code == 0
        frames = read_masklets(folder / memories / "masklets.json").frames
        scores.append(tuple(frame.objects[0].predicted_iou for frame in frames))
    assert len(set(scores)) == 3


def test_more_frames_at_once_change_next_to_nothing(tracked, clip, folder):
    for count in (1, 5):
        tracked("clip.mp4", *TWO, "--lookahead", count, "--out", str(count))
    one, five = (read_masklets(folder / name / "masklets.json").frames for name in ("1", "5"))
    for a, b in zip(one, five, strict=True):
        for mine, other in zip(a.objects, b.objects, strict=True):
            masks = (rle.decode(each.segmentation) for each in (mine, other))
            assert np.logical_xor(*masks).sum() <= 2
            assert mine.object_score == pytest.approx(other.object_score, abs=1e-3)


def test_the_summary_can_be_json_or_nothing(tracked, clip, folder):
    words = ("clip.mp4", "--point", "0:12,18", "--format", "masklets")
    document = json.loads(tracked(*words, "--json", "--out", "a").out)
    assert document["files"] == ["masklets.json", "sheet.png", "scores.png"]
    assert document["complete"] is True
    assert document["num_frames"] == 12
    assert document["objects"][0]["object_id"] == 1
    assert document["frames_per_second"] > 0
    done = tracked(*words, "--quiet", "--out", "b")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_results_that_exist_are_kept_unless_overwriting_is_allowed(tracked, clip, folder):
    words = ("clip.mp4", "--point", "0:12,18", "--format", "masklets,palette")
    assert tracked(*words).code == 0
    done = tracked(*words, "--end", 5)
    assert done.code == 2
    assert "masklets.json and 3 more exist; expected to write new files" in done.err
    assert tracked(*words, "--end", 5, "--overwrite").code == 0
    assert len(written(folder / "masklet-out" / "palette")) == 6


BAD = {
    "no prompt": (["clip.mp4"], "no prompt was given; expected --point, --box, --mask or"),
    "no frame": (["clip.mp4", "--point", "3,4"], "names no frame"),
    "late": (["clip.mp4", "--point", "12:3,4"], "frame 12 is prompted, but clip.mp4 has the"),
    "outside": (["clip.mp4", "--box", "2:70,1,90,9"], "object 1 on frame 2: box (70, 1, 90, 9)"),
    "empty mask": (["clip.mp4", "--mask", "2:empty.png"], "object 1 on frame 2: the mask is empty"),
    "mask size": (["clip.mp4", "--mask", "2:small.png"], "the mask is 3 wide and 2 high"),
    "no video": (["gone.mp4", "--point", "2:3,4"], "gone.mp4"),
    "no movie": (["small.png.txt", "--point", "2:3,4"], "small.png.txt"),
    "end": (["clip.mp4", "--point", "2:3,4", "--end", "12"], "frames 2 to 12 were asked for"),
    "both ways": (["clip.mp4", "--point", "2:3,4", "--both", "--reverse"], "--reverse and --both"),
    "format": (["clip.mp4", "--point", "2:3,4", "--format", "mp4"], "--format 'mp4' is unknown"),
    "prompts": (["clip.mp4", "--prompts", "gone.json"], "gone.json cannot be read"),
    "model": (["clip.mp4", "--point", "2:3,4", "--model", "sam2.1-hiera-tinny"], "Did you mean"),
    "out": (["clip.mp4", "--point", "2:3,4", "--out", "clip.mp4"], "could not be made"),
    "nothing to resume": (["clip.mp4", "--point", "2:3,4", "--resume"], "holds no unfinished run"),
    "resume anew": (
        ["clip.mp4", "--point", "2:3,4", "--resume", "--overwrite"],
        "--resume and --overwrite were given",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(run, clip, folder, lively_path, case):
    words, message = BAD[case]
    write_png(folder / "empty.png", np.zeros((48, 64), bool))
    write_png(folder / "small.png", np.eye(2, 3, dtype=bool))
    (folder / "small.png.txt").write_text("no movie")
    before = written(folder)
    if "--model" not in words:
        words = [*words, "--model", lively_path]
    done = run("track", *words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert message in done.err
    assert written(folder) == before


def test_bad_input_is_told_before_the_weights_are_needed(run, clip):
    done = run("track", "clip.mp4", "--point", "2:99,4", "--model", "gone.safetensors")
    assert "point (99, 4) lies outside" in done.err


def test_what_comes_before_a_bad_frame_is_kept(tracked, folder):
    (folder / "frames").mkdir()
    for number, picture in enumerate(clip_pictures(6)):
        Image.fromarray(picture).save(folder / "frames" / f"{number}.png")
    Image.new("RGB", (9, 9)).save(folder / "frames" / "4.png")
    done = tracked("frames", "--point", "0:12,18")
    assert done.code == 2
    assert "expected frames of one size" in done.err
    masklets = read_masklets(folder / "masklet-out" / "masklets.json")
    assert [frame.frame_index for frame in masklets.frames] == [0, 1, 2, 3]
    with open_video(folder / "masklet-out" / "overlay.mp4") as overlay:
        assert len(overlay) == 4


def live_task(lively_path, **more):
    return TrackTask("camera:0", {2: {1: Prompt.point(12, 18)}}, str(lively_path), **more)


def test_a_camera_is_tracked_until_the_last_frame_that_is_wanted(folder, lively_path, capsys):
    output = TrackOutput(folder / "out", (Format.MASKLETS, Format.OVERLAY))
    with Camera("testsrc=size=64x48:rate=50:duration=60,realtime", "lavfi") as camera:
        assert track_live(camera, live_task(lively_path, end=6), output) == 0
    assert written(folder / "out") == ["masklets.json", "scores.png"]
    frames = read_masklets(folder / "out" / "masklets.json").frames
    assert all(b.frame_index == a.frame_index + 1 for a, b in pairwise(frames))
    assert [len(frame.objects) for frame in frames] == [0, 0, 1, 1, 1, 1, 1]
    printed = capsys.readouterr()
    assert "overlay.mp4 is not written: the frames of a camera are not kept" in printed.err
    assert printed.out.startswith("camera:0: frames 0 to 6, 1 object, ")


class Unplugged:
    """A camera that breaks off after four frames."""

    info = VideoInfo("camera:0", (48, 64), None, 10.0)

    def __iter__(self):
        yield from clip_pictures(4)
        raise VideoError("camera:0 broke off")


def test_what_came_before_a_camera_broke_off_is_kept(folder, lively_path):
    output = TrackOutput(folder / "out", (Format.MASKLETS,))
    with pytest.raises(VideoError, match="broke off"):
        track_live(Unplugged(), live_task(lively_path), output)
    assert len(read_masklets(folder / "out" / "masklets.json").frames) == 4


def test_a_camera_cannot_go_back(folder, lively_path):
    task = live_task(lively_path, direction=Direction.REVERSE)
    output = TrackOutput(folder / "out", (Format.MASKLETS,))
    camera = Camera("testsrc=size=64x48:rate=50:duration=1", "lavfi")
    told = pytest.raises(PromptError, match="camera:0 is a camera, which was asked to go back")
    with camera, told:
        track_live(camera, task, output)
    assert not (folder / "out").exists()
