"""Encoder, decoder and codec in a simulation: layers and tile groups in, words and samples out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilefold.model.arith import Ints, require
from tilefold.model.pack import Words
from tilefold.model.reorder import from_beats, to_beats
from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Layer
from tilefold_hw.regs import BUSY, CLEAR, RegisterMap, decoder_map, encoder_map
from tilefold_hw.writes import decoder_writes, encoder_writes

from .simulation import Run, Simulation

_POLLS = 8  # reads of the status in which the end of the last packet has been told to it


class Registers:
    """Registers of one side, by name, over its bus in a simulation."""

    def __init__(self, simulation: Simulation, bus: str, regmap: RegisterMap):
        self._simulation = simulation
        self._bus = bus
        self._regmap = regmap

    def read(self, name: str) -> int:
        """Read register *name*."""
        return self._simulation.read(self._bus, self._regmap.register(name).address)

    def write(self, name: str, value: int) -> None:
        """Write register *name*."""
        self._simulation.write(self._bus, [(self._regmap.register(name).address, value)])

    def load(self, writes: Iterable[tuple[int, int]]) -> None:
        """Load a layer: all packets from the next on run on it.

        Raises
        ------
        RuntimeError
            If the layer before has had no packet yet, or not the whole of one.
        """
        if all(self.read("status") & BUSY for _ in range(_POLLS)):
            raise RuntimeError("a layer must have had a whole packet before the next one is loaded")
        self._simulation.write(self._bus, writes)

    def counters(self) -> dict[str, int]:
        """All counters, by name."""
        names = [reg.name for reg in self._regmap.registers if reg.name.endswith("_count")]
        return {name.removesuffix("_count"): self.read(name) for name in names}

    def errors(self) -> int:
        """Sticky errors: bits of :mod:`tilefold_hw.regs`."""
        return self.read("errors")

    def clear(self) -> None:
        """Zero the counters and clear the errors."""
        self.write("control", CLEAR)
        self.write("errors", self.errors())


@dataclass(frozen=True, slots=True)
class Encoded:
    """Packets that an encoder made."""

    #: ``uint8[words, word_width / 8]``, the packets in a row.
    words: Words
    #: ``bool[words]``: the last word of a packet.
    last: Any
    run: Run


@dataclass(frozen=True, slots=True)
class Decoded:
    """Tile groups that a decoder restored."""

    #: ``int32[G, n·n, C]``, as the golden model gives them.
    groups: Ints
    #: ``bool[samples]``: the last sample of a packet.
    last: Any
    run: Run


@dataclass(frozen=True, slots=True)
class Roundtrip:
    """Tile groups that went through a codec."""

    #: ``int32[G, n·n, C]``, as the golden model gives them.
    groups: Ints
    #: ``uint8[words, word_width / 8]``: what was stored, the packets in a row.
    words: Words
    #: ``bool[words]``: the last word of a packet.
    last: Any
    run: Run


class Rig:
    """What encoder, decoder and codec have in common.

    Parameters
    ----------
    config : CodecConfig
    simulation : Simulation
        Of a component with this configuration.
    """

    def __init__(self, config: CodecConfig, simulation: Simulation):
        self.config = config
        self.simulation = simulation
        self._layer: Layer | None = None

    @property
    def layer(self) -> Layer:
        """The layer that was loaded last."""
        if self._layer is None:
            raise RuntimeError("a layer must be loaded before data is sent")
        return self._layer

    def reset(self) -> None:
        """Reset the hardware: it then has no layer."""
        self.simulation.reset()
        self._layer = None


class EncoderRig(Rig):
    """An encoder. Golden model: :func:`tilefold.model.codec.encode`."""

    def __init__(self, config: CodecConfig, simulation: Simulation):
        super().__init__(config, simulation)
        self.registers = Registers(self.simulation, "bus", encoder_map(config))

    def load(self, layer: Layer) -> None:
        """Load *layer*."""
        self.registers.load(encoder_writes(self.config, layer))
        self._layer = layer

    def encode(self, groups: Ints, **how: Any) -> Encoded:
        """Encode whole packets of tile groups, ``int[G, n·n, C]``.

        *how* goes to :meth:`~tilefold_sim.simulation.Simulation.run`: stalls, seed, progress.
        """
        count = _packets(self.config, self.layer, groups) * packet_words(self.config, self.layer)
        return self.encoded(self.simulation.run(beats(self.config, groups), count, **how))

    def encoded(self, run: Run) -> Encoded:
        """Read what came in a run as words."""
        return Encoded(_words(self.config, run.items["data"]), run.items["last"] != 0, run)


class DecoderRig(Rig):
    """A decoder. Golden model: :func:`tilefold.model.codec.decode`."""

    def __init__(self, config: CodecConfig, simulation: Simulation):
        super().__init__(config, simulation)
        self.registers = Registers(self.simulation, "bus", decoder_map(config))

    def load(self, layer: Layer) -> None:
        """Load *layer*."""
        self.registers.load(decoder_writes(self.config, layer))
        self._layer = layer

    def decode(
        self, words: Words, last: Any = None, *, packets: int | None = None, **how: Any
    ) -> Decoded:
        """Decode packets of words, ``uint8[words, word_width / 8]``.

        Parameters
        ----------
        last : bool[words]
            The last words of packets; left out, they are where the layer says.
        packets : int
            Packets that will come; left out, as many as there are last words.
        how
            Goes to :meth:`~tilefold_sim.simulation.Simulation.run`: stalls, seed, progress.
        """
        if last is None:
            last = np.arange(1, len(words) + 1) % packet_words(self.config, self.layer) == 0
        if packets is None:
            packets = int(np.count_nonzero(last))
        pixels = self.layer.on(self.config).pixels
        samples = packets * self.layer.groups * pixels * self.layer.channels_out
        count = samples // self.config.lanes
        run = self.simulation.run({"data": words, "last": last}, count, **how)
        return Decoded(_groups(self.config, self.layer, run), run.items["last"] != 0, run)


class CodecRig(Rig):
    """A codec: an encoder, a memory and a decoder."""

    def __init__(self, config: CodecConfig, simulation: Simulation):
        super().__init__(config, simulation)
        self.encoder = Registers(self.simulation, "encoder_bus", encoder_map(config))
        self.decoder = Registers(self.simulation, "decoder_bus", decoder_map(config))

    def load(self, layer: Layer) -> None:
        """Load *layer* into both sides."""
        self.encoder.load(encoder_writes(self.config, layer))
        self.decoder.load(decoder_writes(self.config, layer))
        self._layer = layer

    def roundtrip(self, groups: Ints, **how: Any) -> Roundtrip:
        """Encode whole packets of tile groups, ``int[G, n·n, C]``, store them, and decode them.

        *how* goes to :meth:`~tilefold_sim.simulation.Simulation.run`: stalls, seed, progress.
        """
        _packets(self.config, self.layer, groups)
        pixels = self.layer.on(self.config).pixels
        count = len(groups) * pixels * self.layer.channels_out // self.config.lanes
        run = self.simulation.run(beats(self.config, groups), count, taps={"word": "stored"}, **how)
        stored = run.taps["word"]
        words = _words(self.config, stored["data"])
        return Roundtrip(_groups(self.config, self.layer, run), words, stored["last"] != 0, run)


def _packets(config: CodecConfig, layer: Layer, groups: Ints) -> int:
    """Packets that *groups* are."""
    require(groups, config.sample, "samples")
    expected = layer.on(config).pixels, layer.channels_in
    if groups.shape[1:] != expected or not len(groups) or len(groups) % layer.groups:
        raise ValueError(
            f"tile groups of this layer must have shape (G, {expected[0]}, {expected[1]}), "
            f"G a multiple of {layer.groups}, not {groups.shape}"
        )
    return len(groups) // layer.groups


def beats(config: CodecConfig, groups: Ints) -> Ints:
    """Return the items that carry ``int[G, n·n, C]``: an array of lanes, if there are several."""
    items = to_beats(config, groups)
    return items if config.lanes > 1 else items[:, 0]


def _groups(config: CodecConfig, layer: Layer, run: Run) -> Ints:
    samples: Ints = run.items["data"].astype(np.int32)
    return from_beats(layer.on(config), samples, layer.channels_out)


def _words(config: CodecConfig, values: Any) -> Words:
    """Words as bytes: payloads hold them as integers where these are wide enough."""
    if values.ndim == 1:
        values = values.astype("<u8").view(np.uint8).reshape(-1, 8)[:, : config.word_width // 8]
    return np.ascontiguousarray(values)
