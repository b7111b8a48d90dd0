"""`masklet data scenes` writes clips that can be read and that no measurement uses."""

import numpy as np
import pytest
from typer.testing import CliRunner

from masklet.cli.data import app
from masklet.data.catalog import open_dataset
from masklet.data.scenes.suite import robustness_suite
from masklet.errors import DatasetError


def test_scenes_are_written_as_a_dataset(tmp_path):
    words = ["scenes", str(tmp_path / "made"), "--clips-per-kind", "2", "--kinds", "small,fast"]
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.output) == (0, f"{tmp_path / 'made'}: 4 clips\n")
    read = open_dataset(str(tmp_path / "made"), split=None, root=None)
    assert [clip.name for clip in read.items] == [
        f"{kind}-{number:03d}" for number in range(2) for kind in ("small", "fast")
    ]
    made = {clip.name: clip for clip in robustness_suite(clips_per_kind=2, seed=1).items}
    for clip in read.items:
        truth, expected = clip.truth(7).masks, made[clip.name].truth(7).masks
        for number, mask in truth.items():
            np.testing.assert_array_equal(mask, expected[number])


def test_no_seed_gives_the_clips_that_are_measured_with():
    measured = robustness_suite(clips_per_kind=1).items[0]
    assert all(
        robustness_suite(clips_per_kind=1, seed=seed).items[0].seed != measured.seed
        for seed in (1, 2)
    )
    assert CliRunner().invoke(app, ["scenes", "made", "--seed", "0"]).exit_code == 2


def test_an_unknown_kind_is_refused_and_nothing_is_written(tmp_path):
    words = ["scenes", str(tmp_path / "made"), "--kinds", "fast,slow"]
    with pytest.raises(DatasetError, match="kind 'slow'; expected occlusion, look-alikes"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert list(tmp_path.iterdir()) == []
