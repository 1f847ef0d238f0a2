"""Measure the served page in Chromium: what it loads on a slow line, and how long it stands still for a large picture.

``python -m tests.web.measure_page`` writes results/page.json, and with it the tables of docs/browser.md; another path
as the argument keeps the record of an earlier version. Needs ../shared/data/kodak.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from hf_etc import EtcKey
from hf_etc.records import result_record, write_json

from ..gradio_app.support import Served, save_model, serve
from .engines import chromium_browser
from .figures import SERVED, update_page
from .measure import KODAK

RATES = {"400 kbit/s": 400, "2 Mbit/s": 2000, "no limit": None}
LATENCY = 100  # milliseconds, of the limited lines
SIZES = {"12 megapixels": (4000, 3000), "48 megapixels": (8000, 6000)}
RUNS = 3
_WATCH_LOADING = """
window.firsts = {};
const look = () => {
    const ready = document.querySelector("[data-id=key-status]")?.textContent;
    if (!firsts.text && document.body?.innerText.trim().length > 20) firsts.text = performance.now();
    if (!firsts.usable && ready) firsts.usable = performance.now();
    requestAnimationFrame(look);
};
look();
"""
_WATCH_STALLS = """() => {
    const seen = window.stalls = { frame: 0, task: 0, start: performance.now(), ready: null };
    let last = seen.start;
    const frame = (now) => {
        seen.frame = Math.max(seen.frame, now - last);
        last = now;
        const status = document.querySelector("[data-id=picture-status]").textContent;
        if (status.startsWith("Ready")) seen.ready ??= now;
        if (!seen.ready) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) seen.task = Math.max(seen.task, duration);
    }).observe({ type: "longtask" });
}"""


def main() -> None:
    if not KODAK.is_dir():
        sys.exit(f"no photographs at {KODAK}")
    result = Path(sys.argv[1]) if len(sys.argv) > 1 else SERVED
    with tempfile.TemporaryDirectory() as folder, chromium_browser() as (browser, _):
        key = EtcKey.generate()
        model = save_model(Path(folder) / "model", key, 224, block_size=16)
        with serve(model, key, Path(folder) / "home") as served:
            results = {
                "load": {name: measure_load(browser, served, rate) for name, rate in RATES.items()},
                "stalls": {name: measure_stalls(browser, served, size, Path(folder)) for name, size in SIZES.items()},
            }
    settings = {"chromium": browser.version, "latency, ms": LATENCY, "runs": RUNS, "size": 224, "block_size": 16}
    data = {"name": "Kodak 05, enlarged", "format": "JPEG"}
    command = ["python", "-m", "tests.web.measure_page"]
    write_json(result, result_record("page", results, data=data, settings=settings, command=command))
    if result == SERVED:
        update_page()
    print(result.read_text())


def measure_load(browser: Any, served: Served, rate: int | None) -> dict[str, Any]:
    """Bytes, requests, and seconds until the first text and until the page can be used; the best of a few visits."""
    visits = [_load(browser, served, rate) for _ in range(RUNS)]
    return min(visits, key=lambda visit: visit["usable, s"])


def _load(browser: Any, served: Served, rate: int | None) -> dict[str, Any]:
    urls: dict[str, str] = {}
    sizes: dict[str, int] = {}
    with browser.new_context() as context:
        page = context.new_page()
        line = context.new_cdp_session(page)
        line.send("Network.enable")
        if rate:
            speed = {"downloadThroughput": rate * 125, "uploadThroughput": rate * 125}  # bytes per second
            line.send("Network.emulateNetworkConditions", {"offline": False, "latency": LATENCY, **speed})
        line.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
        line.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
        page.add_init_script(_WATCH_LOADING)
        page.goto(served.url, wait_until="commit", timeout=120_000)
        page.wait_for_function("() => window.firsts?.usable", timeout=120_000)
        page.wait_for_load_state("networkidle")
        firsts = page.evaluate("firsts")
        own = [size for request, size in sizes.items() if "/client/web/" in urls[request]]
        return {
            "first text, s": round(firsts["text"] / 1000, 2),
            "usable, s": round(firsts["usable"] / 1000, 2),
            "requests": len(sizes),
            "bytes": sum(sizes.values()),
            "own scripts, requests": len(own),
            "own scripts, bytes": sum(own),
        }


def measure_stalls(browser: Any, served: Served, size: tuple[int, int], folder: Path) -> dict[str, float]:
    """Seconds from the choice of a picture until it can be sent, and the longest for which the page stands still.

    The picture is a file of `folder`: bytes that are handed to Playwright become a file in the page, which takes long.
    """
    file = folder / "picture.jpg"
    picture = Image.open(sorted(KODAK.glob("*.webp"))[4]).convert("RGB")
    picture.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    found = [_stall(browser, served, file) for _ in range(RUNS)]
    return min(found, key=lambda one: one["ready, s"])


def _stall(browser: Any, served: Served, file: Path) -> dict[str, float]:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(served.url)
        page.wait_for_selector("[data-id=key-file]", state="attached")
        key = {"name": "some.key", "mimeType": "", "buffer": served.key.reveal().encode()}
        page.set_input_files("[data-id=key-file]", key)
        page.wait_for_function("() => document.querySelector('[data-id=key-status]').textContent.startsWith('✓')")
        page.wait_for_load_state("networkidle")
        page.evaluate(_WATCH_STALLS)
        page.set_input_files("[data-id=picture-file]", file)
        page.wait_for_function("() => stalls.ready", timeout=120_000)
        page.wait_for_timeout(200)  # the observer is told later
        seen = page.evaluate("stalls")
        return {
            "ready, s": round((seen["ready"] - seen["start"]) / 1000, 2),
            "longest task, ms": round(seen["task"]),
            "longest time without a frame, ms": round(seen["frame"]),
        }


if __name__ == "__main__":
    main()
