"""The demo: a trained network's maps through simulated hardware, bit for bit as the model says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilefold.bundle import Bundle, Site
from tilefold.demo import digits
from tilefold.demo.calibrate import calibrate, project, quantise, restore
from tilefold.demo.network import accuracy, forward, load
from tilefold.maps import golden, plain, stored
from tilefold.model.arith import Ints
from tilefold.model.codec import decode, encode
from tilefold.model.tiles import join
from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig, preset

from .compiled import CompiledCodec

PROJECTED = "conv3"
"""The map that is stored as its principal components."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


def _nothing() -> Ints:
    return np.zeros((0, 0, 0), dtype=np.int32)


@dataclass(slots=True)
class Traffic:
    """What passed the hardware at one site, and how it compared."""

    site: Site
    #: Values of the map as the trained network makes it, before any projection.
    original_values: int
    images: int = 0
    samples: int = 0
    words: int = 0
    #: What the hardware's own counters say.
    words_counted: int = 0
    saturated: int = 0
    mismatches: int = 0
    cycles: int = 0
    squared_error: float = 0.0
    #: Samples of the first image before and after, ``int[C, H, W]``.
    before: Ints = field(default_factory=_nothing)
    after: Ints = field(default_factory=_nothing)

    def words_predicted(self, config: CodecConfig) -> int:
        """Words that the budget says."""
        return self.images * packet_words(config, self.site.layer)

    def bits_per_value(self, config: CodecConfig) -> float:
        """Stored bits a value that the budget says."""
        return packet_words(config, self.site.layer) * config.word_width / self.site.values

    def original_bits(self, config: CodecConfig) -> int:
        """Bits of the maps before any projection, in plain samples."""
        return self.images * self.original_values * config.sample_width

    def ratio(self, config: CodecConfig) -> float:
        """Bits of the maps before any projection over bits stored."""
        return self.original_bits(config) / (self.words * config.word_width)

    def psnr_db(self, config: CodecConfig) -> float:
        """Peak signal to noise ratio of the samples."""
        peak = config.sample.max - config.sample.min
        return 10 * np.log10(peak**2 * self.samples / max(self.squared_error, 1e-9))


@dataclass(frozen=True, slots=True)
class Result:
    """What the demo found."""

    bundle: Bundle
    traffic: tuple[Traffic, ...]
    accuracy_float: float
    accuracy_plain: float
    accuracy_compressed: float
    #: Accuracy of the images that went through the hardware.
    accuracy_hardware: float

    @property
    def mismatches(self) -> int:
        """Words, samples and counts that were not what the golden model says."""
        return sum(each.mismatches for each in self.traffic)

    @property
    def stored_bits(self) -> int:
        """Bits of all words that were stored."""
        return sum(each.words for each in self.traffic) * self.bundle.config.word_width

    @property
    def sound(self) -> bool:
        """The hardware did all that the model and the budget say, and no more."""
        total = self.summary()
        promised, stored = total["guaranteed_bits_per_value"], total["measured_bits_per_value"]
        return self.mismatches == 0 and promised == stored

    def summary(self) -> dict[str, float]:
        """Totals, as ``summary.json`` holds them."""
        config, traffic = self.bundle.config, self.traffic
        values = sum(each.images * each.site.values for each in traffic)
        predicted = sum(each.words_predicted(config) for each in traffic)
        samples = sum(each.samples for each in traffic)
        words = sum(each.words for each in traffic)
        return {
            "images": traffic[0].images,
            "maps": sum(each.images for each in traffic),
            "words_compared": words,
            "samples_compared": samples,
            "mismatches": self.mismatches,
            "accuracy_float": self.accuracy_float,
            "accuracy_plain": self.accuracy_plain,
            "accuracy_compressed": self.accuracy_compressed,
            "guaranteed_bits_per_value": predicted * config.word_width / values,
            "measured_bits_per_value": self.stored_bits / values,
            "cycles_per_sample": sum(each.cycles for each in traffic) / samples,
        }


