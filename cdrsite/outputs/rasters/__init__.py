"""GeoTIFFs: which ones a run writes, their meaning, and how their bytes are made."""
