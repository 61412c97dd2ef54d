"""How many seconds a task takes, by hand; the first draws by PCG64's definition."""

import numpy as np
import pytest

from parsim import use
from parsim.build import build
from parsim.core.cluster import Device
from parsim.core.errors import Invalid
from parsim.core.graph import TaskGraph
from parsim.costs import costs
from parsim.costs.constant import constant
from parsim.costs.noisy import noisy
from parsim.entries.function import made
from parsim.kernels import kernels
from parsim.merges import merges
from parsim.scenario.scenario import load

PARAMETERS = {"constant": {"compute": 1.0}, "noisy": {"compute": 1.0, "spread": 0.25}}
PRICED = ("kernels", "measured", "roofline")  # by kernels: tests/test_profile.py


def graph(units, stated=()):
    zeros = np.zeros(len(units), np.int64)
    names = [f"part{i}" for i in range(len(units))]
    return TaskGraph(
        names, ("compute",), zeros, np.array(units, float), ((0, 1),), zeros, stated=np.array(stated, float)
    )


def test_units_of_work():
    assert constant(compute=2.0).expected(graph([3, 2]), 0, Device("w0")).tolist() == [6, 4]
    assert constant(compute=2.0).expected(graph([3, 2]), 0, Device("w0", speed=4.0)).tolist() == [1.5, 1]


def test_one_quantity_is_divided_by_speed():
    stated = graph([1, 1], [6.0, 9.0])
    assert constant().expected(stated, 1, Device("w1", speed=3.0)).tolist() == [2, 3]


def test_seconds_of_a_device_are_its_own():
    stated = graph([1, 1], [[6.0, np.nan], [9.0, 4.0]])
    np.testing.assert_array_equal(constant().expected(stated, 0, Device("w0", speed=3.0)), [6, 9])
    np.testing.assert_array_equal(constant().expected(stated, 1, Device("w1", speed=3.0)), [np.nan, 4])


def test_nothing_says_the_seconds():
    with pytest.raises(Invalid, match=r"cost\.compute: is missing"):
        constant().expected(graph([1]), 0, Device("w0"))


def test_transfers_alone_need_no_compute():
    assert constant().expected(graph([]), 0, Device("w0")).shape == (0,)


def test_constant_has_no_luck():
    assert constant(compute=1.0).luck(7, 3).tolist() == [1, 1, 1]


def test_every_cost_has_its_tests():
    assert sorted({*PARAMETERS, *PRICED}) == sorted(costs.entries())


@pytest.mark.parametrize("name", PARAMETERS)
class TestConformance:
    def make(self, name):
        return costs[name](**PARAMETERS[name])

    def test_luck_depends_on_seed_and_number_alone(self, name):
        cost = self.make(name)
        np.testing.assert_array_equal(cost.luck(5, 1000)[:10], cost.luck(5, 10))
        assert (cost.luck(5, 1000) > 0).all()

    def test_expected_is_before_the_draw(self, name):
        assert self.make(name).expected(graph([3, 2]), 0, Device("w0", speed=2.0)).tolist() == [1.5, 1]

    def test_no_tasks(self, name):
        assert self.make(name).luck(0, 0).shape == (0,)


def test_noise_lies_in_its_band_around_one():
    factors = noisy(spread=0.25, compute=1.0).luck(3, 100_000)
    assert factors.min() >= 0.75
    assert factors.max() < 1.25
    # The mean of n even draws of width 0.5 has a standard error of 0.5 / sqrt(12 n) = 0.00046.
    assert factors.mean() == pytest.approx(1, abs=4 * 0.00046)
    assert factors.std() == pytest.approx(0.5 / 12**0.5, rel=0.01)


def test_seeds_differ():
    assert not np.array_equal(noisy(spread=0.5).luck(0, 8), noisy(spread=0.5).luck(1, 8))


def test_draws_are_numpys_own():
    # NumPy's Generator.random is defined as the upper 53 bits of the raw stream.
    even = np.random.Generator(np.random.PCG64(11)).random(50)
    np.testing.assert_array_equal(noisy(spread=0.5).luck(11, 50), 1 + 0.5 * (2 * even - 1))


@pytest.mark.parametrize("spread", [1.0, 2.0, 0.0, -0.1])
def test_spread_lies_between_0_and_1(spread):
    with pytest.raises(Invalid, match="must be at least 0 and below 1"):
        noisy(spread=spread)


def test_five_tasks_make_thirty():
    # The course's example: double 1 to 5, add up.
    assert merges["sum"]([made(kernels["double"], {})(value) for value in [1, 2, 3, 4, 5]]) == 30


def test_kernel_takes_arrays():
    np.testing.assert_array_equal(made(kernels["double"], {})(np.array([1.0, 2.5])), [2.0, 5.0])


class TestMixedDevices:
    """Devices of equal speed that differ in what a cost sees have seconds of their own."""

    def job(self, *devices, cost="roofline"):
        layers = {"kind": "mlp", "widths": [64, 64, 64], "batch": 8}
        plan = {"split": "layers", "pipeline": 2, "microbatches": 1}
        wires = {"kind": "full", "bandwidth": "1 GB/s"}
        return build(
            load(
                {
                    "cluster": {"devices": list(devices), "topology": wires},
                    "workload": layers,
                    "plan": plan,
                    "cost": cost,
                }
            )
        )

    def test_each_of_two_kinds_has_its_own_column(self):
        a100, h100 = {"name": "a", "device": "a100-80g"}, {"name": "h", "device": "h100-80g"}
        mixed = self.job(a100, h100).expected_s
        alone = [self.job(one, {**one, "name": "other"}).expected_s[0] for one in (a100, h100)]
        np.testing.assert_array_equal(mixed, alone)
        assert np.all(mixed[1] < mixed[0])

    def test_equal_devices_share_a_column_whatever_their_names(self):
        first, second = self.job({"name": "a", "device": "a100-80g"}, {"name": "b", "device": "a100-80g"}).expected_s
        assert first is second

    def test_a_cost_from_outside_may_look_at_names(self, tmp_path, request):
        (tmp_path / "by_name.py").write_text(
            "import numpy as np\nfrom parsim.core.job import Cost\nfrom parsim.costs import costs\n\n\n"
            "@costs.add('by-name')\ndef by_name():\n"
            "    seconds = lambda graph, index, device: np.full(len(graph), len(device.name))\n"
            "    return Cost(seconds, lambda seed, tasks: np.ones(tasks))\n"
        )
        request.addfinalizer(lambda: costs.remove("by-name"))
        use(tmp_path / "by_name.py")
        devices = {"name": "a", "device": "a100-80g"}, {"name": "longer", "device": "a100-80g"}
        found = self.job(*devices, cost="by-name").expected_s
        assert [column[0] for column in found] == [1, 6]
