"""Verbs of calibration: what they are called with and what they print."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress as Bars
from rich.table import Table

from tilefold_hw.budget import bits_per_value
from tilefold_hw.config import named
from tilefold_hw.layer import Clip

from ..bundle import Bundle, Site
from . import source
from .data import load
from .distil import unchanged
from .evaluate import Evaluation
from .evaluate import evaluate as evaluated
from .methods import METHODS
from .narrow import Narrowed, by_ceiling, by_energy
from .pipeline import Calibrated, prepare, restore, survey
from .pipeline import calibrate as calibrated
from .progress import Progress
from .sites import find
from .target import bits_of_ratio, for_drop
from .tune import TUNING, mirrored, tune


class Numbers(click.ParamType):  # type: ignore[type-arg]
    """Numbers with commas between them."""

    name = "numbers"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """Read them."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(each) for each in value.split(","))
        except ValueError:
            self.fail(f"{value!r} must be numbers with commas between them", param, ctx)


def on_network(command: Callable[..., None]) -> Callable[..., None]:
    """Arguments and options that say which network, and how pictures become its inputs."""
    for decorate in reversed(
        (
            click.argument("network", metavar="NETWORK.py:FACTORY"),
            click.option(
                "--weights",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="Safetensors file with the weights; else the factory loads them.",
            ),
            click.option(
                "--mean",
                type=Numbers(),
                default="0",
                show_default=True,
                help="What is taken off each channel of pictures in bytes, which become 0 to 1.",
            ),
            click.option(
                "--deviation",
                type=Numbers(),
                default="1",
                show_default=True,
                help="What it is divided by then.",
            ),
        )
    ):
        command = decorate(command)
    return command


with_data = click.option(
    "--data",
    required=True,
    metavar="DATA",
    help="FILE.npz, a folder of pictures, or FILE.py:NAME, a dataset.",
)
"""Option that says where images are."""


