"""Commands, exit codes and what the terminal shows; the only room that prints."""
