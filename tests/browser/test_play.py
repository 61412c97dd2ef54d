"""The page of `parsim play` in a browser: sliders, two scenarios, undo, the address, predictions, and faults."""

import re
from pathlib import Path

import pytest

import parsim
from parsim.core.units import BYTES, BYTES_PER_SECOND, SECONDS

pytest.importorskip("uvicorn", reason="the server needs the extra page")

from served import Served

expect = pytest.importorskip("playwright.sync_api", reason="pages need playwright").expect  # waits for what it expects

SIXTH = Path(__file__).parents[2] / "scenarios" / "06_pipeline_1f1b.yaml"


@pytest.fixture(scope="module")
def server():
    with Served(SIXTH) as server:
        yield server


@pytest.fixture
def play(open_page, server):
    """Return a function that opens the page, and waits until the first run is shown."""

    def open_(state="", **options):
        page = open_page(server.address + state, **options)
        page.locator(".play-figure").first.wait_for(timeout=30_000)  # the first player loads parsim
        page.locator(".parsim-lanes canvas[width]").wait_for(state="attached")
        return page

    return open_


def slider(page, path):
    return page.locator(f'[id="control-{path}"]')


def figure(page, name):
    """Return the card of a figure."""
    return page.locator(".play-card", has=page.locator("h3", has_text=re.compile(f"^{re.escape(name)}$")))


def waits_for(page, name, text):
    page.wait_for_function(
        "([name, text]) => [...document.querySelectorAll('.play-card')].some((card) =>"
        " card.querySelector('h3').textContent === name && card.querySelector('.play-figure').textContent === text)",
        arg=[name, text],
    )


def copied(page, button, part):
    """Press a button, and return what it has copied, which has this part."""
    page.get_by_role("button", name=button).click()
    page.wait_for_function("async (part) => (await navigator.clipboard.readText()).includes(part)", arg=part)
    return page.evaluate("navigator.clipboard.readText()")


def last_line(page):
    return page.locator(".play-text").input_value().rstrip().splitlines()[-1]


def test_a_slider_plays_the_engine_and_redraws_figure_closed_form_picture_and_text(play):
    page = play()
    expect(figure(page, "makespan").locator(".play-figure")).to_have_text("33 ms")  # (8 + 4 - 1) (1 + 2) ms
    slider(page, "plan.microbatches").fill("15")  # the sixteenth stop: 16 microbatches
    waits_for(page, "makespan", "57 ms")  # (16 + 4 - 1) (1 + 2) ms
    expect(page.locator(".play-form")).to_contain_text("m(F + B) + (p-1)(F + B) = 0.048 s + 0.009 s")
    expect(page.locator(".parsim header h1").last).to_have_text("06_pipeline_1f1b: 57 ms simulated")
    assert last_line(page) == "plan: {pipeline: 4, schedule: 1f1b, microbatches: 16}"
    expect(figure(page, "bubble, share of the ideal time").locator(".play-figure")).to_have_text("18.8 %")  # 3 / 16
    slider(page, "plan.microbatches").fill("7")
    slider(page, "plan.pipeline").fill("7")  # eight ranks on all devices
    waits_for(page, "makespan", "45 ms")  # (8 + 8 - 1) 3 ms
    assert "cluster: {devices: 8}" in page.locator(".play-text").input_value()
    slider(page, "plan.pipeline").fill("3")
    waits_for(page, "makespan", "33 ms")
    # a slow device ends the closed form
    slider(page, "slow").fill("5")  # half the speed
    page.get_by_text("1F1B held until this change (speed = 0.5).").wait_for()
    assert "{name: w0, speed: 0.5}" in page.locator(".play-text").input_value()
    slowed = {"cluster.devices": [{"name": "w0", "speed": 0.5}, "w1", "w2", "w3"]}
    makespan = 1000 * parsim.simulate(SIXTH, set=slowed).timeline.makespan_s
    waits_for(page, "makespan", f"{makespan:.4g} ms")


