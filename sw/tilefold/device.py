"""The device: a board with Tilefold on it, or a simulation; the same program runs on both."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.device import Mode
from tilefold_hw.layer import Layer

from . import measure
from .bundle import Bundle, Site
from .link.payload import (
    bytes_to_samples,
    bytes_to_words,
    restored_bytes,
    samples_to_bytes,
)
from .link.talk import Progress
from .measure import Bench, SelfTest
from .model.arith import Ints, require
from .model.pack import Words
from .model.tiles import cut, join
from .session import BAUD, DeviceError, Identity, Session

_BOTH = ("encoder", "decoder")


class Device:
    """A board with Tilefold on it, or a simulation of one.

    It is reset and opened when this is made: it then holds no layer. A device that is reset in the
    middle of something is opened again, and what was being done is done again: what is returned is
    whole and right, or an error says why not.

    Parameters
    ----------
    url : str
        ``/dev/ttyUSB0``, ``socket://host:port``, or ``sim://CONFIG`` for a simulation.
    config : CodecConfig, optional
        What the device's codec is built with. Left out, it is found among the presets, or taken
        from the bundle that is loaded.
    baud : int
        Of a serial port.

    Raises
    ------
    PortError
        The port is absent, busy or not permitted.
    LinkError
        Nobody answers, or no Tilefold device; here, and whenever the device is used.
    ConfigMismatch
        The device is of another version, or not built with *config*.

    Examples
    --------
    ::

        with Device("sim://demo") as device:
            device.load("digits.safetensors")
            words = device.encode(feature_map, "conv2")
            restored = device.decode(words, "conv2")
    """

    def __init__(self, url: str, *, config: CodecConfig | None = None, baud: int = BAUD):
        self.bundle: Bundle | None = None
        self._session = Session(url, config, baud)

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
        self._session.link.close()

    @property
    def identity(self) -> Identity:
        """What the device says it is."""
        return self._session.identity

    @property
    def config(self) -> CodecConfig:
        """What the device's codec is built with.

        Raises
        ------
        ConfigMismatch
            Nobody has said, and it is no preset.
        """
        return self._session.config

    def load(self, bundle: Bundle | str | Path) -> None:
        """Take *bundle* as what runs. A site's layer is loaded when it is first used.

        Raises
        ------
        ConfigMismatch
            It is for another configuration than the device has.
        """
        if not isinstance(bundle, Bundle):
            bundle = Bundle.load(bundle)
        bundle.check()
        self._session.agree(bundle.config, "bundle")
        self.bundle = bundle

    def place(self, layer: str | Site) -> None:
        """Load a site's layer into all that the device has, and see that it is taken."""
        site, sides = self._site(layer), self.identity.sides
        self._session.whole(lambda: self._session.prepare(None, sides, site.layer))

    def encode(self, maps: Ints, layer: str | Site, progress: Progress | None = None) -> Words:
        """Compress maps.

        Parameters
        ----------
        maps : int[C, H, W] or int[N, C, H, W]
            Samples; each map is a packet.
        layer : str or Site
            Name of a site of the bundle, or a site.
        progress : callable

        Returns
        -------
        uint8[words, word_width / 8]
            As many words a map as the budget says.
        """
        site = self._site(layer)
        packets = self._packets(maps, site)
        expected = len(packets) * packet_words(self.config, site.layer) * self._word_bytes
        data = self._session.run(Mode.ENCODE, ("encoder",), site.layer, packets, expected, progress)
        return bytes_to_words(self.config, data)

    def decode(self, words: Words, layer: str | Site, progress: Progress | None = None) -> Ints:
        """Restore maps.

        Parameters
        ----------
        words : uint8[words, word_width / 8]
            Of one map or several.
        layer : str or Site
        progress : callable

        Returns
        -------
        int32[C, H, W], or int32[N, C, H, W] if the words are of several maps
        """
        site = self._site(layer)
        words = np.asarray(words)
        each = packet_words(self.config, site.layer)
        count = len(words) if words.ndim == 2 else 0
        if (
            words.dtype != np.uint8
            or not count
            or count % each
            or words.shape[1] != (width := self._word_bytes)
        ):
            raise ValueError(
                f"words of {site.name!r} must be uint8[words, {self._word_bytes}], words a "
                f"multiple of {each}, not {words.dtype}{list(words.shape)}"
            )
        packets = [packet.tobytes() for packet in words.reshape(-1, each * width)]
        return self._restore(Mode.DECODE, ("decoder",), site, packets, progress)

    def roundtrip(self, maps: Ints, layer: str | Site, progress: Progress | None = None) -> Ints:
        """Compress maps into the device's own store, and restore them from there.

        Parameters and result are those of :meth:`encode` and :meth:`decode`.
        """
        site = self._site(layer)
        packets = self._packets(maps, site)
        return self._restore(Mode.ROUNDTRIP, _BOTH, site, packets, progress)

    def counters(self) -> dict[str, dict[str, int]]:
        """Return what each side of the device and both ends of the link have counted."""
        session = self._session
        found = {side: session.counters(side) for side in self.identity.sides}
        found["link"] = {
            "damaged": session.link.damaged,
            "resent": session.link.resent,
            **{f"device_{name}": session.own(name) for name in ("damaged", "dropped", "wrong")},
        }
        return found

    def selftest(self, packets: int = 16) -> SelfTest:
        """Run a pattern that the device makes through all it has.

        Raises
        ------
        DeviceError
            The signatures are not those that the golden model predicts.
        """
        return measure.selftest(self._session, packets)

    def bench(self, packets: int = 16, progress: Progress | None = None) -> Bench:
        """Measure the device, with the link in the loop and without."""
        return measure.bench(self._session, packets, progress)

    def seconds(self) -> float:
        """Return the time at the device: in a simulation, that of its clock."""
        return self._session.link.seconds()

    @property
    def _word_bytes(self) -> int:
        return self.config.word_width // 8

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
                f"maps of {site.name!r} must have shape {shape}, or several of them, "
                f"not {maps.shape}"
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
        layer: Layer = site.layer
        each = restored_bytes(self.config, layer)
        data = self._session.run(mode, sides, layer, packets, len(packets) * each, progress)
        maps = np.stack(
            [
                join(
                    bytes_to_samples(
                        layer.on(self.config), data[start : start + each], layer.channels_out
                    ),
                    site.height,
                    site.width,
                )
                for start in range(0, len(data), each)
            ]
        )
        return maps[0] if len(maps) == 1 else maps
