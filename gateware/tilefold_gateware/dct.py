"""Two-dimensional transform of tiles, both ways: two passes with a transposition between."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.transform import Pass, Transform

from .arith import shape
from .chain import chain
from .corner import Corner
from .either import Either
from .forward8 import ParallelForward, SerialForward
from .inverse8 import ParallelInverse, SerialInverse
from .outlet import Batch
from .passes import GatherPass, ScatterPass
from .streams import inner, laned
from .transpose import Transposer
from .vector import POINTS


class Dct(wiring.Component):
    """Two-dimensional DCT-II of a stream of tiles.

    Latency :func:`tilefold_hw.latency.dct` from a tile's first sample to its first coefficient;
    *lanes* samples a cycle, no bubble between tiles. Golden model:
    :func:`tilefold.model.dct.dct`.

    Parameters
    ----------
    transform : Transform
        Matrix and formats.
    lanes : int
        Samples a cycle: 1; for tiles of 8 also 2, 4 or 8.

    Members
    -------
    i : In(stream of inner(samples))
        Centred samples, a tile in raster order, *lanes* at a time.
    o : Out(stream of inner(coefficients))
        Coefficients in scan order: raster over (u, v), *u* the horizontal frequency.
    """

    def __init__(self, transform: Transform, lanes: int = 1):
        self.transform = transform
        self.lanes = lanes
        super().__init__(
            _members(transform, lanes, transform.forward_rows.i, transform.coefficient)
        )

    def elaborate(self, platform):
        t = self.transform
        if t.n == POINTS:
            box = SerialForward if self.lanes == 1 else ParallelForward
            return _turn(self, box, t.forward_rows, t.forward_columns)
        m = Module()
        chain(
            m,
            i=flipped(self.i),
            rows=GatherPass(t.forward_rows),
            transpose=Transposer(shape(t.forward_rows.o), t.n, t.n),
            columns=GatherPass(t.forward_columns),
            o=flipped(self.o),
        )
        return m


class Idct(wiring.Component):
    """Inverse of :class:`Dct`, but for rounding; samples are not clipped.

    No coefficients whatever can overflow it. Latency :func:`tilefold_hw.latency.idct`; *lanes*
    coefficients a cycle, no bubble between tiles. Golden model: :func:`tilefold.model.dct.idct`.

    Parameters
    ----------
    transform : Transform
        Matrix and formats.
    lanes : int
        Coefficients a cycle: 1; for tiles of 8 also 2, 4 or 8.

    Members
    -------
    i : In(stream of inner(coefficients))
        Coefficients in scan order, *lanes* at a time.
    o : Out(stream of inner(samples))
        Restored samples around zero, a tile in raster order.
    """

    def __init__(self, transform: Transform, lanes: int = 1):
        self.transform = transform
        self.lanes = lanes
        super().__init__(
            _members(transform, lanes, transform.coefficient, transform.inverse_rows.o)
        )

    def elaborate(self, platform):
        t = self.transform
        if t.n == POINTS:
            box = SerialInverse if self.lanes == 1 else ParallelInverse
            return _turn(self, box, t.inverse_columns, t.inverse_rows)
        m = Module()
        chain(
            m,
            i=flipped(self.i),
            columns=ScatterPass(t.inverse_columns),
            transpose=Transposer(shape(t.inverse_columns.o), t.n, t.n),
            rows=ScatterPass(t.inverse_rows),
            o=flipped(self.o),
        )
        return m


def forward(config: CodecConfig) -> Dct | Either:
    """Return the transform of an encoder: of all sizes of a tile that its layers may have."""
    return _sized(Dct, config)


def inverse(config: CodecConfig) -> Idct | Either:
    """Return the transform of a decoder: of all sizes of a tile that its layers may have."""
    return _sized(Idct, config)


def _sized(kind, config):
    boxes = [kind(config.at(tile).transform, config.lanes) for tile in config.tiles]
    return Either(boxes[1], boxes[0]) if config.sevens else boxes[0]


def _members(transform, lanes, i, o):
    if lanes != 1 and (transform.n != POINTS or lanes not in (2, 4, 8)):
        raise ValueError(f"lanes must be 1, or with tiles of 8 also 2, 4 or 8, not {lanes}")
    return {
        "i": In(stream.Signature(inner(laned(shape(i), lanes)))),
        "o": Out(stream.Signature(inner(laned(shape(o), lanes)))),
    }


def _turn(box, kind, first: Pass, second: Pass) -> Module:
    """Both passes of *kind*, the corner between them and the queue behind: the inside of *box*."""
    m = Module()
    # Several lanes change places behind the pass, and are rounded after that. A single one is
    # rounded behind the corner, if that takes an adder.
    rounded = kind is SerialInverse
    m.submodules.first = before = kind(first, box.lanes, rounded=rounded)
    m.submodules.corner = corner = Corner(before.out, first.o, box.lanes, before.latency)
    m.submodules.second = after = kind(second, box.lanes, corner.lag)
    m.submodules.outlet = outlet = Batch(box.o.payload.shape(), after.latency, after.beats)
    m.d.comb += [
        before.i.valid.eq(box.i.valid),
        box.i.ready.eq(before.i.ready),
        before.i.payload.last.eq(box.i.payload.last),
        before.i.payload.bank.eq(box.i.payload.bank),
        before.data.eq(box.i.payload.data),
        before.room.eq(corner.room),
        corner.take.eq(before.take),
        corner.took.eq(before.took),
        corner.push.eq(before.push),
        corner.data.eq(before.payload.data),
        after.data.eq(corner.o_data),
        after.room.eq(outlet.ready & corner.whole),
        outlet.take.eq(after.take),
        outlet.push.eq(after.push),
        outlet.payload.eq(after.payload),
    ]
    connect(m, corner.o, after.i)
    connect(m, outlet.o, flipped(box.o))
    return m
