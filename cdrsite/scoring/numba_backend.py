"""Writes the compiled scoring loops that a plan needs: one branch-free loop per shape of method.

The text of a loop depends on the *shape* of a method only (how many resources limit it, in which
places its sums read layers). Numbers, the codes of resources and the bits of exclusions are
arguments and layers are ``x0, x1, ...``, so no text of a user gets into the program. Each shape is
a module of its own: methods of one shape share it, in one plan and in all others, and whoever adds
a method to a scenario compiles its shape alone.

To add an output or a state, change :data:`LOOP` here and the same lines of
:mod:`cdrsite.scoring.numpy_backend`, which the tests hold against each other.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
from numpy.typing import NDArray

from cdrsite.core.files import write_text
from cdrsite.core.machine import cache_folder
from cdrsite.core.states import EXCLUDED, NET_NOT_POSITIVE, OUTSIDE, OUTSIDE_BIT, UNKNOWN
from cdrsite.scoring.scored import OUTPUTS, MethodResult
from cdrsite.scoring.sums import Limit, MethodPlan, ScoringPlan, Sum

CHUNK = 1 << 18
"""Cells per task of a thread."""
BLOCK = 1 << 14
"""Cells per loop: what one method leaves in the cache is there for the next."""

HEAD = f'''"""Scoring loop, written by cdrsite for one shape of method; changes are lost."""

import numpy as np

from cdrsite.core.kernel import kernel

ZERO, INFINITE, NAN = np.float32(0), np.float32(np.inf), np.float32(np.nan)
OUTSIDE_BIT, NO_BIT = np.uint32({OUTSIDE_BIT}), np.uint32(0)
'''

LOOP = f"""

@kernel
def loop(start, stop, {{arguments}}):
{{views}}
{{numbers}}
    for i in range(reasons.size):
{{reads}}
        # supply / need; the least is the gross amount, and the first of equals limits
{{limits}}
        net = {{net}}

        no_net = net <= ZERO
        unknown = {{unknown}} | (net != net)
        excluded = {{excluded}}
        outside = (reasons[i] & OUTSIDE_BIT) != NO_BIT
        no_value = unknown | excluded | outside

        value = ZERO if no_net else best
        value = NAN if unknown else value
        value = ZERO if excluded else value
        value = NAN if outside else value
        code = np.uint8({NET_NOT_POSITIVE}) if no_net else code
        code = np.uint8({UNKNOWN}) if unknown else code
        code = np.uint8({EXCLUDED}) if excluded else code
        code = np.uint8({OUTSIDE}) if outside else code

        gross[i] = value
        limit[i] = code
        net_factor[i] = NAN if no_value else net
        # one NaN for all: which of two NaN a sum keeps is the compiler's choice (rule 9)
        price = ({{cost}}) / net
        cost[i] = NAN if no_value | no_net | (price != price) else price
        worth = {{suitability}}value * net
        worth = NAN if worth != worth else worth
        score[i] = ZERO if value == ZERO else worth
