"""The kinds of layers: what each is, and how each is read block by block."""
