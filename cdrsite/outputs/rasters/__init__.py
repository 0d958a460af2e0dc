"""Room rasters."""
