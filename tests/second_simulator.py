"""Play random scenarios on the engine and on the second simulator, and print the first on which they differ.

python tests/second_simulator.py --count 5000 --seed 0          a few minutes
python tests/second_simulator.py --count 1 --start 231          number 231 alone

Policies that plan ahead (heft, peft, cpop) are judged by the plan that the engine made: whether it is played as the
contract says, and not whether it is the right one. Where the engine stalls there is no plan, and nothing is judged.
"""

import argparse
import sys

import yaml
from second.agreement import differences, verdict
from second.generator import scenario
from second.shrinking import shrink


class Plain(yaml.SafeDumper):
    """YAML that repeats what stands twice, since parsim refuses anchors."""

    def ignore_aliases(self, data):
        return True


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000, help="how many scenarios")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="the number of the first")
    parser.add_argument("--show", type=int, default=1, help="how many that differ are shrunk and printed")
    asked = parser.parse_args(arguments)
    wrong, unjudged = [], 0
    for number in range(asked.start, asked.start + asked.count):
        found = verdict(scenario(asked.seed, number))
        unjudged += found is None
        if found:
            wrong.append(number)
            if len(wrong) <= asked.show:
                report(asked.seed, number)
        done = number + 1 - asked.start
        if done % 500 == 0 or done == asked.count:
            print(f"{done} played, {done - len(wrong) - unjudged} agree, {unjudged} not judged", flush=True)
    print("differ: " + ", ".join(map(str, wrong)) if wrong else "all agree")
    return 1 if wrong else 0


def report(seed, number):
    small = shrink(scenario(seed, number), still_differs)
    print(f"# seed {seed}, number {number}, made as small as possible")
    print(yaml.dump(small, Dumper=Plain, sort_keys=False, default_flow_style=None, width=120))
    for difference in differences(small):
        print(f"#   {difference}")


def still_differs(small):
    """A scenario that one of them cannot read is no smaller case of the same fault."""
    try:
        found = differences(small)
    except (KeyError, ValueError, ZeroDivisionError):
        return False
    return bool(found) and not any("scenario:0:0" in sentence for sentence in found)


if __name__ == "__main__":
    sys.exit(main())
