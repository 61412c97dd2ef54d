"""`parsim ledger` of traces from elsewhere: what contradicts itself, what is out of range, where time begins."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsim.export.csv import read_csv
from parsim.metrics.ledger import ledger_of_trace

HEAD = "number,task,kind,worker,lane,ready_s,start_s,end_s,nominal_s,waited_for\n"
# task: kind, worker, start, end; what the checker says, in part
CONTRADICTING = {
    "two at once": (
        ["a compute g0 0 2", "b compute g0 1 3"],
        ["g0 computes a and b at once, from 1 s to 2 s", "the sum of the terms differs from the makespan by 1 s"],
    ),
    "one within another, and the next after that": (
        ["a compute g0 0 4", "b forward g0 1 2", "c backward g0 3 5", "d compute g1 0 5"],
        ["g0 computes a and b at once, from 1 s to 2 s", "g0 computes a and c at once, from 3 s to 4 s", "by 1 s"],
    ),
    "lines in another order": (
        ["b compute g0 1 3", "x compute g1 0 9", "a compute g0 0 2"],
        ["g0 computes a and b at once, from 1 s to 2 s", "the sum of the terms differs from the makespan by 0.5 s"],
    ),
    "by a millionth": (
        ["a compute g0 0 1.000001", "b compute g0 1 2"],
        ["from 1 s to 1", "the sum of the terms differs from the makespan by 1e-06 s"],
    ),
    "short spans late on the clock of the epoch": (
        ["a compute g0 1732000000.1 1732000000.3", "b compute g0 1732000000.2 1732000000.4"],
        ["g0 computes a and b at once"],
    ),
}  # fmt: skip
SOUND = {
    "one after the other": ["a compute g0 0 2", "b compute g0 2 3"],
    "a transfer under a computation": ["a compute g0 0 2", "b>c transfer g0 1 3"],
    "two transfers at once": ["a>b transfer g0 0 2", "c>d transfer g0 1 3"],
    "two workers": ["a compute g0 0 2", "b compute g1 1 3"],
    "no length": ["a compute g0 0 2", "b compute g0 1 1"],
    "nobody's": ["a compute g0 0 2", "merge merge host 1 3"],
    "an end that is a start and a length, added up": ["a compute g0 0.1 0.30000000000000004", "b compute g0 0.3 0.5"],
    "the same late on the clock of the epoch": [
        "a compute g0 1732000000.1 1732000000.2000003",
        "b compute g0 1732000000.2 1732000000.3",
    ],
    "nothing": [],
}  # fmt: skip


def written(folder, rows):
    """Write rows of `task kind worker start end`."""
    lines = (row.split() for row in rows)
    file = folder / "trace.csv"
    spans = (f"{n},{task},{kind},{who},x,{a},{a},{b},1,\n" for n, (task, kind, who, a, b) in enumerate(lines))
    file.write_text(HEAD + "".join(spans))
    return file


@pytest.mark.parametrize(("rows", "told"), CONTRADICTING.values(), ids=CONTRADICTING)
def test_what_contradicts_itself_is_told_and_exits_with_1(command, tmp_path, rows, told):
    file = written(tmp_path, rows)
    code, out, err = command("ledger", file)
    checker = json.loads(out)["checker"]
    assert code == 1
    assert all(part in said for part, said in zip(told, checker, strict=True)), checker
    assert err == f"parsim: {file}: {checker[0]}\n"


@pytest.mark.parametrize("rows", SOUND.values(), ids=SOUND)
def test_what_is_sound_is_not_blamed(command, tmp_path, rows):
    code, out, err = command("ledger", written(tmp_path, rows))
    assert (code, err, json.loads(out)["checker"]) == (0, "", [])


def test_of_very_many_overlaps_some_are_told(command, tmp_path):
    code, out, _ = command("ledger", written(tmp_path, [f"t{n} compute g0 {n} 1000" for n in range(900)]))
    assert code == 1
    assert len(json.loads(out)["checker"]) == 21


def test_times_beyond_what_a_scenario_may_state_are_wrong_input(command, tmp_path):
    file = tmp_path / "trace.csv"
    rows = ("0,a,compute,w0,x,0,0,1.7e308,1,", "1,b,compute,w1,x,1.1e100,2e100,3e100,1e101,")
    file.write_text(HEAD + "\n".join((*rows, "2,c,compute,w2,x,0,0,1e100,1,")))
    code, out, err = command("ledger", file)
    far = "is out of range; the largest number is 1e+100"
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"{file}:2:22: [0].end_s: '1.7e308' {far}",
        f"{file}:3:18: [1].ready_s: '1.1e100' {far}",
        f"{file}:3:26: [1].start_s: '2e100' {far}",
        f"{file}:3:32: [1].end_s: '3e100' {far}",
        f"{file}:3:38: [1].nominal_s: '1e101' {far}",
    ]


EPOCH = HEAD + (
    "0,a,compute,g0,compute,0,1732000000.123456,1732000000.223456,0.1,\n"
    "1,b,transfer,g0,x,0,1732000000.223456,1732000000.323456,0.1,\n"
)


@pytest.mark.parametrize(
    ("origin", "fill"), [("first", 0.0), ("1732000000.123456", 0.0), ("1732000000", 0.123456), ("1.732e9", 0.123456)]
)
def test_times_count_from_the_origin_exactly(command, tmp_path, origin, fill):
    (tmp_path / "t.csv").write_text(EPOCH)
    code, out, err = command("ledger", tmp_path / "t.csv", "--origin", origin)
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["idle"] == {"fill": fill, "drain": 0.0, "dependency": 0.0}
    assert found["makespan_s"] == (0.2 if fill == 0.0 else 0.323456)
    assert found["busy_nominal_s"] == pytest.approx(0.2, rel=1e-15)
    assert found["contention_s"] == pytest.approx(0.0, abs=1e-16)


@pytest.mark.parametrize("origin", ["", "last", "-1", "nan", "inf", "1e101", "1_0", "1 s", "0x10", "first "])
def test_an_origin_that_is_none_is_wrong_input(command, tmp_path, origin):
    (tmp_path / "t.csv").write_text(EPOCH)
    code, out, err = command("ledger", tmp_path / "t.csv", "--origin", origin)
    message = f"'{origin}' is not an origin; write first, or a number of seconds, 0 or more"
    assert (code, out, err) == (2, "", f"--origin:0:0: origin: {message}\n")


def test_what_starts_before_the_origin_is_wrong_input(command, tmp_path):
    (tmp_path / "t.csv").write_text(EPOCH)
    code, _, err = command("ledger", tmp_path / "t.csv", "--origin", "1732000000.2")
    place = f"{tmp_path / 't.csv'}:2:26: [0].start_s"
    assert (code, err) == (2, f"{place}: 1732000000.123456 is before the origin, 1732000000.2\n")


@given(
    st.integers(0, 2**31 * 10**6),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.booleans()), min_size=1, max_size=6),
)
def test_an_origin_changes_nothing_but_where_time_begins(tmp_path_factory, begin, spans):
    """Microseconds in the text: the ledger from the first start is that of the same stamps counted from there."""

    def file(since, name):
        rows = (
            f"{number},t{number},{'compute' if computes else 'transfer'},g{number},x,0,"
            f"{(since + start) // 10**6}.{(since + start) % 10**6:06},"
            f"{(since + start + length) // 10**6}.{(since + start + length) % 10**6:06},1,"
            for number, (start, length, computes) in enumerate(spans)
        )
        path = folder / name
        path.write_text(HEAD + "\n".join(rows))
        return path

    folder = tmp_path_factory.mktemp("traces")
    moved = file(begin, "moved.csv")
    from_first = ledger_of_trace(read_csv(moved, origin="first"))
    assert from_first == ledger_of_trace(read_csv(file(-min(start for start, _, _ in spans), "plain.csv")))


def test_workers_without_a_name_get_names_of_their_own(command, tmp_path):
    file = written(tmp_path, ["a compute x 0 2"])
    file.write_text(file.read_text().replace(",x,x,", ",(no name 0),x,"))
    found = json.loads(command("ledger", file, "--workers", "3")[1])
    assert (found["workers"], found["idle"]["drain"]) == (3, pytest.approx(4 / 3))
