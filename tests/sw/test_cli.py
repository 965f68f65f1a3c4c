import re
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilefold.cli import EXTRAS, GROUP, main

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

MODULE = '''
"""A package that contributes verbs."""

import click

print("loaded")


@click.command
@click.argument("what")
def fail(what):
    """Fail in a way that can be chosen.

    This is told only by `tilefold fail --help`.
    """
    if what == "value":
        raise ValueError("width must be at most 16, not 17")
    if what == "file":
        open("no/such/file")
    if what == "network":
        raise ConnectionError("id is 0x0, not 0x1")
    if what == "nothing":
        raise OSError
    if what == "extra":
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    if what == "defect":
        raise KeyError("width")


not_a_command = 1
'''

ABSENT = 'raise ModuleNotFoundError("No module named {0!r}", name={0!r})'


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run ``tilefold`` where a second package contributes verbs to it."""
    modules = {
        "stranger": MODULE,
        "wants_amaranth": ABSENT.format("amaranth"),
        "wants_typo": ABSENT.format("amaranht"),
        "wants_part": ABSENT.format("amaranth.lib.gone"),
    }
    for name, text in modules.items():
        (tmp_path / f"{name}.py").write_text(text)
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\n"
        "fail = stranger:fail [torch]\n"
        "plain = stranger:fail\n"
        "odd = stranger:not_a_command\n"
        "circuit = wants_amaranth:circuit\n"
        "watch = wants_amaranth:watch [sim]\n"
        "typo = wants_typo:typo [sim]\n"
        "part = wants_part:part [sim]\n"
        "gone = nowhere:gone\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda *arguments: CliRunner().invoke(main, arguments)
    for name in modules:
        sys.modules.pop(name, None)


def test_help_names_each_verb_with_its_first_line(run):
    result = run("--help")
    assert result.exit_code == 0
    assert re.search(r"^  fail +Fail in a way that can be chosen\.$", result.stdout, re.MULTILINE)
    assert "told only by" not in result.stdout


def test_help_loads_no_verb(run):
    assert "loaded" not in run("--help").stdout
    assert "stranger" not in sys.modules


def test_help_lists_a_verb_whose_extra_is_not_installed(run):
    assert re.search("^  circuit", run("--help").stdout, re.MULTILINE)


def test_help_survives_a_verb_whose_module_is_gone(run):
    assert re.search("^  gone", run("--help").stdout, re.MULTILINE)


def test_no_verb_shows_help_as_a_usage_error(run):
    result = run()
    assert result.exit_code == 2
    assert "Usage: " in result.output


@pytest.mark.parametrize("verb", sorted(each.name for each in entry_points(group=GROUP)))
def test_every_verb_s_help_is_laid_out(verb):
    result = CliRunner().invoke(main, [verb, "--help"])
    assert result.exit_code == 0, result.output
    assert r"\b" not in result.stdout
    assert f"Usage: tilefold {verb}" in result.stdout


def test_version_is_the_package_s():
    result = CliRunner().invoke(main, ["--version"])
    assert result.stdout == f"tilefold, version {version('tilefold')}\n"


def test_an_unknown_verb_is_a_usage_error(run):
    result = run("compress")
    assert result.exit_code == 2
    assert "No such command 'compress'" in result.stderr


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("value", "width must be at most 16, not 17"),
        ("file", "no/such/file: No such file or directory"),
        ("network", "id is 0x0, not 0x1"),
        ("nothing", "OSError"),
    ],
)
def test_a_failure_is_one_line(run, what, message):
    result = run("fail", what)
    assert result.exit_code == 1
    assert result.stderr == f"tilefold: error: {message}\n"


def test_traceback_shows_where_a_failure_was_raised(run):
    assert isinstance(run("--traceback", "fail", "value").exception, ValueError)


def test_a_defect_surfaces(run):
    assert isinstance(run("fail", "defect").exception, KeyError)


@pytest.mark.parametrize(
    ("arguments", "module", "extra"),
    [
        (["circuit"], "amaranth", "gateware"),  # the smallest extra that has the module
        (["watch"], "amaranth", "sim"),  # the extra that the verb names
        (["plain", "extra"], "torch", "torch"),  # found missing only while it runs
    ],
)
def test_a_missing_extra_is_named(run, arguments, module, extra):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr == (
        f"tilefold: error: {arguments[0]} needs {module}, which is not installed: "
        f"pip install 'tilefold[{extra}]'\n"
    )


@pytest.mark.parametrize("verb", ["typo", "part"])
def test_an_import_that_no_extra_mends_surfaces(run, verb):
    assert isinstance(run(verb).exception, ModuleNotFoundError)


def test_a_verb_must_be_a_command(run):
    with pytest.raises(TypeError, match=r"^stranger:not_a_command must be a click command, not 1$"):
        raise run("odd").exception


def test_extras_bring_the_modules_they_are_said_to():
    distributions = {
        "PIL": "pillow",
        "cocotb_tools": "cocotb",
        "serial": "pyserial",
        "sklearn": "scikit-learn",
        "systemrdl": "systemrdl-compiler",
    }
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    for module, extra in EXTRAS.items():
        distribution = distributions.get(module, module.replace("_", "-"))
        names = {re.match(r"[a-z0-9-]+", requirement)[0] for requirement in extras[extra]}
        assert distribution in names, module
