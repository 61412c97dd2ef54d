"""The page of a run beside a bare canvas that draws the same bars, in one browser.

    python benchmarks/page.py

A pipeline of 64 ranks with 100,000 and with 1,000,000 bars. The bare canvas is 30 lines without levels, names or
hatches; it unpacks the same columns with the same function. Milliseconds until the pixels are there, medians of several
rounds: the first picture from the text of the data on (of the whole page, tables and all), and a step of zoom. Then the
size of the file, with transfers and random seconds, and the CPU seconds of the page beyond the run.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from playwright.sync_api import Page, sync_playwright
from yardstick import Row, table

from parsim.build import build
from parsim.page.data import of
from parsim.page.file import bundle, html, static
from parsim.reading import load
from parsim.run import Result, run

RANKS, ROUNDS, STEPS = 64, 5, 12
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
BARE = """
async function bareUnpacked(data) { return $unpack.unpack(data); }
class Bare {
  constructor(canvas, run, gutter) {
    Object.assign(this, { canvas, run, gutter, from: -0.01 * run.makespan, to: 1.02 * run.makespan });
    this.pen = canvas.getContext("2d", { alpha: false });
    this.tops = run.rows.map((row) => [row.top + 24, row.height]);
  }
  zoom(factor, at) {
    const span = (this.to - this.from) / factor;
    const share = (at - this.from) / (this.to - this.from);
    [this.from, this.to] = [at - share * span, at + (1 - share) * span];
  }
  paint() {
    const { pen, run, canvas, gutter, from, to } = this;
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const scale = (canvas.width - gutter) / (to - from);
    const { start, end, lane, kind, count } = run.bars;
    let last = -1;
    for (let bar = 0; bar < count; bar++) {
      if (end[bar] < from || start[bar] > to) continue;
      if (kind[bar] !== last) pen.fillStyle = run.kinds[(last = kind[bar])].face;
      const left = Math.max((start[bar] - from) * scale, 0);
      const right = Math.min((end[bar] - from) * scale, canvas.width - gutter);
      const [top, height] = this.tops[lane[bar]];
      pen.fillRect(gutter + left, top, Math.max(right - left, 0.3), height);
    }
  }
}
"""
MEASURE = """async ([text, steps]) => {
  const drawn = (pen) => pen.getImageData(0, 0, 1, 1);  // waits until what was asked for is drawn
  const root = document.getElementById("page");
  const timed = async (act) => { const start = performance.now(); await act(); return performance.now() - start; };
  const pen = () => document.querySelector(".parsim-lanes canvas").getContext("2d");
  let page;
  const found = {};
  found.first = await timed(async () => {
    page = $view.show(root, JSON.parse(text));
    await page.ready;
    page.timeline.paint();
    drawn(pen());
  });
  const { timeline } = page;
  const [canvas, run] = [timeline.canvas, timeline.runs[0]];
  const other = document.createElement("canvas");
  [other.width, other.height] = [canvas.width, canvas.height];
  let bare;
  found.bareFirst = await timed(async () => {
    const data = await bareUnpacked(JSON.parse(text));
    data.rows = run.rows;
    bare = new Bare(other, data, timeline.gutter);
    bare.paint();
    drawn(bare.pen);
  });
  const at = 0.37 * run.makespan;
  found.steps = [];
  found.bareSteps = [];
  for (let step = 0; step < steps; step++) {
    timeline.axis.zoom(1.25, at);
    bare.zoom(1.25, at);
    found.steps.push(await timed(() => { timeline.paint(); drawn(pen()); }));
    found.bareSteps.push(await timed(() => { bare.paint(); drawn(bare.pen); }));
  }
  return found;
}"""


def pipeline(bars: int, send: str = "0 s", cost: dict[str, Any] | None = None) -> Result:
    """Play a pipeline with so many tasks and transfers."""
    each = RANKS * 2 + (2 * (RANKS - 1) if send != "0 s" else 0)
    scenario = {
        "cluster": {"devices": RANKS, "topology": {"kind": "full", "bandwidth": "10 GB/s"}},
        "workload": {"kind": "stages", "forward": "1 ms", "input_grad": "1 ms", "weight_grad": "1 ms", "send": send},
        "plan": {"pipeline": RANKS, "schedule": "1f1b", "microbatches": -(-bars // each)},
        **({"cost": cost} if cost else {}),
    }
    return run(build(load(scenario)))


def measured(page: Page, address: str, data: dict[str, Any]) -> dict[str, float]:
    """Return the milliseconds of the page and of the bare canvas, medians of the rounds."""
    text, rounds = json.dumps(data), []
    for _ in range(ROUNDS):
        page.goto(address)
        rounds.append(page.evaluate(MEASURE, [text, STEPS]))
    found = {name: median(one[name] for one in rounds) for name in ("first", "bareFirst")}
    return found | {
        name: median(median(one[name][step] for one in rounds) for step in range(STEPS))
        for name in ("steps", "bareSteps")
    }


def frames(folder: Path) -> list[Row]:
    """Measure both sizes in the system's chromium."""
    file = folder / "bare.html"
    script = f"{bundle('view.js')}{BARE}\nObject.assign(globalThis, {{ $view, $unpack, Bare, bareUnpacked }});"
    file.write_text(
        f'<!DOCTYPE html><style>{static("page.css")}</style><main id="page"></main><script>{script}</script>'
    )
    rows = []
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 2200})
        page.set_default_timeout(600_000)
        for bars, first, zoom in ((100_000, 1.5, 1.0), (1_000_000, 0.5, 0.5)):
            found = measured(page, file.as_uri(), of(pipeline(bars)))
            for words, mine, bare, goal in (
                ("first picture", found["first"], found["bareFirst"], first),
                ("step of zoom", found["steps"], found["bareSteps"], zoom),
            ):
                figures = f"{mine:.1f} ms", f"{bare:.1f} ms", f"{mine / bare:.2f}", f"at most {goal}"
                rows.append(Row(f"{bars:,} bars, {words}", *figures))
        browser.close()
    return rows


def sizes() -> list[Row]:
    """Measure the file, and what it costs beyond the run."""
    rows = []
    for words, result in (
        ("64 ranks", pipeline(100_000)),
        ("random seconds, transfers", pipeline(100_000, "200 us", {"kind": "noisy", "spread": 0.3})),
    ):
        start = process_time()
        file = html(of(result))
        spent, dense = process_time() - start, len(file.encode()) / 10 / len(result.timeline)
        rows.append(Row(f"{words}: {len(result.timeline):,} bars", f"{spent:.2f} s of CPU", goal="below 2 s"))
        rows.append(Row(f"{words}: file per 100,000 bars", f"{dense:.2f} MB", goal="at most 2.5 MB"))
    return rows


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        print(table("page", [*sizes(), *frames(Path(folder))]))