def test_a_dragged_slider_is_one_step_to_undo_and_keys_alone_do_as_well(play):
    page = play()
    box = slider(page, "plan.microbatches").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 7 / 31, box["y"] + box["height"] / 2)
    page.mouse.down()
    for part in range(8, 26):
        page.mouse.move(box["x"] + box["width"] * part / 31, box["y"] + box["height"] / 2)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('.play-text').value.includes('microbatches: 2')")
    page.keyboard.press("Control+z")
    waits_for(page, "makespan", "33 ms")
    assert page.get_by_role("button", name="Undo").is_disabled()
    page.get_by_role("button", name="Redo").click()
    page.wait_for_function("() => document.querySelector('.play-text').value.includes('microbatches: 2')")
    page.get_by_role("button", name="Undo").click()
    waits_for(page, "makespan", "33 ms")
    page.locator("h1").first.click()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "control-plan.microbatches":
            break
    for _ in range(4):  # faster than answers come
        page.keyboard.press("ArrowRight")
    waits_for(page, "makespan", "45 ms")  # (12 + 4 - 1) 3 ms
    for _ in range(4):
        page.keyboard.press("Control+z")
    waits_for(page, "makespan", "33 ms")
    figure(page, "idle").get_by_role("button", name="Hide").press("Enter")
    page.keyboard.type("9 ms")  # the focus is in the box of the guess
    page.keyboard.press("Enter")
    expect(figure(page, "idle").get_by_role("status")).to_contain_text("Right")


def at_stop(page, path, stop):
    """Return the point of a slider at which its *stop*-th value is chosen."""
    box = slider(page, path).bounding_box()
    most = int(slider(page, path).get_attribute("max"))
    thumb = 16  # pixels
    return box["x"] + thumb / 2 + (box["width"] - thumb) * stop / most, box["y"] + box["height"] / 2


def test_a_slider_stays_under_the_hand_while_it_changes_the_devices(play):
    page = play()
    told = "(devices) => document.querySelector('.play-text').value.includes(devices)"
    counted = "(count) => document.querySelectorAll('.play-slow option').length === count"
    page.mouse.move(*at_stop(page, "plan.pipeline", 3))
    page.mouse.down()
    for stop in (5, 7, 9):
        page.mouse.move(*at_stop(page, "plan.pipeline", stop))
        page.wait_for_function(told, arg=f"{{devices: {stop + 1}}}")
        page.wait_for_function(counted, arg=stop + 1)
    page.mouse.up()
    page.keyboard.press("Control+z")  # one step
    page.wait_for_function(told, arg="{devices: 4}")
    slider(page, "plan.pipeline").focus()
    for count in (5, 6):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(told, arg=f"{{devices: {count}}}")
        page.wait_for_function(counted, arg=count)
    assert page.evaluate("document.activeElement.id") == "control-plan.pipeline"
    expect(page.locator(".play-slow option")).to_have_text([f"w{number}" for number in range(6)])
    # a value that the text does not state keeps its place, too
    page.locator(".play-controls summary").click()
    slider(page, "plan.chunks").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(200)
    assert page.evaluate("document.activeElement.id") == "control-plan.chunks"
    assert slider(page, "plan.chunks").evaluate("(slider) => slider.closest('details') !== null")


def test_a_second_scenario_beside_it_on_one_axis(play):
    page = play()
    page.get_by_role("button", name="Second scenario").click()
    slider(page, "plan.schedule").select_option(label="zb-h1")
    page.wait_for_function("() => document.querySelectorAll('.play-view header h1').length === 2")
    page.wait_for_function("() => document.querySelectorAll('.play-view header h1')[1].textContent.includes('B: ')")
    expected = 1000 * parsim.simulate(SIXTH, set={"plan.schedule": "zb-h1"}).timeline.makespan_s
    waits_for(page, "makespan", f"{expected:.4g} ms")
    titles = page.locator(".play-view header h1")
    page.wait_for_function(
        "(text) => document.querySelectorAll('.play-view header h1')[1].textContent.includes(text)",
        arg=f"{expected:.4g} ms",
    )
    expect(titles.first).to_have_text("A: 06_pipeline_1f1b: 33 ms simulated")
    page.get_by_role("button", name="Controls of A").click()
    waits_for(page, "makespan", "33 ms")
    page.get_by_role("button", name="Close B").click()
    page.wait_for_function("() => document.querySelectorAll('.play-view header h1').length === 1")


def test_the_address_holds_the_state_which_is_copied_as_yaml_and_command_too(play):
    page = play(permissions=["clipboard-read", "clipboard-write"])
    slider(page, "plan.microbatches").fill("3")
    waits_for(page, "makespan", "21 ms")
    page.get_by_role("button", name="Second scenario").click()
    slider(page, "plan.schedule").select_option(label="gpipe")
    page.wait_for_function("() => document.querySelector('.play-text').value.includes('schedule: gpipe')")
    figure(page, "utilisation of the devices").get_by_role("button", name="Hide").click()
    page.wait_for_function("() => document.querySelector('.play-hidden')")
    yaml = copied(page, "Copy as YAML", "plan: {")
    alone = SIXTH.read_text().partition("\n")[2]  # the file of the schema is not beside a copy
    assert yaml == alone.replace("1f1b, microbatches: 8", "gpipe, microbatches: 4")
    command = copied(page, "Copy as command", "parsim run")
    assert command == f"cat > from_page.yaml <<'END'\n{yaml}END\nparsim run from_page.yaml"
    address = copied(page, "Copy address", "http")
    page.wait_for_function("(address) => location.href === address", arg=address)
    again = play("#" + address.partition("#")[2])
    again.wait_for_function("() => document.querySelectorAll('.play-view header h1').length === 2")
    assert last_line(again) == "plan: {pipeline: 4, schedule: gpipe, microbatches: 4}"
    expect(figure(again, "utilisation of the devices").locator(".play-figure")).to_have_text("?")


