"""Verbs of a device: what they are called with and what they print."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

_Verb = TypeVar("_Verb", bound=Callable[..., object])

_RUN_EXAMPLES = """\b
tilefold run sim://demo digits.safetensors conv2 maps.npy -o words.npy --encode
tilefold run sim://demo digits.safetensors conv2 words.npy -o maps.npy --decode
tilefold run /dev/ttyUSB0 digits.safetensors conv2 maps.npy -o restored.npy
"""


def _on_a_device(verb: _Verb) -> _Verb:
    """Give a verb what all need that open a device."""
    verb = click.option(
        "--config",
        metavar="CONFIG|PRESET",
        help="What the device's codec is built with.  [default: a preset with its digest]",
    )(verb)
    verb = click.option("--baud", default=3_000_000, show_default=True, help="Of a serial port.")(
        verb
    )
    return click.argument("url", metavar="PORT")(verb)


@click.command()
@_on_a_device
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(url: str, baud: int, config: str | None, as_json: bool) -> None:
    """Tell what answers at a port: what it is built with, and what it has counted.

    PORT is a serial port such as /dev/ttyUSB0, socket://HOST:PORT, or sim://CONFIG for a
    simulation. The device is reset by this.
    """
    from tilefold_hw.config import named

    from .device import Device
    from .session import ConfigMismatch

    with Device(url, baud=baud, config=named(config) if config else None) as device:
        told: dict[str, object] = asdict(device.identity)
        try:
            told["config"] = asdict(device.config)
            told["counters"] = device.counters()
        except ConfigMismatch as error:
            told["config"] = str(error)
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    _print_tree(told)


@click.command()
@_on_a_device
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
def load(url: str, baud: int, config: str | None, bundle: Path) -> None:
    """Load each layer of a bundle into a device, and see that it is taken.

    Leaves the device with the last of them. A run loads what it needs by itself: this is to find
    out that a bundle and a device fit.
    """
    from tilefold_hw.config import named

    from .device import Device

    with Device(url, baud=baud, config=named(config) if config else None) as device:
        device.load(bundle)
        assert device.bundle
        for site in device.bundle.sites:
            device.place(site)
            layer = site.layer
            click.echo(f"{site.name}: {layer.channels} channels, {len(layer.tables)} tables: taken")


@click.command(epilog=_RUN_EXAMPLES)
@_on_a_device
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("site")
@click.argument("data", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Gets what comes out, as .npy.",
)
@click.option("--encode", "way", flag_value="encode", help="Maps in, words out.")
@click.option("--decode", "way", flag_value="decode", help="Words in, maps out.")
@click.option("--roundtrip", "way", flag_value="roundtrip", default=True, help="Both.  [default]")
def run(
    url: str,
    baud: int,
    config: str | None,
    bundle: Path,
    site: str,
    data: Path,
    output: Path,
    way: str,
) -> None:
    """Run feature maps through a device.

    SITE is a map's name in the bundle; DATA is .npy: samples of one map [channels, height, width]
    or of several, or with --decode the words that --encode gave.
    """
    import io

    import numpy as np

    from tilefold_hw.config import named

    from .device import Device
    from .files import write_whole
    from .progress import Bar

    read = np.load(data, allow_pickle=False)
    with Device(url, baud=baud, config=named(config) if config else None) as device:
        device.load(bundle)
        with Bar(f"{way} {site}") as bar:
            operation = {
                "encode": device.encode,
                "decode": device.decode,
                "roundtrip": device.roundtrip,
            }[way]
            result = operation(read, site, bar.show)
    buffer = io.BytesIO()
    np.save(buffer, result, allow_pickle=False)
    write_whole(output, buffer.getvalue())
    click.echo(f"{output}: {result.dtype}{list(result.shape)}")


@click.command()
@_on_a_device
@click.option("--packets", default=16, show_default=True, help="Packets of each measurement.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(url: str, baud: int, config: str | None, packets: int, as_json: bool) -> None:
    """Measure a device: its link, and what it does without the link in the loop.

    The self-test runs a pattern at full speed through all that the device has, and its signatures
    are compared with the golden model's. In a simulation, times are those of its clock.
    """
    from tilefold_hw.config import named

    from .device import Device
    from .progress import Bar

    with Device(url, baud=baud, config=named(config) if config else None) as device:
        with Bar("measuring") as bar:
            found = device.bench(packets, bar.show)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    click.echo(f"a request and its reply: {1e3 * found.reply_seconds:.3g} ms")
    for name, way in (("encode", found.encode), ("decode", found.decode)):
        if way:
            come, go = way.bytes_in / 1e3, way.bytes_out / 1e3
            click.echo(f"{name}: {come:.4g} kB/s in, {go:.4g} kB/s out")
    if found.samples_per_second:
        click.echo(
            f"without the link: {found.samples_per_second / 1e6:.4g} Msamples/s, "
            "as the golden model says"
        )


def _print_tree(told: dict[str, object], indent: str = "") -> None:
    for name, value in told.items():
        if isinstance(value, dict):
            click.echo(f"{indent}{name}:")
            _print_tree(value, indent + "  ")
        else:
            click.echo(f"{indent}{name}: {value}")
