import os
import sys

import pytest

from tilefold.link.port import PortError, open_port


def test_a_port_that_is_absent_says_so(tmp_path):
    path = tmp_path / "ttyUSB9"
    with pytest.raises(
        PortError, match=rf"^{path} is not there: is the board plugged in\? `tilefold doctor` lists"
    ):
        open_port(str(path), 115_200)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_port_that_is_in_use_says_so():
    master, slave = os.openpty()
    path = os.ttyname(slave)
    port = open_port(path, 115_200)
    with pytest.raises(
        PortError, match=rf"^{path} is in use: close the program that has opened it$"
    ):
        open_port(path, 115_200)
    port.close()
    open_port(path, 115_200).close()
    os.close(master)
    os.close(slave)


def test_a_port_that_is_not_permitted_says_so(monkeypatch):
    def refuse(path, flags):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serial.serialposix.os.open", refuse)
    monkeypatch.setenv("USER", "ada")
    with pytest.raises(
        PortError, match=r"^/dev/ttyUSB0 may not be opened by ada: add the user to the group"
    ):
        open_port("/dev/ttyUSB0", 115_200)


def test_a_socket_that_nobody_serves_says_so():
    with pytest.raises(PortError, match=r"^socket://127\.0\.0\.1:1 can't be opened: .*refused"):
        open_port("socket://127.0.0.1:1", 115_200)


def test_a_url_of_no_kind_says_what_kinds_there_are():
    message = r"^port must be a device, socket://host:port or sim://CONFIG, not 'ftp://x'$"
    with pytest.raises(PortError, match=message):
        open_port("ftp://x", 115_200)


def test_a_simulation_of_nothing_says_what_there_is():
    with pytest.raises(PortError, match=r"^sim://x can't be opened: device must be a TOML file or"):
        open_port("sim://x", 115_200)
    with pytest.raises(PortError, match=r"option of sim://tiny\?y must be bits, not y$"):
        open_port("sim://tiny?y", 115_200)
