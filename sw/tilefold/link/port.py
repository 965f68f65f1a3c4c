"""Ports: what a URL names, opened, or a sentence that says why not."""

import errno
import os
from typing import Any

import serial

# Where pyserial looks for more kinds of URL: `sim://` is there when the simulation is installed.
_HANDLERS = "tilefold_sim.urls"

WRITE_TIMEOUT = 5.0
"""Seconds after which a port that takes no bytes has failed."""


class PortError(ConnectionError):
    """A port could not be opened."""


def open_port(url: str, baud: int) -> Any:
    """Open a port: a device such as ``/dev/ttyUSB0``, ``socket://host:port`` or ``sim://CONFIG``.

    Returns
    -------
    serial.SerialBase
        With an exclusive lock, where the system has such.

    Raises
    ------
    PortError
        It is absent, busy or not permitted; says what to do.
    """
    if _HANDLERS not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(_HANDLERS)
    exclusive = {} if "://" in url else {"exclusive": True}
    try:
        return serial.serial_for_url(url, baudrate=baud, write_timeout=WRITE_TIMEOUT, **exclusive)
    except serial.SerialException as error:
        raise PortError(_why(url, error)) from None
    except ValueError as error:
        if "protocol" in str(error):
            if url.startswith("sim:"):
                raise PortError(
                    f"{url} needs the simulation: pip install 'tilefold[sim]'"
                ) from None
            raise PortError(
                f"port must be a device, socket://host:port or sim://CONFIG, not {url!r}"
            ) from None
        raise


def _why(url: str, error: serial.SerialException) -> str:
    number = error.errno
    if number is None and "exclusively lock" in str(error):
        number = errno.EBUSY
    if number == errno.ENOENT:
        return f"{url} is not there: is the board plugged in? `tilefold doctor` lists the ports"
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"{url} may not be opened by {_user()}: add the user to the group that owns it "
            "(dialout or uucp on Linux) and log in again"
        )
    if number in (errno.EBUSY, errno.EAGAIN):
        return f"{url} is in use: close the program that has opened it"
    return f"{url} can't be opened: {error}"


def _user() -> str:
    return os.environ.get("USER") or "this user"