@pytest.mark.parametrize(
    "letters", ["%00", "q1YqTk0sKVayUoiuVipJrSgBsgwNdRSUyhJzSlNB4tW1QF5xTn45kJ1XmpNTGwvkJ4LUGQAZGZkpKal5IO2xtQA"]
)
def test_an_address_that_holds_no_state_shows_the_scenario(play, letters):
    page = play(f"#{letters}")
    expect(figure(page, "makespan").locator(".play-figure")).to_have_text("33 ms")


def test_predict_then_reveal(play):
    page = play()
    card = figure(page, "makespan")
    card.get_by_role("button", name="Hide").click()
    expect(card.locator(".play-figure")).to_have_text("?")
    assert page.locator(".play-view").evaluate("(view) => getComputedStyle(view).visibility") == "hidden"
    assert "33 ms" not in page.locator("main").inner_text().replace("for example 33 ms", "")
    card.get_by_role("textbox").fill("33")
    card.get_by_role("button", name="Check").click()
    expect(card.get_by_role("alert")).to_have_text("Write a number with a unit, for example 33 ms.")
    names, values = (page.locator(f".play-card {part}").all_inner_texts() for part in ("h3", "p:first-of-type"))
    # 33 = 24 + 0 + 9 + 0 - 0 ms, and the bubbles are 9 / 24 and 9 / 33: only what says nothing of it stays
    assert [name for name, value in zip(names, values, strict=True) if value != "?"] == ["T_total"]
    expect(figure(page, "idle")).to_contain_text("makespan")
    for slip in ("34 s", "0.033 ms"):
        card.get_by_role("textbox").fill(slip)
        page.keyboard.press("Enter")
        said = card.get_by_role("alert").inner_text()
        assert said == f"{slip}? Check the unit and the power of ten, and guess again."
        expect(card.locator(".play-figure")).to_have_text("?")
    for text, says in (
        ("1e400 s", "Write a number with a unit, for example 33 ms."),
        ("37,5 ms", "A comma is no decimal point here: write 37.5 ms."),
        ("1,000 ms", "Write a number with a unit, for example 33 ms."),
    ):
        card.get_by_role("textbox").fill(text)
        page.keyboard.press("Enter")
        expect(card.get_by_role("alert")).to_have_text(says)
    card.get_by_role("textbox").fill("24 ms")
    page.keyboard.press("Enter")
    said = card.get_by_role("status").inner_text()
    assert (
        said == "Your guess: 24 ms. Too little by 27.3 %; at most 1.0 % counts as right. That is what T_total would be."
    )
    told = card.inner_text()
    assert "1F1B: m(F + B) + (p-1)(F + B)" in told
    assert "The formula gives 33 ms, as the run does." in told
    assert "It stops being true with a slow rank" in told
    assert page.locator(".play-view").evaluate("(view) => getComputedStyle(view).visibility") == "visible"
    slider(page, "plan.microbatches").fill("15")  # another run, so another question
    page.wait_for_function("() => document.querySelector('.play-hidden .play-figure')?.textContent === '?'")
    card.get_by_role("textbox").fill("0.0571s")
    page.keyboard.press("Enter")
    expect(card.get_by_role("status")).to_contain_text("Right, within 1.0 %.")


