"""Shell scripts that are read: what programs would get is what Bash gives them."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsim.formats.shell.parts import Letters
from parsim.formats.shell.script import Script
from parsim.formats.shell.words import Unclosed

FILES = Path(__file__).parent / "data" / "formats"
SCENARIOS = FILES.parents[2] / "scenarios"
BASH = shutil.which("bash")
# A program that prints its arguments stands for each that a script starts.
PROGRAMS = """
torchrun() { printf '%s\\0' torchrun "$@"; printf '\\n'; }
scontrol() { echo head; }
srun() {
    case "$*" in
        *" bash -c "*) bash -c "$torchrun_too; ${@: -1}" ;;
        *) printf '%s\\0' srun "$@"; printf '\\n' ;;
    esac
}
python() { printf '%s\\0' python "$@"; printf '\\n'; }
source() { :; }
mkdir() { :; }
torchrun_too="$(declare -f torchrun python)"
"""


def read(text, **known):
    script = Script({name: Letters(value, [0] * len(value)) for name, value in known.items()})
    script.read(Letters(text, range(len(text))))
    return script


def words(text):
    """Return the words of each command that a script starts, as it is read."""
    return [[field.text for field in fields] for fields in read(text).started]


def bash(text, *arguments, **environment):
    """Return the words of each command whose program is one of ours, as Bash starts it."""
    with TemporaryDirectory() as folder:  # scripts write files, such as a log
        done = subprocess.run(
            [BASH, "-c", f"{PROGRAMS}\n{text}", "script", *arguments],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", **environment},
            cwd=folder,
        )
    lines = [line.split("\0")[:-1] for line in done.stdout.split("\n") if "\0" in line]
    assert lines, done.stderr
    return lines


needs_bash = pytest.mark.skipif(BASH is None, reason="no bash to compare with")
SCRIPTS = [
    "A=8; torchrun --n $A \"$A $A\" '$A' \\$A",
    'A="--x 1 --y"; torchrun $A "$A" ${A}z "${A}"z',
    'A=(1 \'2 3\' "4"); torchrun ${A[@]}; torchrun "${A[@]}"; torchrun $A; torchrun ${A[1]}; torchrun a${A[@]}b',
    'A=(1 2) ; A+=(3 "4 5"); B="${A[@]}"; B+=" end"; torchrun $B; torchrun "$B"',
    'A=" \\\n  --x 1 \\\n  --y 2 \\\n"; torchrun $A z',
    "A=1 # a comment\n#A=2\ntorchrun $A#not # but this\n",
    'torchrun ${A:-5} ${B-} ${C:-"x y"} ${D:-x y} ${E:=7} $E ${E:+set} ${F:+unset}',
    "A=3; B=$((A * (2 + $A) % 7 - -1)); C=$(( ${A}*B/2 )); torchrun $B $C $((7/-2)) $((-7 % 3))",
    "A=8; if [ $A -eq 8 ]; then B=yes; else B=no; fi; torchrun $B",
    'A=bf16; if [[ $A == fp* ]]; then B=1; elif [[ "$A" = bf16 ]]; then B=2; else B=3; fi; torchrun $B',
    'A=; if [ -z "$A" ] && [ 3 -gt 2 ]; then torchrun a; fi; if [ -n "$A" ] || [ 1 -ne 1 ]; then torchrun b; fi',
    "A=7B; case $A in 13B) B=1;; 7B|8B) B=2;; *) B=3;; esac; torchrun $B",
    "A=x; case ${A} in y*) torchrun y ;; *) torchrun other\n;; esac",
    "f() { B=2; torchrun in $B; }; B=1; f; torchrun out $B",
    "function g {\n  torchrun g\n}\ng; g",
    "export A=1 B='2 3'; readonly C=4; torchrun $A $B $C",
    "A=1; { A=2; torchrun $A; }; [ $A -eq 2 ] && A=3; [ $A -eq 2 ] && A=4; torchrun $A",
    "A='torchrun --x 1'; eval $A --y; torchrun",
    'A=\'a b\'; torchrun "x${A}y"z\'$A\'"\\"q\\"" "\\n" a\\ b',
    "torchrun a > /dev/stderr; torchrun b 2>&1 | cat; torchrun c &> /dev/null; torchrun d >> /dev/stdout",
    "cat > /dev/null <<EOF\ntorchrun 'in a document\nEOF\ntorchrun behind",
    "cat > /dev/null <<-'END'\n\ttorchrun \"in\n\tEND\ntorchrun behind",
    "A=1; unset A; torchrun ${A:-gone}; false || torchrun or; true && torchrun and",
    "torchrun a; \\\ntorchrun b && \\\n torchrun c\n\n(torchrun d)",
    'A=$\'x\'; torchrun $A $"y"; B="it\'s"; torchrun $B',
    "if ! [ 8 -eq 8 ]; then A=1; else A=2; fi; ! [ $A -eq 1 ] && torchrun $A; ! [ 8 -gt 4 ] || torchrun b",
    "A=(--a # one\n --b\n\n  --c) ; torchrun ${A[@]} ${A[*]}",
]


@needs_bash
@pytest.mark.parametrize("text", SCRIPTS)
def test_programs_get_what_bash_gives_them(text):
    started = [one for one in words(text) if one[0] == "torchrun"]
    shown = [one for one in bash(text.replace("> /dev/stderr", "").replace("&> /dev/null", "")) if one[0] == "torchrun"]
    assert started == shown


@needs_bash
@pytest.mark.parametrize("name", ["megatron_gpt3_175b.sh", "llama3_8b.sh", "mixtral.sh", "slurm.sh"])
def test_scripts_start_what_bash_starts(name):
    """All words but those that hold an argument of the script, or the environment's."""
    text = next(file for file in (FILES / name, SCENARIOS / name) if file.exists()).read_text(encoding="utf-8")
    environment = {"SLURM_NNODES": "16", "SLURM_JOBID": "7", "SLURM_PROCID": "3", "HOME": "/"}
    text = text.replace("if [ ! -f pretrain_gpt.py ]", "if false")
    (shown,) = bash(text, *(["checkpoints", "vocabulary"] if name.startswith("megatron") else []), **environment)
    (found,) = [
        fields
        for fields in read(text, SLURM_NNODES="16").started
        if any(field.text.startswith("--num-layers") for field in fields)
    ]
    found = found[-len(shown) :]
    assert len(found) == len(shown)
    assert [a.text for a, b in zip(found, shown, strict=True) if a.known] == [
        b for a, b in zip(found, shown, strict=True) if a.known
    ]
    assert sum(not field.known for field in found) <= 3


