"""The errors that masklet raises on bad input, one tree under `MaskletError`.

MaskletError
├── PromptError       (ValueError)   a point, box or mask that does not fit the image
├── ImageError        (ValueError)   a picture that cannot be read
├── VideoError        (ValueError)   a video that cannot be read, or a frame that it lacks
├── StateError        (ValueError)   saved work that is damaged or belongs to something else
├── DatasetError      (ValueError)   a dataset that is missing, incomplete or damaged
├── TrainingError     (ValueError)   training that cannot go on, or a recipe that makes no sense
├── CheckpointError   (ValueError)   weights that are unknown, damaged or of another model
│   └── DownloadError (OSError)      weights that could not be fetched
├── OutputError       (OSError)      a result that could not be written
└── MissingExtra      (ImportError)  an optional package that is not installed

Every message has three parts: what happened, with the values; what was expected; what to do.
The command line prints it on one line and exits with code 2.
"""


class MaskletError(Exception):
    """The common base: `except MaskletError` catches every bad input and nothing else."""


class PromptError(MaskletError, ValueError):
    """A point, box or mask that does not fit the image or contradicts itself."""


class ImageError(MaskletError, ValueError):
    """A picture that is missing, damaged, too large or of an unknown kind."""


class VideoError(MaskletError, ValueError):
    """A video that is missing, damaged, empty or changes its size, or a frame that it lacks."""


class StateError(MaskletError, ValueError):
    """Saved work, as of a tracker or a session, that is damaged or belongs to something else."""


class DatasetError(MaskletError, ValueError):
    """A labelled dataset that is missing, incomplete, damaged or of an unknown layout."""


class TrainingError(MaskletError, ValueError):
    """Training that cannot go on, such as with a loss that is no number, or a senseless recipe."""


class CheckpointError(MaskletError, ValueError):
    """Weights that are unknown, damaged, unsafe to read or made for another model."""


class DownloadError(CheckpointError, OSError):
    """Weights that could not be fetched, or were not what their checksum says."""


class OutputError(MaskletError, OSError):
    """A result that could not be written; nothing half-written is left behind."""


class MissingExtra(MaskletError, ImportError):  # noqa: N818  # it names what is missing
    """A package that only some features need and that is not installed."""
