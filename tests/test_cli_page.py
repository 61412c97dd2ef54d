"""The command `report`: of scenarios and folders, and what is wrong with either; and what a page says of a run."""

import json
import re
import shutil

import numpy as np
import pytest
from commands import FIRST, SIXTH

import parsim
from parsim.export.folder import read_folder, read_scenario
from parsim.page.data import of, of_kept
from parsim.page.file import bundle


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "out"
    parsim.simulate(FIRST).save(folder)
    return folder


@pytest.fixture
def folder(kept, tmp_path):
    return shutil.copytree(kept, tmp_path / "out")


def given(file):
    """Return the data that a page holds."""
    text = re.search(r'<script id="data" type="application/json">(.*?)</script>', file.read_text("utf-8"), re.DOTALL)[1]
    return json.loads(text)


def test_a_page_of_a_scenario_holds_the_object_of_its_run(command, tmp_path):
    file = tmp_path / "page.html"
    assert command("report", FIRST, "--html", file) == (0, f"{file}\n", "")
    run = parsim.simulate(FIRST)
    assert given(file)["data"]["facts"] == json.loads(json.dumps(run.to_dict()))
    assert given(file)["compare"] is None
    assert given(file)["data"]["own"]


def test_a_page_of_a_folder_is_that_of_its_run(command, folder, tmp_path):
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    assert command("report", folder, "--html", one, "--quiet") == (0, "", "")
    assert command("report", folder / "result.json", FIRST, "--html", other, "--quiet") == (0, "", "")
    assert given(one)["data"]["facts"]["ledger"] == given(other)["compare"]["facts"]["ledger"]
    assert given(one)["data"]["lanes"] == given(other)["compare"]["lanes"]
    assert not given(one)["data"]["own"]  # the folder keeps the values of the scenario, not its text


def test_two_runs_whose_work_differs_are_told_apart_in_the_words_of_compare(command, tmp_path):
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    third = SIXTH.parent / "03_five_tasks_chain.yaml"
    assert command("report", SIXTH, third, "--html", one, "--quiet") == (0, "", "")
    assert given(one)["unlike"] == "Not the same work: 96 ms of computing at speed 1 with A, 10 s with B."
    folder = tmp_path / "twice"
    parsim.simulate(SIXTH, set={"plan.microbatches": 16}).save(folder)
    assert command("report", SIXTH, folder, "--html", other, "--quiet") == (0, "", "")
    # four ranks compute 3 ms for each microbatch
    words = "Not the same work: 96 ms of computing at speed 1 with A, 192 ms with B."
    assert given(other)["unlike"] == words
    folder = tmp_path / "gpipe"
    parsim.simulate(SIXTH, set={"plan.schedule": "gpipe"}).save(folder)
    assert command("report", SIXTH, folder, "--html", other, "--quiet") == (0, "", "")
    assert given(other)["unlike"] == ""


def test_a_module_with_an_import_that_no_page_can_hold_is_refused(monkeypatch):
    for line in (
        'import "./dom.js";',
        'export { one } from "./dom.js";',
        'import * as dom from "./dom.js";',
        "import('./dom.js')",
    ):
        monkeypatch.setattr("parsim.page.file.static", lambda name, line=line: f"{line}\n")
        with pytest.raises(ValueError, match=r"one\.js: a page of one file does not hold"):
            bundle.__wrapped__("one.js")


def test_a_page_of_a_measured_run_comes_from_its_files(command, tmp_path):
    folder, file = tmp_path / "replayed", tmp_path / "page.html"
    parsim.replay(FIRST, set={"cost.compute": "1 ms"}).save(folder)
    assert command("report", folder / "measured", "--html", file, "--quiet") == (0, "", "")
    found = given(file)["data"]
    assert found["facts"]["clock"] == "replayed"
    assert not found["memory"]["known"]
    assert not found["load"]["known"]
    code, _, err = command("report", folder, "--html", file)
    assert code == 2
    assert "is the result of a replay; name its folder predicted or measured" in err


def test_set_changes_scenarios_alone(command, folder, tmp_path):
    file = tmp_path / "page.html"
    assert command("report", SIXTH, "--set", "plan.microbatches=16", "--html", file, "--quiet")[0] == 0
    assert given(file)["data"]["facts"]["makespan_s"] == pytest.approx(57e-3)  # (16 + 4 - 1) x 3 ms
    code, _, err = command("report", folder, "--set", "cluster.devices=3", "--html", file)
    assert (code, err) == (
        2,
        f"--set:0:0: cluster.devices: {folder} is the folder of a run, whose values are fixed; name a scenario\n",
    )


