"""The folder of a training.

RUN/
├── recipe.json              what is trained, and the budget of the latest run
├── metrics.jsonl            a record of every step, `masklet.train.diary`
├── checkpoints/             the last few and the best one, `masklet.train.checkpoint_folder`
├── weights.safetensors      the averaged weights, for `masklet.load`, renewed with every checkpoint
└── best.safetensors         those that validation found best
"""

from dataclasses import dataclass
from pathlib import Path

from masklet.errors import StateError
from masklet.io.atomic import make_folder, write_json
from masklet.train.checkpoint_folder import newest_checkpoint
from masklet.train.config import TrainConfig
from masklet.train.settings import as_document


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a training keeps what it makes."""

    root: Path

    @property
    def metrics(self) -> Path:
        """The diary."""
        return self.root / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.root / "checkpoints"

    @property
    def weights(self) -> Path:
        """The latest weights."""
        return self.root / "weights.safetensors"

    @property
    def best(self) -> Path:
        """The best weights."""
        return self.root / "best.safetensors"

    def begin(self, config: TrainConfig, *, resumes: bool) -> bool:
        """Make the folder, or go on with it; gives whether there is something to go on from.

        Args:
            config: of the training, which is written.
            resumes: whether to go on with what is there, if anything is.

        Raises:
            StateError: there is a training already, and it is not to go on; or other files.
            OutputError: the folder cannot be written.
        """
        newest = newest_checkpoint(self.checkpoints)
        if newest is not None and not resumes:
            raise StateError(
                f"{self.root} holds a training, up to {newest.name}; expected a new folder, or to "
                "go on with it. Say --resume, or choose another --out."
            )
        is_ours = (self.root / "recipe.json").exists()
        if not is_ours and self.root.is_dir() and any(self.root.iterdir()):
            raise StateError(
                f"{self.root} holds files that are not of a training; expected a new or empty "
                "folder. Choose another --out."
            )
        make_folder(self.checkpoints)
        write_json(self.root / "recipe.json", as_document(config))
        return newest is not None
