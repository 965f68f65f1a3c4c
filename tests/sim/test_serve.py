"""A simulated device for other programs, and programs that open it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import serial

from tilefold.demo import digits
from tilefold.demo.calibrate import quantise
from tilefold.demo.network import load
from tilefold.device import Device
from tilefold.link.frames import Frame, Reader, encode
from tilefold_hw.config import preset
from tilefold_hw.device import DEVICES, ID
from tilefold_hw.link import DONE, Kind
from tilefold_sim.board import Board
from tilefold_sim.serve import Server


@pytest.fixture(scope="module")
def server():
    """A served device, in a thread of its own."""
    with Server(Board(DEVICES["icebreaker"])) as server:
        ended = threading.Event()
        thread = threading.Thread(target=server.run, args=(lambda: not ended.is_set(),))
        thread.start()
        yield server
        ended.set()
        thread.join()


def test_plain_pyserial_opens_the_pseudo_terminal(server):
    with serial.Serial(server.path, 3_000_000, timeout=5) as port:
        port.write(
            b"\0" + encode(Frame(Kind.OPEN, 0, 7, 0)) + encode(Frame(Kind.READ, 1, 7, 0, b"\1"))
        )
        reader, frames = Reader(), []
        while len(frames) < 2:
            data = port.read(max(1, port.in_waiting))
            assert data
            frames += reader.feed(data)
    assert frames[0] == Frame(Kind.OPEN | DONE, 0, 7, 0)
    assert frames[1].data == ID.to_bytes(4, "little")


@pytest.mark.parametrize("way", ["path", "url"])
def test_the_host_opens_it_as_it_opens_a_board(server, way):
    for _ in range(2):
        with Device(getattr(server, way)) as device:
            assert device.identity.digest == DEVICES["icebreaker"].codec.digest
            assert device.selftest(packets=2).samples


def test_a_port_is_opened_by_one_program_at_a_time(server):
    with Device(server.path):
        with pytest.raises(ConnectionError, match=r"is in use: close the program that has opened"):
            Device(server.path)


def test_the_program_tells_where_it_serves_and_ends_at_an_interrupt():
    command = [sys.executable, "-c", "from tilefold.cli import main; main()"]
    command += ["sim-board", "icebreaker"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        path, url = (process.stdout.readline().strip() for _ in range(2))
        try:
            with Device(url) as device:
                assert device.identity.encoder
            assert os.path.exists(path)
        finally:
            process.send_signal(2)
    assert process.returncode == 0


FOLDER = Path(__file__).parents[2] / "examples"

EXAMPLES = {
    "sweep_tables.py": ["sim://ulx3s"],
    "measure.py": ["sim://icebreaker"],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name):
    done = example(name, *EXAMPLES[name])
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_digits_network_runs_on_a_device_as_the_model_says(tmp_path):
    bundle, _ = quantise(load(), digits.load().train_images[:64], preset("demo"))
    path = tmp_path / "digits.safetensors"
    bundle.save(path)
    done = example("run_network.py", "sim://ulx3s", str(path), "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("each as the golden model says\n")
    assert len((FOLDER / "run_network.py").read_text().splitlines()) <= 40


def example(name, *arguments):
    command = [sys.executable, str(FOLDER / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
