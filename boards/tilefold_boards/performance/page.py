"""The page itself, in Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from ..measurement import Measurement
from .contents import KINDS, Line, Section, comparison, how_peers_were_measured

_HEAD = """\
# Performance

Made by `make performance`: every figure of ours is measured by the command that stands above it,
and nothing here is written by hand.

A circuit is synthesised alone. Then each of its input bits comes from a flip-flop of one scan
chain, and each output bit goes into a flip-flop of its own, so that any number of pins fits and
every path is timed. That harness adds no look-up table, and its flip-flops are not counted. LUT
counts all that takes a look-up table: carries and small memories, too. Fmax is the median after
routing; in brackets the slowest and the fastest seed. nextpnr does not time what is inside a
multiplier or a block memory: where one is used on an ECP5, rates are claimed for {cap:g} MHz at
most.

Tools: {tools}.
"""

_NAMES = {"sample": "samples", "MAC": "MAC"}


def page(
    sections: Iterable[tuple[Section, Sequence[Measurement], str]],
    tools: Mapping[str, str],
    errors: Sequence[str],
) -> str:
    """Write the page from sections with their measurements and their pictures."""
    sections = list(sections)
    ours = list(
        {
            (each.case.name, each.case.config, each.part.name): each
            for _, measured, _ in sections
            for each in measured
        }.values()
    )
    cap = max((each.part.family.cap_mhz or 0 for each in ours), default=0)
    text = [
        _HEAD.format(
            cap=cap, tools=", ".join(f"{name} {version}" for name, version in tools.items())
        )
    ]
    compared = [each for section, measured, _ in sections if section.compared for each in measured]
    text.append(_beside_others(compared))
    for section, measured, picture in sections:
        text.append(f"## {section.title}\n\n{section.text}\n")
        if measured:
            text.append(_table(measured))
            text.append(_limits(measured))
        if picture:
            text.append(f"![{section.title}, by {_words(section.plot)}]({picture})\n")
    if errors:
        text.append("## What could not be measured\n")
        text.append("".join(f"- {error}\n" for error in errors))
    return "\n".join(text)


def _beside_others(ours: Sequence[Measurement]) -> str:
    text = ["## Beside other open cores\n", f"{how_peers_were_measured()}\n"]
    for kind, unit in zip(KINDS, ("sample", "sample", "MAC"), strict=True):
        rows = [_line(line) for line in comparison(kind, list(ours))]
        what = f"M{_NAMES[unit]}/s"
        head = [
            "core",
            "a clock",
            "Fmax MHz",
            what,
            "LUT",
            "DSP",
            "per kLUT",
            "per DSP",
            "clk late",
        ]
        text.append(_markdown(head, rows))
    return "\n".join(text)


def _line(line: Line) -> list[str]:
    mark = "**" if line.ours else ""
    return [
        f"{mark}{line.name}{mark}",
        f"{line.per_clock:g}",
        f"{line.fmax_mhz:.1f}",
        f"{line.rate:.0f}",
        str(line.luts),
        str(line.dsps),
        f"{line.rate * 1e3 / line.luts:.1f}",
        f"{line.rate / line.dsps:.1f}" if line.dsps else "",
        "" if line.latency_cycles is None else str(line.latency_cycles),
    ]


def _table(measured: Sequence[Measurement]) -> str:
    varying = differing(measured)
    unit = measured[0].case.unit
    head = [
        "block",
        *map(_words, varying),
        "LUT",
        "FF",
        "DSP",
        "BRAM",
        "Fmax MHz",
        "a clock",
        f"M{_NAMES[unit]}/s",
        "per kLUT",
        "per DSP",
        "clk late",
        "ns late",
    ]
    rows = []
    for each in measured:
        told = each.to_dict()
        config, fmax = told["config"], told["fmax_mhz"]
        rows.append(
            [
                each.case.name,
                *(str(config[name]) for name in varying),
                *(str(told[name]) for name in ("luts", "flip_flops", "dsps", "brams")),
                f"{fmax['median']:.1f} ({fmax['min']:.0f} to {fmax['max']:.0f})",
                f"{each.case.per_clock:g}",
                f"{each.rate:.0f}",
                f"{told['per_klut']:.1f}",
                f"{told['per_dsp']:.1f}" if each.dsps else "",
                str(each.case.latency_cycles),
                f"{each.latency_ns:.0f}",
            ]
        )
    command = _command(measured)
    return f"{command}\n\n{_markdown(head, rows)}"


def _command(measured: Sequence[Measurement]) -> str:
    first = measured[0]
    seeds = max(len(each.routed) for each in measured)
    parts = dict.fromkeys(each.part.name for each in measured)
    blocks = dict.fromkeys(each.case.name for each in measured)
    where = " or ".join(parts)
    return (
        f"`tilefold fpga CONFIG --part {where} --block {' or '.join(blocks)} "
        f"--freq {first.freq_mhz:g} --seeds {seeds}`"
    )


def _limits(measured: Sequence[Measurement]) -> str:
    """What limits the clocks, folded away."""
    varying = differing(measured)
    lines = []
    for each in measured:
        if path := each.typical.path:
            config = each.to_dict()["config"]
            name = ", ".join(
                [each.case.name, *(f"{_words(name)} {config[name]}" for name in varying)]
            )
            lines.append(f"- {name}: {path.words.replace('|', ' ')}\n")
    if not lines:
        return ""
    return f"<details><summary>What limits the clock</summary>\n\n{''.join(lines)}\n</details>\n"


def differing(measured: Sequence[Measurement]) -> list[str]:
    """Fields in which configurations differ."""
    configs = [each.to_dict()["config"] for each in measured]
    return [name for name in configs[0] if len({config[name] for config in configs}) > 1]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))
