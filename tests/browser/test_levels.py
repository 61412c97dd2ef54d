"""How very many bars are drawn: levels of merged bars, and rows of pixels, against counting by hand and by force."""

import random

import pytest

from parsim.page.file import bundle

RUN = """([bars, whole, pixels]) => {
    const run = {
        count: bars.length,
        start: Float64Array.from(bars, (bar) => bar[1]),
        end: Float64Array.from(bars, (bar) => bar[2]),
        kind: Int32Array.from(bars, (bar) => bar[3]),
        first: Int32Array.from([0, 1, 2], (lane) => bars.filter((bar) => bar[0] < lane).length),
    };
    const levels = new $levels.Levels(run, whole);
    const raster = new $raster.Raster(pixels);
    return [1e-9, 1e-3, 2e-3, 1e9].map((pixel) => {
        const level = levels.at(pixel);
        const rows = [0, 1].map((lane) => {
            const wide = [];
            raster.clear(0xff000000);
            raster.draw(level, lane, {from: 0, to: whole, span: whole}, [0xff0000ff, 0xff00ff00], 1e9, wide);
            return Array.from(raster.pixels);
        });
        const busy = level.busy ?? level.end.map((end, i) => end - level.start[i]);
        return {count: level.count, busy: Array.from(busy.subarray(0, level.count)), rows};
    });
}"""


@pytest.fixture
def drawn(open_page):
    page = open_page("about:blank")

    def draw(bars, whole, pixels):
        script = f"{bundle('levels.js')}{bundle('raster.js').replace('const $levels', 'var $again')}"
        return page.evaluate(f"(given) => {{ {script}; return ({RUN})(given); }}", [bars, whole, pixels])

    return draw


def bars_at_random(seed, count):
    """Return lane, start, end, kind of bars that do not overlap, many of them far shorter than a tick."""
    draw, bars = random.Random(seed), []
    for lane in (0, 1):
        moment = 0.0
        while moment < 1.0 and len(bars) < count * (lane + 1):
            start = moment + draw.choice((0.0, draw.expovariate(count)))
            moment = start + draw.expovariate(count)
            bars.append([lane, start, min(moment, 1.0), draw.randrange(2)])
    return [bar for bar in bars if bar[1] < bar[2]]


def test_every_level_holds_the_same_busy_seconds_in_fewer_bars(drawn):
    bars = bars_at_random(7, 4000)
    raw, *coarser = drawn(bars, 1.0, 100)
    assert raw["count"] == len(bars)
    counts = [level["count"] for level in (raw, *coarser)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] <= 2 * 2 * 512  # the last level: 512 ticks, two lanes, at most two bars for each
    for level in coarser:
        assert sum(level["busy"]) == pytest.approx(sum(raw["busy"]), rel=1e-5)


def test_a_pixel_is_as_bright_as_its_bars_cover_it(drawn):
    """By force: the share of each pixel that bars of its main colour and others cover, of bars without borders."""
    bars, pixels = [bar for bar in bars_at_random(3, 4000) if bar[2] - bar[1] < 1 / 200], 50
    for level in drawn(bars, 1.0, pixels)[:2]:
        for lane, row in enumerate(level["rows"]):
            for x, colour in enumerate(row):
                low, high = x / pixels, (x + 1) / pixels
                inside = [max(0.0, min(bar[2], high) - max(bar[1], low)) for bar in bars if bar[0] == lane]
                bright = max(colour & 255, colour >> 8 & 255) / 255
                assert bright == pytest.approx(min(sum(inside) * pixels, 1.0), abs=0.02)


def test_a_pixel_has_the_colour_of_what_covers_most_of_it(drawn):
    """By hand: ten pixels of 0.1 s; in the first, green covers 0.06 s and red 0.03 s; the last is red alone."""
    bars = [[0, 0.0, 0.03, 0], [0, 0.03, 0.09, 1], [0, 0.9, 1.0, 0], [1, 0.0, 0.0001, 0]]
    row = drawn(bars, 1.0, 10)[0]["rows"][0]
    assert row[0] == 0xFF000000 | round(255 * 0.9) << 8
    assert row[1:9] == [0xFF000000] * 8
    assert row[9] == 0xFF0000FF
