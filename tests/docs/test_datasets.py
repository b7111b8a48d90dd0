"""What the page on datasets shows works as it stands there, and is what the catalog says."""

import contextlib
import io
import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from masklet.cli.data import app
from masklet.cli.main import main
from masklet.data.catalog import open_dataset
from masklet.data.check import check_clip, check_picture, listed_problems
from masklet.data.davis_writer import tiny_dataset
from masklet.data.known import CATALOG
from tests.data.made_clips import (
    labels,
    square,
    write_clip,
    write_davis,
    write_frame,
    write_labels,
    write_meta,
    write_sav_video,
    write_split,
)
from tests.data.made_packs import (
    NOTHING,
    SIZE,
    annotated,
    box,
    cutout_json,
    cutouts,
    encoded,
    jpeg,
    png,
    rgba,
    runs,
    write_tar,
)

PAGE = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, flags=re.DOTALL)


def in_shell(text, monkeypatch):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        for line in text.splitlines():
            monkeypatch.setattr(sys, "argv", shlex.split(line))
            with pytest.raises(SystemExit) as ended:
                main()
            assert not ended.value.code, line
    return out.getvalue()


def in_python(text, names):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(text, names)
    return out.getvalue()


def test_every_block_runs_and_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_dataset(tmp_path / "datasets" / "davis-2017")
    names, printed = {}, ""
    for language, text in BLOCKS:
        if language == "sh":
            # A second process costs seconds, and finds the same.
            printed = in_shell(text.replace(" --workers 2", ""), monkeypatch)
        elif language == "python":
            printed = in_python(text, names)
        else:
            assert printed == text
    written = json.loads((tmp_path / "shown" / "statistics.json").read_text())
    about = {"format", "version", "dataset", "root", "layout"}
    named = set(re.findall(r"`(\w+)`", PAGE.partition("| in `statistics.json`")[2]))
    assert written.keys() - about <= named
    assert (tmp_path / "masklet-data" / "mine" / "sheet.png").exists()


def test_the_table_is_the_catalog():
    for entry in CATALOG.values():
        if not entry.is_own:
            splits = ", ".join(f"`{split}`" for split in entry.splits) or "-"
            what = f"[{entry.title}]({entry.home})"
            row = f"| `{entry.name}` | {what} | {splits} | {entry.licence} | {entry.citation} |"
            assert row in PAGE.splitlines()
    rows = re.findall(r"^\| `([\w-]+)` \| \[", PAGE, flags=re.MULTILINE)
    assert rows == [entry.name for entry in CATALOG.values() if not entry.is_own]


def test_every_layout_is_that_of_the_catalog():
    (block,) = re.findall(r"```\n(davis-2016/.*?)```", PAGE, flags=re.DOTALL)
    shown = {}
    for part in block.strip().split("\n\n"):
        heading, *lines = part.splitlines()
        for name in heading.split(", "):
            shown[name.rstrip("/")] = "\n".join(line.strip() for line in lines)
    assert shown == {
        entry.name: entry.tree.strip() for entry in CATALOG.values() if not entry.is_own
    }


def test_every_option_that_it_names_exists():
    known = {
        name
        for command in get_command(app).commands.values()
        for option in command.params
        for name in option.opts
    }
    elsewhere = {"--box", "--format", "--data", "--task"}
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) - elsewhere <= known


