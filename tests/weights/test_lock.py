"""The lock between processes."""

import subprocess
import sys
import threading

import pytest

from masklet.weights.lock import exclusive

HOLD = """
import sys
from pathlib import Path
from masklet.weights.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""


@pytest.fixture
def other_process(tmp_path):
    """A process that holds the lock until it reads a line."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_waits_until_the_other_process_lets_go(other_process, tmp_path):
    said = []

    def let_go():
        other_process.stdin.write("\n")
        other_process.stdin.flush()
        said.append(other_process.stdout.readline())

    timer = threading.Timer(0.3, let_go)
    timer.start()
    with exclusive(tmp_path / "lock"):
        timer.join()
    assert said == ["released\n"]


def test_a_lock_is_free_once_its_holder_is_killed(other_process, tmp_path):
    other_process.kill()
    with exclusive(tmp_path / "lock"):
        pass
