"""The page itself, in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...report.comparison import Comparison
from ..compare import Plan
from ..methods import METHODS
from .contents import Section
from .subject import Subject

_HEAD = """\
# Calibration

Made by `make calibration`: every figure is measured by the command that stands above it, and
nothing here is written by hand.

The network is {network}: {accuracy:.1%} of the {tests} test images in floating point. Methods and
coders were fitted to {images} training images, and to nothing else. Every accuracy is that of the
test images with all stored maps compressed at once, each through the exact codec, whose first image
is compared with the golden model. Nothing is retrained, but where a section says so.

Bits are told a value of all maps together. Those of a method of ours are *guaranteed*: each image
takes as many, and the ends of words and the padding of tiles are counted. Those of other coders are
a mean of the test images, and beside it stands the image that takes most. *Saved* is the share of
plain samples that is saved. An image is {step:.2%} of accuracy, so that differences of a few tenths
of a point tell little.

Versions: {versions}.
"""


def page(
    subject: Subject,
    sections: Iterable[tuple[Section, Comparison, str]],
    versions: Mapping[str, str],
) -> str:
    """Write the page from sections with their comparisons and pictures."""
    sections = list(sections)
    first = sections[0][1]
    text = [
        _HEAD.format(
            network=first.network,
            accuracy=first.accuracy_float,
            tests=first.tests,
            images=first.images,
            step=1 / first.tests,
            versions=", ".join(f"{name} {version}" for name, version in versions.items()),
        )
    ]
    for section, comparison, picture in sections:
        text.append(f"## {section.title}\n\n{section.text}\n")
        text.append(f"`{_command(subject, section)}`\n")
        text.append(_rates(comparison))
        if comparison.left_out:
            text.append("".join(f"- Left out: {reason}\n" for reason in comparison.left_out))
        text.append(f"![{section.title}: accuracy against bits a value]({picture})\n")
        if comparison.maps:
            text.append(_maps(comparison))
    return "\n".join(text)


def _command(subject: Subject, section: Section) -> str:
    """The command that measures a section."""
    plan, words = section.plan, [f"tilefold compare {subject.options}"]
    if section.config != "standard":
        words.append(f"--config {Path(section.config).name}")
    if plan.methods != tuple(METHODS):
        words += [f"--method {name}" for name in plan.methods]
    words.append(f"--bits {','.join(f'{each:g}' for each in plan.bits)}")
    if plan.clips != Plan().clips:
        words += [f"--clip {name}" for name in plan.clips]
    if not plan.baselines:
        words.append("--no-baselines")
    words += [f"--train {name}" for name in plan.train]
    if plan.train and plan.minutes != Plan().minutes:
        words.append(f"--minutes {plan.minutes:g}")
    if plan.train and subject.mirror:
        words.append("--mirror")
    return " ".join(words)


def _rates(comparison: Comparison) -> str:
    head = ["method", "setting", "bits a value", "worst image", "saved", "accuracy", "lost"]
    rows = [
        [
            f"**{line.name}**" if line.guaranteed else line.name,
            rate.setting,
            f"{rate.bits:.3f}",
            "guaranteed" if line.guaranteed else f"{rate.worst:.3f}",
            f"{comparison.saved(rate.bits):.1%}",
            f"{rate.accuracy:.1%}",
            f"{100 * (comparison.accuracy_float - rate.accuracy):.1f}",
        ]
        for line in comparison.lines
        for rate in line.rates
    ]
    return _markdown(head, rows)


def _maps(comparison: Comparison) -> str:
    """Lossless coders, map by map."""
    width = comparison.sample_width
    head = ["map", "size", "zeros", *(each.name for each in comparison.baselines)]
    told = [
        (each.name, " × ".join(map(str, each.shape)), f"{each.zeros:.1%}", each.baselines)
        for each in comparison.maps
    ]
    rows = [
        [name, size, zeros, *(f"{each.mean:.2f} ({each.worst:.2f})" for each in baselines)]
        for name, size, zeros, baselines in [*told, ("all", "", "", comparison.baselines)]
    ]
    return (
        f"Lossless coders of the {width}-bit samples, map by map: bits a value on the mean of the "
        f"test images, and in brackets of the image that takes most.\n\n{_markdown(head, rows)}"
    )


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))
