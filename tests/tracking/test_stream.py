"""How far ahead of the tracker frames are encoded; that they are is tested with the tracker."""

import torch

from masklet.tracking.stream import default_lookahead


def test_a_gpu_is_given_several_frames_at_once_and_a_cpu_one():
    assert default_lookahead(torch.device("cuda", 1)) > 1
    assert default_lookahead(torch.device("cpu")) == 1
