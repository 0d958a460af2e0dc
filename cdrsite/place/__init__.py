"""What of a method depends on the place: a registry of pure functions of a block."""
