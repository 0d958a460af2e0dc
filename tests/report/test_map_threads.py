"""The map's threads find loaded what they share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from tiny_study import tiny_dataset, tiny_grid
from cdrsite.core.words import Words
from cdrsite.report import mapview
from cdrsite.report.mapsource import DatasetSource

found = []
class Pool(ThreadPoolExecutor):
    def __init__(self, *args):
        found.append({"matplotlib.colors", "matplotlib.ticker"} <= set(sys.modules))
        super().__init__(*args)
mapview.ThreadPoolExecutor = Pool
for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
    del sys.modules[name]
mapview.fragment(DatasetSource(tiny_dataset(tiny_grid())), Words())
assert found == [True], found
"""


def test_threads_do_not_load_the_drawing_library_side_by_side() -> None:
    """Two that do at the same time get half of it, and the report is not written."""
    builders = Path(__file__).parents[1] / "builders"
    path = os.pathsep.join([str(builders), str(Path(__file__).parents[2])])
    subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, env=os.environ | {"PYTHONPATH": path}
    )
