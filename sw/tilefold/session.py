"""The session: a device that was opened, what it is, and what it is loaded with."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TypeVar

from tilefold_hw.config import PRESETS, CodecConfig
from tilefold_hw.device import DECODER, DEVICES, ENCODER, ID, SPACES, VERSION, device_registers
from tilefold_hw.layer import Layer
from tilefold_hw.regs import BUSY, CONFIGURED, RegisterMap, decoder_map, encoder_map
from tilefold_hw.writes import decoder_writes, encoder_writes

from .link.link import Link
from .link.talk import Progress
from .link.window import LinkError, SessionLost

_Result = TypeVar("_Result")

BAUD = 3_000_000

ATTEMPTS = 8
"""Times that an operation is begun when the device is reset under it."""

_OWN = {register.name: register.address for register in device_registers()}
_MAPS: dict[str, Callable[[CodecConfig], RegisterMap]] = {
    "encoder": encoder_map,
    "decoder": decoder_map,
}
_WRITES = {"encoder": encoder_writes, "decoder": decoder_writes}

# Reads of the status in which the end of the last packet has been told to it.
_LOOKS = 3


class ConfigMismatch(ValueError):
    """The device is built otherwise than what it is asked to run needs."""


class DeviceError(OSError):
    """The device did not do what it should have."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says it is."""

    #: SHA-256 of the codec's configuration, in hex.
    digest: str
    encoder: bool
    decoder: bool
    clock_hz: int
    #: Requests, and bytes each way, that it keeps.
    slots: int
    ring: int

    @property
    def sides(self) -> tuple[str, ...]:
        """Names of what there is."""
        return ("encoder",) * self.encoder + ("decoder",) * self.decoder


