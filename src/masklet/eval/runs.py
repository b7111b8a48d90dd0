"""The folder of a run: what it is about, and every item that is finished.

RUN/
├── run.json               what the scores depend on; the same command goes on where it was stopped
├── items/NAME.json        the scores of an item; it is there once the item is done
├── predictions/NAME.json  its masks, as `masklet.io.masklets` writes them; frame 0 is a picture's
├── scores.json            all of it together, at the end
└── report.html, report.png

Names of items are percent-encoded, so that none of them leaves the folder.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from masklet.errors import StateError
from masklet.eval.records import ItemScores
from masklet.eval.run_json import read_item, write_item
from masklet.io.atomic import make_folder, write_json
from masklet.io.json_parts import read_document
from masklet.io.masklets import Masklets, read_masklets, write_masklets

_FORMAT = "masklet-run"
_WHAT = "the settings of an evaluation"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A place in which an evaluation is kept as it goes."""

    root: Path

    @property
    def scores(self) -> Path:
        """Where the scores of the whole run are written."""
        return self.root / "scores.json"

    def begin(self, settings: Mapping[str, Any]) -> None:  # Any: JSON
        """Make the folder, or go on with it.

        Args:
            settings: all that the scores of an item depend on.

        Raises:
            StateError: the folder holds a run with other settings, or files that are no run.
            OutputError: it cannot be written.

        >>> from tempfile import mkdtemp
        >>> folder = RunFolder(Path(mkdtemp()) / "run")
        >>> folder.begin({"task": "vos"})
        >>> folder.begin({"task": "vos"})
        """
        path = self.root / "run.json"
        plain = json.loads(json.dumps(settings))  # as it will be read: tuples become lists
        if path.exists():
            _check_same(path, plain)
            return
        if self.root.is_dir() and any(self.root.iterdir()):
            raise StateError(
                f"the folder {self.root} holds files that are not of an evaluation; expected a new "
                "or empty folder, or one of the same evaluation. Choose another --out."
            )
        make_folder(self.root / "items")
        make_folder(self.root / "predictions")
        write_json(path, {"format": _FORMAT, "version": 1, "settings": plain})

    def is_done(self, name: str) -> bool:
        """Whether the item is finished."""
        return self._item(name).exists()

    def add(self, scores: ItemScores, masks: Masklets) -> None:
        """Keep a finished item. Raises `OutputError`."""
        write_masklets(self._prediction(scores.item), masks)
        write_item(self._item(scores.item), scores)  # last: it says that the item is done

    def scores_of(self, names: Iterable[str]) -> tuple[ItemScores, ...]:
        """The scores of those that are finished, in the order of the names. Raises `StateError`."""
        return tuple(read_item(self._item(name)) for name in names if self.is_done(name))

    def masks_of(self, name: str) -> Masklets:
        """What was predicted for a finished item. Raises `StateError`."""
        return read_masklets(self._prediction(name))

    def _item(self, name: str) -> Path:
        return self.root / "items" / f"{file_name(name)}.json"

    def _prediction(self, name: str) -> Path:
        return self.root / "predictions" / f"{file_name(name)}.json"


def file_name(name: str) -> str:
    """The name of an item as one that every file system takes.

    >>> file_name("val2017/0001")
    'val2017%2F0001'
    """
    encoded = quote(name, safe=" ()+,=@")
    return f"%2E{encoded[1:]}" if encoded.startswith(".") else encoded


def _check_same(path: Path, settings: Mapping[str, Any]) -> None:  # Any: JSON
    document = read_document(path, _WHAT)
    before = document.get("settings")
    if document.get("format") != _FORMAT or not isinstance(before, dict):
        raise StateError(
            f"{path} is no {_FORMAT} file; expected {_WHAT}. Choose another --out, or remove it."
        )
    different = _differences(before, settings)
    if different:
        raise StateError(
            f"the folder {path.parent} holds an evaluation with other settings: "
            f"{'; '.join(different)}. Expected the same ones, or another --out."
        )


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], inside: str = ""
) -> list[str]:
    """Every setting that is not the same, as text."""
    different = []
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, Mapping):
            different += _differences(old, new, f"{inside}{key} ")
        elif old != new:
            different.append(f"{inside}{key} was {old!r}, now {new!r}")
    return different
