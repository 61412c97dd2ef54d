"""Exercises: a right answer passes for any student, a wrong one is told why, and nobody passes with another's."""

import re
from itertools import permutations

import pytest
import solutions

from parsim.core.errors import RunError, ScenarioError
from parsim.entries.registry import shelf
from parsim.exercises import EXERCISES, by_code, inside
from parsim.exercises.begin import files
from parsim.exercises.by_code import Script
from parsim.exercises.exercise import Blanks, Code
from parsim.exercises.hand_in import Untouched, mark_file
from parsim.exercises.sealed import Limits

MANY = ("ada", "bob", "carl", "dora", "emil", "fay", "gus", "hana")
FEW = MANY[:2]
SLOW = ("heft_loses", "hidden_gradients", "plan_13b")
CASES = [(name, student) for name in EXERCISES for student in (FEW if name in SLOW else MANY[:4])]
LIMITS = Limits(20.0, 2**31)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Play code here: what a process of its own adds is tried in `test_grades`."""

    def sealed(call, arguments, limits):
        for name in ("policies", "schedules"):
            shelf(name).remove("mine")
        try:
            return inside.CALLS[call](**arguments)
        finally:
            for name in ("policies", "schedules"):
                shelf(name).remove("mine")

    monkeypatch.setattr(by_code, "sealed", sealed)


@pytest.fixture
def marked(tmp_path):
    """Mark an answer, which is values, or code, which is put into a file."""

    def mark(name, student, answer):
        exercise = EXERCISES[name]
        if isinstance(exercise.form, Code):
            file = tmp_path / exercise.file
            file.write_text(answer, encoding="utf-8")
            answer = Script(str(file), LIMITS)
        else:
            answer = dict.fromkeys(exercise.form.keys) | answer
        return exercise.mark(exercise.numbers(student), answer)

    return mark


@pytest.mark.parametrize(("name", "student"), CASES)
def test_a_right_answer(name, student, marked):
    found = marked(name, student, solutions.answer(EXERCISES[name], student))
    assert found.words.startswith("Right")
    assert found.right


@pytest.mark.parametrize("name", EXERCISES)
def test_the_file_to_begin_with_does_not_pass(name, tmp_path):
    exercise = EXERCISES[name]
    made = files(exercise, "ada")
    for file, text in made.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    marked = mark_file(name, "ada", str(tmp_path / exercise.file), LIMITS)
    assert isinstance(marked, Untouched)
    assert not marked.right
    assert re.fullmatch(r"Not yet\. .* (is|are) still (empty|as you began with it)\.", marked.words)
    assert exercise.title in made[exercise.file]


@pytest.mark.parametrize("name", EXERCISES)
def test_each_student_has_other_numbers(name):
    questions = {EXERCISES[name].question(student) for student in MANY}
    assert len(questions) == len(MANY)
    assert EXERCISES[name].question(" ADA") == EXERCISES[name].question("ada")


@pytest.mark.parametrize("name", [name for name in EXERCISES if name not in SLOW])
def test_nobody_passes_with_the_answer_of_another(name, marked):
    answers = {student: solutions.answer(EXERCISES[name], student) for student in MANY[:3]}
    for one, other in permutations(answers, 2):
        assert not told(marked, name, one, answers[other]).right, (one, other)


@pytest.mark.parametrize("name", SLOW)
def test_nobody_passes_with_the_answer_of_another_which_takes_long_to_find(name, marked):
    ada, bob = (solutions.answer(EXERCISES[name], student) for student in FEW)
    assert not told(marked, name, "ada", bob).right
    assert not told(marked, name, "bob", ada).right


def told(marked, name, student, answer):
    """Mark an answer; one that cannot be played here at all is wrong, too."""
    try:
        return marked(name, student, answer)
    except (ScenarioError, RunError):
        return by_code.hint("It cannot be played.")


def changed(name, **values):
    """Change the right answer of ada."""
    return solutions.answer(EXERCISES[name], "ada") | values


WRONG = [  # numbers of ada
    ("first_run", {}, "Not yet. t_total is still empty."),
    ("first_run", {"t_total": "1 s"}, "N/P (T_s + T_c)"),
    ("first_run", changed("first_run", drain=None), "Not yet. drain is still empty."),
    ("heft_loses", {"after": {}}, "policy is still empty"),
    ("crossing", {"t_total": "648 MB"}, "runs is still empty"),
    ("hidden_gradients", {}, "bandwidth is still empty"),
    ("ring_or_tree", {}, "size is still empty"),
    ("deciding_link", {}, "link is still empty"),
    ("microbatches", {}, "microbatches is still empty"),
    ("shorter_is_later", {}, "task is still empty"),
    ("false_sentence", {}, "sentence is still empty"),
    ("false_sentence", {"sentence": 1}, "figure is still empty"),
    ("plan_13b", {}, "plan is still empty"),
    ("first_run", changed("first_run", t_total="9.75 s"), "is the makespan, which has whole items"),
    ("first_run", changed("first_run", t_total="6.82 s"), "is the computing alone"),
    ("first_run", changed("first_run", t_total="35.75 s"), "is the work of all"),
    ("first_run", changed("first_run", makespan="7.15 s"), "is T_total, which cuts items"),
    ("first_run", changed("first_run", makespan="9.3 s"), "is the computing alone"),
    ("first_run", changed("first_run", drain="3.25 s"), "is the idle time of one worker"),
    ("first_run", changed("first_run", drain="0 s"), "would mean that all workers end at once"),
    ("first_run", changed("first_run", drain="2.6"), "has no unit"),
    ("shorter_is_later", {"task": "Z"}, "is not in the list"),
    ("shorter_is_later", {"task": "D"}, "so it is not later"),
    ("shorter_is_later", {"task": "C"}, "cannot be 2.5 s shorter"),
    ("shorter_is_later", changed("shorter_is_later", makespan="31.4 s"), "is the makespan before the change"),
    ("heft_loses", {"after": {}, "policy": "cpop"}, "'cpop' is not one of fifo"),
    ("heft_loses", {"after": {"t2": "t1"}, "policy": "fifo"}, "'t2' needs a mapping of its parents"),
    ("heft_loses", {"after": {"t2": {"t1": "40 s"}}, "policy": "fifo"}, "costs more than 30 s"),
    ("heft_loses", {"after": {"t2": {"t9": "4 s"}}, "policy": "fifo"}, "There is no task 't9'"),
    ("heft_loses", {"after": {"t2": {"t1": None}}, "policy": "fifo"}, "has no delay"),
    ("heft_loses", {"after": {"t2": {"t1": "1 s"}}, "policy": "list_order"}, "5 % more are wanted"),
    ("crossing", {"t_total": "748 MB", "runs": "748 MB"}, "is where runs cross"),
    ("crossing", {"t_total": "648 MB", "runs": "648 MB"}, "is where T_total crosses. Runs have whole rounds"),
    ("crossing", {"t_total": "648 MB", "runs": "770 MB"}, "Look lower"),
    ("crossing", {"t_total": "600 MB", "runs": "770 MB"}, "Look higher"),
    ("microbatches", {"microbatches": 50}, "% of the ideal time. Use more"),
    ("microbatches", {"microbatches": 58}, "That is the share of the whole; of the ideal time it is more"),
    ("microbatches", {"microbatches": 99}, "all microbatches of the step. Use fewer"),
    ("microbatches", {"microbatches": 61.5}, "Write a whole number"),
    ("microbatches", changed("microbatches", step="732 ms"), "is the computing of a rank, without the bubble"),
    ("microbatches", changed("microbatches", held_1f1b="90158 MB"), "is what it holds under GPipe"),
    ("microbatches", changed("microbatches", held_1f1b="1478 MB"), "is one activation"),
    ("false_sentence", {"sentence": 2}, "is true: a run finds"),
    ("false_sentence", {"sentence": 9}, "Write a number from 1 to 5"),
    ("false_sentence", {"sentence": 1, "figure": "236 ms"}, "is what the sentence says. 1F1B has a smaller memory"),
    ("hidden_gradients", {"bandwidth": "20 GB/s"}, "Look for faster links"),
    ("hidden_gradients", {"bandwidth": "400 GB/s"}, "Slower links do, too"),
    ("hidden_gradients", {"bandwidth": "90"}, "has no unit"),
    ("ring_or_tree", {"size": "1 MB"}, "the tree is faster, so look for a larger one"),
    ("ring_or_tree", {"size": "9 MB"}, "the ring is faster, so look for a smaller one"),
    ("ring_or_tree", {"size": "0 B"}, "Nothing is sent"),
    ("ring_or_tree", changed("ring_or_tree", time="303 us"), "first add, then hand out"),
    ("deciding_link", {"link": "L9"}, "is no link"),
    ("deciding_link", {"link": "L5"}, "is the slowest, but only 7 GB pass it"),
    ("deciding_link", {"link": "L6"}, "carries most, but it is fast"),
    ("deciding_link", {"link": "L3"}, "is not the busiest"),
    ("deciding_link", changed("deciding_link", makespan="13.0435 s"), "is the makespan as it is"),
    ("plan_13b", {"plan": "fast"}, "Write a mapping"),
    ("plan_13b", {"plan": {"batch": 1}}, "'batch' is not among the keys that may change"),
    ("plan_13b", {"plan": {"data": 64, "microbatch_size": 1}}, "more than it has"),
    (
        "plan_13b",
        {"plan": {"data": 4, "pipeline": 16, "microbatch_size": 1}},
        "and at most 1.46225 s is wanted. Devices wait",
    ),
]


@pytest.mark.parametrize(("name", "answer", "words"), WRONG)
def test_a_wrong_answer_is_told_why(name, answer, words, marked):
    found = marked(name, "ada", answer)
    assert not found.right
    assert words in found.words


@pytest.mark.parametrize("rank", ["-estimate.mean_compute()", "estimate.mean_compute()", "np.arange(len(graph))[::-1]"])
@pytest.mark.parametrize("student", MANY[:4])
def test_simple_ranks_do_not_beat_fifo_enough(rank, student, marked):
    """Neither the longest nor the shortest first, nor the last of the list."""
    code = EXERCISES["beat_fifo"].form.start.replace("np.arange(len(graph))", rank)
    assert rank in code
    assert "is wanted" in marked("beat_fifo", student, code).words


def test_code_must_say_how_long_it_takes(marked):
    right = solutions.answer(EXERCISES["beat_fifo"], "ada")
    assert marked("beat_fifo", "ada", right).right
    silent = re.sub(r"(?m)^MAKESPAN.*$", "", right)
    assert "Play your own run" in marked("beat_fifo", "ada", silent).words
    other = re.sub(r"(?m)^MAKESPAN.*$", "MAKESPAN = '25.55 s'", right)
    assert "is not what this code takes with your numbers" in marked("beat_fifo", "ada", other).words


@pytest.mark.parametrize("student", MANY[:4])
def test_1f1b_needs_too_much_room_and_with_less_it_takes_too_long(student, marked):
    import_line = "from itertools import chain\n\n"
    start = EXERCISES["own_schedule"].form.start
    body = """    room = ROOM
    orders = []
    for rank in range(ranks):
        forward = [Op(rank, "F", m) for m in range(microbatches)]
        backward = [Op(rank, "B", m) for m in range(microbatches)]
        first = min(ranks - rank, room)
        turns = chain.from_iterable(zip(backward, forward[first:]))
        orders.append([*forward[:first], *turns, *backward[microbatches - first :]])
    return orders
