"""cdrsite: where carbon dioxide removal can go."""

__version__ = "0.1.0"