PARTS = st.sampled_from(
    [
        "${B}",
        "${A}",
        '"$A"',
        '"$B x"',
        "'$A'",
        "a",
        "--b",
        "${C:-c d}",
        '"${C:-c d}"',
        "${A:+e}",
        "$((2*3))",
        "\\ ",
        '""q',
    ]
)
LINES = st.one_of(
    st.builds("A={}".format, st.sampled_from(["1", "'1 2'", '"$B"', "$B", '"$A 3"', ""])),
    st.builds("B={}".format, st.sampled_from(["x", "'y  z'", '"$A"', "${A:-w}"])),
    st.builds("A+={}".format, st.sampled_from(["4", "' 5'"])),
    st.builds(
        "torchrun {}".format, st.lists(st.builds("".join, st.lists(PARTS, min_size=1, max_size=3))).map(" ".join)
    ),
    st.just('if [ "$A" = "1" ]; then B=then; else B="$A else"; fi'),
)


@needs_bash
@given(st.lists(LINES, max_size=8))
def test_random_scripts_are_read_as_bash_reads_them(lines):
    text = "\n".join(["A=0", "B=0", *lines, "torchrun $A $B"])
    assert words(text) == bash(text)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("torchrun $1", "$1"),
        ("torchrun ${TP}", "${TP}"),
        ("A=$(hostname):6000; torchrun $A", "$(hostname)"),
        ("torchrun `pwd`/x", "`pwd`"),
        ("torchrun ${A%%.*}", "${A%%.*}"),
        ("torchrun $((A*2))", "$((A*2))"),
        ("torchrun $((1/0))", "$((1/0))"),
        ("torchrun ${A:?is needed}", "${A:?is needed}"),
        ("torchrun x$@", "$@"),
    ],
)
def test_what_only_running_tells_is_unknown(text, unknown):
    ((_, field),) = read(text).started
    assert field.unknown == unknown


@pytest.mark.parametrize(
    "text",
    [
        "if [ -f x ]; then A=1; fi",
        'if grep -q x y; then ARGS+=" --bf16"; fi',
        "for i in 1 2; do A=$i; done",
        "if ! grep -q x y; then A=1; fi",
        "! grep -q x y && A=1",
        "while read line; do A=$line; done < file",
        "case $1 in a) A=1;; esac",
        '[ -n "$X" ] && A=1',
        "source ./environment.sh",
    ],
)
def test_branches_that_only_running_decides_are_told(text):
    script = read(f"echo\n{text}")
    assert script.skipped == [5 + (text.index("A=1") if "&&" in text else 0)]
    assert "A" not in script.variables.held


@pytest.mark.parametrize("text", ["if [ -f x ]; then echo no; exit 1; fi", "for i in 1 2; do sleep 1; done"])
def test_branches_without_effect_are_not_told(text):
    assert read(text).skipped == []


def test_letters_stand_where_they_are_written():
    text = 'A="--x 12"\nB=($A --y)\ntorchrun ${B[@]} z'
    ((_, *fields),) = read(text).started
    assert [(field.text, text[field.at :].startswith(field.text)) for field in fields] == [
        ("--x", True), ("12", True), ("--y", True), ("z", True),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "what"), [("A='x", "'"), ('A="x', '"'), ("A=`x", "`"), ("A=$(x", "("), ("A=(x", "(")])
def test_what_is_not_closed_is_told(text, what):
    with pytest.raises(Unclosed) as told:
        read(text)
    assert (told.value.what, told.value.at) == (what, text.index(what))


@pytest.mark.parametrize(
    "text",
    [
        "A=x\n" + 'A="$A$A$A$A"\n' * 60,
        "f() { f; f; }; f",
        "A='eval $A'; eval $A",
        "((((((((((",
        "))) fi done esac }",
        "if",
        "case",
        "case x in",
        "for",
        "function",
        "a() a() a()",
        "<<E",
        "&& || |",
        "A[3]=(1",
    ],
)
def test_odd_scripts_end(text):
    with suppress(Unclosed):
        read(text)


@given(st.text("AB=\"'$(){}[]`\\\n ;|&<>#-if done then fi1+:@*", max_size=60))
def test_any_text_is_read_or_not_closed(text):
    with suppress(Unclosed):
        read(text)
