"""A real browser without a screen, driven over two pipes: no port, no library."""

import base64
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def found() -> str | None:
    """Give the browser's file, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One page; ``events`` is everything that the browser told by itself."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def open(self, path: Path, *, dark: bool = False, width: int = 1300, height: int = 1600) -> None:
        """Open a file and wait until it has loaded."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and give its result; what comes in between is kept in ``events``."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def value(self, expression: str) -> Any:
        """Evaluate a word of JavaScript."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def point(self, x: float, y: float) -> None:
        """Move the mouse there."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self, path: Path) -> bytes:
        """Take a picture of the whole page."""
        data = self.ask("Page.captureScreenshot", captureBeyondViewport=True, format="png")["data"]
        path.write_bytes(base64.b64decode(data))
        return path.read_bytes()

    def complaints(self) -> list[str]:
        """Everything that went wrong on the page: errors, exceptions, what its policy refused."""
        wrong = [event for event in self.events if event["method"] == "Runtime.exceptionThrown"]
        wrong += [
            event
            for event in self.events
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("error", "warning")
        ]
        return [json.dumps(event["params"])[:300] for event in wrong]

    def requests(self) -> list[str]:
        """URL of everything that it asked for."""
        sent = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._back, 1 << 16)
            assert part, "the browser has gone"
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def browser(executable: str, folder: Path) -> Iterator[Page]:
    """Run a browser with a profile of its own; it is gone at the end, with all its children."""
    their_in, to = os.pipe()
    back, their_out = os.pipe()
    command = [
        executable,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--remote-debugging-pipe",
        "--hide-scrollbars",
        "--disable-dev-shm-usage",
        f"--user-data-dir={folder / 'profile'}",
    ]

    def wire() -> None:
        os.dup2(their_in, 3)
        os.dup2(their_out, 4)

    # High numbers for our ends first: 3 and 4 of the child must not be what we copy from.
    high_in, high_out = os.dup2(their_in, 203), os.dup2(their_out, 204)
    os.close(their_in)
    os.close(their_out)
    their_in, their_out = high_in, high_out
    child = subprocess.Popen(
        command,
        preexec_fn=wire,
        pass_fds=(3, 4),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_in)
    os.close(their_out)
    try:
        yield Page(to, back)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        os.close(to)
        os.close(back)
