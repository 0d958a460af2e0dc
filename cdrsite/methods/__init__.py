"""Room methods."""
