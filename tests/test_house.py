"""The house stands: floors, shelves, the public face, sizes, and the tools' opinion of the style."""

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import parsim
from parsim.entries.registry import shelf

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "parsim").rglob("*.py"))
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
SHELVES = (
    *("topologies", "kernels", "merges", "workloads", "parallel", "schedules"),
    *("collectives", "shardings", "policies", "costs"),
)
SECOND = ("collectives", "kernels", "merges", "parallel", "policies", "schedules", "shardings", "topologies")
FLOORS = {
    "core": 0,
    **dict.fromkeys(("entries", "formats", "scenario"), 1),
    **dict.fromkeys(SECOND, 2),
    **dict.fromkeys(("costs", "training", "workloads"), 3),
    **dict.fromkeys(("sim", "real", "metrics", "export"), 4),
    **dict.fromkeys(("build", "folding", "hardware", "lower", "misplaced", "named_files", "sections"), 5),
    **dict.fromkeys(("plot", "reading", "scenario_schema"), 5),
    **dict.fromkeys(("run", "predict", "measure"), 6),
    **dict.fromkeys(("validate", "study", "conformance", "exercises", "lessons"), 7),
    "page": 8,
    **dict.fromkeys(("cli", "__init__", "__main__"), 9),
}
ASKS = {  # the shelves that each room asks; conformance and cli ask all of them by name
    "build": {"costs", "policies"},
    "costs": {"kernels"},
    "hardware": {"topologies"},
    "lessons": {"kernels"},
    "measure": {"kernels"},
    "metrics": {"kernels", "schedules"},
    "misplaced": {"workloads"},
    "reading": {"costs", "policies", "topologies", "workloads"},
    "scenario_schema": {"workloads"},
    "sections": {"costs", "policies", "workloads"},
    "study": {"policies", "schedules", "shardings", "topologies", "workloads"},
    "training": {"collectives", "kernels", "schedules", "shardings"},
    "workloads": {"collectives", "kernels", "merges", "parallel", "schedules"},
}
ASK_ALL = {"conformance", "cli"}
BY_STRING = {"entries", "__init__", *ASK_ALL}  # rooms that import what a string names
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 350, 50, 6


def room(path):
    """Name the room that a file belongs to: the folder below parsim, or the file itself."""
    return path.relative_to(ROOT / "parsim").parts[0].removesuffix(".py")


def imported(tree):
    """Yield the parsim modules that a file imports; `from parsim import x` is parsim.x, and shelf("x") is, too.

    Yields "" where only the running program knows the module.
    """
    asking, importing = {"shelf"}, {"import_module", "__import__"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            if node.module.split(".")[0] == "parsim":
                for name in node.names:
                    whole = f"{node.module}.{name.name}"
                    yield whole if whole in MODULES or node.module == "parsim" else node.module
                asking |= {name.asname for name in node.names if name.name == "shelf" and name.asname}
            importing |= {name.asname for name in node.names if name.name == "import_module" and name.asname}
        elif isinstance(node, ast.Assign) and getattr(node.value, "id", "") in asking | importing:
            names = asking if node.value.id in asking else importing
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("parsim"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            name = getattr(node.args[0], "value", "") if node.args else ""
            if called in asking:
                yield f"parsim.{name}" if isinstance(name, str) and name else ""
            elif called in importing:
                yield name if isinstance(name, str) else ""


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path):
    return tuple(imported(parsed(path)))


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("from parsim.kernels import kernels", "parsim.kernels"),
        ("from parsim import kernels", "parsim.kernels"),
        ("import parsim.kernels", "parsim.kernels"),
        ("def late():\n    from parsim.kernels.relu import Relu", "parsim.kernels.relu"),
        ("shelf('kernels')['relu']", "parsim.kernels"),
        ("registry.shelf('kernels')", "parsim.kernels"),
        ("from parsim.entries.registry import shelf as find\nfind('kernels')", "parsim.kernels"),
        ("find = shelf\nfind('kernels')", "parsim.kernels"),
        ("importlib.import_module('parsim.kernels')", "parsim.kernels"),
        ("from importlib import import_module as load\nload('parsim.kernels')", "parsim.kernels"),
        ("importlib.import_module(f'parsim.{name}')", ""),
        ("shelf(name)", ""),
    ],
)
def test_every_way_to_import_is_seen(source, seen):
    assert seen in set(imported(ast.parse(source)))


def test_imports_go_down_only():
    asked = {}
    for path in FILES:
        here = room(path)
        for module in imports_of(path):
            if not module:
                assert here in BY_STRING, f"{path} imports what a string names; write the import out"
                continue
            there = [*module.split("."), "__init__"][1]
            assert there in FLOORS, f"{path}: {module} is on no floor"
            assert FLOORS[there] <= FLOORS[here], f"{path} imports {module} from a floor above"
            if there in SHELVES and there != here:
                asked.setdefault(here, set()).add(there)
    assert {here: found for here, found in asked.items() if here not in ASK_ALL} == ASKS


