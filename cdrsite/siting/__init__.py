"""Where a method may go (exclusions) and where it would rather go (suitability)."""
