"""From a moved slider to the picture, in the page of `parsim play`.

    python benchmarks/play.py

A pipeline of 64 ranks with 2,048 tasks, with and without sends. Milliseconds from the slider's event until the server
has answered, and until the frame with the new timeline, ledger and closed form is drawn; medians of the moves.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright
from yardstick import Row, table

MOVES = 20
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SCENARIO = """\
cluster: {devices: 64}
workload: {kind: stages, forward: 1 ms, input_grad: 1 ms, weight_grad: 1 ms, send: SEND}
plan: {pipeline: 64, schedule: 1f1b, microbatches: 16}
"""
MEASURE = """async (moves) => {
  const slider = document.getElementById("control-workload.forward");
  const plain = window.fetch;
  let answered = 0;
  window.fetch = async (address, ...more) => {
    const found = await plain(address, ...more);
    if (address === "play") answered = performance.now();
    return found;
  };
  const changed = (root) => new Promise((done) => {
    const watching = new MutationObserver(() => done(watching.disconnect()));
    watching.observe(root, { childList: true });
  });
  const rows = [];
  for (let move = 0; move < moves; move++) {
    const drawn = changed(document.querySelector(".play-view header"));
    const start = performance.now();
    slider.value = 5 + move;
    slider.dispatchEvent(new Event("input"));
    await drawn;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    rows.push([answered - start, performance.now() - start]);
    await new Promise((done) => setTimeout(done, 300));
  }
  return rows;
}"""


def moves(page: Page, folder: Path, send: str) -> list[Row]:
    """Move the slider of a scenario."""
    file = folder / "slider.yaml"
    file.write_text(SCENARIO.replace("SEND", send))
    command = [sys.executable, "-m", "parsim", "play", "--no-browser", str(file)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        page.goto(server.stdout.readline().strip())
        page.locator(".play-figure").first.wait_for()
        found = page.evaluate(MEASURE, MOVES)
    finally:
        server.terminate()
        server.wait()
    answered, drawn = (median(one[which] for one in found) for which in (0, 1))
    return [
        Row(f"send {send}: answer of the server", f"{answered:.0f} ms"),
        Row(f"send {send}: slider to picture", f"{drawn:.0f} ms", goal="below 200 ms"),
    ]


if __name__ == "__main__":
    with TemporaryDirectory() as folder, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(60_000)
        print(table("play", [row for send in ("0 s", "200 us") for row in moves(page, Path(folder), send)]))
        browser.close()
