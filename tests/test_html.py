"""Results in notebooks: well-formed, escaped, readable on light and dark paper."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import parsim
from parsim.export import html
from parsim.run import unsearched
from parsim.validate import validate

SCENARIOS = Path(__file__).parents[1] / "scenarios"
LONE = {"img", "br"}


class Reader(HTMLParser):
    """Collect what is shown, and see that every tag is closed in its turn."""

    def __init__(self):
        super().__init__()
        self.open, self.rows, self.words, self.images = [], [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in LONE:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "img":
            self.images.append(dict(attributes))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def five():
    return parsim.simulate(SCENARIOS / "01_five_tasks_data.yaml")


def test_a_run_shows_its_makespan_ledger_devices_and_picture(five):
    # By hand, see the scenario: 3.3 s; 2.75 s foreseen, 0.55 s of drain; w0 computes 3 s of 3.3 s.
    shown = read(five._repr_html_())
    assert shown.words[0] == "01_five_tasks_data: 3.3 s simulated"
    cells = {row[0].strip(): row for row in shown.rows}
    assert cells["T_total"][1] == "2.75 s"
    assert cells["drain"][1] == "550 ms"
    assert cells["= makespan"][1] == "3.3 s"
    assert cells["w0"] == ["w0", "3 s", "300 ms", "0 s", "13 MB", "90.9 %"]
    (image,) = shown.images
    assert image["alt"] == "Gantt chart of 01_five_tasks_data, makespan 3.3 s"
    kind, _, data = image["src"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data).startswith(b"\x89PNG\r\n")
    assert "Result: 30" in shown.words


def test_it_has_no_colour_of_its_own(five):
    text = re.sub(r"base64,[^\"]*", "", five._repr_html_())
    assert not re.search(r"[ ;\"]color:|background-color|background:(?!none)|#[0-9a-fA-F]{3,6}\b|rgb", text)


def test_names_are_escaped():
    tasks = [{"name": "<script>alert(1)</script>", "compute": "1 s"}]
    run = parsim.simulate({"cluster": {"devices": ["<b>&"]}, "workload": {"kind": "tasks", "tasks": tasks}})
    text = run._repr_html_()
    assert "<script" not in text
    assert "<b>" not in text
    assert "<b>&" in {cell for row in read(text).rows for cell in row}
    assert read(html.picture(b"\x89PNG" + bytes(20), 'a "b"')).images[0]["alt"] == 'a "b"'


def test_many_devices_are_folded():
    run = parsim.simulate(SCENARIOS / "01_five_tasks_data.yaml", set={"cluster.devices": 100})
    names = [row[0] for row in read(run._repr_html_()).rows if re.fullmatch(r"w\d+|\.\.\. \d+ more", row[0])]
    assert names == [*(f"w{i}" for i in range(8)), "... 84 more", *(f"w{i}" for i in range(92, 100))]


def test_a_validation_shows_its_verdict_and_the_run(five):
    # ceil(10/4) = 3 rounds of 1 s: the closed form of quantisation.
    found = validate(SCENARIOS / "04_quantisation.yaml")
    shown = read(found._repr_html_())
    assert shown.words[0] == "04_quantisation: the simulation agrees with theory"
    rows = [row for row in shown.rows if row[-1] in ("agrees", "holds")]
    assert len(rows) == len(found.forms) + 1
    assert "Checker: every rule holds" in shown.words
    assert shown.images


def test_a_replay_shows_prediction_beside_measurement():
    run = parsim.replay(SCENARIOS / "01_five_tasks_data.yaml")
    shown = read(run._repr_html_())
    cells = {row[0]: row for row in shown.rows if len(row) == 4}
    assert cells[""] == ["", "predicted", "measured", "predicted is off by"]
    assert cells["makespan"][1] == "3.3 s"
    assert "The result is the same as that of one worker." in shown.words


def test_a_run_shows_its_memory_by_kind():
    pipe = {
        "cluster": {"devices": 20, "device": {"memory": "1.5 GB"}},
        "workload": {"kind": "stages", "forward": "1 ms", "input_grad": "1 ms", "weight_grad": "1 ms"},
        "plan": {"schedule": "gpipe", "microbatches": 2},
    }
    run = replace(parsim.simulate(pipe, {"workload.activation": "1 GB"}), search=unsearched)
    rows = read(run._repr_html_()).rows
    head = rows.index(["device", "peak", "of", "activations"])
    assert rows[head + 1] == ["w0", "2 GB", "1.5 GB", "2 GB"]
    assert rows[head + 9] == ["... 4 more", "", "", ""]
    assert rows[head + 17] == ["w19", "2 GB", "1.5 GB", "2 GB"]
    assert "Memory at the peak" not in parsim.simulate(pipe)._repr_html_()
