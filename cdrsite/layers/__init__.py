"""From any source to the one grid: every layer as arrays of an aligned block (rules 1 to 4)."""