def run(directory: Path, images: int, bits: float, progress: Progress) -> Result:
    """Calibrate, compile, stream, compare, evaluate.

    Parameters
    ----------
    directory : Path
        Gets the bundle and the compiled hardware.
    images : int
        Test images whose maps go through the hardware.
    bits : float
        Guaranteed bits a stored value, at most.
    progress : callable
        Told what is being done.
    """
    data = digits.load()
    if not 1 <= images <= len(data.test_images):
        raise ValueError(f"images must be 1 to {len(data.test_images)}, not {images}")
    config = preset("demo")
    trained = load()
    projected = project(trained, PROJECTED, data.train_images)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "digits.safetensors"
    calibrate(projected, data.train_images, config, bits, progress).save(path)
    # From here on, only what the bundle carries.
    bundle = Bundle.load(path, config)
    network = restore(bundle, trained)

    progress("compiling the hardware", 0, 1)
    hardware = CompiledCodec(config)
    progress("compiling the hardware", 1, 1)
    quantised, _ = quantise(trained, data.train_images, config)
    traffic = {site.name: Traffic(site, quantised.site(site.name).values) for site in bundle.sites}
    total = images * len(bundle.sites)

    def through_hardware(site: Site, groups: Ints) -> Ints:
        progress("streaming through the hardware", sum(t.images for t in traffic.values()), total)
        return stream(hardware, traffic[site.name], groups)

    logits = forward(network, data.test_images[:images], stored(bundle, through_hardware))
    progress("streaming through the hardware", total, total)

    progress("evaluating accuracy", 0, 3)
    labels = data.test_labels
    accuracy_float = accuracy(forward(trained, data.test_images), labels)
    progress("evaluating accuracy", 1, 3)
    accuracy_plain = accuracy(forward(trained, data.test_images, stored(quantised, plain)), labels)
    progress("evaluating accuracy", 2, 3)
    compressed = forward(network, data.test_images, stored(bundle, golden(config)))
    progress("evaluating accuracy", 3, 3)
    return Result(
        bundle=bundle,
        traffic=tuple(traffic.values()),
        accuracy_float=accuracy_float,
        accuracy_plain=accuracy_plain,
        accuracy_compressed=accuracy(compressed, labels),
        accuracy_hardware=accuracy(logits, labels[:images]),
    )


def stream(hardware: CompiledCodec, traffic: Traffic, groups: Ints) -> Ints:
    """Send the maps of a site through the hardware, a packet each, and compare all of it.

    Parameters
    ----------
    groups : int[n·G, pixels, C]
        Tile groups of the maps of all images.

    Returns
    -------
    int32[n·G, pixels, C]
        What came back.
    """
    config, site = hardware.config, traffic.site
    layer = site.layer
    hardware.load(layer)
    hardware.encoder.clear()
    hardware.decoder.clear()
    got = hardware.roundtrip(groups)

    each = layer.groups
    packets = [encode(config, layer, groups[at : at + each]) for at in range(0, len(groups), each)]
    words = np.concatenate([packet.words for packet in packets])
    samples = np.concatenate([decode(config, layer, packet.words) for packet in packets])
    ends = np.cumsum([len(packet.words) for packet in packets]) - 1
    last = np.zeros(len(words), dtype=bool)
    last[ends] = True

    counters = hardware.encoder.counters()
    traffic.images += len(packets)
    traffic.samples += groups.size
    traffic.words += len(got.words)
    traffic.words_counted += counters["words"]
    traffic.saturated += counters["saturated"]
    traffic.cycles += got.run.received.last + 1 - got.run.sent.first
    traffic.squared_error += float(((got.groups - groups.astype(np.int64)) ** 2).sum())
    height, width = site.height, site.width
    if not traffic.before.size:
        traffic.before = join(groups[:each], height, width)
        traffic.after = join(got.groups[:each], height, width)
    traffic.mismatches += sum(
        (
            unequal(got.words, words),
            unequal(got.last, last),
            unequal(got.groups, samples),
            counters["words"] != len(words),
            counters["saturated"] != sum(packet.saturated for packet in packets),
            hardware.encoder.errors() != 0,
            hardware.decoder.errors() != 0,
        )
    )
    return got.groups


def unequal(got: NDArray[Any], expected: NDArray[Any]) -> int:
    """Count the places in which two arrays differ; those that only one of them has, too."""
    if got.shape[1:] != expected.shape[1:]:
        return max(got.size, expected.size)
    common = min(len(got), len(expected))
    rows = (got[:common] != expected[:common]).reshape(common, -1).any(axis=1)
    return int(np.count_nonzero(rows)) + abs(len(got) - len(expected))
