"""Every form of attention that torch has, side by side at the shapes of memory attention.

    python benchmarks/attention.py --threads 1
    python benchmarks/attention.py --device cuda --dtype bfloat16

Which form `model/kernels.py` takes on a device follows from this table. A form that a device does not
have is left out and named. Flex attention is compiled anew for each shape, which is not counted.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import flex_attention

from masklet.eval.bench.laps import Laps
from masklet.model.kernels import attend


@dataclass(frozen=True, slots=True)
class Shape:
    """B rows of L queries that meet S keys of D channels, with values of E channels."""

    name: str
    rows: int
    queries: int
    keys: int
    width: int
    value_width: int

    @property
    def flops(self) -> int:
        """Of both products."""
        return 2 * self.rows * self.queries * self.keys * (self.width + self.value_width)


SHAPES = (
    Shape("SAM 2 at 1024, 7 memories", 1, 4096, 7 * 4096 + 64, 256, 64),
    Shape("SAM 2 at 1024, itself", 1, 4096, 4096, 256, 256),
    Shape("SAM 2 at 512, 7 memories, 16 objects", 16, 1024, 7 * 1024 + 64, 256, 64),
    Shape("masklet-small at 512, 7 memories, 16 objects", 16, 1024, 7 * 1024 + 64, 96, 48),
)

Form = Callable[[Tensor, Tensor, Tensor], Tensor]


def forms() -> Mapping[str, Form]:
    """All of them: queries, keys and values `(B, L or S, 1, D or E)` to `(B, L, 1, E)`."""
    backends = {
        "flash": SDPBackend.FLASH_ATTENTION,
        "memory-efficient": SDPBackend.EFFICIENT_ATTENTION,
        "cuDNN": SDPBackend.CUDNN_ATTENTION,
    }
    return {
        "ours": attend,
        "plain": _plain,
        "torch's choice": _scaled_dot_product,
        **{name: partial(_of_backend, backend) for name, backend in backends.items()},
        "flex": _flex,
    }


def measured(
    form: Form, shape: Shape, device: torch.device, dtype: torch.dtype, repeats: int
) -> tuple[float, float]:
    """Seconds, the median, and the largest difference from the plain form in float32.

    Raises:
        RuntimeError: the device does not have the form.
    """
    dice = torch.Generator().manual_seed(0)
    sizes = (
        (shape.queries, shape.width),
        (shape.keys, shape.width),
        (shape.keys, shape.value_width),
    )
    q, k, v = (
        torch.randn((shape.rows, count, 1, width), generator=dice).to(device, dtype)
        for count, width in sizes
    )
    laps = Laps(device)
    with torch.inference_mode():
        # Of the first row: the plain form of all rows may not fit.
        exact = _plain(*(x[:1].float() for x in (q, k, v)))
        difference = (form(q, k, v)[:1].float() - exact).abs().max().item()
        for _ in range(repeats):
            with laps.lap("form"):
                form(q, k, v)
    return median(laps.seconds()["form"]), difference


def main() -> None:
    """Measure, and print a table for every shape."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device, dtype = torch.device(arguments.device), getattr(torch, arguments.dtype)
    for shape in SHAPES:
        print(f"\n{shape.name}, {arguments.dtype}\n")
        print("| form | ms | GFLOP/s | difference |\n|---|--:|--:|--:|")
        missing = []
        for name, form in forms().items():
            try:
                seconds, difference = measured(form, shape, device, dtype, arguments.repeats)
            except RuntimeError as error:
                missing.append(f"{name}: {str(error).splitlines()[0]}")
                continue
            rate = shape.flops / seconds / 1e9
            print(f"| {name} | {1000 * seconds:.2f} | {rate:.0f} | {difference:.1e} |", flush=True)
        print("".join(f"\nNot here: {each}" for each in missing))


def _plain(q_BLGD: Tensor, k_BSGD: Tensor, v_BSGE: Tensor) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q_BLGD, k_BSGD, v_BSGE))
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return (scores.softmax(dim=-1) @ v).transpose(1, 2)


def _scaled_dot_product(q_BLGD: Tensor, k_BSGD: Tensor, v_BSGE: Tensor) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q_BLGD, k_BSGD, v_BSGE))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2)


def _of_backend(backend: SDPBackend, q_BLGD: Tensor, k_BSGD: Tensor, v_BSGE: Tensor) -> Tensor:
    """With values as wide as keys, where a backend wants them so; the added channels are dropped."""
    with sdpa_kernel(backend):
        try:
            return _scaled_dot_product(q_BLGD, k_BSGD, v_BSGE)
        except RuntimeError:
            wider = F.pad(v_BSGE, (0, q_BLGD.shape[-1] - v_BSGE.shape[-1]))
            return _scaled_dot_product(q_BLGD, k_BSGD, wider)[..., : v_BSGE.shape[-1]]


def _flex(q_BLGD: Tensor, k_BSGD: Tensor, v_BSGE: Tensor) -> Tensor:
    q, k, v = (x.transpose(1, 2).contiguous() for x in (q_BLGD, k_BSGD, v_BSGE))
    return _compiled_flex()(q, k, v).transpose(1, 2)


@cache
def _compiled_flex() -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    return torch.compile(flex_attention, dynamic=False)


if __name__ == "__main__":
    main()
