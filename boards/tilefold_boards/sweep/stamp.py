"""Stamps: what tells whether a measurement still holds.

A measurement depends on the sources of its circuit, on how it is measured, and on the tools. The
sources are those modules that the circuit's own imports, and what these import; comments and
docstrings are not looked at, so that a better word does not cost an hour of measuring.
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path

from ..blocks import block
from ..measure import versions
from ..parts import part

_FORMAT = 1

# How it is measured.
_FLOW = ("blocks", "critical", "harness", "parts", "route", "synthesis")
_CIRCUITS = ("tilefold_gateware", "tilefold_hw")
_HERE = __name__.partition(".")[0]


def stamp(name: str, where: str) -> str:
    """Return the stamp of what is measured now of the block *name* on the part *where*."""
    modules = {block(name).kind.__module__, *(f"{_HERE}.{each}" for each in _FLOW)}
    flow = len(modules)
    waiting = list(modules)
    while waiting:
        for imported in imports(waiting.pop()):
            if imported not in modules:
                modules.add(imported)
                waiting.append(imported)
    assert len(modules) > flow
    digests = [(module, digest(module)) for module in sorted(modules)]
    text = json.dumps([_FORMAT, digests, versions(part(where))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def imports(module: str) -> list[str]:
    """Return the modules of circuits that *module* imports."""
    # What the flow imports is named above: it knows all circuits, and a measurement one.
    if module.startswith(_HERE):
        return []
    return sorted(set(_imports(module)))


def _imports(module: str) -> Iterator[str]:
    package = module.rpartition(".")[0]
    for node in ast.walk(_tree(module)):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = resolve_name("." * node.level + (node.module or ""), package)
        if base.partition(".")[0] in _CIRCUITS:
            # A name of a package is a module, any other something in one.
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if "." not in base and find_spec(inner) else base


@cache
def digest(module: str) -> str:
    """Return a digest of what *module* does."""
    tree = _tree(module)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _tree(module: str) -> ast.Module:
    spec = find_spec(module)
    assert spec
    assert spec.origin
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
