"""``sim://CONFIG``: a port whose other end is a device in simulation, inside this process.

``CONFIG`` is a board, a preset, or a TOML file. ``sim://CONFIG?bits`` has the serial line between,
bit by bit; without it bytes are handed over, which is faster by far.
"""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from serial import PortNotOpenError, SerialBase, SerialException

from tilefold_hw.device import device

from ..board import Board


class Serial(SerialBase):
    """A port of pyserial. Time passes only while somebody reads.

    So a read that times out does so at once: when the device has no more to say.
    """

    def open(self) -> None:
        """Compile the device, if it has not been before, and reset it."""
        if self._port is None:
            raise SerialException("port must have a URL before it is opened")
        parts = urlsplit(self._port)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        bits = options.pop("bits", None) is not None
        if options:
            raise SerialException(f"option of {self._port} must be bits, not {next(iter(options))}")
        try:
            config = device(parts.netloc + parts.path)
        except ValueError as error:
            raise SerialException(str(error)) from None
        self.board = Board(config, bits=bits)
        self._to_send = b""
        self._received = b""
        self.is_open = True

    def close(self) -> None:
        """Let go of the device."""
        self.is_open = False

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""
        self._check()
        return len(self._received)

    def seconds(self) -> float:
        """Return the time at the device."""
        return self.board.cycles / self.board.config.clock_hz

    def read(self, size: int = 1) -> bytes:
        """Return up to *size* bytes: fewer only if the device has no more to say."""
        self._check()
        while len(self._received) < size:
            taken, came = self.board.run(self._to_send)
            self._to_send = self._to_send[taken:]
            self._received += came
            if not came:
                break
        data, self._received = self._received[:size], self._received[size:]
        return data

    def write(self, data: Any) -> int:
        """Send *data*."""
        self._check()
        self._to_send += bytes(data)
        return len(data)

    def reset_input_buffer(self) -> None:
        """Forget what has come."""
        self._check()
        self._received = b""

    def reset_output_buffer(self) -> None:
        """Forget what was not sent yet."""
        self._check()
        self._to_send = b""

    def _check(self) -> None:
        if not self.is_open:
            raise PortNotOpenError

    def _reconfigure_port(self) -> None:
        """Baud rate and the rest are the device's."""
