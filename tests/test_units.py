"""Quantities: exact numbers, and messages that name the value and the remedy.

Oracle: `decimal` with 60 digits for the products, and hand-written pairs for every unit of the contract's section 3.
"""

import re
from decimal import Decimal, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsim.core.units import (
    BYTES,
    BYTES_PER_SECOND,
    DIMENSIONS,
    ENERGY,
    FLOP,
    FLOP_PER_SECOND,
    MONEY,
    POWER,
    PRICE,
    SECONDS,
    Dimension,
    TimeOrSize,
    Travel,
    parse,
    show,
    write,
)

SCALES = {  # by hand
    "ns": "1e-9", "us": "1e-6", "ms": "1e-3", "s": "1", "min": "60", "h": "3600",
    "B": "1", "kB": "1e3", "MB": "1e6", "GB": "1e9", "TB": "1e12", "PB": "1e15",
    "KiB": "1024", "MiB": "1048576", "GiB": "1073741824", "TiB": "1099511627776", "PiB": "1125899906842624",
    "bit": "0.125", "kbit": "125", "Mbit": "125e3", "Gbit": "125e6", "Tbit": "125e9", "Pbit": "125e12",
    "Kibit": "128", "Mibit": "131072", "Gibit": "134217728", "Tibit": "137438953472", "Pibit": "140737488355328",
    "FLOP": "1", "kFLOP": "1e3", "MFLOP": "1e6", "GFLOP": "1e9", "TFLOP": "1e12", "PFLOP": "1e15", "EFLOP": "1e18",
    "USD/h": "1", "W": "1", "kW": "1e3", "J": "1", "kJ": "1e3", "MJ": "1e6", "kWh": "3.6e6", "USD": "1",
}  # fmt: skip


def scale(unit: str) -> Decimal:
    return Decimal(SCALES[unit.removesuffix("/s")])


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda d: d.base)
def test_every_unit_has_its_scale(dimension):
    for unit in dimension.units:
        assert parse(f"3 {unit}", dimension) == float(3 * scale(unit))
        assert parse(f"0.1{unit}", dimension) == float(Decimal("0.1") * scale(unit))


def test_the_table_holds_every_unit_and_nothing_else():
    assert {unit for d in (SECONDS, BYTES, FLOP, PRICE, POWER, ENERGY, MONEY) for unit in d.units} == set(SCALES)
    assert set(BYTES_PER_SECOND.units) == {f"{unit}/s" for unit in BYTES.units}
    assert set(FLOP_PER_SECOND.units) == {f"{unit}/s" for unit in FLOP.units}


def test_five_microseconds_are_exact():
    assert parse("5 us", SECONDS) == 5e-06
    assert 5 * 1e-06 != 5e-06  # a product of floats rounds twice
    assert parse("400 Gbit/s", BYTES_PER_SECOND) == 5e10
    assert parse("1.5e3 ms", SECONDS) == 1.5


@given(
    st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False),
    st.sampled_from([(d, unit) for d in DIMENSIONS if d.zero for unit in d.units]),
)
def test_one_rounding_only(number, where):
    dimension, unit = where
    getcontext().prec = 60
    text = format(abs(number), "f").lstrip("0") or "0"
    number = Decimal(text)
    if number and not 1e-100 <= float(number * scale(unit)) <= 1e100:
        return
    assert parse(f"{text} {unit}", dimension) == float(number * scale(unit))


@given(st.just(0.0) | st.floats(1e-100, 1e100), st.sampled_from(DIMENSIONS))
def test_what_is_written_is_read_again(amount, dimension):
    if amount == 0 and not dimension.zero:
        return
    assert parse(write(amount, dimension), dimension) == amount


@given(st.text() | st.text(alphabet="0123456789.eE+- BbitsGMkKiFLOPhmnuUDW/", max_size=20), st.sampled_from(DIMENSIONS))
def test_any_text_is_read_or_refused_and_the_pattern_agrees(text, dimension):
    try:
        parse(text, dimension)
    except ValueError as error:
        if "range" not in str(error):
            assert not re.search(dimension.pattern.removesuffix("$") + r"\Z", text)
    else:
        assert re.search(dimension.pattern, text)


