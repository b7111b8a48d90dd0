"""What the builders return: masklet's network with the two settings that official programs expect."""

from dataclasses import dataclass, replace

from torch import nn

from masklet.model.sam2 import SAM2


@dataclass(frozen=True, slots=True)
class StabilityFallback:
    """When a single mask is replaced by the best of the three others."""

    delta: float = 0.05
    """How far the threshold is moved both ways to see whether the mask changes."""
    threshold: float = 0.98
    """The least IoU of the two masks for candidate 0 to be kept."""


class SAM2Base(SAM2):
    """The network under its official name, with its parts and parameters under theirs.

    Args:
        network: whose parts this takes over; it is not copied.
        image_size: side of the square that pictures are resized to.
        fallback: for single masks; `None` always answers with candidate 0.
    """

    def __init__(
        self, network: SAM2, *, image_size: int, fallback: StabilityFallback | None
    ) -> None:
        # The parts exist already, with their weights: SAM2's own constructor would make new ones.
        nn.Module.__init__(self)
        self.config = replace(network.config, image_size=image_size)
        self.fallback = fallback
        for name, part in network.named_children():
            self.add_module(name, part)
        for name, parameter in network.named_parameters(recurse=False):
            self.register_parameter(name, parameter)

    @property
    def image_size(self) -> int:
        """Side in pixels of the square that pictures are resized to."""
        return self.config.image_size
