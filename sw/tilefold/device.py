"""The device: a board with Tilefold on it, or a simulation; the same program runs on both."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from tilefold_hw import regs
from tilefold_hw.budget import packet_words
from tilefold_hw.config import PRESETS, CodecConfig
from tilefold_hw.device import (
    DECODER,
    DEVICES,
    ENCODER,
    ID,
    SPACES,
    VERSION,
    Mode,
    device_registers,
)
from tilefold_hw.layer import Layer
from tilefold_hw.regs import RegisterMap, decoder_map, decoder_writes, encoder_map, encoder_writes

from . import selftest
from .bundle import Bundle, Site
from .link.link import Link
from .link.payload import bytes_to_samples, bytes_to_words, samples_to_bytes
from .link.talk import Progress
from .link.window import LinkError, SessionLost
from .model.arith import Ints, require
from .model.pack import Words
from .model.tiles import cut, join

_Result = TypeVar("_Result")

BAUD = 3_000_000

ATTEMPTS = 5
"""Times that an operation is begun again when the device was reset under it."""

_WRITES = {"encoder": encoder_writes, "decoder": decoder_writes}
_MAPS: dict[str, Callable[[CodecConfig], RegisterMap]] = {
    "encoder": encoder_map,
    "decoder": decoder_map,
}
_OWN = {register.name: register.address for register in device_registers()}

# Looks at the signatures in which nothing has changed, after which the self-test has ended.
_STILL = 3


class ConfigMismatch(ValueError):
    """The device is built otherwise than what it is asked to run needs."""


class DeviceError(RuntimeError):
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


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a self-test found: samples that the device made itself, through all it has."""

    samples: int
    cycles: int
    clock_hz: int

    @property
    def samples_per_second(self) -> float:
        """True throughput: no link is in the loop."""
        return self.samples * self.clock_hz / self.cycles


