"""Arithmetic over layers, cell by cell, with NaN for unknown (rule 2).

Only a few kinds of syntax are allowed, so an expression can compute and nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import ConfigError
from cdrsite.layers.where import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.Mod: np.mod,
    ast.USub: np.negative,
    ast.UAdd: np.positive,
}
_COMPARISONS: dict[type, Callable[..., Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


def _where(test: Any, yes: Any, no: Any) -> Any:
    return np.where(np.isnan(test), np.nan, np.where(test != 0, yes, no))


def _smallest(*values: Any) -> Any:
    return np.minimum.reduce(np.broadcast_arrays(*values))


def _greatest(*values: Any) -> Any:
    return np.maximum.reduce(np.broadcast_arrays(*values))


_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "min": (_smallest, 2, 99),
    "max": (_greatest, 2, 99),
    "where": (_where, 3, 3),
    "abs": (np.abs, 1, 1),
    "sqrt": (np.sqrt, 1, 1),
    "exp": (np.exp, 1, 1),
    "log": (np.log, 1, 1),
    "isnan": (lambda value: np.isnan(value).astype(float), 1, 1),
}
SHARE = "share"
"""``share(landcover, built, 60)``: share of a cell that classes of a layer cover."""
Share = tuple[str, tuple[int | str, ...]]
"""A class layer and its classes, as names, codes or ranges."""
MAX_LENGTH = 2000
MAX_DEPTH = 60
LARGEST = 1e300
"""Of the numbers written in an expression; integers beyond this are no floating-point numbers."""


def parse(text: str, where: str) -> ast.expr:
    """Check an expression and return its syntax tree.

    Raises
    ------
    ConfigError
        If it is not an expression or holds anything but arithmetic.
    """
    if len(text) > MAX_LENGTH:
        raise ConfigError("the expression is too long", where=where, got=len(text))
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(
            "not an expression", where=where, got=repr(text), expected="e.g. 0.7 * pv + 0.3 * wind"
        ) from error
    _check(tree, text, where, 0)
    return tree


def names(tree: ast.expr) -> list[str]:
    """Layers an expression reads, those of shares last, each in order of appearance."""
    return list(dict.fromkeys([*valued(tree), *(layer for layer, _ in shares(tree))]))


def valued(tree: ast.expr) -> list[str]:
    """Layers of whose values an expression is made, in order of appearance."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    other = {id(n.func) for n in calls}
    other |= {id(argument) for n in calls if _is_share(n) for argument in n.args}
    found = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in other]
    return list(dict.fromkeys(found))


def shares(tree: ast.expr) -> list[Share]:
    """Shares of classes that an expression reads, in order of appearance."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _is_share(n)]
    return list(dict.fromkeys(_share(call) for call in calls))


def _is_share(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == SHARE


def _share(call: ast.Call) -> Share:
    first, *rest = call.args
    assert isinstance(first, ast.Name)  # noqa: S101 - _check_share lets nothing else through
    return first.id, tuple(a.id if isinstance(a, ast.Name) else a.value for a in rest)  # type: ignore[attr-defined]


def evaluate(tree: ast.expr, values: Mapping[str | Share, NDArray[Any]]) -> Any:
    """Compute a checked expression; values are float64 arrays by layer name, and by share."""
    with np.errstate(all="ignore"):
        return _value(tree, values)


def _check(node: ast.AST, text: str, where: str, depth: int) -> None:
    """Refuse every node that is not arithmetic."""
    if depth > MAX_DEPTH:
        raise ConfigError("the expression is nested too deep", where=where, expected=MAX_DEPTH)
    if isinstance(node, ast.Constant):
        allowed = isinstance(node.value, int | float) and not isinstance(node.value, bool)
        if allowed and abs(node.value) > LARGEST:  # type: ignore[arg-type]
            raise ConfigError("too large a number", where=where, expected=f"at most {LARGEST:g}")
    elif isinstance(node, ast.BinOp | ast.UnaryOp):
        allowed = type(node.op) in _OPERATORS or isinstance(node.op, ast.Not)
    elif isinstance(node, ast.Compare):
        allowed = all(type(op) in _COMPARISONS for op in node.ops)
    elif isinstance(node, ast.Call):
        if _is_share(node):
            _check_share(node, text, where)
            return
        _check_call(node, text, where)
        for argument in node.args:
            _check(argument, text, where, depth + 1)
        return
    else:
        allowed = isinstance(node, ast.Name | ast.BoolOp)
    if not allowed:
        raise ConfigError(
            "not allowed in an expression",
            where=where,
            got=ast.get_source_segment(text.strip(), node) or text,
            expected="numbers, layers, + - * / **, comparisons, and/or/not, "
            + ", ".join((*_FUNCTIONS, SHARE)),
        )
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            _check(child, text, where, depth + 1)


def _check_call(node: ast.Call, text: str, where: str) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in _FUNCTIONS or node.keywords:
        raise ConfigError(
            "not allowed in an expression",
            where=where,
            got=ast.get_source_segment(text.strip(), node),
            expected=f"one of {', '.join((*_FUNCTIONS, SHARE))}",
            cure=nearest(name, [*_FUNCTIONS, SHARE]),
        )
    _, least, most = _FUNCTIONS[name]
    if not least <= len(node.args) <= most:
        raise ConfigError(
            f"wrong number of arguments for {name}", where=where, got=len(node.args), expected=least
        )


def _check_share(node: ast.Call, text: str, where: str) -> None:
    """Refuse a share of anything but classes of one layer."""
    good = len(node.args) >= 2 and isinstance(node.args[0], ast.Name) and not node.keywords
    for one in node.args[1:]:
        code = isinstance(one, ast.Constant) and type(one.value) in {int, str}
        good &= code or isinstance(one, ast.Name)
    if not good:
        raise ConfigError(
            "not a share of classes",
            where=where,
            got=ast.get_source_segment(text.strip(), node),
            expected="a class layer and names or codes of its classes, e.g. "
            "share(landcover, built, 60) or share(landcover, 'bare / sparse', '1-11')",
        )


def _value(node: ast.AST, values: Mapping[str | Share, NDArray[Any]]) -> Any:  # noqa: PLR0911 - a case each
    if isinstance(node, ast.Constant):
        return np.float64(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, values)
        if isinstance(node.op, ast.Not):
            return np.where(np.isnan(inner), np.nan, (inner == 0).astype(float))
        return _OPERATORS[type(node.op)](inner)
    if isinstance(node, ast.Compare):
        return _compared(node, values)
    if isinstance(node, ast.BoolOp):
        parts = [_value(v, values) for v in node.values]
        truth = [np.where(np.isnan(p), np.nan, (p != 0).astype(float)) for p in parts]
        return (_smallest if isinstance(node.op, ast.And) else _greatest)(*truth)
    assert isinstance(node, ast.Call)  # noqa: S101 - _check lets nothing else through
    assert isinstance(node.func, ast.Name)  # noqa: S101
    if _is_share(node):
        return values[_share(node)]
    return _FUNCTIONS[node.func.id][0](*[_value(a, values) for a in node.args])


def _compared(node: ast.Compare, values: Mapping[str | Share, NDArray[Any]]) -> Any:
    """A chain of comparisons: 1, 0, or NaN where a side is unknown."""
    left = _value(node.left, values)
    result: Any = np.float64(1.0)
    for op, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, values)
        truth = _COMPARISONS[type(op)](left, right).astype(float)
        unknown = np.isnan(left) | np.isnan(right)
        result = np.where(unknown, np.nan, result * truth)
        left = right
    return result
