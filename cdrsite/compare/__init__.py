"""Two runs side by side; many runs, one table and one page."""
