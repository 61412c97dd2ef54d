// The rows of a timeline from top to bottom: of each run its name where there are two, then its lanes by device.

const HEIGHTS = [
  [40, 22, 11],
  [90, 16, 8],
  [250, 10, 5],
  [Infinity, 6, 3],
]; // up to so many lanes: pixels of a lane of computing, and of communication
const BETWEEN = 4; // pixels between devices
const TITLE = 22; // pixels of the name of a run

/** Return the rows of *runs*, each with its run, lane, top and height in pixels, and the height of all. */
export function rowsOf(runs) {
  const lanes = runs.reduce((sum, run) => sum + run.lanes.length, 0);
  const [, computing, communicating] = HEIGHTS.find(([most]) => lanes <= most);
  const rows = [];
  let top = 0;
  for (const run of runs) {
    if (runs.length > 1) {
      rows.push({ run, lane: -1, top, height: TITLE });
      top += TITLE;
    }
    let device = null;
    run.lanes.forEach((lane, number) => {
      if (device !== null && device !== lane.device) top += Math.min(BETWEEN, communicating);
      device = lane.device;
      const height = lane.kind === "compute" ? computing : communicating;
      rows.push({ run, lane: number, top, height });
      top += height + 1;
    });
  }
  return { rows, height: top };
}

/** Return the row at *y*, or undefined. */
export function rowAt(rows, y) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].top + rows[middle].height > y) high = middle;
    else low = middle + 1;
  }
  return rows[low] && rows[low].top <= y ? rows[low] : undefined;
}