@click.command()
@on_network
@with_data
@click.option("--images", type=click.IntRange(1), default=512, show_default=True, help="How many.")
@click.option("--config", default="standard", show_default=True, metavar="CONFIG|PRESET")
@click.option("--method", type=click.Choice(tuple(METHODS)), default="allocate", show_default=True)
@click.option("--bits", type=float, help="Guaranteed bits a value, of all maps together.")
@click.option("--ratio", type=float, help="The same, told by how much smaller maps become.")
@click.option("--drop", type=float, help="Points of accuracy that may be lost, in per cent.")
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="NAME",
    help="A map to compress, or a pattern such as 'layer1.*'; may be repeated. Else all.",
)
@click.option(
    "--project",
    "share",
    type=float,
    metavar="SHARE",
    help="First store linear maps as the principal components with this share of their energy.",
)
@click.option(
    "--ceiling",
    type=float,
    metavar="K",
    help="First let no map be larger than the largest over K, by trained projections (ProChan).",
)
@click.option(
    "--minutes",
    "ceiling_minutes",
    type=click.FloatRange(0, min_open=True),
    default=10,
    show_default=True,
    help="How long to train for --ceiling.",
)
@click.option(
    "--tune",
    "minutes",
    type=click.FloatRange(0, min_open=True),
    metavar="MINUTES",
    help="Then train the weights for so long to do with what the tables keep.",
)
@click.option(
    "--tune-images",
    "tuned_on",
    type=click.IntRange(1),
    metavar="N",
    help="How many of DATA to train on for --tune and --ceiling; else all.",
)
@click.option("--mirror", is_flag=True, help="Train on mirrored images, too: they are as likely.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="BUNDLE")
def calibrate(
    network: str,
    weights: Path | None,
    data: str,
    mean: tuple[float, ...],
    deviation: tuple[float, ...],
    images: int,
    config: str,
    method: str,
    bits: float | None,
    ratio: float | None,
    drop: float | None,
    sites: tuple[str, ...],
    share: float | None,
    ceiling: float | None,
    ceiling_minutes: float,
    minutes: float | None,
    tuned_on: int | None,
    mirror: bool,
    output: Path,
) -> None:
    """Calibrate a trained network: choose tables for its stored maps, and write a bundle.

    NETWORK.py:FACTORY names a function without arguments that returns a torch.nn.Module; the file
    is run. DATA are training images: nothing may be chosen by those that accuracy is told of.

    \b
    Methods:
      allocate      widths for every channel and coefficient, by what the network loses
      mask          the lowest frequencies
      fisher        what the network's answers depend on most
      learned-mask  what training leaves
      energy        the same share of energy in every map
      topk          what is most often among the largest of a tile

    With --project or --ceiling, maps get fewer channels first, by projections that fold into the
    convolutions around them; the rest is chosen for the smaller network, and the bundle carries it.

    With --tune, all weights are trained with the exact codec in place, so that accuracy comes back
    at low rates; rates stay as they are. The network learns from its own answers in floats, so no
    labels are used. The bundle carries the tuned weights.

    \b
    Example:
      tilefold calibrate resnet.py:resnet20 --weights resnet20.safetensors --data train.npz
        --mean 0.485,0.456,0.406 --deviation 0.229,0.224,0.225 --bits 3 -o resnet20.bundle
    """
    if sum(each is not None for each in (bits, ratio, drop)) != 1:
        raise click.UsageError("give one of --bits, --ratio and --drop")
    if share is not None and ceiling is not None:
        raise click.UsageError("give one of --project and --ceiling")
    if minutes is None and ceiling is None and (tuned_on is not None or mirror):
        raise click.UsageError("--tune-images and --mirror need --tune or --ceiling")
    if not output.parent.is_dir():
        raise ValueError(f"output must be in a folder that is there, not {str(output.parent)!r}")
    if output.is_dir():
        raise ValueError(f"output must be a file, not the folder {str(output)!r}")
    hardware = named(config)
    found = load(data, count=images, mean=mean, deviation=deviation)
    trained = source.network(network, weights)
    more = found
    if minutes is not None or ceiling is not None:
        more = load(data, count=tuned_on, mean=mean, deviation=deviation)
    vary = mirrored if mirror else unchanged
    with showing_progress() as progress:
        graph = prepare(trained, found.images[:2])
        narrowed = Narrowed(graph, {}, {})
        if share is not None:
            narrowed = by_energy(graph, found.images, share, sites, progress)
        if ceiling is not None:
            narrowed = by_ceiling(graph, more.images, ceiling, 60 * ceiling_minutes, vary, progress)
        begun = survey(narrowed.network, found.images, hardware, sites, progress)
        if drop is not None:
            result = for_drop(begun, drop / 100, found.labels, method, progress, graph)
        else:
            wanted = bits_of_ratio(begun, ratio) if ratio is not None else bits
            assert wanted is not None
            result = calibrated(begun, wanted, method, progress)
        if minutes is not None:
            training = replace(TUNING, seconds=60 * minutes)
            result = tune(result, more.images, training, vary, progress, graph)
    result.bundle().save(output)
    for name, (kept, before) in narrowed.channels.items():
        click.echo(f"{name}: stored as {kept} of {before} channels")
    for reason in narrowed.left.values():
        click.echo(f"not projected: {reason}")
    _tell(result, output)


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), metavar="BUNDLE")
@on_network
@with_data
@click.option("--images", type=click.IntRange(1), help="How many; else all.")
def evaluate(
    bundle: Path,
    network: str,
    weights: Path | None,
    data: str,
    mean: tuple[float, ...],
    deviation: tuple[float, ...],
    images: int | None,
) -> None:
    """Tell how well a network answers with its maps stored, every one through the exact codec.

    The network is rebuilt with the weights that the bundle carries, and compared with itself as it
    was trained.
    """
    read = Bundle.load(bundle)
    found = load(data, count=images, mean=mean, deviation=deviation)
    trained = source.network(network, weights)
    with showing_progress() as progress:
        graph = restore(trained, found.images[:2], read)
        result = evaluated(
            graph,
            find(graph),
            read.sites,
            read.config,
            found.images,
            found.labels,
            reference=trained,
            progress=progress,
        )
    _tell_sites(read.sites, read, result)
    if result.accuracy is not None and result.stored_accuracy is not None:
        click.echo(f"accuracy in floats: {result.accuracy:.2%} of {result.images} images")
        click.echo(f"with maps stored:   {result.stored_accuracy:.2%}")
    click.echo(f"same answer:        {result.agreement:.2%}")


@contextmanager
def showing_progress() -> Iterator[Progress]:
    """Bars on the terminal, one for each kind of work; nothing where there is none."""
    console = Console(stderr=True)
    with Bars(console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None)
            bars.update(tasks[what], completed=done, total=total or None)

        yield show


def _tell(result: Calibrated, output: Path) -> None:
    bundle = result.bundle()
    _tell_sites(result.sites, bundle)
    for name, reason in result.skipped.items():
        click.echo(f"{name}: left as it is: {reason}")
    width = bundle.config.sample_width
    click.echo(
        f"{result.bits:.3f} bits a value, guaranteed: {1 - result.bits / width:.1%} less than "
        f"{width}-bit samples"
    )
    click.echo(f"{output}: the bundle, for configuration {bundle.config.digest[:12]}")


def _tell_sites(sites: tuple[Site, ...], bundle: Bundle, result: Evaluation | None = None) -> None:
    """Print a line for each map."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("map")
    titles = ["size", "tables", "bits a value", "clip"]
    for title in titles + (["dB", "saturated"] if result else []):
        table.add_column(title, justify="right")
    for site in sites:
        layer = site.layer
        cells = [
            site.name,
            f"{layer.channels_out} × {site.height} × {site.width}",
            str(len(layer.tables)),
            f"{bits_per_value(bundle.config, layer, site.values):.3f}",
            "none" if layer.clip == Clip() else f"{layer.clip.low} to {layer.clip.high or 'top'}",
        ]
        if result:
            damage = result.damage[site.name]
            share = damage.counts.saturated / max(damage.counts.stored, 1)
            cells += [f"{damage.decibels:.1f}", f"{share:.2%}"]
        table.add_row(*cells)
    Console().print(table)
