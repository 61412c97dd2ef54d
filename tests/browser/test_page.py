"""The page of a run, opened from disk in a browser."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import parsim
from parsim.page.data import NO_LOAD, NO_MEMORY, of
from parsim.page.file import html

expect = pytest.importorskip("playwright.sync_api", reason="pages need playwright").expect  # waits for what it expects

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SIXTH = SCENARIOS / "06_pipeline_1f1b.yaml"
ZH_FACTS = "\N{FULLWIDTH COMMA}".join(["4 个处理单元", "64 个任务", "T_total 24 ms", "种子 0"])


@pytest.fixture(scope="module")
def sixth(tmp_path_factory):
    """Return the address of the page of a pipeline: four ranks, eight microbatches, 33 ms, by hand in the scenario."""
    file = tmp_path_factory.mktemp("page") / "sixth.html"
    file.write_text(html(of(parsim.simulate(SIXTH), SIXTH.read_text())), encoding="utf-8")
    return file.as_uri()


def shown(page):
    """Wait until the first picture is drawn, and return the canvas of the timeline."""
    canvas = page.locator(".parsim-lanes canvas")
    page.locator(".parsim h1").first.wait_for()
    return canvas


def at(page, moment_s, lane, whole_s):
    """Return the point of the canvas at a moment of a lane, all of the run being seen, in pixels of the page."""
    box = page.locator(".parsim-lanes canvas").bounding_box()
    left = box["x"] + 132
    wide = box["width"] - 132
    return left + (moment_s / whole_s + 0.01) / 1.03 * wide, box["y"] + 24 + 27 * lane + 11


def test_a_page_opens_from_disk_and_tells_of_the_run(open_page, sixth):
    page = open_page(sixth)
    shown(page)
    expect(page.locator("h1")).to_have_text("06_pipeline_1f1b: 33 ms simulated")
    expect(page.locator("header p")).to_have_text("4 workers, 64 tasks, T_total 24 ms, seed 0")
    expect(page.locator(".parsim-scenario li")).to_have_count(len(SIXTH.read_text().splitlines()))
    expect(page.get_by_text("As the run read it")).not_to_be_visible()


def test_hover_tells_name_duration_and_what_a_bar_waited_for(open_page, sixth):
    page = open_page(sixth)
    shown(page)
    # w1 computes 1F0 from 1 ms to 2 ms, as soon as w0 has ended 0F0.
    page.mouse.move(*at(page, 1.5e-3, 1, 33e-3))
    tip = page.locator(".parsim-tip").inner_text()
    assert "1F0" in tip
    assert "forward, 1 ms, from 1 ms to 2 ms, on w1" in tip
    assert "It waited for 0F0" in " ".join(tip.split())


def test_a_click_on_a_gap_tells_its_cause_and_jumps_to_what_it_waited_for(open_page, sixth):
    page = open_page(sixth)
    shown(page)
    # w0 waits from 4 ms until 10 ms, until w1 has ended 1B0, which 0B0 needs.
    page.mouse.click(*at(page, 7e-3, 0, 33e-3))
    details = page.locator(".parsim-details")
    assert details.locator("h3").inner_text().startswith("Idle: ")
    expect(details.locator("button")).to_have_text(["0B0", "1B0"])
    details.locator("button", has_text="1B0").click()
    expect(details.locator("h3")).to_have_text("1B0")


def test_a_gap_beside_a_transfer_tells_its_way_and_bytes(open_page, tmp_path):
    """The host sends w1 two items of 1 MB within 0.2 s before it computes; by hand in the scenario."""
    first = SCENARIOS / "01_five_tasks_data.yaml"
    file = tmp_path / "first.html"
    file.write_text(html(of(parsim.simulate(first))), encoding="utf-8")
    page = open_page(file.as_uri())
    shown(page)
    x, _ = at(page, 0.1, 0, 3.3)
    page.mouse.click(
        x, page.locator(".parsim-lanes canvas").bounding_box()["y"] + 24 + 39 + 11
    )  # below w0 and its transfers
    assert chosen(page) == "transfers alone"
    details = page.locator(".parsim-details")
    expect(details.locator("button")).to_have_text(["part1", "host>part1"])
    expect(details).to_contain_text("transfer, 200 ms, from 0 s to 200 ms, on w1, over host>w1, 2 MB")
    told = page.get_by_role("region", name="Scenario").inner_text()
    assert "As the run read it: lines and comments of the file are not kept." in told


def test_the_wheel_zooms_where_the_mouse_is(open_page, sixth):
    page = open_page(sixth)
    shown(page)
    x, y = at(page, 10.5e-3, 0, 33e-3)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -720)  # eight times closer
    page.mouse.move(x + 1, y)
    expect(page.locator(".parsim-tip")).to_contain_text("0B0")
    page.mouse.move(x + 300, y)  # 300 pixels are now about 1 ms
    expect(page.locator(".parsim-tip")).to_contain_text("0B0")


def chosen(page):
    return page.locator(".parsim-details h3").inner_text()


def test_search_goes_from_one_to_the_next(open_page, sixth):
    page = open_page(sixth)
    shown(page)
    page.keyboard.press("Tab")  # the search is what comes first
    page.keyboard.type("f7")
    expect(page.locator(".parsim-count")).to_have_text("4 found")
    for name in ("0F7", "1F7", "2F7"):
        page.keyboard.press("Enter")
        assert chosen(page) == name
    page.keyboard.press("Shift+Enter")
    assert chosen(page) == "1F7"
    expect(page.locator(".parsim-count")).to_have_text("2 of 4")


def test_the_keyboard_alone_is_enough(open_page, sixth):
    page = open_page(sixth)
    canvas = shown(page)
    for _ in range(40):
        page.keyboard.press("Tab")
        if canvas.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("ArrowRight")
    assert chosen(page) == "0F0"
    page.keyboard.press("ArrowRight")
    assert chosen(page) == "0F1"
    page.keyboard.press("ArrowDown")  # w1 idles until 1 ms, then computes 1F0 until 2 ms
    assert chosen(page) == "1F0"
    page.keyboard.press("Enter")  # what it waited for
    assert chosen(page) == "0F0"
    page.keyboard.press("Backspace")
    assert chosen(page) == "1F0"
    page.keyboard.press("g")
    assert chosen(page).startswith("Idle: ")
    page.keyboard.press("Escape")
    expect(page.locator(".parsim-details h3")).to_have_count(0)


def test_the_critical_path_is_walked_step_by_step(open_page, sixth):
    """By hand: it goes down the stages, then 3B0 to 3B7 through the last stage, and up again: 4 + 15 + 3 steps."""
    page = open_page(sixth)
    shown(page).focus()
    names = []
    for _ in range(23):
        page.keyboard.press("n")
        names.append(chosen(page))
    down, last, up = names[:4], names[4:19], names[19:]
    assert down == ["0F0", "1F0", "2F0", "3F0"]
    assert last == [f"3{kind}{m}" for m in range(8) for kind in "FB"][1:]
    assert up == ["2B7", "1B7", "0B7", "0B7"]
    expect(page.locator(".parsim-details")).to_contain_text("Step 22 of 22")
    assert page.get_by_text("Critical path", exact=True).get_attribute("aria-pressed") == "true"


def test_a_path_that_begins_below_the_lanes_that_are_seen_is_scrolled_to_and_told(open_page, tmp_path):
    """Each of 64 workers computes one task, and under seed 2 that of w55 is the longest."""
    scenario = {
        "cluster": {"devices": 64},
        "workload": {"kind": "items", "count": 64},
        "plan": {"split": "data"},
        "cost": {"kind": "noisy", "spread": 0.2, "compute": "1 s"},
        "seed": 2,
    }
    file = tmp_path / "many.html"
    file.write_text(html(of(parsim.simulate(scenario))), encoding="utf-8")
    page = open_page(file.as_uri())
    shown(page)
    lanes = page.locator(".parsim-lanes")
    before = lanes.evaluate("(lanes) => lanes.scrollTop")
    page.get_by_text("Critical path", exact=True).click()
    told = page.locator(".parsim-details").inner_text()
    assert told == "The critical path has 1 steps, from part55 on w55 on; N goes there."
    top, tall = lanes.evaluate("(lanes) => [lanes.scrollTop, lanes.clientHeight]")
    assert before == 0
    assert top < 55 * 21 < top + tall  # a lane takes 16 pixels, and 5 to the next device
    expect(page.locator(".parsim-title").last).to_have_text("Nothing is sent in this run.")
    page.keyboard.press("n")
    assert chosen(page) == "part55"
    page.get_by_role("searchbox").fill("nothing has this name")
    expect(page.locator(".parsim-details h3")).to_have_count(0)  # what was chosen before is not what was found


def test_sends_that_are_delays_are_told_in_words_of_their_own(open_page, tmp_path):
    """A send of 1 ms after each forward and backward; w0 computes 24 ms of the 39 ms, and receives while it does."""
    file = tmp_path / "delays.html"
    file.write_text(html(of(parsim.simulate(SIXTH, set={"workload.send": "1 ms"}))), encoding="utf-8")
    page = open_page(file.as_uri())
    shown(page)
    assert (
        page.locator(".parsim-title").last.inner_text() == "Sends are delays in this run: no bytes travel over links."
    )
    page.get_by_text("Sum", exact=True).click()
    cells = [row.locator("th, td").all_inner_texts() for row in page.locator(".parsim-details tbody tr").all()]
    shares = sum(float(row[3].removesuffix(" %")) for row in cells)
    assert {row[0]: row[4] for row in cells}["transfer"] == "a time, no bytes"
    assert shares > 101
    told = page.locator(".parsim-details p").inner_text()
    assert abs(float(told.split(" %")[0].rpartition(" ")[2]) - shares) < 0.5  # each share is rounded
    assert told.endswith("as transfers overlap computing or each other.")


def test_a_measured_run_says_once_what_its_files_do_not_tell(open_page, tmp_path):
    data = of(parsim.simulate(SIXTH))
    data["memory"], data["load"] = NO_MEMORY, NO_LOAD  # as of_kept has them
    file = tmp_path / "measured.html"
    file.write_text(html(data), encoding="utf-8")
    page = open_page(file.as_uri())
    shown(page)
    expect(page.get_by_text("The files of a measured run")).to_have_count(1)


def test_memory_load_and_each_cause_of_idleness_are_told_apart_in_the_legend(open_page, tmp_path):
    file = tmp_path / "mixed.html"
    file.write_text(html(of(parsim.simulate(SCENARIOS / "33_gpt3_13b_mixed.yaml"))), encoding="utf-8")
    page = open_page(file.as_uri())
    shown(page)
    samples = page.locator(".parsim-entry").evaluate_all(
        """(entries) => entries.map((entry) => [entry.textContent, Array.from(
             entry.querySelector("canvas").getContext("2d").getImageData(1, 1, 1, 1).data).slice(0, 3).join()])"""
    )
    faces = dict(samples)
    assert {f"memory: {kind}" for kind in ("weights", "gradients", "optimizer", "activations", "capacity")} <= {*faces}
    assert {"load: mean", "load: fullest link"} <= {*faces}
    idle = [name for name in faces if name.startswith("Idle: ")]
    assert len(idle) > 2
    assert len({faces[name] for name in idle}) == len(idle)


def test_sums_over_a_range(open_page, sixth):
    """From 0 to 4 ms w0 computes 4 ms, w1 3 ms, w2 2 ms and w3 1 ms; before, they wait for their first task."""
    page = open_page(sixth)
    shown(page)
    page.keyboard.down("Shift")
    page.mouse.move(*at(page, 0.0, 0, 33e-3))
    page.mouse.down()
    page.mouse.move(*at(page, 4e-3, 0, 33e-3), steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    rows = page.locator(".parsim-details tbody tr")
    cells = [row.locator("th, td").all_inner_texts() for row in rows.all()]
    spent = {name: float(seconds.removesuffix(" ms")) for name, _, seconds, _, _ in cells}
    assert spent["forward"] == pytest.approx(10.0, abs=0.1)  # a pixel is 0.03 ms
    assert spent["Idle: fill"] == pytest.approx(6.0, abs=0.1)


def test_what_is_seen_is_a_table_too(open_page, sixth):
    page = open_page(sixth)
    shown(page)
    page.get_by_text("What is seen, as a table").click()
    rows = page.locator("details[open] tbody tr")
    expect(rows).to_have_count(64)
    expect(rows.nth(2).locator("th, td")).to_have_text(["1F0", "forward", "w1", "0F0", "1 ms", "1 ms"])


def test_two_fingers_zoom(open_page, sixth):
    page = open_page(sixth, has_touch=True)
    canvas = shown(page)
    x, y = at(page, 10.5e-3, 0, 33e-3)
    touch = """(canvas, [kind, id, x, y]) => {
        canvas.setPointerCapture = () => {};
        const where = {pointerId: id, pointerType: "touch", clientX: x, clientY: y, bubbles: true};
        canvas.dispatchEvent(new PointerEvent(`pointer${kind}`, where));
    }"""
    for kind, away in (("down", 20), ("move", 160), ("up", 160)):
        for finger, side in ((1, -1), (2, 1)):
            canvas.evaluate(touch, [kind, finger, x + side * away, y])
    page.mouse.move(x + 150, y)  # eight times closer, 150 pixels are half a millisecond
    expect(page.locator(".parsim-tip")).to_contain_text("0B0")


def test_on_a_phone_nothing_is_wider_than_the_page_and_words_are_read(open_page, sixth):
    page = open_page(sixth, width=390, height=800)
    shown(page)
    sizes = """(texts) => texts.map((text) => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"""
    assert min(page.locator(".parsim-waterfall text").evaluate_all(sizes)) >= 10
    frame = page.locator(".parsim-waterfall svg").bounding_box()
    for box in [text.bounding_box() for text in page.locator(".parsim-waterfall text").all()]:
        assert frame["x"] <= box["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_dark_where_the_system_is_dark(open_page, sixth):
    page = open_page(sixth, color_scheme="dark")
    shown(page)
    colour = "getComputedStyle(document.querySelector('.parsim')).backgroundColor"
    assert page.evaluate(colour) == "rgb(22, 24, 28)"
    page.get_by_text("Dark / light").click()
    assert page.evaluate(colour) == "rgb(255, 255, 255)"


def test_in_chinese_where_the_browser_is(open_page, sixth):
    page = open_page(sixth, locale="zh-CN")
    shown(page)
    expect(page.locator("h1")).to_have_text("06_pipeline_1f1b: 33 ms 仿真")
    expect(page.locator("header p")).to_have_text(ZH_FACTS)
    page.get_by_text("English", exact=True).click()
    expect(page.locator("h2").nth(1)).to_have_text("Where the time went, mean of the workers")


def test_pictures_and_the_scenario_can_be_saved(open_page, sixth):
    page = open_page(sixth)
    shown(page)
    files = {}
    for form in ("PNG", "SVG", "YAML"):
        with page.expect_download() as saved:
            page.get_by_text(form, exact=True).click()
        files[saved.value.suggested_filename] = Path(saved.value.path()).read_bytes()
    assert list(files) == ["06_pipeline_1f1b.png", "06_pipeline_1f1b.svg", "06_pipeline_1f1b.yaml"]
    assert files["06_pipeline_1f1b.yaml"] == SIXTH.read_bytes()
    assert files["06_pipeline_1f1b.png"].startswith(b"\x89PNG")
    svg = ElementTree.fromstring(files["06_pipeline_1f1b.svg"])
    texts = [each.text for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"06_pipeline_1f1b, simulated: 33 ms", "w3", "0F0", "3B7", "forward", "Idle: fill"} <= {*texts}


def test_two_results_share_an_axis_and_differ_in_words_of_the_ledger(open_page, tmp_path):
    """GPipe is as long as 1F1B; with twice the microbatches the bubble is the same 9 ms, and the work doubles."""
    one, two = (parsim.simulate(SIXTH, set={"plan.microbatches": count}) for count in (8, 16))
    file = tmp_path / "two.html"
    unlike = "Not the same work: 96 ms of computing at speed 1 with A, 192 ms with B."
    file.write_text(html(of(one), of(two), unlike), encoding="utf-8")
    page = open_page(file.as_uri())
    shown(page)
    titles = [f"{letter}: 06_pipeline_1f1b: {took} ms simulated" for letter, took in (("A", 33), ("B", 57))]
    expect(page.locator("h1")).to_have_text(titles)
    rows = page.locator("section[aria-label='Where the two differ'] tbody tr")
    cells = {row[0]: row[2:] for row in (each.locator("th, td").all_inner_texts() for each in rows.all())}
    assert cells["T_total"] == ["24 ms", "48 ms", "+24 ms"]
    assert cells["makespan"] == ["33 ms", "57 ms", "+24 ms"]
    words = page.locator("section[aria-label='Where the two differ'] p").inner_text()
    assert words.startswith(
        f"{unlike} A is 24 ms (42.1 %) faster than B: on average, a worker spends 24 ms less in T_total"
    )


def test_axe_finds_nothing_serious(open_page, sixth):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install '.[test]'")
    for dark in ("light", "dark"):
        page = open_page(sixth, color_scheme=dark)
        shown(page).focus()
        page.keyboard.press("n")
        found = axe.Axe().run(page).response["violations"]
        bad = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in bad] == []


def test_both_tables_of_words_have_the_same_keys_and_places(open_page):
    page = open_page("about:blank")
    folder, tables = Path(parsim.__file__).parent / "page/static", []
    for name in ("en", "zh"):
        script = (folder / f"words.{name}.js").read_text(encoding="utf-8").replace("export ", "")
        tables.append(page.evaluate(f"(() => {{ {script}; return {name}; }})()"))

    def places(table, path=""):
        for key, words in table.items():
            if isinstance(words, dict):
                yield from places(words, f"{path}{key}.")
            else:
                yield f"{path}{key}", sorted(re.findall(r"{\w+}", words)) if isinstance(words, str) else len(words)

    one, other = map(dict, map(places, tables))
    assert one == other


def test_names_are_only_text(open_page, tmp_path):
    name = "</script><img src=x onerror=console.error(1)>"
    scenario = {
        "cluster": {"devices": 1},
        "workload": {
            "kind": "tasks",
            "tasks": [{"name": name, "compute": "1 s"}, {"name": "b", "compute": "1 s", "after": [name]}],
        },
    }
    file = tmp_path / "names.html"
    file.write_text(html(of(parsim.simulate(scenario), name)), encoding="utf-8")
    page = open_page(file.as_uri())
    shown(page)
    expect(page.locator("img")).to_have_count(0)
    expect(page.locator(".parsim-scenario code")).to_have_text(name)
