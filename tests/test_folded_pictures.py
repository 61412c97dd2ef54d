"""What figures, files and pictures say of devices and links that are played for others, against a run of all."""

import json
import re

import pytest

import parsim
from parsim.export.folder import read_folder
from parsim.export.text import gantt
from parsim.metrics.link_loads import links
from parsim.page.curves import memory
from parsim.plot.load_rows import rows
from parsim.plot.paper import ours
from parsim.study.again import again

MIXED = {
    "cluster": {"topology": {"kind": "islands", "node": "dgx-a100"}},
    "workload": {"kind": "transformer", "preset": "gpt2-124m"},
    "plan": {
        **{"data": 8, "tensor": 2, "pipeline": 4, "schedule": "1f1b"},
        **{"microbatches": 2, "microbatch_size": 1, "sharding": "zero1"},
    },
}
DEVICES = 64


@pytest.fixture(scope="module")
def folded():
    return parsim.simulate(MIXED, fold="on")


@pytest.fixture(scope="module")
def whole():
    return parsim.simulate(MIXED, fold="off")


@pytest.fixture(scope="module")
def folder(folded, tmp_path_factory):
    made = tmp_path_factory.mktemp("runs") / "folded"
    folded.save(made)
    return made


def counted(names):
    """Return how many devices the names of lanes tell of: `w0 +7` of eight."""
    return sum(1 + int(re.fullmatch(r"w\d+(?: \+(\d+))?", name)[1] or 0) for name in names)


def names(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_lanes_tell_of_all_devices(folded, folder):
    assert len(folded.timeline.workers.table) - 1 < DEVICES
    with ours():
        assert counted(names(folded.plot("gantt"))) == DEVICES
        assert counted(names(folded.plot("memory"))) == DEVICES
    lanes, _ = memory(folded.job, folded.timeline)
    assert counted(one["name"] for one in lanes["devices"]) == DEVICES
    heads = [line.partition("|")[0].strip() for line in gantt(folded.timeline).splitlines() if line.endswith("|")]
    assert counted(heads) == DEVICES
    assert read_folder(folder).timeline.stands_for.tolist() == folded.timeline.stands_for.tolist()


def test_figures_name_the_number_of_devices_played_and_not(folded):
    assert folded.report().splitlines()[2].startswith(f"{DEVICES} workers, {len(folded.devices)} of them played, ")
    assert sum(device["stands_for"] for device in folded.devices) == DEVICES


def test_each_link_carries_what_the_one_carries_that_is_played_for_it(folded, whole):
    played = {one["name"]: one for one in links(folded.job, folded.timeline)}
    every = {one["name"]: one for one in links(whole.job, whole.timeline)}
    assert sum(one["stands_for"] for one in played.values()) == len(every) > len(played)
    assert {one["stands_for"] for one in every.values()} == {1}
    for name, link in folded.job.graph.fold.played_links.items():
        for figure in ("bytes", "busy_s", "load"):
            assert played[link][figure] == pytest.approx(every[name][figure], rel=1e-9), (name, figure)


def test_the_load_of_links_is_that_of_all(folded, whole):
    for mine, other in zip(rows(folded.job, folded.timeline), rows(whole.job, whole.timeline), strict=True):
        assert mine.name == other.name
        assert mine.words[0] == other.words[0]


def test_a_part_of_a_cluster_tells_of_all_links(folded):
    more = {"plan.data": 32}
    part, every = (parsim.simulate(MIXED, more, fold=fold) for fold in ("on", "off"))
    assert (folded.job.graph.fold.whole.times, part.job.graph.fold.whole.times) == (1, 2)
    counts = [one["stands_for"] for one in links(part.job, part.timeline)]
    assert sum(counts) == len(links(every.job, every.timeline))
    assert [row.words[0] for row in rows(part.job, part.timeline)] == [
        row.words[0] for row in rows(every.job, every.timeline)
    ]
    with ours():
        assert "one of 2 equal parts" in part.plot("network").figure.texts[0].get_text()


@pytest.mark.parametrize("kind", ["network", "hotspots"])
def test_the_network_is_drawn_with_the_devices_that_are_not_played(folded, kind):
    with ours():
        axes = folded.plot(kind)
    words = [text.get_text() for text in axes.texts]
    assert {f"node {number}" for number in range(2)} <= set(words)
    assert {f"w{number}" for number in range(DEVICES)} <= set(words)


def test_a_folder_is_played_again_as_its_run_was(folded, whole, folder, tmp_path):
    assert again(read_folder(folder)).to_dict() == folded.to_dict() | {
        "scenario_sha256": again(read_folder(folder)).job.sha256
    }
    whole.save(tmp_path / "whole")
    assert len(again(read_folder(tmp_path / "whole")).devices) == DEVICES


def test_the_trace_labels_devices_that_stand_for_others(folder, folded):
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    name = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    labels = {name[event["pid"]]: event["args"]["labels"] for event in events if event["name"] == "process_labels"}
    assert labels == {one["name"]: f"stands for {one['stands_for']}" for one in folded.devices}
