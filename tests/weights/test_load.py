"""A name, a path or a URL becomes a model."""

import hashlib
from pathlib import Path

import pytest
import torch

from masklet.errors import CheckpointError, DownloadError
from masklet.image.predictor import ImagePredictor
from masklet.model.compiling import compiling_hindrance, is_compiled
from masklet.model.config import VARIANTS
from masklet.model.int8 import has_int8, int8_hindrance
from masklet.model.sam2 import SAM2
from masklet.types import Prompt
from masklet.weights import zoo
from masklet.weights.fingerprint import fingerprint
from masklet.weights.load import checked_dtype, load, locate
from masklet.weights.save import save_official, save_safetensors
from tests.parity.inputs import picture

needs_int8 = pytest.mark.skipif(
    int8_hindrance(torch.device("cpu")) is not None, reason="no products of eight bits here"
)


@pytest.fixture
def files(small, tmp_path):
    """One model in two layouts."""
    save_official(small, tmp_path / "small.pt")
    save_safetensors(small, tmp_path / "small.safetensors")
    return tmp_path


@pytest.fixture
def served(small, server, cache, files):
    """The same model on a server, and the sum of its file."""
    data = (files / "small.pt").read_bytes()
    server.files["small.pt"] = data
    return server.url("small.pt"), hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", ["small.pt", "small.safetensors"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_becomes_a_model(kind, name, files, small, same_tensors):
    model = load(kind(files / name), device="cpu")
    assert model.config == small.config
    assert same_tensors(model.state_dict(), small.state_dict())
    assert not model.training


def test_a_loaded_model_computes_what_the_saved_one_did(files, small):
    images = torch.randn(1, 3, 64, 64)
    model = load(files / "small.pt", device="cpu")
    with torch.inference_mode():
        ours, theirs = model.encode_image(images), small.encode_image(images)
    assert torch.equal(ours.embedding_FLC, theirs.embedding_FLC)


def test_an_official_file_becomes_the_official_model(tmp_path, same_tensors):
    with torch.device("meta"):
        shapes = SAM2(VARIANTS["sam2.1-hiera-tiny"]).state_dict()
    # One number each, repeated: a file of a few kilobytes.
    tensors = {name: torch.randn(1).expand(tensor.shape) for name, tensor in shapes.items()}
    torch.save({"model": tensors}, tmp_path / "tiny.pt")
    model = load(tmp_path / "tiny.pt", device="cpu")
    assert model.config == VARIANTS["sam2.1-hiera-tiny"]
    assert same_tensors(model.state_dict(), tensors)


def test_a_url_becomes_a_model_and_is_fetched_once(served, server, small, same_tensors):
    url, sha256 = served
    for _ in range(2):
        model = load(f"{url}#sha256={sha256}", device="cpu")
        assert same_tensors(model.state_dict(), small.state_dict())
    assert len(server.ranges) == 1


def test_a_url_reports_its_progress(served):
    seen = []
    load(served[0], device="cpu", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]


def test_a_url_with_another_checksum_is_refused(served):
    with pytest.raises(DownloadError, match=f"has SHA-256 {served[1]}, expected {'0' * 64}"):
        load(f"{served[0]}#sha256={'0' * 64}", device="cpu")


def test_a_name_of_the_zoo_becomes_a_model(served, monkeypatch, small):
    url, sha256 = served
    remote = zoo.Remote((url,), "small.pt", sha256)
    entry = zoo.Entry("made-up", licence="CC0-1.0", remote=remote)
    monkeypatch.setitem(zoo._BY_NAME, "made-up", entry)
    assert load("made-up", device="cpu").config == small.config
    assert locate("made-up") == entry.path()


def test_a_name_that_is_a_path_too_is_looked_up_as_a_path_when_asked(files, monkeypatch, small):
    (files / "sam2-hiera-tiny").symlink_to(files / "small.pt")
    monkeypatch.chdir(files)
    assert load("./sam2-hiera-tiny", device="cpu").config == small.config
    assert load(Path("sam2-hiera-tiny"), device="cpu").config == small.config


def test_a_home_folder_is_understood(files, monkeypatch, small):
    monkeypatch.setenv("HOME", str(files))
    assert load("~/small.pt", device="cpu").config == small.config


def test_an_unknown_name_brings_the_nearest():
    with pytest.raises(
        CheckpointError, match=r"no model is called 'sam2\.1-tiny'; .* Did you mean"
    ):
        load("sam2.1-tiny", device="cpu")


@pytest.mark.parametrize("source", ["./nothing", "nothing.pt", "~/nothing", "/nothing"])
def test_a_path_to_nothing_is_no_name(source):
    with pytest.raises(CheckpointError, match=r"nothing.* cannot be read: No such file"):
        load(source, device="cpu")


def test_a_missing_official_file_brings_its_name_in_the_zoo(tmp_path):
    with pytest.raises(
        CheckpointError, match=r"The zoo has that model: give its name, sam2\.1-hie"
    ):
        load(tmp_path / "sam2.1_hiera_tiny.pt", device="cpu")


def test_a_build_without_the_bundled_model_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "__file__", str(tmp_path / "zoo.py"))
    with pytest.raises(CheckpointError) as caught:
        load(device="cpu")
    message = str(caught.value)
    assert "this build of masklet carries no bundled weights: " in message
    assert "Name another model (sam2.1-hiera-tiny, " in message


