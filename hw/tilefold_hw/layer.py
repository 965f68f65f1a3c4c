"""The settings of a layer: everything that may change from one packet to the next."""

from dataclasses import dataclass
from functools import partial

from .check import naming, require, require_each
from .config import GROUPS_WIDTH, SCALE, SCALE_SHIFT_MAX, WEIGHT, CodecConfig
from .fixed import SQ, Q
from .table import Table
from .transform import SIZES


@dataclass(frozen=True, slots=True)
class Clip:
    """Range that the decoder clips restored samples to; ``None`` is the format's own limit.

    ``Clip()`` is none, ``Clip(0)`` restores a ReLU's zero, ``Clip(0, m)`` a bounded ReLU's too.
    """

    low: int | None = None
    high: int | None = None

    def limits(self, q: Q) -> tuple[int, int]:
        """Both limits as raw integers of format *q*."""
        low = q.min if self.low is None else self.low
        high = q.max if self.high is None else self.high
        for limit in (low, high):
            if type(limit) is not int:
                raise TypeError(f"clip must be of Python ints or None, not {limit!r}")
        if not q.min <= low <= high <= q.max:
            raise ValueError(
                f"clip must lie in {q.min} to {q.max} and be in order, not {low} to {high}"
            )
        return low, high


@dataclass(frozen=True, slots=True)
class Projection:
    """A 1 × 1 convolution in integers.

    ``y[m] = clamp(round((Σ_n weights[m][n]·x[n] + biases[m]) · scales[m] / 2**shifts[m]))``, with
    the exact sum rounded once, half up, and clamped to ``low`` … ``high``.
    """

    #: ``weights[out][in]``, 8 bits signed.
    weights: tuple[tuple[int, ...], ...]
    #: Added to the sum, in its unit.
    biases: tuple[int, ...]
    #: Per-output multiplier, 16 bits unsigned.
    scales: tuple[int, ...]
    #: Per-output shift, 0 to 47.
    shifts: tuple[int, ...]
    #: The clamp: a ReLU is ``Clip(0)``, PACT's α in quantised units is ``Clip(0, α)``.
    clip: Clip = Clip()

    @property
    def inputs(self) -> int:
        """Channels in."""
        return len(self.weights[0]) if self.weights else 0

    @property
    def outputs(self) -> int:
        """Channels out."""
        return len(self.weights)

    def check(self, i: Q, o: Q, channels: int) -> None:
        """Raise unless a projector *i* → *o* for *channels* channels can hold it."""
        require(self.outputs, 1, channels, "outputs")
        require(self.inputs, 1, channels, "inputs")
        self.clip.limits(o)
        bias = bias_format(i, channels)
        for m, row in enumerate(self.weights):
            if len(row) != self.inputs:
                raise ValueError(
                    f"weights[{m}] must be {self.inputs}, one an input, not {len(row)}"
                )
            require_each(row, WEIGHT.min, WEIGHT.max, partial("weights[{}][{}]".format, m))
        limits = (
            ("biases", self.biases, bias.min, bias.max),
            ("scales", self.scales, SCALE.min, SCALE.max),
            ("shifts", self.shifts, 0, SCALE_SHIFT_MAX),
        )
        for name, values, low, high in limits:
            if len(values) != self.outputs:
                raise ValueError(f"{name} must be {self.outputs}, one an output, not {len(values)}")
            require_each(values, low, high, (name + "[{}]").format)


def bias_format(i: Q, channels: int) -> Q:
    """Format of a bias: that of the sum of *channels* products, as far as a register holds it."""
    return SQ(min(sum_format(i, channels).width, 32))


def sum_format(i: Q, channels: int) -> Q:
    """Format of the sum of *channels* products of an input and a weight."""
    return (WEIGHT * i).sum_of(channels)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's settings: its tables, who reads which, its clip, its size.

    A packet is ``groups`` tile groups: each a tile of every stored channel.
    """

    #: Tile groups in a packet.
    groups: int
    #: Tables that the channels read.
    tables: tuple[Table, ...]
    #: ``index[channel]``: the table that a stored channel reads. Its length is their number.
    index: tuple[int, ...]
    #: What the decoder clips to.
    clip: Clip = Clip()
    #: What projects the samples in front of the encoder, where the hardware has a projector.
    project: Projection | None = None
    #: What expands them behind the decoder, where the hardware has a projector.
    expand: Projection | None = None
    #: Points on a side of its tiles; ``None`` is the build's ``tile``. Only builds with ``sevens``
    #: leave a choice: 7 or 8.
    tile: int | None = None

    @property
    def channels(self) -> int:
        """Stored channels."""
        return len(self.index)

    @property
    def channels_in(self) -> int:
        """Channels at the encoder's input."""
        return self.project.inputs if self.project else self.channels

    @property
    def channels_out(self) -> int:
        """Channels at the decoder's output."""
        return self.expand.outputs if self.expand else self.channels

    def on(self, config: CodecConfig) -> CodecConfig:
        """Return the configuration as this layer sees it: with tiles of its own size alone."""
        return config.at(config.tile if self.tile is None else self.tile)

    def check(self, config: CodecConfig) -> None:
        """Raise ``ValueError`` or ``TypeError`` unless the hardware of *config* can run it."""
        if self.tile is not None:
            self._check_tile(self.tile, config)
        require(self.groups, 1, (1 << GROUPS_WIDTH) - 1, "groups")
        require(self.channels, 1, config.channels, "channels of the layer")
        if len(self.tables) > config.tables:
            raise ValueError(
                f"tables of the layer must be 1 to {config.tables}, not {len(self.tables)}: "
                "let channels share tables"
            )
        require(len(self.tables), 1, config.tables, "tables of the layer")
        require_each(self.index, 0, len(self.tables) - 1, "index of channel {}".format)
        for number, table in enumerate(self.tables):
            with naming(f"table {number}"):
                table.check(self.on(config))
        self.clip.limits(config.restored)
        for name, macs, projection, q in (
            ("project", config.project_macs, self.project, config.sample),
            ("expand", config.expand_macs, self.expand, config.restored),
        ):
            if bool(macs) != (projection is not None):
                have = f"{name}_macs = {macs}"
                raise ValueError(
                    f"{name} must be given for hardware with {name}_macs, and only then; "
                    f"this configuration has {have}"
                )
            if projection is not None:
                with naming(name):
                    projection.check(q, q, config.channels)
        if self.project and self.project.outputs != self.channels:
            raise ValueError(
                f"project must give the {self.channels} stored channels, not {self.project.outputs}"
            )
        if self.expand and self.expand.inputs != self.channels:
            raise ValueError(
                f"expand must take the {self.channels} stored channels, not {self.expand.inputs}"
            )

    @staticmethod
    def _check_tile(tile: int, config: CodecConfig) -> None:
        require(tile, min(SIZES), max(SIZES), "tile of the layer")
        if tile in config.tiles:
            return
        choices = " or ".join(map(str, config.tiles))
        if tile not in SIZES:
            remedy = "no hardware has such tiles"
        elif (tile, config.tile) == (7, 8):
            remedy = "build with sevens = true"
        else:
            remedy = f"build with tile = {tile}"
        raise ValueError(f"tile of the layer must be {choices}, not {tile}: {remedy}")
