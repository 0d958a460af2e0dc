"""A real browser without a network, and what it noticed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
if CHROMIUM is None or DRIVER is None:
    missing = " and ".join(
        name for name, found in (("chromium", CHROMIUM), ("chromedriver", DRIVER)) if not found
    )
    pytest.skip(f"needs a browser: {missing} not found on the path", allow_module_level=True)
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--window-size=1280,1000",
)


class Browser:
    """Chromium without a network, and what it noticed."""

    def __init__(self, profile: Path) -> None:
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(
            options=options, service=Service(DRIVER, log_output=subprocess.DEVNULL)
        )
        self.driver.set_script_timeout(20)
        self.command("Network.enable")

    def command(self, name: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )

    def open(self, path: Path) -> None:
        self.driver.get_log("performance")
        self.driver.get_log("browser")
        self.driver.get(path.resolve().as_uri())
        self.wait("return document.querySelector('#cdrmap')?.dataset.ready === 'yes'")

    def js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def later(self, code: str) -> Any:
        """Value of a promise."""
        return self.driver.execute_async_script(f"const done = arguments[0]; ({code}).then(done)")

    def wait(self, code: str, seconds: float = 60.0) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds, 0.05).until(lambda d: d.execute_script(code))

    def find(self, css: str) -> Any:
        return self.driver.find_element("css selector", css)

    def choose(self, name: str, value: str) -> None:
        self.js(
            "[...document.getElementsByName(arguments[0])]"
            ".find((e) => e.value === arguments[1]).click()",
            name,
            value,
        )

    def explain(self, lon: float, lat: float) -> str:
        """What the page says of a place."""
        self.later(f"window.cdrsiteMap.explain({lon!r}, {lat!r})")
        return str(self.js("return document.getElementById('cdrmap-why').innerText"))

    def picture(self) -> str:
        """The map as a PNG, base64; taken when everything on it is drawn."""
        box = self.js(
            "const e = document.getElementById('cdrmap-stage');"
            "e.scrollIntoView({behavior: 'instant', block: 'center'});"
            "const b = e.getBoundingClientRect();"
            "return {x: b.x + scrollX, y: b.y + scrollY, width: b.width, height: b.height,"
            " scale: 1}"
        )
        self.later(
            "Promise.all([...document.images].map((i) => i.decode())).then(() =>"
            " new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(() => ok(1)))))"
        )
        return str(self.command("Page.captureScreenshot", format="png", clip=box)["data"])

    def requests(self) -> list[str]:
        """Addresses asked for, besides the page itself and what it holds."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if message["params"].get("type") != "Document" and not url.startswith("data:"):
                    found.append(url)
        return found

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]
