"""Minimum cuts of one network again and again, with other amounts each time."""

from __future__ import annotations

import numpy as np

from cdrsite.network._kernel_mincut import min_cut

_LEAST = 1e-9
"""Room of a link below which nothing more goes through [Mt/yr]."""


class MinCut:
    """Links between nodes, one more node to start from and one to end in.

    Parameters
    ----------
    nodes : int
        Number of nodes; ``start`` and ``end`` come after them.
    tail, head : ndarray of int
        Ends of each link.
    """

    def __init__(self, nodes: int, tail: np.ndarray, head: np.ndarray) -> None:
        self.nodes, self.start, self.end = nodes, nodes, nodes + 1
        both = np.empty(2 * len(tail), np.int64)
        both[0::2], both[1::2] = tail, head
        self._head = np.empty_like(both)
        self._head[0::2], self._head[1::2] = head, tail
        self._link = np.argsort(both, kind="stable")
        self._first = np.searchsorted(both[self._link], np.arange(nodes + 3)).astype(np.int64)

    def cut(self, room: np.ndarray) -> tuple[float, np.ndarray]:
        """Give the flow from start to end within the rooms of the links, and the start's side.

        Parameters
        ----------
        room : ndarray, shape (links,)
            Most that each link takes.

        Returns
        -------
        (float, ndarray of bool)
            The flow, and the nodes that stand on the start's side of the minimum cut.
        """
        left = np.zeros(2 * len(room))
        left[0::2] = room
        inside = np.zeros(self.nodes + 2, dtype=np.bool_)
        flow = min_cut(
            self._first, self._link, self._head, left, self.start, self.end, _LEAST, inside
        )
        return flow, inside[: self.nodes]
