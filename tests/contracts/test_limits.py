"""Files, functions and nesting stay as small as the style guide wants them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for room in ("src", "tests", "benchmarks") for path in ROOT.glob(f"{room}/**/*.py")
)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCK = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def depth(node):
    """Blocks inside blocks; an `elif` is no deeper than its `if`, a function starts anew."""
    below = max((depth(child) for child in _inside(node)), default=0)
    return below + isinstance(node, BLOCK)


def _inside(node):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTION):
            continue
        if isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If):
            yield from _inside(child)
        else:
            yield child


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_functions_and_nesting_are_within_their_limits(path):
    text = path.read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTION)]
    lengths = {node.name: node.end_lineno - node.lineno + 1 for node in functions}
    depths = {node.name: depth(node) for node in functions}
    assert len(text.splitlines()) <= 400
    assert {name: lines for name, lines in lengths.items() if lines > 60} == {}
    assert {name: blocks for name, blocks in depths.items() if blocks > 3} == {}


def test_nesting_counts_blocks_and_takes_elif_for_if():
    code = "def f():\n for a in b:\n  if a: pass\n  elif b:\n   with c: pass\n  else: pass\n"
    (function,) = ast.parse(code).body
    assert depth(function) == 3
