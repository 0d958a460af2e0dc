"""The scenario file: YAML to frozen, checked models."""