def test_the_same_run_gives_the_same_bytes(command, tmp_path):
    files = [tmp_path / f"{name}.html" for name in ("one", "other")]
    for file in files:
        command("report", SIXTH, "--html", file, "--quiet")
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "RESULT:0:0: RESULT: no RESULT is named; write for example out --html out.html"),
        (
            [FIRST] * 3,
            "RESULT:0:0: RESULT: 3 are named, and a page shows one or two; write for example out --html out.html",
        ),
        (["nowhere"], "nowhere:0:0: RESULT: no such folder, result.json or scenario"),
    ],
)
def test_what_is_no_result(command, tmp_path, arguments, says):
    assert command("report", *arguments, "--html", tmp_path / "page.html") == (2, "", f"{says}\n")
    assert list(tmp_path.iterdir()) == []


def test_where_a_page_cannot_be_written(command, tmp_path):
    assert command("report", FIRST) == (2, "", "--html:0:0: html: is missing; write for example --html out.html\n")
    (folder := tmp_path / "page.html").mkdir()
    assert command("report", FIRST, "--html", folder) == (
        2, "", f"--html:0:0: html: '{folder}' cannot be written to: it is a folder; name another folder\n",
    )  # fmt: skip


@pytest.mark.parametrize("asked", [("report", FIRST), ("lesson", "03")])
def test_a_page_ends_in_html(asked, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = "--html:0:0: html: 'a.pdf' does not end in .html; write for example --html out.html\n"
    assert command(*asked, "--html", "a.pdf") == (2, "", told)
    assert not list(tmp_path.iterdir())


def test_an_incomplete_folder(command, folder, tmp_path):
    (folder / "scenario.json").unlink()
    code, _, err = command("report", folder, "--html", tmp_path / "page.html")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"{folder / 'scenario.json'}:0:0: RESULT: cannot be read: No such file")
    assert not (tmp_path / "page.html").exists()


def test_a_folder_of_another_version(command, folder, tmp_path):
    result = folder / "result.json"
    facts = json.loads(result.read_text())
    result.write_text(json.dumps({**facts, "schema": 2}, indent=1))
    code, _, err = command("report", folder, "--html", tmp_path / "page.html")
    message = "schema: is 2, and this version of parsim reads 1; let --out write the folder again"
    assert (code, err) == (2, f"{result}:2:12: {message}\n")


def test_a_folder_that_takes_another_time_now(command, folder, tmp_path):
    scenario = folder / "scenario.json"
    scenario.write_text(scenario.read_text().replace('"1 s"', '"2 s"'))
    code, _, err = command("report", folder, "--html", tmp_path / "page.html")
    assert (code, err.count("\n")) == (2, 1)
    assert "another version of parsim wrote the folder, or a file was changed; run the scenario again" in err


def test_the_page_of_a_folder_has_the_bars_and_gaps_of_its_files(kept):
    run, files = of(parsim.simulate(FIRST)), of_kept(read_folder(kept), read_scenario(kept))
    assert [lane["name"] for lane in run["lanes"]] == ["w0", "transfer", "w1", "transfer"]
    assert files["lanes"] == run["lanes"]
    counts = [{name: count for name, _, count in data["columns"]["layout"]} for data in (run, files)]
    assert counts[0]["lane"] == counts[1]["lane"] == 4
    # w0 and w1 wait for their inputs alone until 0.3 s and 0.2 s, and w1 drains from 2.2 s on.
    assert counts[0]["gap_lane"] == counts[1]["gap_lane"] == 3


def test_transfers_at_once_lie_on_lanes_of_their_own():
    """Four transfers of 1 s share a link from 0 s on, so that they overlap; a lane holds one at a time."""
    transfers = [{"name": f"t{i}", "from": "w0", "to": "w1", "size": "100 MB"} for i in range(4)]
    link = {"kind": "full", "bandwidth": "100 MB/s"}
    scenario = {"cluster": {"devices": 2, "topology": link}, "workload": {"kind": "transfers", "flows": transfers}}
    names = [lane["name"] for lane in of(parsim.simulate(scenario))["lanes"] if lane["kind"] == "communication"]
    assert names == ["w1 transfer", "transfer (2)", "transfer (3)", "transfer (4)"]


def test_what_a_column_holds_can_be_read_again():
    """Unpacked in a few lines here, as the page does it."""
    import base64
    import zlib

    from parsim.page.pack import packed

    columns = {
        "up": np.array([5, 5, 9, 300, 2]),
        "int": np.array([-1, 0, 70_000]),
        "none": np.zeros(3),
        "text": ["a", "é"],
    }
    found = packed(columns, rising=["up"])
    assert found["layout"] == [["up", "up2", 5], ["int", "int4", 3], ["none", "f0", 3], ["text", "text", 10]]
    content = zlib.decompress(base64.b64decode(found["data"]))
    assert len(content) == 5 * 2 + 3 * 4 + 0 + 10
    up = content[:5][0] | content[5] << 8
    steps = [(content[i] | content[5 + i] << 8) for i in range(5)]
    signed = [step // 2 if step % 2 == 0 else -(step + 1) // 2 for step in steps]
    assert up == 10
    assert np.cumsum(signed).tolist() == columns["up"].tolist()
    assert json.loads(content[-10:]) == columns["text"]