class Session:
    """A device that was opened, and is opened again when it was reset.

    Parameters
    ----------
    url : str
    config : CodecConfig, optional
    baud : int
        Those of :class:`~tilefold.device.Device`.
    """

    def __init__(self, url: str, config: CodecConfig | None, baud: int):
        self.url = url
        self._config = config
        self._sound = False
        self._loaded: dict[str, Layer] = {}
        self._mode: int | None = None
        self.link = Link(url, baud)
        try:
            self.identity = self._first()
            self._recognise()
        except BaseException:
            self.link.close()
            raise

    @property
    def config(self) -> CodecConfig:
        """What the device's codec is built with."""
        if self._config is None:
            raise ConfigMismatch(
                f"the device's configuration, digest {self.identity.digest[:8]}, is none of the "
                "presets: load a bundle for it, or give the configuration"
            )
        return self._config

    def agree(self, config: CodecConfig, what: str) -> None:
        """Take *config* as what the device is built with, if it is; *what* names who says so."""
        if config.digest != self.identity.digest:
            raise ConfigMismatch(f"{what} must be for this device: {self._differs(config, what)}")
        self._config = config

    def whole(self, operation: Callable[[], _Result]) -> _Result:
        """Return what *operation* does; begin it again if the device was reset under it."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if not self._sound:
                    self._reopen()
                return operation()
            except SessionLost:
                self._sound = False
                if attempt == ATTEMPTS:
                    raise
            except BaseException:
                # Nobody knows how much of it is inside: the next operation clears that.
                self._sound = False
                raise
        raise AssertionError

    def run(
        self,
        mode: int,
        sides: tuple[str, ...],
        layer: Layer,
        packets: list[bytes],
        expected: int,
        progress: Progress | None = None,
    ) -> bytes:
        """Send *packets* through *sides*, and return the *expected* bytes that come out."""

        def run() -> bytes:
            self.prepare(mode, sides, layer)
            data = self.link.transfer(packets, expected, progress)
            for side in sides:
                if self.read(side, "errors"):
                    raise DeviceError(f"the {side} has found packets that its layer does not have")
            return data

        return self.whole(run)

    def prepare(self, mode: int | None, sides: tuple[str, ...], layer: Layer) -> None:
        """Have *layer* take effect from the next packet on, on these sides, and choose the way."""
        for side in sides:
            if side not in self.identity.sides:
                raise ConfigMismatch(f"the device at {self.url} has no {side}")
        wanting = [side for side in sides if self._loaded.get(side) != layer]
        if any(map(self._busy, wanting)):
            # The layer before has had no packet, and can't be taken back.
            self._reopen()
            wanting = list(sides)
        for side in wanting:
            self._load(side, layer)
        if mode is not None and self._mode != mode:
            self.write("mode", mode)
            self._mode = mode

    def own(self, name: str) -> int:
        """Read a register of the device's own."""
        return self.link.read(SPACES["device"] + _OWN[name])[0]

    def write(self, name: str, value: int) -> None:
        """Write a register of the device's own."""
        self.link.write([(SPACES["device"] + _OWN[name], value)])

    def read(self, side: str, name: str) -> int:
        """Read a register of one side."""
        address = _MAPS[side](self.config).register(name).address
        return self.link.read(SPACES[side] + address)[0]

    def counters(self, side: str) -> dict[str, int]:
        """Read what one side has counted."""
        names = [register.name for register in _MAPS[side](self.config).registers]
        return {
            name.removesuffix("_count"): self.read(side, name)
            for name in names
            if name.endswith("_count")
        }

    def _first(self) -> Identity:
        """Open the device; begin again if it was reset under that."""
        for _ in range(ATTEMPTS - 1):
            with suppress(SessionLost):
                return self._open()
        return self._open()

    def _open(self) -> Identity:
        self._sound, self._mode = False, None
        self._loaded.clear()
        self.link.open()
        found = dict(zip(_OWN, self.link.read(SPACES["device"], len(_OWN)), strict=True))
        if found["id"] != ID:
            raise LinkError(
                f"{self.url} must be a Tilefold device, whose id is {ID:#x}, not {found['id']:#x}"
            )
        if found["version"] != VERSION:
            raise ConfigMismatch(
                f"the device's version must be {VERSION:#x}, which this program speaks, "
                f"not {found['version']:#x}: build and program it again"
            )
        self.link.agree(found["slots"], found["ring"])
        self._sound = True
        return Identity(
            digest="".join(f"{found[f'digest_{word}']:08x}" for word in range(8)),
            encoder=bool(found["sides"] & ENCODER),
            decoder=bool(found["sides"] & DECODER),
            clock_hz=found["clock"],
            slots=found["slots"],
            ring=found["ring"],
        )

    def _reopen(self) -> None:
        if self._open() != self.identity:
            raise ConfigMismatch(f"another device is at {self.url} now")

    def _recognise(self) -> None:
        """Find out what the device is built with, or hold it against what was said."""
        if self._config is not None:
            self.agree(self._config, "configuration")
            return
        known = (*PRESETS.values(), *(each.codec for each in DEVICES.values()))
        digest = self.identity.digest
        self._config = next((each for each in known if each.digest == digest), None)

    def _differs(self, other: CodecConfig, what: str) -> str:
        if self._config is None or self._config == other:
            return f"its digest is {self.identity.digest[:8]}, the {what}'s {other.digest[:8]}"
        mine, theirs = asdict(self._config), asdict(other)
        return ", ".join(
            f"{name} is {value} in the device and {theirs[name]} in the {what}"
            for name, value in mine.items()
            if theirs[name] != value
        )

    def _busy(self, side: str) -> bool:
        """Tell whether no layer can be written: not even after a last packet has had its time."""
        return all(self.read(side, "status") & BUSY for _ in range(_LOOKS))

    def _load(self, side: str, layer: Layer) -> None:
        self._loaded.pop(side, None)
        writes = _WRITES[side](self.config, layer)
        self.link.write((SPACES[side] + address, value) for address, value in writes)
        if self.read(side, "errors"):
            raise DeviceError(f"the {side} has refused a layer")
        if not self.read(side, "status") & CONFIGURED:
            raise DeviceError(f"the {side} has not taken a layer")
        self._loaded[side] = layer
