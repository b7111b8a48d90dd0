"""Small models with made-up weights, and a web server that can be told to misbehave."""

import http.server
import threading
import time
from dataclasses import dataclass, field

import pytest
import torch

from masklet.model.config import HieraConfig, MemoryConfig, ModelConfig, Version
from masklet.model.sam2 import SAM2

SMALL_TRUNK = HieraConfig(
    embed_dim=16,
    num_heads=1,
    stages=(1, 1, 1, 1),
    global_blocks=(2,),
    window_sizes=(8, 4, 4, 2),
    position_grid=7,
)


def filled(config, seed):
    generator = torch.Generator().manual_seed(seed)
    model = SAM2(config).eval()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.normal_(generator=generator)
    return model


@pytest.fixture(scope="session")
def small():
    """A model of a few thousand numbers, of no released kind."""
    memory = MemoryConfig(version=Version.V2_1, layers=1, width=8)
    return filled(ModelConfig(SMALL_TRUNK, memory, width=16, image_size=64), seed=1)


@pytest.fixture(scope="session")
def wide():
    """As small as a model can be that transformers has too: its width is fixed there."""
    memory = MemoryConfig(version=Version.V2_0, layers=1)
    return filled(ModelConfig(SMALL_TRUNK, memory, image_size=64), seed=2)


@pytest.fixture
def same_tensors():
    """Whether two state dicts are equal: names, dtypes and every bit."""

    def same(left, right):
        return left.keys() == right.keys() and all(
            left[name].dtype == right[name].dtype and torch.equal(left[name], right[name])
            for name in left
        )

    return same


@dataclass
class Server:
    """Files on 127.0.0.1, and what goes wrong with them."""

    address: str = ""
    files: dict = field(default_factory=dict)
    etags: dict = field(default_factory=dict)
    redirects: dict = field(default_factory=dict)
    status: list = field(default_factory=list)
    """Answers that come before any file, one for each request."""
    cut_after: list = field(default_factory=list)
    """How many bytes the next answers have before their connection closes."""
    knows_ranges: bool = True
    knows_lengths: bool = True
    claimed_length: int | None = None
    shifts_ranges_by: int = 0
    pause_seconds: float = 0.0
    ranges: list = field(default_factory=list)
    """The Range of every request."""

    def url(self, name):
        return f"{self.address}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.server.state
        name = self.path.lstrip("/")
        asked.ranges.append(self.headers.get("Range"))
        time.sleep(asked.pause_seconds)
        if asked.status:
            return self.send_error(asked.status.pop(0))
        if name in asked.redirects:
            return self._head(302, {"Location": asked.redirects[name]})
        if name not in asked.files:
            return self.send_error(404)
        return self._send(name, asked.files[name])

    def _send(self, name, data):
        asked = self.server.state
        start = self._start(name)
        headers = {"ETag": asked.etags[name]} if name in asked.etags else {}
        if start and start >= len(data):
            return self._head(416, headers | {"Content-Range": f"bytes */{len(data)}"})
        body = data[start:]
        if asked.knows_lengths:
            headers["Content-Length"] = asked.claimed_length or len(body)
        if start:
            first = start + asked.shifts_ranges_by
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        self._head(206 if start else 200, headers)
        self.wfile.write(body[: asked.cut_after.pop(0)] if asked.cut_after else body)
        return None

    def _start(self, name):
        asked = self.server.state
        tag = self.headers.get("If-Range")
        is_same = tag is None or tag == asked.etags.get(name)
        if not (asked.knows_ranges and is_same and self.headers.get("Range")):
            return 0
        return int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))

    def _head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def log_message(self, *_):
        """Nothing on the screen."""


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.state = Server(address=f"http://127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listening.state
        listening.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of its own, not yet made."""
    monkeypatch.setenv("MASKLET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
