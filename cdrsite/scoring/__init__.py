"""Sums of products as data, and the backends that evaluate them over cells."""
