"""`masklet models`: list, download, verify and convert."""

import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest
import torch
from safetensors import safe_open
from typer.testing import CliRunner

from masklet.cli.models import app
from masklet.errors import CheckpointError, DownloadError, OutputError
from masklet.model.config import VARIANTS, HieraConfig, MemoryConfig, ModelConfig, Version
from masklet.model.sam2 import SAM2
from masklet.weights import zoo
from masklet.weights.load import load
from masklet.weights.save import save_official

TRUNK = HieraConfig(
    embed_dim=16,
    num_heads=1,
    stages=(1, 1, 1, 1),
    global_blocks=(2,),
    window_sizes=(8, 4, 4, 2),
    position_grid=7,
)
MEMORY = MemoryConfig(version=Version.V2_1, layers=1)


def run(*arguments):
    """What the command prints; its errors come through, as the main command turns them into text."""
    return CliRunner().invoke(app, [str(word) for word in arguments], catch_exceptions=False).stdout


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MASKLET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(5)
    return SAM2(ModelConfig(TRUNK, MEMORY, image_size=64)).eval()


@pytest.fixture
def path(model, tmp_path):
    save_official(model, tmp_path / "made-up.pt")
    return tmp_path / "made-up.pt"


@pytest.fixture
def entry(path, monkeypatch):
    """A model of the zoo, on a server of this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=path.parent)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/made-up.pt"
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        made_up = zoo.Entry("made-up", "CC0-1.0", zoo.Remote((url,), "cached.pt", sha256))
        monkeypatch.setitem(zoo._BY_NAME, "made-up", made_up)
        yield made_up
        server.shutdown()
        thread.join()


def test_list_shows_every_model_on_a_narrow_screen(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("list").splitlines()
    rows = {line.split()[0]: line for line in lines[1:10]}
    assert set(rows) == set(zoo.ZOO)
    large = rows["sam2.1-hiera-large"].split()
    assert large == [
        "sam2.1-hiera-large",
        *["224.4", "M", "898", "MB", "Apache-2.0", "79.5", "74.6", "80.6", "no"],
    ]
    assert "Scores: facebookresearch/sam2" in lines[10]


def test_list_says_which_models_are_here(cache):
    assert "cached" not in run("list")
    cache.mkdir()
    (cache / "sam2_hiera_tiny.pt").touch()
    rows = [line for line in run("list").splitlines() if line.split()[-1:] == ["cached"]]
    assert [row.split()[0] for row in rows] == ["sam2-hiera-tiny"]


def test_list_as_json_is_complete():
    models = {model["name"]: model for model in json.loads(run("list", "--json"))}
    assert set(models) == {"masklet-small", *VARIANTS}
    tiny = models["sam2.1-hiera-tiny"]
    assert tiny["parameters"] == 38_962_498
    assert tiny["scores"]["sa_v_test"] == 76.5
    assert tiny["scores"]["source"].startswith("facebookresearch/sam2")
    assert tiny["sha256"].startswith("7402e0d8")
    assert tiny["urls"][0].endswith("/092824/sam2.1_hiera_tiny.pt")
    assert tiny["path"].endswith("sam2.1_hiera_tiny.pt")
    assert tiny["is_here"] is False
    assert models["masklet-small"]["urls"] == []


def test_list_needs_no_torch():
    command = (
        "import sys; from masklet.cli.models import app;"
        "app(['list'], standalone_mode=False); print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_download_prints_where_the_file_is(entry, cache, path):
    assert run("download", "made-up") == f"{cache / 'cached.pt'}\n"
    assert (cache / "cached.pt").read_bytes() == path.read_bytes()


def test_download_of_an_unknown_name_brings_the_nearest():
    with pytest.raises(CheckpointError, match=r"Did you mean sam2\.1-hiera-tiny"):
        run("download", "sam2.1-hiera-tini")


def test_download_offline_says_what_to_do(monkeypatch):
    monkeypatch.setenv("MASKLET_OFFLINE", "1")
    with pytest.raises(DownloadError, match="MASKLET_OFFLINE is set"):
        run("download", "sam2.1-hiera-tiny")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose bundled models are in a folder of the test."""
    (tmp_path / "bundled").mkdir()
    monkeypatch.setattr(zoo, "__file__", str(tmp_path / "zoo.py"))
    return tmp_path / "bundled" / "masklet-small.safetensors"


