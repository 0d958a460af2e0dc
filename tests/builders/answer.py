"""What a command answers."""

from __future__ import annotations

Answer = tuple[int, str, str]
"""Exit code, standard output, standard error of a command."""
