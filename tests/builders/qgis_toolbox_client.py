"""Run by QGIS's own Python: runs the script. Arguments: script, scenario, folder, changes."""

from __future__ import annotations

import importlib.util
import json
import os
import sys

from qgis.core import (  # type: ignore[import-not-found]
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
)

script, scenario, folder, changes = sys.argv[1:5]
application = QgsApplication([], False)
application.initQgis()
spec = importlib.util.spec_from_file_location("cdrsite_run", script)
module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
spec.loader.exec_module(module)  # type: ignore[union-attr]
context, feedback = QgsProcessingContext(), QgsProcessingFeedback(False)
context.setProject(QgsProject.instance())
given = {"SCENARIO": scenario, "OUTPUT": folder, "CHANGES": changes, "LOAD": True}
found, done = module.RunScenario().create().run(given, context, feedback)
layers = [layer.isValid() for layer in QgsProject.instance().mapLayers().values()]
report = {"done": done, "found": found, "layers": layers, "log": feedback.textLog()}
sys.stdout.write("JSON" + json.dumps(report))
sys.stdout.flush()
os._exit(0)  # leaving in order crashes some versions of PyQGIS
