"""Numbers as people write them, 4.1G or 25M, read exactly."""

import re

from explorer.errors import UserError, shorten

PREFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
# No cost is larger; a number of a billion digits, as 1e999999999 is, could not even be held.
LARGEST = 10**18


def parse_number(text: str) -> float:
    """A number with an optional decimal prefix: '4.1G' -> 4100000000.

    Returns:
        An exact int for a whole number, otherwise a float.

    Raises:
        UserError: The text is no number, or one above `LARGEST`.
    """
    parts = re.fullmatch(
        r"([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)", text.strip(), re.ASCII
    )
    if not parts or parts[2] not in PREFIXES:
        raise UserError(
            f"cannot read {shorten(text)} as a number; write for example 4100000000, 4.1G, 25M or"
            " 250k."
        )
    from decimal import Decimal, DecimalException

    try:
        value = Decimal(parts[1]) * PREFIXES[parts[2]]
    except DecimalException:  # an exponent of more than 18 digits
        value = Decimal("Infinity")
    if abs(value) > LARGEST:
        raise UserError(f"{shorten(text)} is out of range: a number is at most {LARGEST:.0e}.")
    return int(value) if value == value.to_integral_value() else float(value)
