"""Figures of speed as a sweep would give them, for tests of what is made of them."""

from masklet.eval.bench.memory_peak import Peak
from masklet.eval.bench.speed_records import PARTS, Bench, Cell, Measured, Setup, timing
from masklet.eval.environment import DeviceRecord, Environment

ENVIRONMENT = Environment(
    cpu="Example 9000",
    cores=8,
    threads=2,
    memory_bytes=2**34,
    system="Linux",
    python="3.12.1",
    torch="2.9.0",
    masklet="0.2.0",
    cuda=None,
    driver=None,
    devices=(DeviceRecord("cpu", "Example 9000", None, 100.0),),
)


def measured(objects=1, size=512, dtype="float32", model="tiny", device="cpu"):
    """A row of which a frame takes 0.1 s for each object, and every other part a tenth of it."""
    frame = (0.1 * objects, 0.1 * objects, 0.1 * objects)
    parts = {name: timing([value / 10 for value in frame]) for name in PARTS}
    parts["frame"] = timing(frame)
    return Measured(
        Cell(Setup(model, device, dtype), size, objects), parts, Peak(300 * 2**20, "process")
    )


def failed(objects=64):
    """A row that did not fit."""
    cell = Cell(Setup("tiny", "cpu", "float32"), 512, objects)
    return Measured(cell, {}, failure="out of memory")


def bench(*rows):
    """Such rows, with all that stands around them."""
    return Bench(ENVIRONMENT, (720, 1280), rows)
