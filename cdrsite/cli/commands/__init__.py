"""The commands with their options, as `--help` shows them; each imports its work late."""
