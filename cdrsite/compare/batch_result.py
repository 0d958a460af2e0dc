"""What a batch found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cdrsite.compare.changes import records
from cdrsite.compare.effects import effects
from cdrsite.core.words import Words

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class BatchResult:
    """What a batch found.

    Attributes
    ----------
    table : DataFrame
        One row per run; see :func:`cdrsite.compare.batch.row_of`.
    failed : dict of str to str
        Name of a run -> why it failed.
    ranks : DataFrame
        How the ranking of sites differs from that of the first run that was finished: ``run`` and
        the columns of :func:`cdrsite.compare.changes.rank_table`.
    varies : DataFrame
        Assumptions that are not the same in all runs: ``assumption``, ``run`` and ``value``.
    methods : DataFrame
        A row per finished run and method: ``run``, ``method`` and what the plan makes of it.
    own_words : sequence of mapping
        Of the runs, what :meth:`cdrsite.core.words.Words.of` takes.
    """

    table: pd.DataFrame
    failed: dict[str, str] = field(default_factory=dict)
    ranks: pd.DataFrame | None = None
    varies: pd.DataFrame | None = None
    methods: pd.DataFrame | None = None
    own_words: Sequence[Mapping[str, Any]] = ()

    def words(self, lang: str) -> Words:
        """Words of a language, with the titles of methods and rules that the runs bring."""
        words = Words(lang)
        for attrs in self.own_words:
            words = words.of(attrs)
        return words

    @property
    def effects(self) -> pd.DataFrame:
        """Assumptions by how far the result moves with each; see :mod:`cdrsite.compare.effects`."""
        import pandas as pd

        varies = pd.DataFrame(columns=["assumption"]) if self.varies is None else self.varies
        return effects(self.table, varies)

    @property
    def method_names(self) -> list[str]:
        """Methods of all finished runs, in their order."""
        return [] if self.methods is None else list(dict.fromkeys(self.methods["method"]))

    @property
    def shared(self) -> dict[str, int]:
        """Stage -> in how many finished runs it was taken from an earlier one."""
        from cdrsite.study.run import SHARED_STAGES

        texts = self.table["shared"].fillna("") if "shared" in self.table.columns else ()
        taken = [text.split("; ") for text in texts]
        names = [one.name for one in SHARED_STAGES]
        return {stage: sum(stage in one for one in taken) for stage in names}

    @property
    def finished(self) -> int:
        """Runs that were finished."""
        return len(self.table) - len(self.failed)

    def document(self) -> dict[str, Any]:
        """All of it as plain values: ``runs``, ``effects``, ``finished``, ``failed``, ``shared``.

        ``failed`` gives the reason of each run that failed; ``shared`` says of each stage in how
        many finished runs it was taken from an earlier one.
        """
        return {
            "runs": records(self.table),
            "effects": records(self.effects),
            "finished": self.finished,
            "failed": self.failed,
            "shared": self.shared,
        }
