"""Units of expressions, inferred through their syntax tree (rule 4).

A literal number has no unit of its own. In a sum, a comparison or a choice it takes the unit of
what it stands with (``elevation > 2000``, ``where(rain > 500, uptake, 0)``); as a factor it has
none, but may convert by hand (``elevation / 1000`` in km): then only the dimension is checked.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cdrsite.core.errors import UnitError
from cdrsite.core.units import Dimension
from cdrsite.layers.expression import SHARE


@dataclass(frozen=True)
class Inferred:
    """Unit of a part of an expression.

    Attributes
    ----------
    unit : Dimension or None
        None for a number that takes any unit, and for what is not known.
    known : bool
        False where a layer without a unit takes part.
    exact : bool
        Whether the size of the unit is known too, not only its dimension.
    """

    unit: Dimension | None
    known: bool = True
    exact: bool = True


FREE = Inferred(None)
UNKNOWN = Inferred(None, known=False, exact=False)
NUMBER = Inferred(Dimension.of("1"))


def infer(tree: ast.expr, units: Mapping[str, str | None], where: str) -> Inferred:
    """Unit of a checked expression.

    Parameters
    ----------
    tree : ast.expr
        From :func:`cdrsite.layers.expression.parse`.
    units : mapping
        Layer -> its unit, None where it has none.
    where : str
        Layer and key, for errors.

    Raises
    ------
    UnitError
        Quantities of different dimensions are added, compared or chosen between; a power, a
        logarithm or an exponential of what has a unit.
    """
    return _Inference(units, where).of(tree)


def check_unit(found: Inferred, declared: str, where: str) -> None:
    """Refuse a declared unit that is not the inferred one.

    Raises
    ------
    UnitError
        Names both.
    """
    wanted = Dimension.of(declared)
    if found.unit is None:
        return
    if not found.unit.same_dimension(wanted):
        raise UnitError(
            "the expression has another unit than it says",
            where=where,
            got=f"unit: {declared}, inferred {_shown(found)} from its layers",
            expected=f"a unit like {found.unit.text}",
            cure="correct unit:, or the expression: a factor with a unit is a layer of its own, "
            "e.g. {value: 3, unit: t/ha/yr/m}",
            rule=4,
        )
    if found.exact and not found.unit.same_size(wanted):
        raise UnitError(
            "the expression has another unit than it says",
            where=where,
            got=f"unit: {declared}, inferred {_shown(found)} from its layers",
            expected=found.unit.text,
            cure=f"unit: {found.unit.text}, or convert in the expression, e.g. elevation / 1000",
            rule=4,
        )


def _shown(found: Inferred) -> str:
    assert found.unit is not None  # noqa: S101 - the callers asked
    return "no unit" if found.unit.plain else found.unit.text


class _Inference:
    """One pass over a tree; every method returns the unit of a node."""

    def __init__(self, units: Mapping[str, str | None], where: str) -> None:
        self.units, self.where = units, where

    def of(self, node: ast.AST) -> Inferred:  # noqa: PLR0911 - a case each
        """Unit of a node, whatever it is."""
        if isinstance(node, ast.Constant):
            return FREE
        if isinstance(node, ast.Name):
            return self._layer(node.id)
        if isinstance(node, ast.UnaryOp):
            inner = self.of(node.operand)
            return NUMBER if isinstance(node.op, ast.Not) else inner
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.Compare):
            self._alike([node.left, *node.comparators], "compared")
            return NUMBER
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                self.of(part)
            return NUMBER
        assert isinstance(node, ast.Call)  # noqa: S101 - the parser lets nothing else through
        assert isinstance(node.func, ast.Name)  # noqa: S101
        name = node.func.id
        return NUMBER if name == SHARE else self._call(name, node.args)

    def _layer(self, name: str) -> Inferred:
        unit = self.units[name]
        if unit is None:
            return UNKNOWN
        found = Dimension.of(unit)
        return Inferred(found, exact="USD" not in str(found.unit))  # money has its year

    def _binary(self, node: ast.BinOp) -> Inferred:
        if isinstance(node.op, ast.Pow):
            return self._power(node)
        if isinstance(node.op, ast.Add | ast.Sub | ast.Mod):
            words = {ast.Add: "added", ast.Sub: "subtracted", ast.Mod: "divided with a remainder"}
            found = self._alike([node.left, node.right], words[type(node.op)])
            literal = isinstance(node.op, ast.Mod) or not self._has_literal(node)
            return found if literal else replace(found, exact=False)
        left, right = self.of(node.left), self.of(node.right)
        if not (left.known and right.known):
            return UNKNOWN
        if left.unit is None and right.unit is None:
            return FREE
        one = left.unit or NUMBER.unit
        other = right.unit or NUMBER.unit
        assert one is not None  # noqa: S101
        assert other is not None  # noqa: S101
        unit = one.times(other) if isinstance(node.op, ast.Mult) else one.over(other)
        factor = left.unit is None or right.unit is None
        return Inferred(unit, exact=left.exact and right.exact and not factor)

    def _has_literal(self, node: ast.BinOp) -> bool:
        """Whether a number is added, as `temperature + 273.15` converts by hand."""
        return any(self.of(side).unit is None for side in (node.left, node.right))

    def _power(self, node: ast.BinOp) -> Inferred:
        base, exponent = self.of(node.left), self.of(node.right)
        self._no_unit(exponent, "an exponent")
        if not base.known or base.unit is None:
            return base
        if base.unit.plain:
            return base
        number = _literal(node.right)
        if number is None:
            self._no_unit(base, "what is raised to a power that is not a number")
            return NUMBER
        return Inferred(base.unit.power(number), exact=base.exact)

    def _call(self, name: str, args: list[ast.expr]) -> Inferred:
        if name in {"min", "max"}:
            return self._alike(args, f"compared by {name}")
        if name == "where":
            self.of(args[0])
            return self._alike(args[1:], "chosen between")
        inner = self.of(args[0])
        if name == "isnan":
            return NUMBER
        if name in {"exp", "log"}:
            self._no_unit(inner, f"the argument of {name}")
            return replace(NUMBER, exact=False) if inner.known else UNKNOWN
        if name == "sqrt" and inner.unit is not None and not inner.unit.plain:
            return Inferred(inner.unit.power(0.5), exact=inner.exact)
        return inner

    def _alike(self, nodes: list[ast.expr], done: str) -> Inferred:
        """Unit of what is added, compared or chosen between; numbers take that of the others."""
        found = [(node, self.of(node)) for node in nodes]
        with_unit = [(node, one) for node, one in found if one.unit is not None]
        for node, one in with_unit[1:]:
            first = with_unit[0][1]
            assert first.unit is not None  # noqa: S101
            assert one.unit is not None  # noqa: S101
            both_exact = first.exact and one.exact
            same = first.unit.same_size(one.unit) if both_exact else True
            if not first.unit.same_dimension(one.unit) or not same:
                raise UnitError(
                    f"different units are {done}",
                    where=self.where,
                    got=f"{ast.unparse(with_unit[0][0])} [{first.unit.text}] and "
                    f"{ast.unparse(node)} [{one.unit.text}]",
                    expected="one unit",
                    cure="correct the layers' units, or convert one of them with a factor",
                    rule=4,
                )
        if not all(one.known for _, one in found):
            return UNKNOWN
        if not with_unit:
            return FREE
        return replace(with_unit[0][1], exact=all(one.exact for _, one in with_unit))

    def _no_unit(self, found: Inferred, what: str) -> None:
        if found.unit is not None and not found.unit.dimensionless:
            raise UnitError(
                f"{what} has a unit",
                where=self.where,
                got=found.unit.text,
                expected="a number without a unit",
                cure="divide it by a layer in the same unit, e.g. "
                f"{{value: 1, unit: {found.unit.text}}}",
                rule=4,
            )


def _literal(node: ast.AST) -> float | None:
    """The number that a node is, with its sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _literal(node.operand)
        return inner if inner is None or isinstance(node.op, ast.UAdd) else -inner
    return float(node.value) if isinstance(node, ast.Constant) else None  # type: ignore[arg-type]
