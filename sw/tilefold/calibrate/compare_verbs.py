"""Verbs that compare and report: what they are called with and what they print."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tilefold_hw.config import named

from ..bundle import Bundle
from ..files import write_whole
from ..report import rates
from ..report.comparison import Comparison
from ..report.plain import dump, parse
from . import source
from .clip import RULES
from .compare import Plan
from .compare import compare as compared
from .compare_training import LESSONS
from .data import load
from .distil import unchanged
from .evaluate import evaluate
from .methods import METHODS
from .pipeline import begin, restore
from .reporting import report as reported
from .sites import find
from .tune import mirrored
from .verbs import Numbers, on_network, showing_progress, with_data

_WIDE = 160
"""Columns where there is no terminal."""

with_test = click.option(
    "--test",
    required=True,
    metavar="DATA",
    help="Images that accuracy is told of, with labels: others than those of --data.",
)
"""Option that says where test images are."""


@click.command()
@on_network
@with_data
@with_test
@click.option(
    "--images", type=click.IntRange(1), default=512, show_default=True, help="How many of --data."
)
@click.option("--tests", type=click.IntRange(1), help="How many of --test; else all.")
@click.option("--config", default="standard", show_default=True, metavar="CONFIG|PRESET")
@click.option(
    "--method",
    "methods",
    type=click.Choice(tuple(METHODS)),
    multiple=True,
    help="One of ours to measure; may be repeated. Else all.",
)
@click.option(
    "--bits",
    type=Numbers(),
    help="Rates, in bits a value of all maps together, such as 4,3,2.  [default: 1/2 to 3/16 of "
    "the bits of a sample]",
)
@click.option(
    "--clip",
    "clips",
    type=click.Choice(tuple(RULES)),
    multiple=True,
    help="How each layer's clip is chosen: by measurement, all at zero, or none; may be repeated.  "
    "[default: measured]",
)
@click.option(
    "--baselines/--no-baselines",
    default=True,
    show_default=True,
    help="Coders of the literature beside ours.",
)
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="NAME",
    help="A map to compress, or a pattern such as 'layer1.*'; may be repeated. Else all.",
)
@click.option(
    "--train",
    type=click.Choice(tuple(LESSONS)),
    multiple=True,
    help="Train on --data, too, and tell what that reaches; may be repeated.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    default=10,
    show_default=True,
    help="How long each training takes.",
)
@click.option(
    "--train-images", "more", type=click.IntRange(1), help="How many to train on; else all of DATA."
)
@click.option("--mirror", is_flag=True, help="Train on mirrored images, too: they are as likely.")
@click.option("--json", "output", type=click.Path(path_type=Path), metavar="FILE", help="Write it.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw it.")
def compare(
    network: str,
    weights: Path | None,
    data: str,
    test: str,
    mean: tuple[float, ...],
    deviation: tuple[float, ...],
    images: int,
    tests: int | None,
    config: str,
    methods: tuple[str, ...],
    bits: tuple[float, ...] | None,
    clips: tuple[str, ...],
    baselines: bool,
    sites: tuple[str, ...],
    train: tuple[str, ...],
    minutes: float,
    more: int | None,
    mirror: bool,
    output: Path | None,
    plot: Path | None,
) -> None:
    """Compare methods and baselines on one network: rate, worst case, accuracy.

    NETWORK.py:FACTORY and both DATA are as for `tilefold calibrate`. All methods and all coders are
    fitted to --data, and measured on the same maps of --test. A method of ours takes the same bits
    for every image, guaranteed; a coder of the literature does not, so the image that takes most
    stands beside the mean.

    \b
    Baselines:
      run-length         runs of zeros, as in Eyeriss
      sparsity map       a bit for each value, then those that are not zero, as in NullHop
      zero-value         the same in blocks of 32, as in a compressing DMA engine
      Huffman, adaptive  a code for each map of each image, stored with it
      Huffman, fitted    a code for each map, from --data
      PCA and Huffman    principal components of the channels, a fitted code for each

    \b
    Trainings, which need no labels of DATA and take --minutes for each figure:
      tune     all weights, to the tables that allocate chooses
      prochan  projections around ReLUs, folded, with PACT of 8, 4 and 2 bits
      learned  projections that begin as principal components, with Huffman codes

    \b
    Example:
      tilefold compare resnet.py:resnet20 --weights resnet20.safetensors --data train.npz
        --test test.npz --mean 0.485,0.456,0.406 --deviation 0.229,0.224,0.225
        --bits 4,3,2 --json compare.json --plot compare.svg
    """
    for path in (output, plot):
        _require_folder(path)
    plan = Plan(
        methods or tuple(METHODS), bits or (), clips or ("measured",), baselines, train, minutes
    )
    if not train and (mirror or more is not None):
        raise click.UsageError("--train-images and --mirror need --train")
    hardware = named(config)
    training = load(data, count=images, mean=mean, deviation=deviation)
    trained_on = load(data, count=more, mean=mean, deviation=deviation) if train else training
    testing = load(test, count=tests, mean=mean, deviation=deviation)
    with showing_progress() as progress:
        begun = begin(source.network(network, weights), training.images, hardware, sites, progress)
        found = compared(
            begun,
            testing.images,
            testing.labels,
            plan,
            source.called(network),
            progress,
            trained_on=trained_on.images,
            vary=mirrored if mirror else unchanged,
        )
    _tell(found)
    if output is not None:
        write_whole(output, dump(found).encode())
    if plot is not None:
        rates.draw(found, plot)


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), metavar="BUNDLE")
@on_network
@click.option(
    "--data", metavar="DATA", help="Training images, to fit Huffman's code to; else without it."
)
@with_test
@click.option(
    "--images", type=click.IntRange(1), default=512, show_default=True, help="How many of --data."
)
@click.option("--tests", type=click.IntRange(1), help="How many of --test; else all.")
@click.option(
    "--compare",
    "comparison",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="What `tilefold compare` wrote, for accuracy against rate.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE.html")
def report(
    bundle: Path,
    network: str,
    weights: Path | None,
    data: str | None,
    test: str,
    mean: tuple[float, ...],
    deviation: tuple[float, ...],
    images: int,
    tests: int | None,
    comparison: Path | None,
    output: Path,
) -> None:
    """Report what a bundle stores, saves and loses, as one page of HTML.

    The page needs no other file: tables of all layers, traffic saved, lossless coders beside ours,
    maps before and after, the tables as heat maps, and accuracy against rate where --compare
    tells it.

    \b
    Example:
      tilefold report resnet20.bundle resnet.py:resnet20 --weights resnet20.safetensors
        --data train.npz --test test.npz --compare compare.json -o report.html
    """
    # Jinja comes with an extra, which the other verb does without.
    from ..report import page

    _require_folder(output)
    read = Bundle.load(bundle)
    name = source.called(network)
    before = None if comparison is None else _read(comparison)
    training = None if data is None else load(data, count=images, mean=mean, deviation=deviation)
    testing = load(test, count=tests, mean=mean, deviation=deviation)
    trained = source.network(network, weights)
    with showing_progress() as progress:
        graph = restore(trained, testing.images[:2], read)
        evaluation = evaluate(
            graph,
            find(graph),
            read.sites,
            read.config,
            testing.images,
            testing.labels,
            reference=None if weights is None else trained,
            progress=progress,
        )
        found = reported(
            name,
            graph,
            read,
            evaluation,
            testing.images,
            None if training is None else training.images,
            before,
            progress,
        )
    page.write(found, output)
    click.echo(
        f"{found.bits:.3f} bits a value, {found.saved:.1%} of the traffic saved, "
        f"{found.accuracy:.2%} of {evaluation.images} images right, "
        f"{found.accuracy_float:.2%} in floats"
    )
    click.echo(f"{output}: the report")


def _read(path: Path) -> Comparison:
    try:
        return parse(Comparison, path.read_text(encoding="utf-8"))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _require_folder(path: Path | None) -> None:
    if path is not None and not path.parent.is_dir():
        raise ValueError(f"output must be in a folder that is there, not {str(path.parent)!r}")


def _tell(found: Comparison) -> None:
    """Print a line for each rate, and one for each map."""
    click.echo(
        f"{found.network}: {found.accuracy_float:.2%} of {found.tests} test images in floats; "
        f"fitted to {found.images} others"
    )
    table = _table("method", "setting", "bits a value", "worst", "saved", "accuracy", "lost")
    for line in found.lines:
        for rate in line.rates:
            table.add_row(
                line.name,
                rate.setting,
                f"{rate.bits:.3f}",
                "guaranteed" if line.guaranteed else f"{rate.worst:.3f}",
                f"{found.saved(rate.bits):.1%}",
                f"{rate.accuracy:.2%}",
                f"{found.accuracy_float - rate.accuracy:.2%}",
            )
    _print(table)
    for reason in found.left_out:
        click.echo(f"left out: {reason}")
    if found.maps:
        click.echo(
            f"\nbits a value of {found.sample_width}-bit samples, mean and worst image, lossless"
        )
        table = _table("map", "zeros", *(each.name for each in found.baselines))
        told = [(each.name, f"{each.zeros:.1%}", each.baselines) for each in found.maps]
        for name, zeros, baselines in [*told, ("all", "", found.baselines)]:
            pairs = [f"{each.mean:.2f} {each.worst:.2f}" for each in baselines]
            table.add_row(name, zeros, *pairs)
        _print(table)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for each in others:
        table.add_column(each, justify="right")
    return table


def _print(table: Table) -> None:
    console = Console()
    # What goes into a file is not cut to the width of a terminal that isn't there.
    (console if console.is_terminal else Console(width=_WIDE)).print(table)