"""


@dataclass(frozen=True)
class Loop:
    """The loop of one method: its text, and what to call it with."""

    text: str
    numbers: tuple[float, ...]
    codes: tuple[int, ...]
    layers: tuple[str, ...]


@dataclass
class _Writer:
    """Gives names to layers and numbers in the order in which they are met."""

    layers: dict[str, int] = field(default_factory=dict)
    numbers: list[float] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def value(self, layer: str) -> str:
        return f"x{self.layers.setdefault(layer, len(self.layers))}"

    def number(self, value: float) -> str:
        self.numbers.append(value)
        return f"c{len(self.numbers) - 1}"

    def sum(self, total: Sum) -> str:
        if total.is_zero:
            return self.number(0.0)
        return " + ".join(
            " * ".join([self.number(term.coefficient), *map(self.value, term.layers)])
            for term in total.terms
        )

    def limit(self, k: int, limit: Limit) -> list[str]:
        above, below = limit.ratio
        self.codes.append(limit.code)
        lines = [f"s = {self.sum(above)}"]
        offered = "ZERO if s <= ZERO else s"
        if below is None:
            lines += [f"r{k} = {offered}"]
        else:
            lines += [f"n = {self.sum(below)}"]
            lines += [f"r{k} = INFINITE if n <= ZERO else ({offered}) / n"]
        if k == 0:
            return [*lines, "best, code = r0, k0"]
        return [
            *lines,
            f"code = k{k} if r{k} < best else code",
            f"best = r{k} if r{k} < best else best",
        ]


def write_loop(method: MethodPlan) -> Loop:
    """Write the loop of a method.

    Parameters
    ----------
    method : MethodPlan
        The method.

    Returns
    -------
    Loop
        Two methods with the same text can share a compiled loop.
    """
    write, margin = _Writer(), "\n" + 8 * " "
    limits = margin[1:] + margin.join(
        line for k, limit in enumerate(method.limits) for line in write.limit(k, limit)
    )
    net, cost = write.sum(method.net_factor), write.sum(method.gross_cost)
    suitability = f"{write.value(method.suitability)} * " if method.suitability else ""
    excluded = "(reasons[i] & excluded_bits) != NO_BIT"
    if method.available is not None:
        excluded = f"({excluded}) & ({write.value(method.available)} <= ZERO)"
    layers = [f"layer{i}" for i in range(len(write.layers))]
    arrays = ["reasons", *layers, *OUTPUTS]
    indent = "    "
    views = [f"{indent}{name} = {name}[start:stop]" for name in arrays]
    numbers = [f"{indent}c{i} = numbers[{i}]" for i in range(len(write.numbers))]
    numbers += [f"{indent}k{i} = codes[{i}]" for i in range(len(write.codes))]
    text = HEAD + LOOP.format(
        arguments=", ".join(["numbers", "codes", "excluded_bits", *arrays]),
        views="\n".join(views),
        numbers="\n".join(numbers),
        reads=margin[1:] + margin.join(f"x{i} = {name}[i]" for i, name in enumerate(layers)),
        limits=limits,
        net=net,
        unknown=" | ".join(f"(r{k} != r{k})" for k in range(len(method.limits))),
        excluded=excluded,
        cost=cost,
        suitability=suitability,
    )
    return Loop(text, tuple(write.numbers), tuple(write.codes), tuple(write.layers))


@dataclass(frozen=True, eq=False)
class Call:
    """The compiled loop of a method, and the arguments that the cells do not change.

    Attributes
    ----------
    method : str
    run : Callable
        ``run(start, stop, numbers, codes, excluded_bits, reasons, *layers, *OUTPUTS)`` on flat
        arrays; works on the cells start to stop - 1 and holds no lock.
    numbers : ndarray of float32
    codes : ndarray of uint8
        Of the resources that limit, in their order.
    excluded_bits : uint32
    layers : tuple of str
        Order of the layers.
    """

    method: str
    run: Callable[..., None]
    numbers: NDArray[np.float32]
    codes: NDArray[np.uint8]
    excluded_bits: np.uint32
    layers: tuple[str, ...]


_LOCK = threading.Lock()
_MODULES: dict[str, ModuleType] = {}
_PROGRAMS: dict[ScoringPlan, tuple[Call, ...]] = {}
_KEPT = 64


def compiled(plan: ScoringPlan) -> tuple[Call, ...]:
    """The loops of a plan's methods, compiled now or before: in this process, or on disk.

    Parameters
    ----------
    plan : ScoringPlan
        The plan.

    Returns
    -------
    tuple of Call
        The same object for equal plans.
    """
    with _LOCK:
        found = _PROGRAMS.get(plan)
        if found is None:
            found = tuple(map(_call, plan.methods))
            while len(_PROGRAMS) >= _KEPT:  # a sweep over numbers makes many plans
                del _PROGRAMS[next(iter(_PROGRAMS))]
            _PROGRAMS[plan] = found
        return found


def _call(method: MethodPlan) -> Call:
    one = write_loop(method)
    if one.text not in _MODULES:
        _MODULES[one.text] = _load(one.text)
    return Call(
        method.name,
        _MODULES[one.text].loop,
        np.array(one.numbers, np.float32),
        np.array(one.codes, np.uint8),
        np.uint32(method.excluded_bits),
        one.layers,
    )


def fill(
    plan: ScoringPlan,
    layers: Mapping[str, NDArray[np.float32]],
    reasons: NDArray[np.uint32],
    out: Mapping[str, MethodResult],
    threads: int,
) -> None:
    """Fill the results by compiled loops; see :class:`cdrsite.scoring.evaluate.Backend`."""
    calls = []
    for one in compiled(plan):
        arrays = [reasons, *(layers[name] for name in one.layers)]
        arrays += [getattr(out[one.method], name) for name in OUTPUTS]
        calls.append((one.run, (one.numbers, one.codes, one.excluded_bits, *arrays)))

    def work(start: int, stop: int) -> None:
        for a in range(start, stop, BLOCK):
            for run, arguments in calls:
                run(a, min(a + BLOCK, stop), *arguments)

    size = reasons.size
    if threads <= 1 or size <= CHUNK:
        work(0, size)
        return
    with ThreadPoolExecutor(threads) as pool:
        starts = range(0, size, CHUNK)
        done = [pool.submit(work, a, min(a + CHUNK, size)) for a in starts]
        for task in done:
            task.result()


def _load(source: str) -> ModuleType:
    """Run the text as a module; numba caches what it compiles beside the file of that text."""
    key = hashlib.sha256(f"{numba.__version__} {np.__version__}\n{source}".encode())
    name = f"cdrsite_scoring_{key.hexdigest()[:16]}"
    try:
        file = str(_keep(source, name))
    except (OSError, RuntimeError):  # read-only or full; RuntimeError: there is no home folder
        file = f"<{name}>"  # no file, so compiled anew in each process
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, file, "exec"), module.__dict__)  # noqa: S102 our own text
    return module


def _keep(source: str, name: str) -> Path:
    """Write the text, whole or not at all, unless it is there already.

    Raises
    ------
    OSError
        The folder cannot be written, or others can: what lies beside the text is compiled code.
    """
    folder = cache_folder("kernels")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _require_private(folder)
    path = folder / f"{name}.py"
    if not path.is_file() or path.read_bytes() != source.encode():
        write_text(path, source)
    return path


def _require_private(folder: Path) -> None:
    """Refuse a folder that another user has, or may write to."""
    if sys.platform == "win32":
        return  # rights are those of the user's own folder
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid():
        raise PermissionError(f"{folder} is not a folder of this user's own")
    if state.st_mode & 0o077:
        folder.chmod(0o700)
