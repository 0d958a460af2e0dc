"""Arrays over the grid, passes over blocks, what is remembered, and who does the work."""
