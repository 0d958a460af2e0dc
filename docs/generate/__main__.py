"""Write the generated pages of the manual."""

from __future__ import annotations

import sys

from generate import write_reference

sys.stdout.write(f"{len(write_reference())} pages\n")