def test_the_bundled_model_is_not_downloaded(package, path):
    with pytest.raises(CheckpointError, match="in this build, which carries no bundled weights"):
        run("download", "masklet-small")
    path.rename(package)
    assert run("download", "masklet-small") == f"{package}\n"


def test_verify_by_name_checks_the_sum_and_the_tensors(entry, cache):
    with pytest.raises(
        CheckpointError, match=r"made-up is not here: .*`masklet models download made"
    ):
        run("verify", "made-up")
    run("download", "made-up")
    said = run("verify", "made-up")
    assert f"checksum: {entry.remote.sha256}, as published" in said
    assert "model: a model of 1-1-1-1 blocks, 16 channels, width 256, " in said
    assert "torch.float32" in said
    assert f"{cache / 'cached.pt'} is whole" in said


def test_verify_by_name_notices_a_changed_byte_even_with_the_old_time(entry, cache):
    run("download", "made-up")
    file = cache / "cached.pt"
    content, status = bytearray(file.read_bytes()), file.stat()
    content[-200] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(DownloadError, match="it is damaged or another file"):
        run("verify", "made-up")


def test_verify_of_a_path_names_the_model(path):
    said = run("verify", path)
    assert "checksum" not in said
    assert f"{path} is whole" in said


def test_verify_of_a_damaged_file_fails(path):
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="is truncated or damaged"):
        run("verify", path)


def test_convert_goes_through_every_layout_and_back(path, model, tmp_path):
    ours, folder, official = tmp_path / "m.safetensors", tmp_path / "folder", tmp_path / "m.pt"
    assert run("convert", path, ours, "--to", "safetensors") == f"{ours}\n"
    assert run("convert", ours, folder, "--to", "huggingface") == f"{folder}\n"
    assert run("convert", folder, official, "--to", "official") == f"{official}\n"
    again = load(official, device="cpu")
    assert again.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_convert_keeps_the_precision_of_the_file(model, tmp_path):
    tensors = {name: tensor.half() for name, tensor in model.state_dict().items()}
    document = {"model": tensors, "masklet_config": model.config.to_json()}
    torch.save(document, tmp_path / "half.pt")
    run("convert", tmp_path / "half.pt", tmp_path / "half.safetensors", "--to", "safetensors")
    with safe_open(tmp_path / "half.safetensors", framework="pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118


def test_convert_writes_name_and_licence_of_a_model_of_the_zoo(entry, tmp_path):
    run("convert", "made-up", tmp_path / "m.safetensors", "--to", "safetensors")
    with safe_open(tmp_path / "m.safetensors", framework="pt") as file:
        metadata = file.metadata()
    assert (metadata["name"], metadata["licence"]) == ("made-up", "CC0-1.0")


def test_a_conversion_says_nothing_but_its_result(path, tmp_path):
    target = tmp_path / "again.pt"
    result = CliRunner().invoke(app, ["convert", str(path), str(target), "--to", "official"])
    assert result.stdout == f"{target}\n"
    assert result.stderr == ""


def test_convert_overwrites_nothing(path):
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists; expected a new name"):
        run("convert", path, path, "--to", "official")
    assert path.read_bytes() == before


def test_convert_to_an_unknown_layout_lists_the_known_ones(path, tmp_path):
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "x"), "--to", "onnx"])
    assert result.exit_code == 2
    for layout in ("official", "safetensors", "huggingface"):
        assert f"'{layout}'" in result.stderr
