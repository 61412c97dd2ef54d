// Reads the columns that parsim/page/pack.py wrote.

/** Return a run: the plain values of *data*, and its columns as typed arrays. */
export async function unpack(data) {
  const bytes = await inflated(data.columns.data);
  const run = { ...data };
  let at = 0;
  for (const [name, form, count] of data.columns.layout) {
    const width = form === "text" ? 1 : Number(form.slice(-1)); // bytes of a value
    const part = bytes.subarray(at, at + count * width);
    if (form === "text") later(run, name, part);
    else run[name] = read(form, count, width, part);
    at += count * width;
  }
  return complete(run);
}

async function inflated(text) {
  const bytes = Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Read words when somebody asks for them: a picture of very many bars shows no names. */
function later(run, name, part) {
  let words;
  Object.defineProperty(run, name, { get: () => (words ??= JSON.parse(new TextDecoder().decode(part))) });
}

function read(form, count, width, part) {
  if (form === "f8") return new Float64Array(together(part, count, 8, 8).buffer);
  if (form.startsWith("f")) return new Float32Array(together(part, count, width, 4).buffer);
  const found = new Int32Array(together(part, count, width, 4).buffer);
  const rises = form.startsWith("up");
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const value = (found[i] >>> 1) ^ -(found[i] & 1);
    sum = rises ? sum + value : value;
    found[i] = sum;
  }
  return found;
}

/** Put the first bytes of all values, the second ones, ... back together, into values of *room* bytes. */
function together(part, count, width, room) {
  const bytes = new Uint8Array(count * room);
  for (let byte = 0; byte < width; byte++) {
    const from = byte * count;
    for (let i = 0, to = byte; i < count; i++, to += room) bytes[to] = part[from + i];
  }
  return bytes;
}

/** Add what follows from the columns: ends, where lanes begin, the numbers of bars in place of distances. */
function complete(run) {
  run.makespan = run.facts.makespan_s;
  const bars = run.lane.length;
  const end = run.start.map((start, bar) => start + run.took[bar]);
  const first = firsts(run.lane, run.lanes.length);
  run.bars = { count: bars, start: run.start, end, kind: run.kind, lane: run.lane, first };
  run.gaps = gapsOf(run);
  run.waited = run.wait.map((distance, bar) => (distance ? bar - distance : -1));
  run.firstEdge = new Int32Array(bars + 1);
  for (let bar = 0; bar < bars; bar++) run.firstEdge[bar + 1] = run.firstEdge[bar] + run.inward[bar];
  run.childOf = new Int32Array(bars);
  for (let bar = 0; bar < bars; bar++) {
    for (let edge = run.firstEdge[bar]; edge < run.firstEdge[bar + 1]; edge++)
      run.childOf[bar - run.source[edge]] = bar;
  }
  run.onPath = new Map(Array.from(run.path, (bar, step) => [bar, step]));
  return run;
}

/** Return the gaps: each begins about where the bar before it ends, and ends about where the bar after it begins. */
function gapsOf(run) {
  const count = run.gap_lane.length;
  const { first } = run.bars;
  const [start, end] = [new Float64Array(count), new Float64Array(count)];
  for (let gap = 0; gap < count; gap++) {
    const [lane, then] = [run.gap_lane[gap], run.gap_then[gap]];
    const before = (then >= 0 ? then : first[lane + 1]) - 1;
    start[gap] = (before >= first[lane] ? run.bars.end[before] : 0) + run.gap_late[gap];
    end[gap] = (then >= 0 ? run.start[then] : run.makespan) - run.gap_early[gap];
  }
  return { count, start, end, kind: run.gap_cause, lane: run.gap_lane, first: firsts(run.gap_lane, run.lanes.length) };
}

function firsts(lane, lanes) {
  const first = new Int32Array(lanes + 1);
  for (let i = 0; i < lane.length; i++) first[lane[i] + 1]++;
  for (let i = 0; i < lanes; i++) first[i + 1] += first[i];
  return first;
}

/** Return the bars from which edges lead to *bar*. */
export function parents(run, bar) {
  const found = [];
  for (let edge = run.firstEdge[bar]; edge < run.firstEdge[bar + 1]; edge++) found.push(bar - run.source[edge]);
  return found;
}

/** Return the bars to which edges lead from *bar*. */
export function children(run, bar) {
  const found = [];
  for (let other = 0; other < run.bars.count; other++) {
    for (let edge = run.firstEdge[other]; edge < run.firstEdge[other + 1]; edge++) {
      if (other - run.source[edge] === bar) found.push(other);
    }
  }
  return found;
}

/** Return the name of a bar; that of a transfer is made of the names of its ends. */
export function nameOf(run, bar) {
  return run.names[run.name[bar]] || `${nameOf(run, parents(run, bar)[0])}>${nameOf(run, run.childOf[bar])}`;
}
