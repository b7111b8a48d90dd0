"""What is found out about the computer, also where it tells little."""

import dataclasses
import json
import platform

import torch

import masklet
from masklet.eval.environment import DeviceRecord, Environment, cpu_name, environment, matmul_gflops


def test_it_tells_what_runs_here():
    found = environment()
    assert found.cpu
    assert found.threads == torch.get_num_threads()
    assert found.python == platform.python_version()
    assert found.torch == torch.__version__
    assert found.masklet == masklet.__version__
    (device,) = found.devices
    assert device.device == "cpu"
    assert device.name == found.cpu
    assert device.matmul_gflops > 0


def test_it_is_json():
    described = json.loads(json.dumps(dataclasses.asdict(environment())))
    assert described["devices"][0]["device"] == "cpu"


def test_the_processor_is_called_as_linux_calls_it(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Example 9000: fast\n")
    assert cpu_name(tmp_path / "cpuinfo") == "Example 9000: fast"


def test_a_processor_without_a_name_is_called_by_its_architecture(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert cpu_name(tmp_path / "cpuinfo") == cpu_name(tmp_path / "gone")
    assert cpu_name(tmp_path / "gone") != ""


def test_the_rate_is_that_of_a_matrix_product():
    # Of the slowest computer that runs torch, and of one faster than all that exist.
    assert 0.01 < matmul_gflops(torch.device("cpu")) < 1e6


def made(threads=2, driver=None, devices=()):
    return Environment(
        cpu="Example 9000",
        cores=8,
        threads=threads,
        memory_bytes=None,
        system="Linux",
        python="3.12.1",
        torch="2.9.0",
        masklet="0.2.0",
        cuda=None if driver is None else "13.0",
        driver=driver,
        devices=devices,
    )


def test_one_line_says_what_figures_depend_on():
    cpu = DeviceRecord("cpu", "Example 9000", None, 100.0)
    assert str(made(1, devices=(cpu,))) == "Example 9000, 1 thread; torch 2.9.0, masklet 0.2.0"
    gpu = DeviceRecord("cuda:0", "Example GPU", 2**36, 50_000.0)
    assert str(made(driver="580.1", devices=(gpu,))) == (
        "Example 9000, 2 threads; Example GPU; torch 2.9.0, driver 580.1, masklet 0.2.0"
    )
