"""Settings of the manual: Sphinx with MyST Markdown; everything it needs lies on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

import generate  # noqa: E402 - its folder is known from here on

from cdrsite.core.version import __version__  # noqa: E402

project = "cdrsite"
author = "The cdrsite developers"
project_copyright = "The cdrsite developers, BSD 3-Clause"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_design"]
exclude_patterns = ["_build", "examples", "generate"]
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3
smartquotes = False  # commands in running text are copied
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
toc_object_entries_show_parents = "hide"
# types in docstrings are words, of which some are names of attributes, too
suppress_warnings = ["mystnb.unknown_mime_type", "ref.python"]

html_theme = "furo"
html_title = "cdrsite"
html_static_path = ["static"]
html_css_files = ["manual.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"footer_icons": []}

# ------------------------------------------------------------------ notebooks
NOTEBOOKS = os.environ.get("CDRSITE_DOCS_NOTEBOOKS", "")
"""Empty: they are run; a folder: they were run, and lie there; off: they are shown as they are."""
nb_execution_mode = "off" if NOTEBOOKS else "force"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True

gallery = DOCS / "gallery"
shutil.rmtree(gallery, ignore_errors=True)
gallery.mkdir()
source = DOCS.parent / "notebooks"
ran = Path(NOTEBOOKS) if NOTEBOOKS not in {"", "off"} else source
for path in sorted(source.glob("*.ipynb")):
    shutil.copy(ran / path.name, gallery / path.name)

generate.write_reference()
