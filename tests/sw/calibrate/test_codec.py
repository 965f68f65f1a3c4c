"""The codec in PyTorch is the golden model, and its gradients are those of what it keeps."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tilefold.bundle import Site
from tilefold.calibrate.codec import Counts, through
from tilefold.maps import golden
from tilefold.maps import through as through_golden
from tilefold.model.tiles import group_count
from tilefold_hw.config import PRESETS
from tilefold_hw.layer import Clip, Layer
from tilefold_hw.table import Table, masked, triangle, uniform


def some_site(config, rng, height, width, *, clip, channels=3, tile=None, zero=None):
    """Site with a random table a channel."""
    n = tile or config.tile
    tables = tuple(
        Table(
            tuple(rng.integers(0, config.field.width + 1, n * n).tolist()),
            tuple(rng.integers(0, config.shift_max + 1, n * n).tolist()),
        )
        for _ in range(channels)
    )
    layer = Layer(group_count(height, width, n), tables, tuple(range(channels)), clip, tile=tile)
    zero = config.sample.min if zero is None else zero
    site = Site("a", height, width, 3.0 / (config.sample.max - zero), zero, layer)
    site.check(config)
    return site


@pytest.mark.parametrize(
    ("config", "tile", "size"),
    [
        (PRESETS["standard"], None, (16, 8)),
        (PRESETS["standard"], None, (13, 5)),
        (replace(PRESETS["standard"], sevens=True), 7, (9, 20)),
        (PRESETS["pocket"], None, (6, 4)),
        (replace(PRESETS["precise"], tile=16), None, (5, 20)),
        (PRESETS["video"], None, (8, 24)),
    ],
)
@pytest.mark.parametrize("clip", [Clip(), Clip(0), Clip(2, 9)])
def test_torch_restores_what_the_golden_model_does(config, tile, size, clip):
    rng = np.random.default_rng(1)
    middle = (config.sample.min + config.sample.max) // 2
    for zero in (config.sample.min, middle):
        site = some_site(config, rng, *size, tile=tile, clip=clip, zero=zero)
        maps = (rng.normal(0, 1.5, (4, 3, *size))).astype(np.float32)
        maps[0] = np.where(rng.random(maps[0].shape) < 0.5, -9, 9)  # beyond the samples
        counts, saturated = Counts(), {"a": 0}
        found = through(site, config, torch.from_numpy(maps), counts).numpy()
        assert np.array_equal(found, through_golden(site, config, golden(config, saturated), maps))
        assert counts.saturated == saturated["a"] > 0
        tables = [site.layer.tables[number] for number in site.layer.index]
        kept = sum(width > 0 for table in tables for width in table.widths)
        assert counts.stored == len(maps) * site.layer.groups * kept


def test_gradients_are_those_of_the_coefficients_that_are_kept():
    config = PRESETS["standard"]
    keep = masked(8, triangle(8, 10), 11, 0)
    layer = Layer(4, (keep,), (0, 0))
    site = Site("a", 13, 11, 1 / 64, 100, layer)
    rng = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 2, 13, 11, generator=rng).requires_grad_()
    weights = torch.randn(2, 2, 13, 11, generator=rng)
    (through(site, config, maps) * weights).sum().backward()

    # With nothing rounded: the linear map that the codec stands for, by PyTorch's own gradient.
    from tilefold.calibrate.codec import to_maps, to_tiles
    from tilefold.calibrate.dct import basis

    ideal = maps.detach().clone().requires_grad_()
    kept = torch.tensor(keep.widths).reshape(8, 8).T > 0  # [v, u]
    tiles = to_tiles(ideal, 8)
    matrix = basis(8).float()
    restored = matrix.T @ ((matrix @ tiles @ matrix.T) * kept) @ matrix
    (to_maps(restored, 13, 11) * weights).sum().backward()
    torch.testing.assert_close(maps.grad, ideal.grad, atol=1e-5, rtol=1e-5)


def test_what_saturates_or_is_clipped_passes_no_gradient():
    config = PRESETS["standard"]
    site = Site("a", 8, 8, 1.0, 0, Layer(1, (uniform(8, 11, 0),), (0,), Clip(0, 200)))
    flat = torch.full((1, 1, 8, 8), 100.0)
    for value, passes in ((100.0, True), (210.0, False), (300.0, False), (-2.0, False)):
        maps = (flat * 0 + value).requires_grad_()
        through(site, config, maps).sum().backward()
        assert (maps.grad.abs().sum() > 1e-3) == passes
    narrow = replace(site, layer=Layer(1, (masked(8, [(0, 0)], 2, 0),), (0,)))
    maps = flat.clone().requires_grad_()
    through(narrow, config, maps).sum().backward()
    assert maps.grad.abs().max() == 0  # the DC of -28 does not fit


def test_maps_of_another_size():
    site = Site("conv", 8, 8, 1.0, 0, Layer(1, (uniform(8, 11, 0),), (0,)))
    message = r"maps of conv must be \[n, 1, 8, 8\], not \[2, 1, 9, 8\]"
    with pytest.raises(ValueError, match=message):
        through(site, PRESETS["standard"], torch.zeros(2, 1, 9, 8))
