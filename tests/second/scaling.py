"""The same scenario with all times and all bytes multiplied: every rate stays, so that the whole timeline is scaled."""

import re
from decimal import Decimal

from second.quantities import BYTES, SECONDS

QUANTITY = re.compile(rf"(\S+) ({'|'.join([*SECONDS, *BYTES])})")


def scaled(node, factor):
    """Multiply whatever is a quantity of seconds or bytes by a decimal, exactly."""
    if isinstance(node, dict):
        return {key: scaled(value, factor) for key, value in node.items()}
    if isinstance(node, list):
        return [scaled(value, factor) for value in node]
    found = QUANTITY.fullmatch(node) if isinstance(node, str) else None
    return f"{Decimal(found[1]) * factor:f} {found[2]}" if found else node