def refusal(value: object, dimension: Dimension) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse(value, dimension)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "dimension", "message"),
    [
        ("400", BYTES_PER_SECOND, "'400' has no unit; write for example '400 Gbit/s'"),
        (400, BYTES_PER_SECOND, "'400' has no unit; write for example '400 Gbit/s'"),
        (5e6, BYTES, "'5000000.0' has no unit; write for example '5000000.0 MB'"),
        ("400 Gb/s", BYTES_PER_SECOND, "'400 Gb/s' has the unknown unit 'Gb/s'; write Gbit/s or GB/s"),
        ("400 Gbps", BYTES_PER_SECOND, "'400 Gbps' has the unknown unit 'Gbps'; write Gbit/s or GB/s"),
        ("4 Gb", BYTES, "'4 Gb' has the unknown unit 'Gb'; write Gbit or GB"),
        ("4 mb", BYTES, "'4 mb' has the unknown unit 'mb'; write Mbit or MB"),
        ("4 KB", BYTES, "'4 KB' has the unknown unit 'KB'; write kB (1000) or KiB (1024)"),
        ("4 µs", SECONDS, "'4 µs' has the unknown unit 'µs'; write us"),
        ("4 sec", SECONDS, "'4 sec' has the unknown unit 'sec'; write s"),
        ("4 d", SECONDS, "'4 d' has the unknown unit 'd'; known are: ns, us, ms, s, min, h"),
        ("4 TFLOPS", FLOP_PER_SECOND, "'4 TFLOPS' has the unknown unit 'TFLOPS'; write TFLOP or TFLOP/s"),
        ("4 MB / s", BYTES_PER_SECOND, "'4 MB / s' has the unknown unit 'MB / s'; write MB/s"),
        ("3 s", BYTES, "'3 s' is a time; write a size, for example '10 MB'"),
        ("3 GB", BYTES_PER_SECOND, "'3 GB' is a size; write a bandwidth, for example '400 Gbit/s'"),
        ("-3 s", SECONDS, "'-3 s' is negative; write for example '5 s'"),
        ("+3 s", SECONDS, "'+3 s' starts with '+'; write '3 s'"),
        ("010 MB", BYTES, "'010 MB' starts with '0'; write '10 MB'"),
        ("00 s", SECONDS, "'00 s' starts with '0'; write '0 s'"),
        ("0 B/s", BYTES_PER_SECOND, "'0 B/s' is zero; a bandwidth must be above 0, for example '400 Gbit/s'"),
        (
            "0e3 FLOP/s",
            FLOP_PER_SECOND,
            "'0e3 FLOP/s' is zero; a rate of FLOP must be above 0, for example '312 TFLOP/s'",
        ),
        ("1e400 s", SECONDS, "'1e400 s' is out of range; the largest number is 1e+100"),
        ("1e-400 s", SECONDS, "'1e-400 s' is out of range; the smallest number is 1e-100"),
        ("1e999999999 s", SECONDS, "'1e999999999 s' is out of range; write for example '5 s'"),
        ("1e-999999999999999 s", SECONDS, "'1e-999999999999999 s' is out of range; write for example '5 s'"),
        ("4.10", PRICE, "'4.10' has no unit; write for example '4.10 USD/h'"),
        ("4.10 USD", PRICE, "'4.10 USD' is an amount of money; write a price, for example '4.10 USD/h'"),
        ("4 $/h", PRICE, "'4 $/h' has the unknown unit '$/h'; write USD/h"),
        ("4 eur/h", PRICE, "'4 eur/h' has the unknown unit 'eur/h'; known are: USD/h"),
        ("400 w", POWER, "'400 w' has the unknown unit 'w'; write W"),
        ("400 mW", POWER, "'400 mW' has the unknown unit 'mW'; known are: W, kW"),
        ("400 W", PRICE, "'400 W' is a power; write a price, for example '4.10 USD/h'"),
        ("0 W", POWER, "'0 W' is zero; a power must be above 0, for example '400 W'"),
        ("fast", SECONDS, "'fast' is not a number with a unit; write for example '5 s'"),
        ("nan s", SECONDS, "'nan s' is not a number with a unit; write for example '5 s'"),
        ("inf s", SECONDS, "'inf s' is not a number with a unit; write for example '5 s'"),
        ("", SECONDS, "'' is not a number with a unit; write for example '5 s'"),
        (float("nan"), SECONDS, "nan is not a quantity; write for example '5 s'"),
        (float("inf"), SECONDS, "inf is not a quantity; write for example '5 s'"),
        (-1, SECONDS, "-1 is not a quantity; write for example '5 s'"),
        (10**1000, SECONDS, "a whole number of 3322 bits is not a quantity; write for example '5 s'"),
        (None, SECONDS, "wants a time such as '5 s', not nothing"),
        (True, SECONDS, "wants a time such as '5 s', not true"),
        ([1], BYTES, "wants a size such as '10 MB', not a list"),
    ],
)
def test_refusals_name_the_value_and_the_remedy(value, dimension, message):
    assert refusal(value, dimension) == message


def test_numbers_without_end_are_refused_at_once():
    assert "33220 bits" in refusal(10**10_000, SECONDS)
    assert "out of range" in refusal("9" * 100_000 + " s", SECONDS)
    assert "out of range" in refusal("1e" + "9" * 100_000 + " s", SECONDS)
    assert len(refusal("9" * 100_000 + " s", SECONDS)) < 200


def test_an_edge_is_a_time_or_a_size():
    read = TimeOrSize().read
    assert read("18 s") == Travel(size=0.0, delay=18.0)
    assert read("1 GB") == Travel(size=1e9, delay=0.0)
    with pytest.raises(ValueError, match=r"'3 GB/s' is a bandwidth; write a time or a size, for example '5 s' or"):
        read("3 GB/s")


def test_long_text_is_shown_shortened():
    assert show("x" * 1000) == "the text '" + "x" * 60 + "...'"
