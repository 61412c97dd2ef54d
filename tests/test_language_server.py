"""Scenarios in an editor: the real YAML language server completes, explains and checks them."""

from pathlib import Path

import pytest
from commands import process
from language_server import LanguageServer

from parsim.entries.registry import shelf
from parsim.hardware import kinds

ROOT = Path(__file__).parents[1]
MODELINE = "# yaml-language-server: $schema=parsim.schema.json\n"
PLACE = "^"  # in a text: where the cursor is

pytestmark = pytest.mark.dear


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    cache = getattr(request.config, "cache", None)  # none with -p no:cacheprovider
    made = LanguageServer(cache.mkdir("language-server") if cache else tmp_path_factory.mktemp("server"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the schema, as `parsim init` makes it."""
    made = tmp_path_factory.mktemp("written")
    assert process("init", made / "mine.yaml").returncode == 0
    return made


@pytest.fixture
def at(server, folder):
    """Open a document whose text has a cursor; return what the server wants to know of it."""

    def open_(text):
        before, _, after = (MODELINE + text).partition(PLACE)
        path = folder / f"{abs(hash(text))}.yaml"
        server.open(path, before + after)
        return path, before.count("\n") + 1, len(before) - before.rfind("\n")

    return open_


def test_scenarios_and_what_init_writes_have_no_problems(server, folder):
    templates = [(path, path.read_text(encoding="utf-8")) for path in (ROOT / "parsim/cli/templates").iterdir()]
    scenarios = [(path, path.read_text(encoding="utf-8")) for path in (ROOT / "scenarios").glob("*.yaml")]
    mine = [(folder / "mine.yaml", (folder / "mine.yaml").read_text(encoding="utf-8"))]
    assert len(templates) >= 6
    assert len(scenarios) >= 18
    for path, text in (*templates, *scenarios, *mine):
        server.open(path, text)
    found = {path.name: server.problems(path) for path, _ in (*templates, *scenarios, *mine)}
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize(
    ("right", "wrong", "column", "message"),
    [
        ("bandwidth:", "bandwith:", 46, "Property bandwith is not allowed."),
        ("devices:", "devces:", 11, "Property devces is not allowed."),
        ("topology:", "device: a10, topology:", 31, "Value is not accepted. Valid values: "),
        ("kind: star", "kind: str", 40, "Value is not accepted. Valid values: "),
        ("latency: 0 s", "latency: 0 B", 75, "Write a time such as '5 s'."),
    ],
)
def test_what_is_wrong_is_marked(server, folder, right, wrong, column, message):
    text = (ROOT / "scenarios" / "01_five_tasks_data.yaml").read_text(encoding="utf-8")
    assert text.count(right) == 1
    path = folder / f"{wrong.partition(':')[0]}{column}.yaml"
    server.open(path, text.replace(right, wrong))
    line = 1 + next(number for number, line in enumerate(text.splitlines()) if line.startswith("cluster:"))
    found = server.problems(path)
    assert any((one[0], one[1]) == (line, column) and one[2].startswith(message) for one in found), found


TWO = "cluster: {devices: 2}\n"
COMPLETED = {
    "cluster: {devices: 2, device: ^}\n": kinds(),
    "cluster:\n  devices: 2\n  device: ^\n": kinds(),
    "cluster:\n  devices: 2\n  device: a1^\n": kinds(),
    "cluster:\n  devices: [{name: a, device: ^}]\n": kinds(),
    "cluster:\n  devices: 2\n  device:\n    kind: ^\n": kinds(),
    "cluster:\n  devices: 2\n  topology:\n    kind: ^\n": shelf("topologies").entries(),
    f"{TWO}workload:\n  kind: ^\n": shelf("workloads").entries(),
    f"{TWO}workload: {{kind: items, kernel: ^}}\n": shelf("kernels").entries(),
    f"{TWO}workload: {{kind: items, merge: ^}}\n": shelf("merges").entries(),
    f"{TWO}workload: {{kind: items, count: 3}}\nplan:\n  split: ^\n": shelf("parallel").entries(),
    f"{TWO}workload: {{kind: stages}}\nplan:\n  schedule: ^\n": {*shelf("schedules").entries()}
    - {"custom"},  # it needs its orders
    f"{TWO}policy: ^\n": shelf("policies").entries(),
    f"{TWO}policy:\n  kind: ^\n": shelf("policies").entries(),
    f"{TWO}cost:\n  kind: ^\n": shelf("costs").entries(),
    f"{TWO}clock: ^\n": ("simulated", "live"),
    "^\n": ("cluster", "workload", "plan", "cost", "policy", "seed", "clock"),
    "cluster:\n  devices: 2\n  topology:\n    kind: star\n    ^\n": ("bandwidth", "latency"),
    f"{TWO}workload:\n  kind: mlp\n  ^\n": ("widths", "batch", "iterations", "activation", "optimizer", "seed"),
    f"{TWO}workload: {{kind: mlp}}\nplan:\n  ^\n": ("split", "subsets", "pipeline", "schedule", "prefetch", "steps"),
}


@pytest.mark.parametrize("text", COMPLETED)
def test_what_is_completed(server, at, text):
    found = server.complete(*at(text))
    assert [name for name in COMPLETED[text] if name not in found] == []
    assert [name for name in COMPLETED[text] if not found[name]] == [], "each is described"


def test_a_device_is_completed_with_what_it_is(server, at):
    found = server.complete(*at("cluster: {devices: 2, device: ^}\n"))
    assert found["a100-80g"].startswith("NVIDIA A100 SXM with 80 GB")
    assert set(found) == set(kinds())


SHOWN = {
    "clus^ter: {devices: 2}\n": "Devices, and the network between them",
    "cluster: {devi^ces: 2}\n": "Number of devices",
    "cluster: {devices: 2, dev^ice: a100-80g}\n": "The default of all devices",
    "cluster: {devices: 2, device: a100^-80g}\n": "NVIDIA A100 SXM with 80 GB",
    "cluster: {devices: 2, device: {spe^ed: 2}}\n": "Divides every time",
    "cluster: {devices: [{name: a, mem^ory: 1 GB}]}\n": "Bytes of its memory",
    "cluster: {devices: 2, topo^logy: {kind: star, bandwidth: 1 GB/s}}\n": "How devices and host are wired",
    "cluster: {devices: 2, topology: {ki^nd: star, bandwidth: 1 GB/s}}\n": "Wire each device to one switch",
    "cluster: {devices: 2, topology: {kind: star, band^width: 1 GB/s}}\n": "Bytes a second of each link",
    "cluster: {devices: 2, topology: {kind: star, lat^ency: 1 s}}\n": "it is paid twice. Default: 0 s.",
    f"{TWO}workload: {{kind: mlp, wid^ths: [2, 2]}}\n": "Width of the input",
    f"{TWO}workload: {{kind: tasks, tasks: [{{name: t, after: [], out^put: 1 B}}]}}\n": "Bytes of the task's output",
    f"{TWO}workload: {{kind: mlp, optimizer: {{kind: adam, bet^a1: 0.9}}}}\n": "Weight of the past",
    f"{TWO}workload: {{kind: mlp}}\npl^an: {{split: data}}\n": "How the work is cut",
    f"{TWO}workload: {{kind: mlp}}\nplan: {{split: data, pre^fetch: 1}}\n": "Tasks that a worker takes ahead",
    f"{TWO}workload: {{kind: items}}\nplan: {{split: data, steps: {{mer^ge: 1 s}}}}\n": "takes to merge",
    f"{TWO}pol^icy: heft\n": "Chooses the ready task that an idle worker takes",
    f"{TWO}policy: he^ft\n": "Plan tasks by decreasing urgency",
    f"{TWO}cost: {{kind: noisy, spr^ead: 0.1}}\n": "Largest deviation from the expected seconds",
    f"{TWO}see^d: 1\n": "Seed of all draws",
}


@pytest.mark.parametrize("text", SHOWN)
def test_what_is_shown_of_a_word(server, at, text):
    assert SHOWN[text] in server.hover(*at(text))


def test_a_policy_of_ones_own_is_completed(server, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from parsim.policies import policies\n"
        "from parsim.policies.by_rank import ByRank\n"
        "@policies.add('mine')\n"
        "class Mine(ByRank):\n"
        "    '''Take the task of least weight.\n\n    Parameters\n    ----------\n    weight : what counts.\n    '''\n"
        "    def __init__(self, weight: float = 2.0): ...\n",
        encoding="utf-8",
    )
    schema = process("schema", "--with", tmp_path / "mine.py").stdout
    (tmp_path / "parsim.schema.json").write_text(schema, encoding="utf-8")
    server.open(tmp_path / "a.yaml", f"{MODELINE}policy: \n")
    assert server.complete(tmp_path / "a.yaml", 2, 9)["mine"] == "Take the task of least weight."
    server.open(tmp_path / "b.yaml", f"{MODELINE}policy: {{kind: mine, weight: 3}}\n")
    assert "What counts. Default: 2.0." in server.hover(tmp_path / "b.yaml", 2, 24)