def broken_clips(root):
    """Clips with every mistake that the page tells of."""
    yield from _broken_davis(root / "davis")
    drawn = {0: labels({1: (2, 3)}), 1: labels({1: (2, 3), 9: (12, 20)})}
    split = write_split(root / "youtube/valid", {"a": drawn, "b": drawn, "c": drawn})
    note = {"category": "dog", "frames": ["00000", "00001"]}
    known = {"a": {"1": note, "2": note}, "c": {"1": note, "9": note, "4": note}}
    write_meta(split / "meta.json", known)
    yield root / "youtube"
    write_split(root / "lvos/val", {"a": drawn})
    write_split(root / "lvos/train", {"a": drawn})
    write_meta(root / "lvos/train/train_meta.json", {"a": {"1": note}})
    yield root / "lvos"
    none = np.zeros_like(square(0, 0))
    for folder in ("sav_000", "sav_001"):
        write_sav_video(root / "sav" / folder, "sav_000001", [[square(1, 2)], [none]], ids=(1,))
    write_sav_video(root / "sav", "sav_000002", [[square(1, 2)]] * 4, ids=(1,))
    write_sav_video(root / "sav", "sav_000003", [[square(1, 2)]], ids=(1,))
    (root / "sav" / "sav_000003.mp4").unlink()
    yield root / "sav"


def _broken_davis(root):
    clips = ["a", "b", "c", "d"]
    write_davis(root, clips, drawn={number: labels({1: (2, 3)}) for number in range(9)})
    (root / "ImageSets/2017/val.txt").write_text("\n".join([*clips, "e", "f", "g"]))
    frames, drawn = root / "JPEGImages/480p", root / "Annotations/480p"
    (frames / "a/00003.jpg").unlink()
    (drawn / "a/00007.png").unlink()
    for name in (frames / "b/00004.jpg", drawn / "b/00004.png"):
        name.unlink()
    (frames / "b/cover.jpg").write_bytes(b"")
    write_labels(drawn / "c/00001.png", labels({1: (2, 3)}, (9, 9)))
    write_frame(frames / "c/00002.jpg", size=(9, 9))
    write_labels(drawn / "c/00003.png", np.full((24, 32, 3), (9, 0, 0), np.uint8), palette=False)
    whole = frames / "d/00001.jpg"
    whole.write_bytes(whole.read_bytes()[:-40])
    write_clip(frames / "f", drawn / "f", {0: None})
    write_clip(frames / "g", drawn / "g", {0: labels({255: (2, 3)})})
    yield root


def broken_pictures(root):
    mask = runs(box(2, 3, 8, 9))
    files = {
        "1.jpg": jpeg(size=(9, 9)),
        "1.json": annotated([mask]),
        "2.jpg": jpeg(),
        "2.json": annotated([NOTHING]),
    }
    yield write_tar(root / "pack.tar", files)
    nothing = png(rgba(np.zeros(SIZE, bool)))
    parts = cutout_json([box(2, 3, 8, 9)], [3])
    things = cutouts("1", "2") | {"1.png": nothing, "2.json": parts}
    yield write_tar(root / "cutouts.tar", things)
    (root / "a.jpg").write_bytes(jpeg())
    sides = {"width": SIZE[1], "height": SIZE[0]}
    images = [{"id": n, "file_name": f"{name}.jpg", **sides} for n, name in enumerate("ab")]
    beyond = [{"id": 7, "image_id": 0, "segmentation": [[3, 2, 90, 2, 90, 8, 3, 8]]}]
    path = root / "mine.json"
    path.write_bytes(encoded({"images": images, "annotations": beyond}))
    yield path


def test_every_mistake_is_told_in_the_words_of_the_page(tmp_path):
    told = []
    for check, paths in ((check_clip, broken_clips), (check_picture, broken_pictures)):
        for path in paths(tmp_path):
            dataset = open_dataset(path)
            told += [problem.what for problem in listed_problems(dataset)]
            told += [problem.what for item in dataset.items for problem in check(item)]
    rows = PAGE.partition("| the line says |")[2].partition("\n\n")[0]
    lines = re.findall(r"^\| `(.*?)` \|", rows, flags=re.MULTILINE)
    assert len(lines) == rows.count("\n") - 1
    for line in lines:
        words = re.sub(r"\d+", "[0-9]+", re.escape(line).replace(r"\.\.\.", ".*"))
        words = words.replace(r"\[[0-9]+,\ [0-9]+\]", r"\[.*\]")
        assert [what for what in told if re.search(words, what)], line
