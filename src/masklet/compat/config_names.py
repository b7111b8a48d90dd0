"""Which model an official config file names."""

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType

from masklet.errors import CheckpointError
from masklet.model.config import VARIANTS, ModelConfig

_SIZES = {"t": "tiny", "s": "small", "b+": "base-plus", "l": "large"}

CONFIG_FILES: Mapping[str, ModelConfig] = MappingProxyType(
    {
        f"configs/{family}/{family}_hiera_{letter}.yaml": VARIANTS[f"{family}-hiera-{size}"]
        for family in ("sam2", "sam2.1")
        for letter, size in _SIZES.items()
    }
)
"""The official config files and their models."""

_BY_STEM = {_stem.rsplit("/", 1)[-1]: config for _stem, config in CONFIG_FILES.items()}


def config_named(config_file: str) -> ModelConfig:
    """The model of a config file, by the file's name alone: the file is not read.

    The folder and `.yaml` may be missing, as in old programs, or be any others.

    Raises:
        CheckpointError: no released model has that config; the message has the nearest names.

    >>> config_named("sam2_hiera_l.yaml") == config_named("./configs/sam2/sam2_hiera_l")
    True
    """
    file_name = re.split(r"[\\/]", config_file)[-1].removesuffix(".yaml") + ".yaml"
    if file_name in _BY_STEM:
        return _BY_STEM[file_name]
    known = {path.rsplit("/", 1)[-1]: path for path in CONFIG_FILES}
    near = difflib.get_close_matches(file_name, known, n=2)
    hint = f" Did you mean {' or '.join(known[name] for name in near)}?" if near else ""
    raise CheckpointError(
        f"no model has the config {config_file!r}; expected one of {', '.join(CONFIG_FILES)}."
        f"{hint} A model of your own is a masklet.model.config.ModelConfig."
    )
