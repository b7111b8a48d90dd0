"""`load`: a name, a path or a URL becomes a model, ready to use."""

import logging
from pathlib import Path

import torch

from masklet.errors import CheckpointError
from masklet.model.compiling import compile_parts, compiling_hindrance
from masklet.model.int8 import int8_hindrance
from masklet.model.precision import set_precision
from masklet.model.sam2 import SAM2
from masklet.weights import zoo
from masklet.weights.assemble import assemble
from masklet.weights.download import fetch, remote_of_url
from masklet.weights.read import read
from masklet.weights.transfer import Progress

_logger = logging.getLogger(__name__)
_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.int8,
}
_SUFFIXES = (".pt", ".pth", ".safetensors")


def load(
    source: str | Path = zoo.BUNDLED,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    progress: Progress | None = None,
    compile: bool = False,
) -> SAM2:
    """A model with its weights, in evaluation mode.

    Args:
        source: a name of the zoo (`masklet models list`), a `.pt` or safetensors file, a folder
            that transformers wrote, or an https address, whose end may say `#sha256=...`. Names and
            addresses are fetched once, into the cache.
        device: where to; a CUDA GPU if there is one, else the processor.
        dtype: precision of matrix products: "float32", "bfloat16" or "float16"; unless given,
            bfloat16 on CUDA and float32 elsewhere. Or "int8", on processors and not with `compile`:
            the trunk of the image encoder computes with eight bits, the rest as in bfloat16 where
            the processor has it. Such a model cannot be trained; saved, it is what it computes with,
            in float32.
        progress: told while something is fetched: bytes that are here, bytes in all or `None`.
        compile: whether the parts of the network go through `torch.compile`, each when it is first
            used, for minutes in all, or all of them beforehand (`model.compiling.warm_up`). Meant for
            GPUs, where it has not been measured. On a CPU it is hardly worth it: beside our own
            calls of oneDNN a tracked frame took 0.6 to 0.95 of the time, encoding it 1.5 times as long
            (bundled model, 256 pixels, float32, one thread of AMD EPYC, torch 2.13). Where nothing
            can be compiled, a warning says what is missing and the model goes on uncompiled, with
            the same masks.

    Raises:
        CheckpointError: the model is unknown, its weights are damaged, unsafe or of another model,
            or the device or the dtype cannot be used.
        DownloadError: the weights cannot be fetched, or are not what their checksum says.

    >>> model = load("sam2.1-hiera-tiny", device="cpu")  # doctest: +SKIP
    """
    # Before anything is fetched.
    place = _device(device)
    precision = checked_dtype(dtype, place, compile=compile)
    model = assemble(read(locate(source, progress=progress)))
    return made_ready(model, device=place, dtype=precision, compile=compile)


def made_ready(
    model: SAM2,
    *,
    device: str | torch.device | None,
    dtype: str | torch.dtype | None,
    compile: bool,
) -> SAM2:
    """The same model on a device, in a precision and compiled, as `load` says.

    Raises:
        CheckpointError: the device or the dtype cannot be used.

    >>> from masklet.model.config import SAM2_1_TINY
    >>> model = SAM2(SAM2_1_TINY).eval()
    >>> made_ready(model, device="cpu", dtype="bfloat16", compile=False).device
    device(type='cpu')
    """
    place = _device(device)
    # Narrowed after the move: a GPU casts faster than the host.
    set_precision(model.to(place), checked_dtype(dtype, place, compile=compile))
    if compile:
        _compile(model)
    return model


def locate(source: str | Path, *, progress: Progress | None = None) -> Path:
    """The file or folder behind a source, fetched when it is remote; a path need not exist.

    Raises:
        CheckpointError: nothing is known by that name.
        DownloadError: it cannot be fetched.
    """
    text = str(source)
    if isinstance(source, str) and "://" in text:
        return fetch(remote_of_url(text), progress=progress)
    if isinstance(source, str) and (entry := zoo.get(text)) is not None:
        return fetch(entry.remote, progress=progress) if entry.remote else _bundled(entry)
    path = Path(source).expanduser()
    if path.exists():
        return path
    if (entry := zoo.get(path.stem)) is not None:
        raise CheckpointError(
            f"{path} does not exist; expected a checkpoint there. The zoo has that model: give its "
            f"name, {entry.name}, instead."
        )
    is_path = isinstance(source, Path) or path.suffix in _SUFFIXES or text[0:1] in (".", "/", "~")
    return path if is_path else zoo.find(text).path()


def checked_dtype(
    wanted: str | torch.dtype | None, device: torch.device, *, compile: bool = False
) -> torch.dtype:
    """The precision that `load` would take.

    Args:
        wanted: as for `load`.
        device: where the model will be.
        compile: whether it will be compiled.

    Raises:
        CheckpointError: there is none by that name, or it cannot be used there or compiled.

    >>> checked_dtype(None, torch.device("cpu"))
    torch.float32
    """
    if wanted is None:
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    for name, dtype in _DTYPES.items():
        if wanted in (name, dtype):
            if dtype == torch.int8:
                _check_int8(device, compile=compile)
            return dtype
    raise CheckpointError(
        f"dtype {str(wanted)!r} is not one a model can run in; expected {', '.join(_DTYPES)}. "
        "Choose one of them, or none for the best of the device."
    )


def _check_int8(device: torch.device, *, compile: bool) -> None:
    hindrance = int8_hindrance(device)
    if hindrance is not None:
        raise CheckpointError(
            f"weights of eight bits cannot be used here: {hindrance}; expected an x86-64 processor "
            "with VNNI and a torch that has oneDNN. Choose that by device='cpu', or another dtype."
        )
    if compile:
        raise CheckpointError(
            "a model with weights of eight bits is to be compiled; expected floating-point ones, "
            "because the products of eight bits are ready-made. Leave compile out, or choose "
            "another dtype than int8."
        )


def _compile(model: SAM2) -> None:
    hindrance = compiling_hindrance(model.device)
    if hindrance is None:
        compile_parts(model)
        return
    needs = {"cpu": "a C++ compiler: g++, clang or MSVC, in the path or named by CXX"}
    _logger.warning(
        "the model is not compiled and goes on as it is, with the same masks: torch.compile does "
        "not work here (%s); for %s it needs %s. Install that, or leave compile out.",
        hindrance,
        model.device.type,
        needs.get(model.device.type, "Triton, as torch for CUDA on Linux brings it"),
    )


def _bundled(entry: zoo.Entry) -> Path:
    path = entry.path()
    if path.exists():
        return path
    others = ", ".join(name for name in zoo.ZOO if name != entry.name)
    raise CheckpointError(
        f"this build of masklet carries no bundled weights: {path} does not exist; expected the "
        f"file of {entry.name}. Name another model ({others}) or give a path."
    )


def _device(wanted: str | torch.device | None) -> torch.device:
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise CheckpointError(
            f"device {str(wanted)!r} cannot be used: {str(error).splitlines()[0]}; expected cpu, "
            "cuda, cuda:N or mps, as this computer and its torch have it. Try device='cpu'."
        ) from error
    return device
