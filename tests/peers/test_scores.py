"""The scores of folders of masks are those that PyPI's `vos_benchmark` gives to the same files."""

import numpy as np
import pytest

from masklet.eval.bootstrap import summarise
from masklet.eval.folder_scoring import score_folder
from masklet.eval.scoring import Scoring
from masklet.io.palette_png import write_palette_pngs
from tests.eval.labelled import LabelClip, dataset_of, masks_of
from tests.parity.inputs import Figure

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

SIZE = (120, 214)
FRAMES = 14
KINDS = ("ellipse", "rect", "diamond")

# When every object is there: from, until. In every clip there is one that only the first frame
# shows, one that comes late, one that leaves and one that leaves and comes back.
LIVES = {
    1: [(0, FRAMES)],
    2: [(4, FRAMES)],
    3: [(0, 7)],
    4: [(0, 3), (6, 8), (10, FRAMES)],
    7: [(0, 1)],
    9: [(5, 6), (FRAMES - 1, FRAMES)],
}


def is_alive(object_id, frame, late=0):
    return any(first <= frame - late < after for first, after in LIVES[object_id])


def drawn(seed, *, errors=None):
    """Label maps of a clip; with errors of a tool, who is late, imprecise and loses an object."""
    chance = np.random.default_rng(seed)
    maps = np.zeros((FRAMES, *SIZE), np.uint8)
    for object_id in LIVES:
        x, y, half_width, half_height = chance.integers((40, 30, 8, 8), (170, 90, 30, 25))
        kind, speed = KINDS[object_id % 3], chance.integers(-4, 5, 2)
        wrong = np.random.default_rng(errors + object_id) if errors is not None else None
        if wrong is not None and object_id == 1 + seed % 3:
            continue
        late = 0 if wrong is None else int(wrong.integers(-2, 3))
        for frame in range(FRAMES):
            place = (x, y) + speed * frame
            if wrong is not None:
                place = place + wrong.integers(-5, 6, 2)
            shape = Figure(kind, int(place[0]), int(place[1]), int(half_width), int(half_height))
            if is_alive(object_id, frame, late):
                maps[frame][shape.mask(*SIZE)] = object_id
    return tuple(maps)


@pytest.fixture
def folders(tmp_path):
    """Truth and predictions of three clips, and the truth as a dataset."""
    clips = []
    for seed in range(3):
        name = f"clip-{seed}"
        clips.append(LabelClip(name, drawn(seed)))
        write_palette_pngs(tmp_path / "truth" / name, masks_of(drawn(seed)), SIZE)
        said = drawn(seed, errors=50 * seed)
        # An object that is nowhere in the truth is nobody's error.
        said[5][:9, :9] = 11
        write_palette_pngs(tmp_path / "said" / name, masks_of(said), SIZE)
    return tmp_path / "truth", tmp_path / "said", dataset_of(*clips)


@pytest.mark.parametrize("skips_ends", [True, False], ids=["inner", "all"])
def test_scores_are_the_peers_for_every_object_and_over_all(folders, skips_ends):
    benchmark = pytest.importorskip("vos_benchmark.benchmark").benchmark
    truth, said, dataset = folders
    (both,), (region,), (boundary,), (by_clip,) = benchmark(
        [str(truth)],
        [str(said)],
        num_processes=1,
        verbose=False,
        skip_first_and_last=skips_ends,
    )
    scoring = Scoring(frames="inner" if skips_ends else "all")
    items, _ = score_folder(said, dataset, scoring=scoring)
    objects = [each for item in items for each in item.objects if each.values]
    theirs = {
        (clip, object_id): (regions[object_id], boundaries[object_id])
        for clip, (regions, boundaries) in by_clip.items()
        for object_id in regions
    }
    ours = {
        (each.item, each.object_id): (100 * each.values["J"], 100 * each.values["F"])
        for each in objects
    }
    # 7 and, without the last frame, one appearance of 9 are not there for those who skip the ends.
    assert len(ours) == (15 if skips_ends else 18)
    assert ours.keys() == theirs.keys()
    for key, values in ours.items():
        assert values == pytest.approx(theirs[key], abs=1e-9), key
    summary = summarise(objects)
    found = [100 * summary[name].mean for name in ("J&F", "J", "F")]
    assert found == pytest.approx([both, region, boundary], abs=1e-9)
    assert 20 < found[1] < 80
