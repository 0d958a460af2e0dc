"""Print links of a built manual that lead to no page or to no place in it; exit 1 if there are any.

python .ci/links.py FOLDER
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote


class Page(HTMLParser):
    """Places and links of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what a tag names and where it leads."""
        for key, value in attrs:
            if value and (key == "id" or (key == "name" and tag == "a")):
                self.places.add(value)
            elif value and key in {"href", "src"} and not re.match(r"[a-z]+:", value):
                self.links.append(value)


def broken(folder: Path) -> list[str]:
    """``PAGE: LINK`` for each link within the manual that leads nowhere."""
    pages = {path.resolve(): Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in page.links:
            file, _, place = link.partition("#")
            target = (path.parent / unquote(file.partition("?")[0])).resolve() if file else path
            known = pages[target].places if target in pages else {unquote(place)}
            if not target.exists() or (place and unquote(place) not in known):
                found.append(f"{path.relative_to(folder.resolve())}: {link}")
    return found


if __name__ == "__main__":
    lost = broken(Path(sys.argv[1]))
    sys.stdout.write("".join(f"{line}\n" for line in lost))
    sys.exit(1 if lost else 0)
