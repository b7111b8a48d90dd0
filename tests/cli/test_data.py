"""`masklet data`: which datasets there are, whether one is whole, what is in it."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from masklet.cli import data_check, data_show
from masklet.cli.data import VARIABLE, app
from masklet.cli.data_sheet import _caption, _first_colour
from masklet.data import catalog
from masklet.data.check import check_clip
from masklet.data.davis_writer import tiny_dataset
from masklet.data.known import CATALOG
from masklet.data.statistics import clip_facts
from masklet.errors import DatasetError, OutputError
from tests.data.made_clips import labels, write_davis, write_labels
from tests.data.made_packs import annotated, box, jpeg, runs, write_tar


def run(*words, code=0):
    """What the command prints; its errors come through, as the main command turns them into text."""
    words = [str(word) for word in words]
    done = CliRunner().invoke(app, words, catch_exceptions=False, env={"COLUMNS": "80"})
    assert done.exit_code == code, done.output
    return done.stdout


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The folder in which the command runs, where nobody has said where datasets are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "tiny"
    tiny_dataset(folder)
    return folder


@pytest.fixture
def broken(here):
    """A dataset of two clips, of which one has three annotations of another size."""
    root = write_davis(here / "davis", ["bear", "dog"])
    for name in ("00000", "00001", "00002"):
        write_labels(root / f"Annotations/480p/dog/{name}.png", np.ones((9, 9), np.uint8))
    return root


def test_the_variable_is_that_of_the_catalog():
    assert catalog.VARIABLE == VARIABLE


def test_list_shows_every_dataset_with_its_splits_licence_and_home_on_a_narrow_screen():
    text = run("list")
    assert max(len(line) for line in text.splitlines()[:-1]) <= 80
    lines = [line.strip() for line in text.splitlines()]
    for entry in CATALOG.values():
        assert any(line.startswith(f"{entry.name} ") and entry.title in line for line in lines)
        if not entry.is_own:
            assert entry.home in lines
            assert entry.licence in lines
        if entry.splits:
            assert ", ".join(entry.splits) in lines


@pytest.mark.parametrize("way", ["root", "variable", "current folder"])
def test_list_says_which_are_here(here, monkeypatch, way):
    place = here if way == "current folder" else here / "all"
    (place / "davis-2017").mkdir(parents=True)
    if way == "variable":
        monkeypatch.setenv(VARIABLE, str(place))
    words = ("--root", place) if way == "root" else ()
    rows = [line.split() for line in run("list", *words).splitlines()]
    assert [row[0] for row in rows if row[1:2] == ["yes"]] == ["davis-2017"]


def test_list_as_json_is_complete(here):
    (here / "mose-v1").mkdir()
    told = {entry["name"]: entry for entry in json.loads(run("list", "--json", "--root", here))}
    assert set(told) == set(CATALOG)
    assert told["mose-v1"]["is_here"] is True
    assert told["mose-v1"]["path"] == str(here / "mose-v1")
    assert told["sa-v"]["is_here"] is False
    assert told["sa-v"]["splits"] == ["val", "test", "train", "train-auto"]
    assert (told["folder"]["is_here"], told["folder"]["path"]) == (False, None)


def test_list_needs_neither_torch_nor_numpy():
    command = (
        "import sys; from masklet.cli.data import app;"
        "app(['list'], standalone_mode=False); print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_check_of_what_is_whole_says_so(tiny):
    assert run("check", tiny) == "tiny val: no problems; 3 clips checked\n"


def test_check_by_name_finds_the_dataset_under_root(here):
    write_davis(here / "sets" / "davis-2017", ["dog"], split="train")
    told = run("check", "davis-2017", "--split", "train", "--root", here / "sets")
    assert told == "davis-2017 train: no problems; 1 clip checked\n"


def test_check_names_what_is_broken_and_ends_with_code_1(broken):
    lines = run("check", broken, code=1).splitlines()
    drawn = broken / "Annotations/480p/dog"
    assert lines == [
        *(
            f"dog: frame {name}: the annotation {drawn}/{name}.png is 9x9, its frame 32x24"
            for name in ("00000", "00001", "00002")
        ),
        "davis val: 3 problems in 1 clip; 2 clips checked",
    ]


def test_check_names_a_few_problems_of_an_item_and_counts_the_others(here):
    drawn = {number: labels({1: (2, 3)}, (9, 9)) for number in range(8)}
    root = write_davis(here / "davis", ["dog"], drawn=drawn)
    lines = run("check", root, code=1).splitlines()
    assert len(lines) == 7
    assert lines[5] == "dog: 3 more of its problems are told with --json"
    assert lines[6] == "davis val: 8 problems in 1 clip; 1 clip checked"
    assert len(json.loads(run("check", root, "--json", code=1))["problems"]) == 8


def test_check_as_json_has_everything(broken):
    told = json.loads(run("check", broken, "--json", code=1))
    assert (told["format"], told["version"]) == ("masklet-check", 1)
    assert (told["dataset"], told["root"]) == ("davis val", str(broken))
    assert (told["layout"], told["items"], told["checked"]) == ("davis-2017", 2, 2)
    assert [each["where"] for each in told["problems"]] == [
        "frame 00000",
        "frame 00001",
        "frame 00002",
    ]
    assert {each["item"] for each in told["problems"]} == {"dog"}


def test_check_of_some_says_of_how_many(tiny):
    assert run("check", tiny, "--limit", 2) == "tiny val: no problems; 2 clips of 3 checked\n"


def test_another_process_finds_the_same(broken):
    (broken / "ImageSets/2017/val.txt").write_text("dog\n")  # one process takes long enough
    alone = run("check", broken, code=1)
    assert "3 problems" in alone
    assert run("check", broken, "--workers", 2, code=1) == alone


def test_check_of_what_cannot_be_opened_fails():
    with pytest.raises(DatasetError, match="DAVIS 2017, several objects, is not in"):
        run("check", "davis-2017")


def test_an_interrupted_check_tells_what_it_has_found(broken, monkeypatch):
    def interrupted(clip):
        signal.raise_signal(signal.SIGINT)
        return check_clip(clip)

    monkeypatch.setattr(data_check, "check_clip", interrupted)
    assert run("check", broken, code=130) == "davis val: no problems; 1 clip of 2 checked\n"


def test_a_name_with_a_line_break_stays_on_one_line(here):
    root = write_davis(here / "davis", ["dog"])
    (root / "JPEGImages/480p/dog/a\nb.jpg").write_bytes(b"")
    told = run("check", root, code=1).splitlines()
    assert len(told) == 2
    assert "dog/a b.jpg: its name is no number" in told[0]


@pytest.fixture
def pack(here):
    """Pictures with 0 to 3 cups."""
    files = {}
    for count in range(4):
        masks = [runs(box(2 + place, 3, 8, 9)) for place in range(count)]
        files |= {f"{count}.jpg": jpeg(), f"{count}.json": annotated(masks, label="[cup]")}
    return write_tar(here / "cups.tar", files)


def test_show_counts_clips_and_writes_two_files(tiny, here):
    lines = run("show", tiny).splitlines()
    rows = {line.split("  ")[0].strip(): line.split("  ", 1)[-1].strip() for line in lines[1:-1]}
    assert lines[0] == "tiny val (davis-2017)"
    assert rows["clips"] == "3"
    assert rows["frames"] == "30, 30 annotated; per clip 8 to 12, median 10"
    assert rows["size"] == "96x64"
    assert rows["objects"] == "6; per clip 1 to 3, median 2"
    assert rows["late"] == "1 (17 %) not on the first annotated frame"
    assert rows["disappear"] == "16.7 % of the objects, and come back later"
    place = here / "masklet-data" / "tiny-val"
    written = json.loads((place / "statistics.json").read_text())
    assert (written["format"], written["version"]) == ("masklet-statistics", 1)
    assert (written["items"], written["items_in_all"], written["left_out"]) == (3, 3, [])
    assert lines[-1].endswith("sheet.png")
    with Image.open(place / "sheet.png") as sheet:
        assert sheet.size[0] > 3 * sheet.size[1] / 2


def test_show_counts_pictures(pack, here):
    lines = run("show", pack, "--out", here / "shown").splitlines()
    rows = {line.split("  ")[0].strip(): line.split("  ", 1)[-1].strip() for line in lines[1:-1]}
    assert rows["pictures"] == "4, 1 without objects"
    assert rows["objects"] == "6; per picture 0 to 3, median 1.5"
    assert rows["categories"] == "1; most: [cup] 6"
    assert not {"frames", "late", "hidden"} & rows.keys()
    assert (here / "shown" / "sheet.png").exists()


def test_the_sheet_has_as_many_items_as_were_asked_for(pack, here):
    heights = []
    for count in (4, 5, 2):
        run("show", pack, "--out", here / "shown", "--count", count, "--overwrite")
        with Image.open(here / "shown" / "sheet.png") as sheet:
            heights.append(sheet.size)
    assert heights[0] == heights[1]
    assert heights[2][0] < heights[0][0]


def test_masks_are_drawn_on_the_sheet(pack, here):
    run("show", pack, "--out", here / "shown")
    with Image.open(here / "shown" / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    is_coloured = pixels.max(axis=2) - pixels.min(axis=2) > 40
    width = pixels.shape[1] // 4
    shown = [int(is_coloured[:, place * width : (place + 1) * width].sum()) for place in range(4)]
    assert shown[0] == 0
    assert min(shown[1:]) > 500


def test_show_as_json_writes_no_files_unless_told_where(pack, here):
    told = json.loads(run("show", pack, "--json"))
    assert told["areas"] == {"small": 6, "medium": 0, "large": 0}
    assert told["categories"] == [["[cup]", 6]]
    assert not (here / "masklet-data").exists()
    assert json.loads(run("show", pack, "--json", "--out", here / "shown")) == told
    assert json.loads((here / "shown" / "statistics.json").read_text()) == told


def test_show_replaces_nothing_unless_told_to(pack, here):
    run("show", pack, "--out", here / "shown")
    with pytest.raises(OutputError, match=r"and 1 more exist; .*--overwrite"):
        run("show", pack, "--out", here / "shown")
    run("show", pack, "--out", here / "shown", "--overwrite")


def test_show_of_some_says_of_how_many(tiny, here):
    assert "2 of 3" in run("show", tiny, "--limit", 2, "--out", here / "shown")


def test_show_stops_at_what_is_broken_unless_it_is_to_be_left_out(broken, here):
    with pytest.raises(DatasetError, match=r"davis val is not whole: dog: .*--skip-broken"):
        run("show", broken)
    assert not (here / "masklet-data").exists()
    told = run("show", broken, "--skip-broken")
    assert "1 of 2" in told
    assert "left out: 1; `masklet data check` names all problems" in told
    written = json.loads((here / "masklet-data/davis-val/statistics.json").read_text())
    assert len(written["left_out"]) == 1


def test_show_stops_at_what_the_listing_lacks_as_well(here):
    root = write_davis(here / "davis", ["bear", "dog"])
    (root / "Annotations/480p/dog/00001.png").unlink()
    with pytest.raises(DatasetError, match=r"is not whole: dog: .*no annotation of this number"):
        run("show", root)
    told = json.loads(run("show", root, "--skip-broken", "--json"))
    assert len(told["problems_of_listing"]) == len(told["left_out"]) == 1


def test_show_of_nothing_that_can_be_read_fails(here):
    root = write_davis(here / "davis", ["dog"])
    (root / "Annotations/480p/dog/00001.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="has 1 clip, and none can be read: dog: "):
        run("show", root, "--skip-broken")


def test_an_interrupted_show_writes_nothing(tiny, here, monkeypatch):
    def interrupted(clip):
        signal.raise_signal(signal.SIGINT)
        return clip_facts(clip)

    monkeypatch.setattr(data_show, "clip_facts", interrupted)
    assert run("show", tiny, code=130) == ""
    assert not (here / "masklet-data").exists()


def test_masks_in_pictures_begin_with_a_colour_that_is_unlike_the_picture():
    water, sand = (
        np.full((9, 9, 3), colour, np.uint8) for colour in ((20, 130, 250), (250, 210, 20))
    )
    assert [_first_colour(picture) for picture in (water, sand)] == [2, 1]


def test_a_long_name_loses_its_beginning_on_the_sheet():
    assert _caption("dog", "3 frames") == "dog: 3 frames"
    long = _caption("val2017/" + "0" * 40 + "139.jpg", "3 objects")
    assert long.startswith("...0")
    assert long.endswith("139.jpg: 3 objects")
    assert len(long) == 46
