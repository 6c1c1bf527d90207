"""Control a headless Chromium through the pipe of its DevTools protocol, without a package."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Shared memory is small in many containers.
    *("--disable-dev-shm-usage", "--remote-debugging-pipe"),
]


class Chromium:
    """Run a browser with one page.

    `problems` collects errors, messages on the console and requests to the network.

    Args:
        profile: an empty folder for the browser's profile.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, profile: Path, timeout: float = 60.0) -> None:
        self.timeout, self.number, self.rest = timeout, 0, b""
        self.problems: list[str] = []
        # The browser reads commands from its descriptor 3 and writes answers to 4.
        command_read, self.commands = os.pipe()
        self.answers, answer_write = os.pipe()
        redirect = f'exec 3<&{command_read} 4>&{answer_write}; exec "$@"'
        self.process = subprocess.Popen(
            ["bash", "-c", redirect, "bash", PROGRAM, *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(command_read, answer_write), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(command_read)
        os.close(answer_write)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.page(f"{domain}.enable")

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its answer."""
        self.number += 1
        message = dict(id=self.number, method=method, params=parameters)
        if session:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def page(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to the page."""
        return self.call(method, self.session, **parameters)

    def open(self, path: Path, width: int, dark: bool = False, height: int = 900) -> None:
        """Open a file in a window of a size, in light or dark mode, and wait until it is drawn."""
        self.page(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        scheme = dict(name="prefers-color-scheme", value="dark" if dark else "light")
        self.page("Emulation.setEmulatedMedia", features=[scheme])
        # Chromium does not reload a page that it shows already.
        self.page("Page.navigate", url="about:blank")
        self.page("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")
        # Resize observers have drawn after two frames.
        frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.evaluate(frames)

    def evaluate(self, expression: str) -> Any:
        """Run JavaScript in the page and return its value, or that of its promise."""
        result = self.page(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + self.timeout
        while not self.evaluate(condition):
            assert time.monotonic() < deadline, f"{condition} did not become true"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and release an arrow key."""
        codes = dict(ArrowLeft=37, ArrowUp=38, ArrowRight=39, ArrowDown=40)
        for kind in ("rawKeyDown", "keyUp"):
            self.page(
                "Input.dispatchKeyEvent",
                type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key],
            )  # fmt: skip

    def point(self, x: float, y: float, kind: str = "mouseMoved") -> None:
        """Move the mouse to a position in the window, or press or release its button there."""
        buttons = dict(button="left", buttons=1, clickCount=1) if kind != "mouseMoved" else {}
        self.page("Input.dispatchMouseEvent", type=kind, x=x, y=y, **buttons)

    def screenshot(self, path: Path, whole: bool = True) -> None:
        """Write a picture of the whole page or of the visible part."""
        picture = self.page("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    def close(self) -> None:
        """End the browser."""
        try:
            self.call("Browser.close")
            self.process.wait(self.timeout)
        finally:
            self.process.kill()
            os.close(self.commands)
            os.close(self.answers)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            ready = select.select([self.answers], [], [], self.timeout)[0]
            received = os.read(self.answers, 1 << 20) if ready else b""
            assert received, "Chromium does not answer"
            self.rest += received
        message, self.rest = self.rest.split(b"\0", 1)
        answer = json.loads(message)
        self._note(answer.get("method"), answer.get("params", {}))
        return answer

    def _note(self, method: str | None, parameters: dict[str, Any]) -> None:
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.problems.append(json.dumps(parameters))
        if method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith(("file:", "data:", "about:")):
                self.problems.append(url)
