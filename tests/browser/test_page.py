"""The page of a run, opened from disk in a browser."""

from pathlib import Path

import pytest

import parsim
from parsim.page.data import of
from parsim.page.file import html

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SIXTH = SCENARIOS / "06_pipeline_1f1b.yaml"


@pytest.fixture(scope="module")
def sixth(tmp_path_factory):
    """Return the address of the page of a pipeline: four ranks, eight microbatches, 33 ms, by hand in the scenario."""
    file = tmp_path_factory.mktemp("page") / "sixth.html"
    file.write_text(html(of(parsim.simulate(SIXTH), SIXTH.read_text())), encoding="utf-8")
    return file.as_uri()


def shown(page):
    """Wait until the first picture is drawn, and return the canvas of the timeline."""
    canvas = page.locator(".parsim-lanes canvas")
    page.wait_for_function("document.querySelector('.parsim header h1')")
    return canvas


def at(page, moment_s, lane, whole_s):
    """Return the point of the canvas at a moment of a lane, all of the run being seen, in pixels of the page."""
    box = page.locator(".parsim-lanes canvas").bounding_box()
    left = box["x"] + 132
    wide = box["width"] - 132
    return left + (moment_s / whole_s + 0.01) / 1.03 * wide, box["y"] + 24 + 23 * lane + 11


def test_a_page_opens_from_disk_and_tells_of_the_run(open_page, sixth):
    page = open_page(sixth)
    shown(page)
    assert page.locator("h1").inner_text() == "06_pipeline_1f1b: 33 ms simulated"
    assert page.locator("header p").inner_text() == "4 workers, 64 tasks, T_total 24 ms, seed 0"
    assert page.locator(".parsim-scenario li").count() == len(SIXTH.read_text().splitlines())


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
    assert [button.inner_text() for button in details.locator("button").all()] == ["0B0", "1B0"]
    details.locator("button", has_text="1B0").click()
    assert details.locator("h3").inner_text() == "1B0"


def test_the_wheel_zooms_where_the_mouse_is(open_page, sixth):
    page = open_page(sixth)
    shown(page)
    x, y = at(page, 10.5e-3, 0, 33e-3)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -720)  # eight times closer
    page.mouse.move(x + 1, y)
    assert "0B0" in page.locator(".parsim-tip").inner_text()
    page.mouse.move(x + 300, y)  # 300 pixels are now about 1 ms
    assert "0B0" in page.locator(".parsim-tip").inner_text()


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
    assert page.locator("img").count() == 0
    assert page.locator(".parsim-scenario code").inner_text() == name
