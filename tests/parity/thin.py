"""Make the committed goldens out of the whole set: every n-th value of every long array.

    python tests/parity/thin.py path/to/parity/golden [NAME...]

The whole set holds what PyPI's `sam2` 1.1.0 answered in float32 on a CPU, in eval mode, with its
default post-processing but for the filling of holes, with the weights of `weights.py` and on the
pictures of `inputs.py`; for videos once with the bfloat16 memories that it stores and once with
memories left in float32. Tolerances, several times what that package differs from itself when its
kernels are exchanged, are in every scenario.

An array of more than 256 values keeps every n-th of them, n the smallest number from 4 on that is
coprime with every dimension of the array it was taken from, so that all channels, rows and columns
are still visited. The sums over the whole arrays stay, and the scenarios are copied as they are.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

# A script has only its own folder on the path; this one runs from any clone.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from tests.parity.comparison import Golden
from tests.parity.recording import STATISTICS
from tests.parity.scenarios import COMMITTED, SPARED, THINNED_AGAIN, names

LONGEST_SPARED = 256
AT_LEAST = 4


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Thin goldens for the repository.")
    parser.add_argument("golden", type=Path, help="folder of the whole set")
    parser.add_argument("names", nargs="*", help="scenarios (default: all of images and modules)")
    options = parser.parse_args()
    chosen = options.names or [
        name for kind in ("image", "modules") for name in names(options.golden, kind)
    ]
    for name in chosen:
        thin(options.golden / f"{name}.json", COMMITTED / "golden")


def thin(scenario: Path, target: Path) -> None:
    """Copy a scenario, and its goldens with fewer values, to a folder."""
    target.mkdir(exist_ok=True)
    fields = json.loads(scenario.read_text(encoding="utf-8"))
    for file in fields["files"].values():
        kept = _thinned(scenario.parent / file, fields["array_shapes"])
        np.savez_compressed(target / file, allow_pickle=False, **kept)
    shutil.copyfile(scenario, target / scenario.name)


def _thinned(golden: Path, shapes: Mapping[str, list[int]]) -> dict[str, npt.NDArray[np.generic]]:
    rule = Golden(arrays={}, thinned_again=AT_LEAST, spared=LONGEST_SPARED)
    kept: dict[str, npt.NDArray[np.generic]] = {
        THINNED_AGAIN: np.array(AT_LEAST),
        SPARED: np.array(LONGEST_SPARED),
    }
    with np.load(golden) as archive:
        for name in archive.files:
            values = archive[name]
            if not name.endswith(STATISTICS):
                values = rule.thinned(values, tuple(shapes[name]))
            kept[name] = values
    return kept


if __name__ == "__main__":
    main()
