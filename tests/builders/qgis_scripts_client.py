"""Run by QGIS's own Python: whether the toolbox finds the script in the folder of a profile.

One JSON document on standard output: name, group and parameters of the algorithm, or null. With
"folder" as argument only the folder where this profile keeps scripts.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.append("/usr/share/qgis/python/plugins")
from qgis.core import QgsApplication  # type: ignore[import-not-found]

application = QgsApplication([], True)  # the toolbox is a part of the window
application.initQgis()
report = str(Path(QgsApplication.qgisSettingsDirPath()) / "processing" / "scripts")
if sys.argv[1:] != ["folder"]:
    from processing.core.Processing import Processing  # type: ignore[import-not-found]

    Processing.initialize()
    found = QgsApplication.processingRegistry().algorithmById("script:cdrsite_run")
    report = found and {
        "name": found.displayName(),
        "group": found.group(),
        "asks": [one.name() for one in found.parameterDefinitions()],
    }
sys.stdout.write("JSON" + json.dumps(report))
sys.stdout.flush()
os._exit(0)  # leaving in order crashes some versions of PyQGIS
