"""What a run leaves on disk; the only modules that write."""
