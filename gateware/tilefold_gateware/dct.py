"""Two-dimensional transform of tiles, both ways: two passes with a transposition between."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.transform import Transform

from .arith import shape
from .chain import chain
from .passes import GatherPass, ScatterPass
from .streams import inner
from .transpose import Transposer


class Dct(wiring.Component):
    """Two-dimensional DCT-II of a stream of tiles.

    Latency :func:`tilefold_hw.latency.dct` from a tile's first sample to its first coefficient; one
    sample a cycle, no bubble between tiles. Golden model: :func:`tilefold.model.dct.dct`.

    Parameters
    ----------
    transform : Transform
        Matrix and formats.

    Members
    -------
    i : In(stream of inner(samples))
        Centred samples, a tile in raster order.
    o : Out(stream of inner(coefficients))
        Coefficients in scan order: raster over (u, v), *u* the horizontal frequency.
    """

    def __init__(self, transform: Transform):
        self.transform = transform
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape(transform.forward_rows.i)))),
                "o": Out(stream.Signature(inner(shape(transform.coefficient)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        t = self.transform
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

    No coefficients whatever can overflow it. Latency :func:`tilefold_hw.latency.idct`; one
    coefficient a cycle, no bubble between tiles. Golden model: :func:`tilefold.model.dct.idct`.

    Parameters
    ----------
    transform : Transform
        Matrix and formats.

    Members
    -------
    i : In(stream of inner(coefficients))
        Coefficients in scan order.
    o : Out(stream of inner(samples))
        Restored samples around zero, a tile in raster order.
    """

    def __init__(self, transform: Transform):
        self.transform = transform
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape(transform.coefficient)))),
                "o": Out(stream.Signature(inner(shape(transform.inverse_rows.o)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        t = self.transform
        chain(
            m,
            i=flipped(self.i),
            columns=ScatterPass(t.inverse_columns),
            transpose=Transposer(shape(t.inverse_columns.o), t.n, t.n),
            rows=ScatterPass(t.inverse_rows),
            o=flipped(self.o),
        )
        return m
