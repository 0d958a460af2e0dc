"""Print pip constraints with the lowest version that each dependency allows."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
for line in project["dependencies"]:
    name, _, lowest = line.partition(">=")
    if not lowest or "," in lowest or ";" in lowest:
        sys.exit(f"pyproject.toml: {line}: expected NAME>=VERSION, to know the lowest")
    sys.stdout.write(f"{name}=={lowest}\n")