class Device:
    """A session with a device.

    It is reset and opened when this is made: it then holds no layer. A device that is reset in the
    middle of something is opened again, and what was being done is done again, so what is returned
    is whole and right or an error says why not.

    Parameters
    ----------
    url : str
        ``/dev/ttyUSB0``, ``socket://host:port``, or ``sim://CONFIG`` for a simulation.
    config : CodecConfig, optional
        What the device's codec is built with. Left out, it is found among the presets, or taken
        from the bundle that is loaded.
    baud : int

    Raises
    ------
    PortError
        The port is absent, busy or not permitted.
    LinkError
        Nobody answers, or no Tilefold device.
    ConfigMismatch
        The device is of another version, or not built with *config*.

    Examples
    --------
    ::

        with Device("sim://demo") as device:
            device.load(Bundle.load("digits.safetensors"))
            words = device.encode(feature_map, "conv2")
            restored = device.decode(words, "conv2")
    """

    def __init__(self, url: str, *, config: CodecConfig | None = None, baud: int = BAUD):
        self.url = url
        self.bundle: Bundle | None = None
        self._config = config
        self._sound = False
        self._loaded: dict[str, Layer] = {}
        self._mode: int | None = None
        self.link = Link(url, baud)
        try:
            self.identity = self._open()
            self._recognise()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        self.link.close()

    @property
    def config(self) -> CodecConfig:
        """What the device's codec is built with."""
        if self._config is None:
            raise ConfigMismatch(
                f"the device's configuration, digest {self.identity.digest[:8]}, is none of the "
                "presets: load a bundle for it, or give the configuration"
            )
        return self._config

    def load(self, bundle: Bundle | str | Path) -> None:
        """Take *bundle* as what runs: its sites are loaded when they are first used.

        Raises
        ------
        ConfigMismatch
            It is for another configuration than the device has.
        """
        if not isinstance(bundle, Bundle):
            bundle = Bundle.load(bundle)
        bundle.check()
        if bundle.config.digest != self.identity.digest:
            raise ConfigMismatch(f"bundle must be for this device: {self._differs(bundle.config)}")
        self._config = bundle.config
        self.bundle = bundle

    def encode(self, maps: Ints, layer: str | Site, progress: Progress | None = None) -> Words:
        """Compress maps.

        Parameters
        ----------
        maps : int[C, H, W] or int[N, C, H, W]
            Samples; several maps are several packets.
        layer : str or Site
            Name of a site of the bundle.

        Returns
        -------
        uint8[words, word_width / 8]
        """
        site = self._site(layer)
        packets = self._packets(maps, site)
        expected = len(packets) * packet_words(self.config, site.layer) * self._word_bytes

        def run() -> bytes:
            return self._run(Mode.ENCODE, ("encoder",), site.layer, packets, expected, progress)

        return bytes_to_words(self.config, self._whole(run))

    def decode(self, words: Words, layer: str | Site, progress: Progress | None = None) -> Ints:
        """Restore maps.

        Parameters
        ----------
        words : uint8[words, word_width / 8]
            Of one map or several.
        layer : str or Site

        Returns
        -------
        int32[C, H, W], or int32[N, C, H, W] if the words are of several maps
        """
        site = self._site(layer)
        words = np.asarray(words)
        each = packet_words(self.config, site.layer)
        shape = (len(words) // each * each, self._word_bytes) if words.ndim else ()
        if words.dtype != np.uint8 or words.shape != shape or not len(words):
            raise ValueError(
                f"words of {site.name!r} must be uint8[words, {self._word_bytes}], words a "
                f"multiple of {each}, not {words.dtype}{list(words.shape)}"
            )
        packets = [packet.tobytes() for packet in words.reshape(-1, each * self._word_bytes)]
        return self._restore(Mode.DECODE, ("decoder",), site, packets, progress)

    def roundtrip(self, maps: Ints, layer: str | Site, progress: Progress | None = None) -> Ints:
        """Compress maps into the device's own store, and restore them from there.

        Parameters and result are those of :meth:`encode` and :meth:`decode`.
        """
        site = self._site(layer)
        packets = self._packets(maps, site)
        return self._restore(Mode.ROUNDTRIP, ("encoder", "decoder"), site, packets, progress)

    def counters(self) -> dict[str, dict[str, int]]:
        """Return what the device and this end of the link have counted, by side."""
        found = {}
        for side in self._sides:
            registers = _MAPS[side](self.config).registers
            found[side] = {
                register.name.removesuffix("_count"): self._read(side, register.address)
                for register in registers
                if register.name.endswith("_count")
            }
        found["link"] = {
            "damaged": self.link.damaged,
            "resent": self.link.resent,
            **{f"device_{name}": self._own(name) for name in ("damaged", "dropped", "wrong")},
        }
        return found

    def selftest(self, packets: int = 16) -> SelfTest:
        """Run a pattern that the device makes through all it has, and compare the signatures.

        Raises
        ------
        DeviceError
            They are not what the golden model says.
        """
        layer = selftest.layer(self.config)
        sides = tuple(self._sides)
        expected = selftest.expected(self.config, layer, packets, decoder="decoder" in sides)

        def run() -> SelfTest:
            self._prepare(Mode.SELFTEST, sides, layer)
            self.link.write([(SPACES["device"] + _OWN["run"], packets * expected.items)])
            found = self._signatures(expected.signatures)
            if found != expected.signatures:
                told = ", ".join(
                    f"{name} {value:#010x}, not {expected.signatures[name]:#010x}"
                    for name, value in found.items()
                    if value != expected.signatures[name]
                )
                raise DeviceError(f"self-test found other signatures than predicted: {told}")
            samples = packets * expected.items * self.config.lanes
            return SelfTest(samples, self._own("cycles"), self.identity.clock_hz)

        return self._whole(run)

    @property
    def _sides(self) -> Iterator[str]:
        if self.identity.encoder:
            yield "encoder"
        if self.identity.decoder:
            yield "decoder"

    @property
    def _word_bytes(self) -> int:
        return self.config.word_width // 8

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

    def _recognise(self) -> None:
        """Find out what the device is built with, or hold it against what was said."""
        if self._config is None:
            known = (*PRESETS.values(), *(each.codec for each in DEVICES.values()))
            self._config = next((c for c in known if c.digest == self.identity.digest), None)
        elif self._config.digest != self.identity.digest:
            raise ConfigMismatch(
                f"configuration must be the device's, digest {self.identity.digest[:8]}, "
                f"not {self._config.digest[:8]}"
            )

    def _differs(self, other: CodecConfig) -> str:
        if self._config is None:
            return f"its digest is {self.identity.digest[:8]}, the bundle's {other.digest[:8]}"
        mine, theirs = asdict(self._config), asdict(other)
        return ", ".join(
            f"{name} is {value} in the device and {theirs[name]} in the bundle"
            for name, value in mine.items()
            if theirs[name] != value
        )

    def _site(self, layer: str | Site) -> Site:
        if isinstance(layer, Site):
            layer.check(self.config)
            return layer
        if self.bundle is None:
            raise DeviceError(f"a bundle must be loaded before {layer!r} is used")
        return self.bundle.site(layer)

    def _packets(self, maps: Ints, site: Site) -> list[bytes]:
        """Maps as packets of bytes."""
        maps = np.asarray(maps)
        shape = (site.layer.channels_in, site.height, site.width)
        if maps.shape[-3:] != shape or maps.ndim not in (3, 4) or not maps.size:
            raise ValueError(
                f"maps of {site.name!r} must have shape {shape}, or (maps, "
                f"{', '.join(map(str, shape))}), not {maps.shape}"
            )
        require(maps, self.config.sample, "samples")
        tile = site.layer.on(self.config).tile
        return [samples_to_bytes(self.config, cut(each, tile)) for each in maps.reshape(-1, *shape)]

    def _restore(
        self,
        mode: int,
        sides: tuple[str, ...],
        site: Site,
        packets: list[bytes],
        progress: Progress | None,
    ) -> Ints:
        """Run *packets* that come out as maps."""
        config = site.layer.on(self.config)
        channels = site.layer.channels_out
        size = -(-self.config.restored.width // 8)
        expected = len(packets) * site.layer.groups * config.pixels * channels * size
        data = self._whole(lambda: self._run(mode, sides, site.layer, packets, expected, progress))
        groups = bytes_to_samples(config, data, channels).reshape(
            len(packets), site.layer.groups, config.pixels, channels
        )
        maps = np.stack([join(each, site.height, site.width) for each in groups])
        return maps[0] if len(maps) == 1 else maps

    def _whole(self, operation: Callable[[], _Result]) -> _Result:
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

    def _reopen(self) -> None:
        if self._open() != self.identity:
            raise ConfigMismatch(f"another device is at {self.url} now")

    def _run(
        self,
        mode: int,
        sides: tuple[str, ...],
        layer: Layer,
        packets: list[bytes],
        expected: int,
        progress: Progress | None,
    ) -> bytes:
        self._prepare(mode, sides, layer)
        data = self.link.transfer(packets, expected, progress)
        for side in sides:
            if self._read(side, self._register(side, "errors")):
                raise DeviceError(f"the {side} has found packets that its layer does not have")
        return data

    def _prepare(self, mode: int, sides: tuple[str, ...], layer: Layer) -> None:
        """Have *layer* take effect from the next packet on, on these sides, and choose the way."""
        missing = [side for side in sides if side not in self._sides]
        if missing:
            raise ConfigMismatch(f"the device at {self.url} has no {missing[0]}")
        for side in sides:
            if self._loaded.get(side) != layer:
                self._load(side, layer)
        if self._mode != mode:
            self.link.write([(SPACES["device"] + _OWN["mode"], mode)])
            self._mode = mode

    def _load(self, side: str, layer: Layer) -> None:
        self._loaded.pop(side, None)
        base = SPACES[side]
        writes = [(base + at, value) for at, value in _WRITES[side](self.config, layer)]
        self.link.write(writes)
        if self._read(side, self._register(side, "errors")):
            raise DeviceError(f"the {side} has refused a layer")
        if not self._read(side, self._register(side, "status")) & regs.CONFIGURED:
            raise DeviceError(f"the {side} has not taken a layer")
        self._loaded[side] = layer

    def _signatures(self, expected: Mapping[str, int]) -> dict[str, int]:
        """Signatures, when they are as expected or change no more."""
        last: dict[str, int] = {}
        still = 0
        while still < _STILL:
            found = {name: self._own(name) for name in expected}
            if found == expected:
                return found
            still = 0 if found != last or self._own("run") else still + 1
            last = found
        return last

    def _own(self, name: str) -> int:
        return self._read("device", _OWN[name])

    def _register(self, side: str, name: str) -> int:
        return _MAPS[side](self.config).register(name).address

    def _read(self, side: str, address: int) -> int:
        return self.link.read(SPACES[side] + address)[0]
