"""The one door to HiGHS: silent, one thread, a stated seed; how it ended in words of our own.

HiGHS 1.16 greets with two lines on file descriptor 1 when a process makes its first object, before
any option can be set. A JSON document on standard output would end there, and so would a quiet
run and a notebook's cell.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import compress
from threading import Event, Lock
from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.int32] | npt.NDArray[np.int64]

_GREETING = re.compile(rb"highs|third-party|third_party|licen[cs]e|copyright", re.IGNORECASE)
"""Marks a line of the greeting; other lines came from another thread meanwhile."""
_lock = Lock()
_greeted = Event()
_WORDS = {
    "kOptimal": "optimal",
    "kInfeasible": "infeasible",
    "kUnboundedOrInfeasible": "infeasible",
    "kModelEmpty": "empty",
    "kObjectiveBound": "cutoff",
    "kInterrupt": "work spent",
    "kSolutionLimit": "limit",
}
"""How HiGHS ended, in words of our own; other ends are told in its words."""


@dataclass(frozen=True, eq=False)
class Programme:
    """A linear programme: cost . x within bounds of columns and rows.

    Attributes
    ----------
    cost, lower, upper : ndarray, shape (columns,)
    row_lower, row_upper : ndarray, shape (rows,)
    start, index, value : ndarray
        The matrix, compressed by row, or by column where ``by_column``.
    integer : ndarray of bool, shape (columns,), optional
        Columns that must be whole.
    maximise : bool
        Else the least is looked for.
    """

    cost: F64
    lower: F64
    upper: F64
    row_lower: F64
    row_upper: F64
    start: Index
    index: Index
    value: F64
    by_column: bool = False
    integer: npt.NDArray[np.bool_] | None = None
    maximise: bool = False


class LinearSolver:
    """One HiGHS object, which goes on from its last basis.

    Parameters
    ----------
    programme : Programme, optional
        An empty one when not given.
    maximise : bool
        Of an empty programme.
    seed : int
        Of the solver's random choices.
    **options
        HiGHS's own, by name.
    """

    def __init__(
        self,
        programme: Programme | None = None,
        *,
        maximise: bool = False,
        seed: int = 0,
        **options: Any,
    ) -> None:
        import highspy

        self._highs = quiet_highs(seed)
        for name, value in options.items():
            self._highs.setOptionValue(name, value)
        self._maximise = maximise
        if programme is not None:
            self._maximise = programme.maximise
            self._highs.passModel(_highs_lp(programme))
        elif maximise:
            self._highs.changeObjectiveSense(highspy.ObjSense.kMaximize)

    # the programme

    def add_rows(self, lower: F64, upper: F64, start: Index, index: Index, value: F64) -> None:
        """Add rows, by their columns and values."""
        self._highs.addRows(len(lower), lower, upper, len(index), start, index, value)

    def add_columns(
        self, cost: F64, lower: F64, upper: F64, start: Index, index: Index, value: F64
    ) -> None:
        """Add columns, by their rows and values."""
        self._highs.addCols(len(cost), cost, lower, upper, len(index), start, index, value)

    def set_bounds(self, lower: F64, upper: F64, first: int = 0) -> None:
        """Replace the bounds of columns, from the first on."""
        columns = np.arange(first, first + len(lower), dtype=np.int32)
        self._highs.changeColsBounds(len(lower), columns, lower, upper)

    def set_costs(self, cost: F64, first: int = 0) -> None:
        """Replace the costs of columns, from the first on."""
        columns = np.arange(first, first + len(cost), dtype=np.int32)
        self._highs.changeColsCost(len(cost), columns, cost)

    def set_row(self, row: int, lower: float, upper: float) -> None:
        """Replace the bounds of a row."""
        self._highs.changeRowBounds(row, lower, upper)

    def delete_rows(self, rows: Index) -> None:
        """Drop rows."""
        self._highs.deleteRows(len(rows), rows)

    def delete_columns(self, columns: Index) -> None:
        """Drop columns that are no part of the last basis, which stays."""
        basis = self._highs.getBasis()
        kept = np.ones(len(basis.col_status), np.bool_)
        kept[columns] = False
        basis.col_status = list(compress(basis.col_status, kept.tolist()))
        self._highs.deleteCols(len(columns), columns)
        self._highs.setBasis(basis)

    def forget(self) -> None:
        """Begin without the last basis."""
        self._highs.clearSolver()

    def stop_when(self, over: Callable[[], bool]) -> None:
        """Ask at each node and each round of cuts whether to stop: ``work spent``."""
        self._highs.cbMipInterrupt.subscribe(lambda event: event.interrupt() if over() else None)

    # the answer

    def run(self) -> str:
        """Solve, and say how it ended.

        Returns
        -------
        str
            ``optimal``, ``infeasible``, ``empty``, ``cutoff``, ``work spent``, ``limit``,
            ``failed``, or the words of HiGHS.
        """
        import highspy

        failed = self._highs.run() == highspy.HighsStatus.kError
        status = self._highs.getModelStatus()
        words = _WORDS.get(status.name) or self._highs.modelStatusToString(status)
        return "failed" if failed else words

    @property
    def has_solution(self) -> bool:
        """Whether there is a feasible solution, the best or not."""
        import highspy

        found: bool = (
            self._highs.getInfo().primal_solution_status
            == highspy.SolutionStatus.kSolutionStatusFeasible
        )
        return found

    @property
    def value(self) -> float:
        """Objective of the solution."""
        return float(self._highs.getInfo().objective_function_value)

    @property
    def bound(self) -> float:
        """Proven bound of a search over whole numbers."""
        return float(self._highs.getInfo().mip_dual_bound)

    @property
    def nodes(self) -> int:
        """Nodes of a search over whole numbers."""
        return int(self._highs.getInfo().mip_node_count)

    @property
    def x(self) -> F64:
        """Value of each column."""
        return np.array(self._highs.getSolution().col_value)

    @property
    def row_values(self) -> F64:
        """Activity of each row."""
        return np.array(self._highs.getSolution().row_value)

    @property
    def reduced_costs(self) -> F64:
        """By how much the objective changes with each column."""
        return np.array(self._highs.getSolution().col_dual)

    def prices(self, sides: npt.NDArray[np.int8] | None = None) -> F64:
        """By how much the objective changes with the limit of each row.

        Parameters
        ----------
        sides : ndarray, optional
            Of the first rows: 1 for an upper limit, -1 for a lower one, 0 for both. What is of the
            wrong sign is within the tolerance of zero, and cut.
        """
        prices = np.array(self._highs.getSolution().row_dual)
        if sides is not None:
            signs = sides * (1.0 if self._maximise else -1.0)
            first = prices[: len(sides)]
            first[:] = np.where(sides == 0, first, signs * np.maximum(signs * first, 0.0))
        return prices


def _highs_lp(programme: Programme) -> Any:
    """A programme as HiGHS takes it."""
    import highspy

    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(programme.cost), len(programme.row_lower)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = programme.cost, programme.lower, programme.upper
    lp.row_lower_, lp.row_upper_ = programme.row_lower, programme.row_upper
    layouts = highspy.MatrixFormat
    lp.a_matrix_.format_ = layouts.kColwise if programme.by_column else layouts.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = programme.start, programme.index
    lp.a_matrix_.value_ = programme.value
    if programme.maximise:
        lp.sense_ = highspy.ObjSense.kMaximize
    if programme.integer is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(whole)] for whole in programme.integer]
    return lp


def quiet_highs(seed: int = 0) -> Any:
    """Give a HiGHS that prints nothing, uses one thread and a stated seed (rule 9).

    Parameters
    ----------
    seed : int
        Of the solver's random choices.

    Returns
    -------
    highspy.Highs
    """
    import highspy

    if _greeted.is_set():
        highs = highspy.Highs()
    else:
        with _lock, _without_greeting():
            highs = highspy.Highs()
            _greeted.set()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("random_seed", seed)
    return highs


@contextmanager
def _without_greeting() -> Iterator[None]:
    """Keep the greeting from descriptor 1; what other threads print meanwhile gets there after."""
    try:
        kept = os.dup(1)
    except OSError:  # closed
        _occupy()
        yield
        _flush()
        return
    try:
        with _spool() as spool:
            _flush()
            os.dup2(spool, 1)
            try:
                yield
            finally:
                _flush()
                os.dup2(kept, 1)
            _hand_on(spool)
    finally:
        os.close(kept)


def _occupy() -> None:
    """Give a closed descriptor 1 to the null device.

    Else the greeting, which waits in the buffer of the C library, is written into the next file
    that is opened: it would get this number.
    """
    while True:
        got = os.open(os.devnull, os.O_WRONLY)
        if got == 1:
            return
        if got > 1:  # another thread has just opened a file and got it
            os.close(got)
            return


@contextmanager
def _spool() -> Iterator[int]:
    """A file for what is printed; the null device where no file can be made."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        try:
            yield null
        finally:
            os.close(null)
        return
    with file:
        yield file.fileno()


def _hand_on(spool: int) -> None:
    """Print what was not the greeting."""
    with suppress(OSError):  # a reader that has gone is found by who prints next
        os.lseek(spool, 0, os.SEEK_SET)
        with os.fdopen(os.dup(spool), "rb") as file:
            lines = file.read().splitlines(keepends=True)
        rest = b"".join(line for line in lines if not _GREETING.search(line))
        while rest:
            rest = rest[os.write(1, rest) :]


def _flush() -> None:
    """Write what the C library has buffered: it goes where descriptor 1 leads now."""
    with suppress(OSError, AttributeError):
        library = "ucrtbase" if sys.platform == "win32" else None
        ctypes.CDLL(library).fflush(None)
