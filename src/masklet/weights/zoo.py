"""The models that can be loaded by name: where they lie, what they are, how well they do.

Source of addresses, checksums and scores: the public repository facebookresearch/sam2 and the model
hub's facebook/sam2* pages.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from masklet.errors import CheckpointError
from masklet.weights.download import Remote, path_in_cache

BUNDLED = "masklet-small"
"""The model that is part of the package."""

SCORES_SOURCE = "facebookresearch/sam2, README: J&F, semi-supervised, mask on the first frame"
"""Where the scores of the official models were published."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Published J&F, in percent."""

    sa_v_test: float
    mose_val: float
    lvos_v2: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the zoo.

    Args:
        name: what `masklet.load` calls it, a name of `model.config.VARIANTS` for official models.
        licence: SPDX name of the weights' licence.
        remote: where to fetch it; `None` for a model that is part of the package.
        aliases: what others call it.
        parameters: how many numbers were trained, `None` where the file says it.
        size_bytes: of the file, `None` where nobody has published it.
        scores: as published, `None` where nobody has.
    """

    name: str
    licence: str
    remote: Remote | None = None
    aliases: tuple[str, ...] = ()
    parameters: int | None = None
    size_bytes: int | None = None
    scores: Scores | None = None

    def path(self) -> Path:
        """Where its file lies once it is there."""
        if self.remote is None:
            return Path(__file__).with_name("bundled") / f"{self.name}.safetensors"
        return path_in_cache(self.remote)


def find(name: str) -> Entry:
    """The model of that name or alias.

    >>> find("facebook/sam2.1-hiera-tiny").name
    'sam2.1-hiera-tiny'

    Raises:
        CheckpointError: no model is called so; the message has the nearest names.
    """
    if (entry := get(name)) is not None:
        return entry
    near = difflib.get_close_matches(name.lower(), _BY_NAME, n=6, cutoff=0.5)
    # An alias and its model are one suggestion.
    names = list(dict.fromkeys(_BY_NAME[known].name for known in near))[:3]
    hint = f" Did you mean {' or '.join(names)}?" if names else ""
    raise CheckpointError(
        f"no model is called {name!r}; expected a name of the zoo, a file, a folder or an https "
        f"address.{hint} `masklet models list` shows all names."
    )


def get(name: str) -> Entry | None:
    """The model of that name or alias, `None` if there is none."""
    return _BY_NAME.get(name)


def _official(
    name: str,
    sha256: str,
    parameters: int,
    scores: tuple[float, float, float],
    size_bytes: int | None = None,
) -> Entry:
    version, _, size = name.partition("-hiera-")
    stem = f"{version}_hiera_{size.replace('-', '_')}"
    release = "092824" if version == "sam2.1" else "072824"
    urls = (
        f"https://dl.fbaipublicfiles.com/segment_anything_2/{release}/{stem}.pt",
        f"https://huggingface.co/facebook/{name}/resolve/main/{stem}.pt",
    )
    return Entry(
        name=name,
        licence="Apache-2.0",
        remote=Remote(urls, f"{stem}.pt", sha256),
        aliases=(stem, f"facebook/{name}"),
        parameters=parameters,
        size_bytes=size_bytes,
        scores=Scores(*scores),
    )


ZOO: Mapping[str, Entry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Entry(
                name=BUNDLED,
                licence="Apache-2.0",
                parameters=8_796_866,
                size_bytes=17_641_756,
            ),
            _official(
                "sam2.1-hiera-tiny",
                "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
                parameters=38_962_498,
                scores=(76.5, 71.8, 77.3),
                size_bytes=156_008_466,
            ),
            _official(
                "sam2.1-hiera-small",
                "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
                parameters=46_060_354,
                scores=(76.6, 73.5, 78.3),
                size_bytes=184_416_285,
            ),
            _official(
                "sam2.1-hiera-base-plus",
                "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
                parameters=80_850_178,
                scores=(78.2, 73.7, 78.2),
                size_bytes=323_606_802,
            ),
            _official(
                "sam2.1-hiera-large",
                "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
                parameters=224_446_642,
                scores=(79.5, 74.6, 80.6),
                size_bytes=898_083_611,
            ),
            _official(
                "sam2-hiera-tiny",
                "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
                parameters=38_945_986,
                scores=(75.0, 70.9, 75.3),
            ),
            _official(
                "sam2-hiera-small",
                "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
                parameters=46_043_842,
                scores=(74.9, 71.5, 76.4),
            ),
            _official(
                "sam2-hiera-base-plus",
                "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
                parameters=80_833_666,
                scores=(74.7, 72.8, 75.8),
            ),
            _official(
                "sam2-hiera-large",
                "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
                parameters=224_430_130,
                scores=(76.0, 74.6, 79.8),
                size_bytes=897_952_466,
            ),
        )
    }
)
"""Every model by name."""

_BY_NAME = {known: entry for entry in ZOO.values() for known in (entry.name, *entry.aliases)}
