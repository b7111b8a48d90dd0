"""The errors that masklet raises on bad input, one tree under `MaskletError`.

MaskletError
├── PromptError       (ValueError)   a point, box or mask that does not fit the image
├── ImageError        (ValueError)   a picture that cannot be read
├── VideoError        (ValueError)   a video that cannot be read, or a frame that it lacks
├── StateError        (ValueError)   saved work that is damaged or belongs to something else
├── CheckpointError   (ValueError)   weights that are unknown, damaged or of another model
│   └── DownloadError (OSError)      weights that could not be fetched
└── OutputError       (OSError)      a result that could not be written

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


class CheckpointError(MaskletError, ValueError):
    """Weights that are unknown, damaged, unsafe to read or made for another model."""


class DownloadError(CheckpointError, OSError):
    """Weights that could not be fetched, or were not what their checksum says."""


class OutputError(MaskletError, OSError):
    """A result that could not be written; nothing half-written is left behind."""