def test_guesses_are_read_like_quantities_of_a_scenario_and_both_languages_have_the_same_words(open_page, server):
    """The table of units in predict.js is that of parsim/core/units.py."""
    page = open_page(server.address)
    read = """async ([texts, unit]) => {
      const { read } = await import("/static/predict.js");
      return texts.map((text) => read(text, unit).value ?? null);
    }"""
    for dimension in (SECONDS, BYTES, BYTES_PER_SECOND):
        texts = [f"1.5 {unit}" for unit in dimension.units]
        expected = [1.5 * float(scale) for scale in dimension.units.values()]
        assert page.evaluate(read, [texts, dimension.base]) == pytest.approx(expected, rel=1e-12)
    assert page.evaluate(read, [["5", "5 kB", "", "ms", "1e3 ms", " 5us ", "-1 s"], "s"]) == pytest.approx(
        [None, None, None, None, 1.0, 5e-6, -1.0]
    )
    assert page.evaluate(read, [["37.5 %", "0.375"], "1"]) == [0.375, 0.375]
    words = """async () => {
      const places = (words) => (words.match(/{\\w+}/g) ?? []).sort().join();
      const paths = (words, at) => Object.entries(words).flatMap(([key, held]) =>
        typeof held === "string" ? [at + key + places(held)] : paths(held, `${at}${key}.`));
      const both = await Promise.all(["en", "zh"].map((name) => import(`/static/play.${name}.js`)));
      return both.map(({ play }) => paths(play, "").sort());
    }"""
    slips = """async ([guesses, figure]) => {
      const { isOtherUnit } = await import("/static/predict.js");
      return guesses.map((guess) => isOtherUnit(guess, figure));
    }"""
    of_time = {"value": 2.0, "unit": "s", "tolerance": 0.01}  # 1000, 1/1000, 1/60
    assert page.evaluate(slips, [[2e3, 2e-3, 2 / 60, 2.0, 4.0, 0.0, 16.0], of_time]) == [True] * 3 + [False] * 4
    of_rate = {"value": 1e9, "unit": "B/s", "tolerance": 0.01}  # bits, GiB for GB, right, off by a half
    assert page.evaluate(slips, [[8e9, 2.0**30, 1.005e9, 1.5e9], of_rate]) == [True, True, False, False]
    english, chinese = page.evaluate(words)
    assert english == chinese
    assert "place{column},{line}" in english


def test_a_wrong_text_is_told_beside_its_line_and_names_are_only_text(play):
    page = play()
    text = page.locator(".play-text")
    text.fill(text.input_value().replace("schedule: 1f1b", "schedule: 1f1c"))
    fault = page.locator(".play-faults .play-fault")
    fault.wait_for()
    assert fault.inner_text().startswith("line 10, column 31: plan.schedule: unknown name '1f1c'. Did you mean '1f1b'?")
    line = page.locator(".play-numbers .play-wrong")
    expect(line).to_have_text("10")
    assert abs(fault.bounding_box()["y"] - line.bounding_box()["y"]) < 4
    assert page.locator(".play-side .play-fault:visible").inner_text().startswith("unknown name '1f1c'")
    expect(page.locator(".parsim header h1").last).to_have_text("06_pipeline_1f1b: 33 ms simulated")
    text.fill(text.input_value().replace("1f1c", "gpipe"))
    fault.wait_for(state="detached")
    name = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    page.locator(".play-text").fill(
        f'cluster: {{devices: ["{name}", b]}}\nworkload: {{kind: items, count: 2}}\nplan: {{split: data}}\n'
        "cost: {kind: constant, compute: 1 s}\n"
    )
    waits_for(page, "makespan", "1 s")
    expect(page.locator(".play-slow select")).to_contain_text(name)
    expect(page.locator(".play img, .play script")).to_have_count(0)


def test_a_stopped_server_is_told_and_what_is_shown_stays(open_page, watched):
    with Served(SIXTH) as server:
        page = open_page(server.address)
        waits_for(page, "makespan", "33 ms")
    slider(page, "plan.microbatches").fill("15")
    page.get_by_text("The server has stopped.").wait_for()
    expect(figure(page, "makespan").locator(".play-figure")).to_have_text("33 ms")
    expect(page.locator(".parsim-lanes canvas")).to_be_visible()
    assert all("ERR_CONNECTION_REFUSED" in problem for problem in watched.problems)
    watched.problems.clear()


def test_on_a_phone_dark_and_chinese(play):
    page = play(width=390, height=800, has_touch=True, color_scheme="dark", locale="zh-CN")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".play-side").bounding_box()["height"] <= 0.41 * 800  # the picture is seen below the sliders
    assert page.locator(".play").evaluate("(page) => getComputedStyle(page).backgroundColor") == "rgb(22, 24, 28)"
    expect(page.get_by_role("button", name="撤销")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "zh"
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "en"


def test_axe_finds_nothing_serious(play):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install '.[test]'")
    for colours in ("light", "dark"):
        page = play(color_scheme=colours)
        page.get_by_role("button", name="Second scenario").click()
        figure(page, "makespan").get_by_role("button", name="Hide").click()
        page.get_by_label("value of plan.microbatches").fill("ten")
        page.keyboard.press("Enter")
        page.locator(".play-faults .play-fault").first.wait_for()
        found = axe.Axe().run(page).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in serious] == []