def test_imports_form_no_circle():
    """Neither of modules nor of rooms, where imports within functions and for annotations count, too."""
    modules = {name: {*imports_of(path)} & MODULES.keys() - {name} for name, path in MODULES.items()}
    TopologicalSorter(modules).prepare()
    rooms = {}
    for name, found in modules.items():
        rooms.setdefault(room(MODULES[name]), set()).update(room(MODULES[one]) for one in found)
    TopologicalSorter({here: found - {here} for here, found in rooms.items()}).prepare()


def test_a_public_face_is_complete_sorted_and_importable():
    assert parsim.__all__ == sorted(parsim.__all__)
    assert len(set(parsim.__all__)) == len(parsim.__all__)
    for name in parsim.__all__:
        found = getattr(parsim, name)
        assert inspect.getdoc(found), f"{name} says nothing of itself"
        assert found.__module__.startswith("parsim"), f"{name} is not ours"
    assert {*parsim.__all__, "__version__"} == set(dir(parsim))
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        parsim.simulat  # noqa: B018


def test_whatever_parsim_raises_on_purpose_is_public():
    errors = importlib.import_module("parsim.core.errors")
    raised = {name for name, found in vars(errors).items() if inspect.isclass(found) and issubclass(found, Exception)}
    assert raised - {"Invalid"} <= set(
        parsim.__all__
    )  # Invalid is how shelf files complain; it leaves as ScenarioError


def test_every_folder_that_holds_a_shelf_is_known_here():
    found = {path.parent.name for path in FILES if path.name == "__init__.py" and "Shelf(" in path.read_text()}
    assert found == set(SHELVES)


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if room(path) in SHELVES and path.name != "__init__.py"],
    ids=lambda path: str(path.relative_to(ROOT / "parsim")),
)
def test_a_shelf_file_explains_itself(path):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert module.__doc__, "a docstring says what the entry is"
    assert len(module.__doc__.splitlines()) >= 2, "a docstring holds a small picture or a formula"
    own = [entry for entry in shelf(room(path)).entries().values() if entry.__module__ == module.__name__]
    beside = [other for other in path.parent.glob("*.py") if module.__name__ in imports_of(other)]
    assert own or beside, "a shelf file registers an entry, or holds what several entries share"
    assert all(entry.__doc__ for entry in own)
    examples = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    written_as_scenario = room(path) == "workloads"  # a workload's example is a scenario
    assert examples or written_as_scenario, "a shelf file has a doctest"


def functions(path):
    return (node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef))


def test_sizes():
    for path in FILES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE, path
        for node in functions(path):
            # of a shelf file, signature and docstring are the schema
            first = node.body[0].end_lineno if room(path) in SHELVES else node.lineno - 1
            lines = node.end_lineno - first
            assert lines <= LONGEST_FUNCTION, f"{path}: {node.name} has {lines} lines"


def test_functions_have_few_parameters():
    for path in FILES:
        if room(path) in SHELVES:
            continue  # their signature is their schema
        for node in functions(path):
            if any("option" in ast.dump(decorator) for decorator in node.decorator_list):
                continue
            arguments = [each.arg for each in (*node.args.args, *node.args.kwonlyargs)]
            names = [name for name in arguments if name not in ("self", "cls")]
            assert len(names) <= MOST_PARAMETERS, f"{path}: {node.name} takes {names}"


def test_the_project_stands_on_its_own():
    """Nothing reads from outside the checkout, nothing is left to do."""
    outside, left = re.compile(r"\.\./|/home/"), re.compile(r"\b(TODO|FIXME|XXX)\b")
    for path in [*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        if path != Path(__file__):
            text = path.read_text(encoding="utf-8")
            assert not outside.search(text), f"{path.name} reaches outside the project"
            assert not left.search(text), f"{path.name} has something left to do"


def test_the_library_prints_nothing():
    for path in FILES:
        calls = (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
        names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
        assert "print" not in names, f"{path.name} prints; the command line answers through click"


def test_the_readme_names_every_entry_of_every_shelf():
    rows = re.findall(
        r"^\| `(\w+)/` \|.*\| ([^|]+) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    told = {name: re.findall(r"`([^`]+)`", entries) for name, entries in rows}
    assert told == {name: list(shelf(name).entries()) for name in SHELVES}


@pytest.mark.dear
@pytest.mark.parametrize(
    "arguments",
    [("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy", "--strict", "parsim")],
    ids=" ".join,
)
def test_tools(arguments):
    if "mypy" in arguments and not (ROOT / ".mypy_cache").exists():
        arguments += ("--no-incremental",)  # to write a cache that nobody reads takes seconds
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_scripts_of_pages_are_short_and_write_text_alone():
    """What a name contains is shown as text: no script makes elements of it, or code."""
    risky = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc")
    for path in (ROOT / "parsim" / "page" / "static").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("// "), f"{path.name} says first what it is"
        assert not risky.search(text), f"{path.name} may take text for elements or code"
        assert len(text.splitlines()) <= LONGEST_FILE, path
