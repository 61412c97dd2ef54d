"""Assertions of scenarios: what is reported, what is refused, and exit code 3.

Figures are counted by hand: five items of 1 s on two workers take 3 s, and the workers compute 5 of 6 s.
"""

import json

import pytest
import yaml
from commands import ROOT
from test_html import read

import parsim

FIVE = {
    "cluster": {"devices": 2},
    "workload": {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum"},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 s"},
}
FOLDED = ROOT / "scenarios" / "38_gpt3_175b_1024_a100.yaml"


@pytest.fixture
def file(tmp_path):
    """Write the scenario of five items with assertions; return its path."""

    def write(*texts, **more):
        path = tmp_path / "five.yaml"
        path.write_text(yaml.safe_dump(FIVE | {"assert": list(texts)} | more, sort_keys=False))
        return path

    return write


def test_assertions_that_hold_are_reported(command, file):
    path = file("makespan_s <= 3 s", "utilisation > 0.8 and devices == 2")
    code, out, err = command("run", path)
    assert (code, err) == (0, "")
    assert "\nAssertions\n  holds    makespan_s <= 3 s: makespan_s = 3 s\n" in out
    assert "\n  holds    utilisation > 0.8 and devices == 2: devices = 2, utilisation = 0.833333\n" in out
    assert json.loads(command("run", path, "--json")[1])["assert"] == [
        {"text": "makespan_s <= 3 s", "holds": True, "values": {"makespan_s": 3.0}},
        {
            "text": "utilisation > 0.8 and devices == 2",
            "holds": True,
            "values": {"devices": 2, "utilisation": pytest.approx(5 / 6)},
        },
    ]


def test_one_that_fails_is_exit_code_3_with_its_values(command, file, tmp_path):
    path = file("makespan < 2 s", "makespan < 4 s", "mfu > 0.4", "memory > 1 GB", "1 / (devices - 2) > 1")
    code, out, err = command("run", path, "--json", "--out", tmp_path / "out")
    assert code == 3
    assert err.splitlines() == [
        "parsim: five: the assertion fails: makespan < 2 s: makespan = 3 s",
        "parsim: five: the assertion cannot be decided: mfu > 0.4: mfu is not known",
        "parsim: five: the assertion cannot be decided: memory > 1 GB: memory is not known",
        "parsim: five: the assertion cannot be decided: 1 / (devices - 2) > 1: devices = 2, "
        "it divides by zero, or a number is too large",
    ]
    told = json.loads(out)["assert"]
    assert [one["holds"] for one in told] == [False, True, None, None, None]
    assert told[2]["values"] == {"mfu": None}
    assert json.loads((tmp_path / "out" / "result.json").read_text())["assert"] == told
    quiet = command("run", path, "--quiet")
    assert quiet == (3, "", err)
    text = command("run", path)[1]
    assert "\n  FAILS    makespan < 2 s: makespan = 3 s\n" in text
    assert "\n  unknown  mfu > 0.4: mfu is not known\n" in text


def test_every_clock_is_asked(command, file):
    path = file("makespan > 1 s")
    live = command("run", path, "--set", "clock=live", "--json")
    assert live[0] == 3, "doubling takes no second"
    assert json.loads(live[1])["assert"][0]["values"] == {"makespan": json.loads(live[1])["makespan_s"]}
    code, out, _ = command("validate", path)
    assert (code, "\nAssertions\n  holds    makespan > 1 s: makespan = 3 s\n" in out) == (0, True)
    assert command("validate", path, "--set", "assert=[makespan > 3 s]")[0] == 3


def test_a_replay_asserts_of_its_prediction(command, file):
    path = file("makespan == 3 s")  # while nobody knows how long the processes take
    code, out, _ = command("replay", path, "--json")
    assert code == 0
    assert [json.loads(out)[run]["assert"] for run in ("predicted", "measured")] == [
        [{"text": "makespan == 3 s", "holds": True, "values": {"makespan": 3.0}}],
        [],
    ]
    code, out, err = command("replay", path, "--set", "assert=[makespan < 3 s]", "--repeat", "2")
    assert (code, err.count("the assertion fails")) == (3, 1)
    code, out, _ = command("replay", path, "--set", "assert=[makespan < 3 s]")
    assert out.endswith("\nAssertions, of the prediction\n  FAILS    makespan < 3 s: makespan = 3 s\n")


@pytest.mark.dear
def test_a_folded_run_asserts_of_all_devices():
    run = parsim.simulate(
        FOLDED, set={"assert": ["devices == 1024", "peak_memory < 0.95 * memory", "energy < 1024 * 400 * 40 * 1 J"]}
    )
    assert [(one.holds, one.text.split()[0]) for one in run.asserted][:2] == [(True, "devices"), (True, "peak_memory")]
    found = run.to_dict()
    energy = run.asserted[2].values["energy"]
    assert energy == found["training"]["energy_j"] == pytest.approx(1024 * 400 * found["training"]["iteration_s"])


def test_python_has_them_and_a_run_without_has_none():
    assert parsim.simulate(FIVE).asserted == parsim.simulate(FIVE, set={"assert": []}).asserted == []
    [one] = parsim.simulate(FIVE, set={"assert": ["makespan > 3 s"]}).asserted
    assert (one.text, one.holds, one.values) == ("makespan > 3 s", False, {"makespan": 3.0})
    shown = read(parsim.simulate(FIVE, set={"assert": ["makespan > 3 s"]})._repr_html_())
    assert ["makespan > 3 s", "FAILS", "makespan = 3 s"] in shown.rows


def test_all_faults_are_told_with_their_places(command, file):
    path = file("makespan < 2 s", "makspan < 2 s", "makespan < 2 GB", 7, "makespan", plan={"split": "dat"})
    code, out, err = command("run", path, "--out", "nowhere")
    lines = path.read_text().splitlines()
    at = {text: lines.index(f"- {text}") + 1 for text in ("makspan < 2 s", "makespan < 2 GB", "7", "makespan")}
    assert (code, out) == (2, "")
    assert [line for line in err.splitlines() if ": assert" in line] == [
        f"{path}:{at['makspan < 2 s']}:3: assert[1]: at character 1: unknown name 'makspan'. Did you mean 'makespan'?",
        f"{path}:{at['makespan < 2 GB']}:3: assert[2]: at character 10: '<' stands between a time and a size",
        f"{path}:{at['7']}:3: assert[3]: wants a condition such as 'iteration < 12 s', not 7",
        f"{path}:{at['makespan']}:3: assert[4]: is a time, not a condition; write for example 'iteration < 12 s'",
    ]
    assert "plan.split" in err


@pytest.mark.parametrize("name", ["compare", "explain", "scaling", "validate", "replay"])
def test_every_command_checks_the_texts(command, file, name):
    code, out, err = command(name, file("makspan < 2 s"))
    assert (code, out) == (2, "")
    assert "assert[0]: at character 1: unknown name 'makspan'. Did you mean 'makespan'?" in err


def test_studies_play_on_where_an_assertion_fails(command, file):
    assert command("scaling", file("makespan < 1 s"), "--workers", "1,2")[0] == 0


@pytest.mark.parametrize(
    ("path", "value"), [("plan.assert", ["makespan < 1 s"]), ("cluster.policy", "fifo"), ("workload.clock", "live")]
)
def test_a_key_of_the_top_level_is_sent_there(path, value):
    with pytest.raises(parsim.ScenarioError) as error:
        parsim.simulate(FIVE, set={path: value})
    key = path.partition(".")[2]
    assert f"{path}: belongs to the top level; write it there: '{key}: ...'" in str(error.value)
