"""The codec in PyTorch: the golden model's integers, on whole batches of maps, with gradients.

Forward it is :mod:`tilefold.model.codec`, bit for bit. Backward, rounding counts as nothing, and
what was dropped or cut off passes no gradient: neither coefficients of width 0, nor those that
saturated, nor samples that were clipped.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from tilefold_hw.config import CodecConfig
from tilefold_hw.transform import Pass

from ..bundle import Site
from ..model.quantise import channel_tables
from .dct import basis


@dataclass(slots=True)
class Counts:
    """What became of the coefficients of some maps."""

    #: Coefficients that are stored.
    stored: int = 0
    #: Those of them that their width could not hold.
    saturated: int = 0


def through(site: Site, config: CodecConfig, maps: Tensor, counts: Counts | None = None) -> Tensor:
    """Send maps through samples, encoder, decoder and back.

    Parameters
    ----------
    site : Site
        Its layer has no projections.
    maps : float32[n, C, H, W]
        Maps of the site's size.
    counts : Counts, optional
        Gets what became of the coefficients added.

    Returns
    -------
    float32[n, C, H, W]
        Equal to what :mod:`tilefold.model.codec` restores from the same samples
        (``test_codec.py::test_torch_restores_what_the_golden_model_does``).
    """
    expected = (site.layer.channels, site.height, site.width)
    if tuple(maps.shape[1:]) != expected:
        sizes = ", ".join(map(str, expected))
        raise ValueError(f"maps of {site.name} must be [n, {sizes}], not {list(maps.shape)}")
    restored: Tensor = _Codec.apply(maps, site, config, counts)
    return restored


def to_samples(maps: Tensor, site: Site, config: CodecConfig) -> Tensor:
    """Quantise maps: ``round(x / scale) + zero``, half up, clamped to a sample's range.

    Parameters
    ----------
    maps : float32[...]

    Returns
    -------
    float32[...]
        Integers.
    """
    # In float32, as tilefold.maps does it.
    rounded = (maps / site.scale).add_(0.5).floor_()
    return rounded.add_(site.zero).clamp_(config.sample.min, config.sample.max)


def to_tiles(maps: Tensor, n: int) -> Tensor:
    """Cut maps, padded by edge replication, into tiles.

    Parameters
    ----------
    maps : float[images, C, H, W]

    Returns
    -------
    float[images, rows, columns, C, n, n]
        The last two are y and x within a tile.
    """
    images, channels, height, width = maps.shape
    # A pad by replication of the rank that PyTorch knows; one of nothing would copy.
    if height % n or width % n:
        maps = pad(maps, (0, -width % n, 0, -height % n), mode="replicate")
    tiles = maps.reshape(images, channels, -(-height // n), n, -(-width // n), n)
    return tiles.permute(0, 2, 4, 1, 3, 5)


def to_maps(tiles: Tensor, height: int, width: int) -> Tensor:
    """Join tiles into maps and crop the padding: the inverse of :func:`to_tiles`."""
    images, rows, columns, channels, n, _ = tiles.shape
    maps = tiles.permute(0, 3, 1, 4, 2, 5).reshape(images, channels, rows * n, columns * n)
    return maps[:, :, :height, :width]


def coefficients(samples: Tensor, config: CodecConfig) -> Tensor:
    """Transform samples as the encoder does.

    Parameters
    ----------
    samples : float[n, C, H, W]
        Integers of format ``config.sample``.

    Returns
    -------
    float64[n, G, C, K]
        Integers, tiles in raster order, coefficients in scan order.
    """
    n = config.tile
    tiles = to_tiles(samples.double() - _offset(config), n)
    middle = _columns(tiles, config.transform.forward_rows)  # [y, u]
    final = _columns(middle.transpose(-1, -2), config.transform.forward_columns)  # [u, v]
    return final.reshape(len(samples), -1, samples.shape[1], n * n)


class _Codec(torch.autograd.Function):
    """From maps to what is restored of them."""

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, site: Site, config: CodecConfig, counts: Counts | None
    ) -> Tensor:
        config = site.layer.on(config)
        widths, shifts = (torch.from_numpy(each) for each in channel_tables(site.layer))
        kept = widths > 0
        step = torch.exp2(shifts.double())
        # A width of w bits holds -2**(w-1) … 2**(w-1) - 1; width 0 holds 0 alone.
        half = torch.exp2(widths.double() - 1) * kept

        found = coefficients(to_samples(maps, site, config), config)
        rounded = found.div_(step).add_(0.5).floor_()
        fields = rounded.clamp(-half, half - kept.double())
        held = (fields == rounded).logical_and_(kept)
        if counts is not None:
            counts.stored += found[..., 0, 0].numel() * int(kept.sum())
            counts.saturated += held.numel() // kept.numel() * int(kept.sum()) - int(held.sum())
        wide = fields.mul_(step).clamp_(config.coefficient.min, config.coefficient.max)
        whole = _restore(wide, site, config)
        low, high = site.layer.clip.limits(config.restored)
        restored = whole.clamp(low, high)

        ctx.site, ctx.config = site, config
        ctx.save_for_backward(maps, held, whole == restored)
        return (restored - site.zero).float().mul_(site.scale).to(maps.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        site, config = ctx.site, ctx.config
        maps, held, unclipped = ctx.saved_tensors
        both = torch.kron(basis(config.tile), basis(config.tile)).to(maps.dtype)  # [uv, xy]
        height, width = -(-site.height // config.tile), -(-site.width // config.tile)
        border = (0, width * config.tile - site.width, 0, height * config.tile - site.height)
        tiles = to_tiles(pad(gradients[0] * unclipped, border), config.tile).transpose(-1, -2)
        found = tiles.flatten(4).flatten(1, 2) @ both.T
        back = (found * held) @ both
        blocks = back.reshape(tiles.shape).transpose(-1, -2)
        whole = to_maps(blocks, height * config.tile, width * config.tile)
        # What was replicated passes the gradients of its copies, too.
        for axis, size in ((2, site.height), (3, site.width)):
            inside, outside = whole.split([size, whole.shape[axis] - size], axis)
            whole = inside.clone()
            whole.select(axis, size - 1).add_(outside.sum(axis))
        samples = maps / site.scale + site.zero
        passed = (samples > config.sample.min - 0.5) & (samples < config.sample.max + 0.5)
        return whole * passed, None, None, None


def _restore(found: Tensor, site: Site, config: CodecConfig) -> Tensor:
    """Transform coefficients, ``float64[n, G, C, K]``, back into maps of samples, not clipped."""
    n = config.tile
    rows, columns = -(-site.height // n), -(-site.width // n)
    blocks = found.reshape(len(found), rows, columns, -1, n, n)  # [u, v]
    middle = _columns(blocks, config.transform.inverse_columns)  # [u, y]
    tiles = _columns(middle.transpose(-1, -2), config.transform.inverse_rows)  # [y, x]
    return to_maps(tiles, site.height, site.width) + _offset(config)


def _columns(x: Tensor, step: Pass) -> Tensor:
    """Apply one pass along the last axis of ``float64[..., n]``."""
    # Exact: products of at most 18 and 24 bits, 16 of them, stay far below 2**53.
    matrix = torch.tensor(step.matrix, dtype=torch.float64) * 2.0**-step.shift
    return (x @ matrix.T).add_(0.5).floor_()


def _offset(config: CodecConfig) -> int:
    return 0 if config.sample_signed else 1 << (config.sample_width - 1)
