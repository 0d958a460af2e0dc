"""NumPy 2.5 refuses a negative number beside unsigned ones, where earlier ones made room for it.

So whole numbers become signed before a negative one joins them, not after: what is cast after
``np.where`` had another type before.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import cdrsite

PACKAGE = Path(cdrsite.__file__).parent


def late_casts(text: str) -> Iterator[int]:
    """Lines where ``np.where`` joins a negative whole number and the type is chosen afterwards."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    attr="astype",
                    value=ast.Call(func=ast.Attribute(attr="where"), args=[_, *joined]),
                )
            ) if any(negative(one) for one in joined):
                yield node.lineno


def negative(node: ast.expr) -> bool:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int())):
            return True
    return False


def test_a_late_cast_is_seen() -> None:
    text = "a = np.where(x, y, -1).astype(np.int32)\nb = np.where(x, y.astype(np.int32), -1)\n"
    assert list(late_casts(text)) == [1]
    assert not list(late_casts("c = np.where(x, y, -1.0).astype(np.float32)"))


def test_whole_numbers_are_signed_before_a_negative_one_joins_them() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in late_casts(path.read_text(encoding="utf-8"))
    }
    assert found == set()
