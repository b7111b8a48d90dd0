"""Fine-tuning on fifty pictures: what it does for other pictures of the same kinds.

    python benchmarks/finetuning.py ../shared/data/val-images.tar RUN --init masklet-small

Takes the pictures of three sources that no bundled weights have seen, fifty to learn from and the rest
to measure on, and runs `masklet train finetune`, which measures before and after and tells both.
"""

import argparse
import json
import sys
import tarfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from masklet.cli.main import main as masklet

SOURCES = ("fire_truck", "roofs", "mushrooms")
LEARNED = 50


def main() -> None:
    """Divide the pictures and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pack", type=Path)
    parser.add_argument("run", type=Path, help="a folder that does not exist yet")
    arguments, more = parser.parse_known_args()
    arguments.run.mkdir(parents=True)
    paths = [arguments.run / f"{part}.tar" for part in ("learned", "held")]
    for path, keys in zip(paths, divided(arguments.pack), strict=True):
        copy(arguments.pack, keys, path)
        print(f"{path}: {len(keys)} pictures")
    command = ["masklet", "train", "finetune", "--data", str(paths[0]), "--eval", str(paths[1])]
    sys.argv = [*command, "--out", str(arguments.run / "run"), *more]
    masklet()


def divided(pack: Path) -> tuple[set[str], set[str]]:
    """Keys of the pictures to learn from and to measure on, of every source its share."""
    keys = defaultdict(list)
    with tarfile.open(pack) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if member.name.endswith(".json") and file is not None:
                source = json.load(file)["image"]["source"]
                keys[source].append(member.name.partition(".")[0])
    dice = np.random.default_rng(0)
    mixed = [key for source in SOURCES for key in dice.permutation(keys[source]).tolist()]
    # Every source has its share of the fifty: evenly spread places in a list sorted by source.
    places = {round(n * len(mixed) / LEARNED) for n in range(LEARNED)}
    learned = {key for place, key in enumerate(mixed) if place in places}
    return learned, set(mixed) - learned


def copy(pack: Path, keys: set[str], path: Path) -> None:
    """Write the members of some keys as a pack of their own."""
    with tarfile.open(pack) as tar, tarfile.open(path, "w") as part:
        for member in tar:
            if member.name.partition(".")[0] in keys:
                part.addfile(member, tar.extractfile(member))


if __name__ == "__main__":
    main()
