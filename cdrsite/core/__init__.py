"""Errors, units, the analysis grid and the kernel decorator: what every other part may import."""