def test_a_bundled_model_is_the_default(files, monkeypatch, small):
    (files / "bundled").mkdir()
    (files / "small.safetensors").rename(files / "bundled" / "masklet-small.safetensors")
    monkeypatch.setattr(zoo, "__file__", str(files / "zoo.py"))
    assert load(device="cpu").config == small.config


@pytest.mark.parametrize("dtype", ["bfloat16", torch.bfloat16, "float16", "float32"])
def test_matrices_take_the_precision_and_norms_stay_exact(dtype, files):
    model = load(files / "small.pt", device="cpu", dtype=dtype)
    wanted = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    assert model.memory_attention.layers[0].linear1.weight.dtype == wanted
    assert model.memory_attention.norm.weight.dtype == torch.float32


def test_a_narrow_file_is_widened_on_the_processor(files, small):
    tensors = {name: tensor.half() for name, tensor in small.state_dict().items()}
    document = {"model": tensors, "masklet_config": small.config.to_json()}
    torch.save(document, files / "half.pt")
    model = load(files / "half.pt", device="cpu")
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("dtype", ["float64", "half", torch.float64, "int4"])
def test_another_precision_is_refused(dtype, files):
    with pytest.raises(
        CheckpointError, match=r"is not one .*; expected float32, bfloat16, float16, int8"
    ):
        load(files / "small.pt", device="cpu", dtype=dtype)


@needs_int8
@pytest.mark.parametrize("dtype", ["int8", torch.int8])
def test_the_bundled_model_in_eight_bits_finds_nearly_the_same_masks(dtype):
    photo = picture(192, 256)
    models = [load(device="cpu", dtype=each) for each in ("float32", dtype)]
    wide, narrow = (
        predictor.predict(predictor.encode(photo), Prompt.box_xyxy(60, 40, 200, 150)).masks()
        for predictor in map(ImagePredictor, models)
    )
    assert has_int8(models[1])
    assert wide.sum() > 100
    assert (wide & narrow).sum() > 0.95 * (wide | narrow).sum()


@needs_int8
def test_a_model_in_eight_bits_is_saved_as_what_it_computes_with(tmp_path):
    narrow = load(device="cpu", dtype="int8")
    save_safetensors(narrow, tmp_path / "saved.safetensors")
    wide, again = (
        load(tmp_path / "saved.safetensors", device="cpu", dtype=dtype)
        for dtype in ("float32", "int8")
    )
    bundled = load(device="cpu")
    assert list(wide.state_dict()) == list(bundled.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        features = [model.encode_image(images).embedding_FLC for model in (narrow, again)]
    # Scales are rounded once more; whole numbers stay.
    torch.testing.assert_close(*features, atol=1e-2, rtol=1e-2)


@needs_int8
def test_models_of_eight_bits_and_wide_ones_are_told_apart():
    narrow, wide = (load(device="cpu", dtype=dtype) for dtype in ("int8", "float32"))
    assert fingerprint(narrow) != fingerprint(wide)


@needs_int8
def test_eight_bits_are_not_compiled(files):
    with pytest.raises(
        CheckpointError, match=r"eight bits is to be compiled; .* Leave compile out"
    ):
        load(files / "small.pt", device="cpu", dtype="int8", compile=True)


@pytest.mark.parametrize("device", ["meta", "cuda:1"])
def test_eight_bits_are_for_processors(device):
    with pytest.raises(
        CheckpointError, match=rf"for processors, and this is {device}; expected an"
    ):
        checked_dtype("int8", torch.device(device))


def test_without_a_device_the_model_goes_where_there_is_one(files):
    has_gpu = torch.cuda.is_available()
    model = load(files / "small.pt")
    assert model.device.type == ("cuda" if has_gpu else "cpu")
    precision = torch.bfloat16 if has_gpu else torch.float32
    assert model.memory_attention.layers[0].linear1.weight.dtype == precision


@pytest.mark.parametrize("device", ["abacus", "cuda:99", torch.device("cuda:99")])
def test_a_device_that_is_not_there_is_named(device, files):
    with pytest.raises(CheckpointError, match=f"device '{device}' cannot be used: .*device='cpu'"):
        load(files / "small.pt", device=device)


@pytest.fixture
def no_compiler():
    """A computer that has no C++ compiler."""
    import torch._inductor.config

    compiling_hindrance.cache_clear()
    with torch._inductor.config.patch({"cpp.cxx": ("no-such-compiler",)}):
        yield
    compiling_hindrance.cache_clear()


def test_without_a_compiler_a_warning_says_what_is_missing_and_masks_are_the_same(
    files, small, no_compiler, caplog
):
    model = load(files / "small.pt", device="cpu", compile=True)
    (said,) = [
        record.getMessage() for record in caplog.records if record.name.startswith("masklet")
    ]
    assert said.startswith("the model is not compiled and goes on as it is, with the same masks")
    assert "No working C++ compiler found" in said
    assert "it needs a C++ compiler: g++, clang or MSVC, in the path or named by CXX" in said
    assert not is_compiled(model)
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        ours, theirs = model.encode_image(images), small.encode_image(images)
    assert torch.equal(ours.embedding_FLC, theirs.embedding_FLC)


def test_with_a_compiler_the_model_is_compiled_when_asked(files, caplog):
    if hindrance := compiling_hindrance(torch.device("cpu")):
        pytest.skip(f"nothing can be compiled here: {hindrance}")
    assert is_compiled(load(files / "small.pt", device="cpu", compile=True))
    assert not is_compiled(load(files / "small.pt", device="cpu"))
    assert not [record for record in caplog.records if record.name.startswith("masklet")]