"""
    code = import_line + start[: start.index("    return [\n")] + body
    wide = marked("own_schedule", student, code.replace("ROOM", "99"))
    assert "activations at its fullest, and has room for" in wide.words
    room = EXERCISES["own_schedule"].numbers(student).room
    assert "Which of them can fill a gap" in marked("own_schedule", student, code.replace("ROOM", str(room))).words


def test_a_schedule_without_an_action_is_no_schedule(marked, tmp_path):
    code = EXERCISES["own_schedule"].form.start.replace("for m in range(microbatches)]\n", "for m in range(1)]\n", 1)
    with pytest.raises((ScenarioError, RunError)):
        marked("own_schedule", "ada", code)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("t_total: 1 s\nmakspan: 2 s\n", ":2:1: makspan: unknown"),
        ("t_total: [1 s\n", ":2:1: yaml: "),
        ("- 1\n", ":1:1: yaml: write the keys t_total, makespan, drain"),
        ("t_total: 1 s\nt_total: 1 s\n", ":2:1: t_total: "),
        ("t_total: &x [*x]\n", ":1:10: t_total: "),
        ("\udcff", ":1:1: yaml: is not UTF-8 text"),
    ],
)
def test_a_wrong_file_has_a_place(text, place, tmp_path):
    file = tmp_path / "first_run.yaml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ScenarioError) as wrong:
        mark_file("first_run", "ada", str(file), LIMITS)
    assert place in str(wrong.value)


def test_a_plan_that_cannot_be_played_is_a_wrong_answer(tmp_path):
    file = tmp_path / "plan_13b.yaml"
    file.write_text("plan: {data: 7, schedule: nonesuch}\nstep: 1 s\n", encoding="utf-8")
    marked = mark_file("plan_13b", "ada", str(file), LIMITS)
    assert not marked.right
    assert "This cannot be played: plan.schedule" in marked.words


def test_every_key_is_explained():
    for exercise in EXERCISES.values():
        if isinstance(exercise.form, Blanks):
            assert all(exercise.form.keys.values())
