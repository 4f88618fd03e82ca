"""Quality flags, reasons and methods: nothing is dropped silently, everything kept says why and how.

A variable ``emission`` has three partners: ``emission_flag`` (:class:`Flag`, one level), ``emission_reason``
(:class:`Reason`, a bit mask of everything that was found) and ``emission_method`` (:class:`Method`, how the
value came about).

References
----------
U.S. IOOS (2020), Manual for Real-Time Oceanographic Data Quality Control Flags, version 1.2: flag levels.
CF conventions 1.11, section 3.5: ``flag_values``, ``flag_masks``, ``flag_meanings``.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["BAD", "GOOD", "MISSING", "NOT_EVALUATED", "SUSPECT", "Flag", "Method", "Reason", "describe",
           "flag_attributes", "merge_flags", "merge_reasons"]  # fmt: skip


class Flag(IntEnum):
    """Quality level of a value, in the numbers of QARTOD; stored as int8."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    BAD = 4
    MISSING = 9


GOOD, NOT_EVALUATED, SUSPECT, BAD, MISSING = Flag


class Reason(IntFlag):
    """Why a value has its flag, or what was done to it; any number of them together; stored as int32."""

    MISSING = 1 << 0  # no value in the record
    GAP = 1 << 1  # no record for the interval
    DUPLICATE = 1 << 2  # the interval was there more than once
    NEGATIVE = 1 << 3  # below zero where that cannot be
    BELOW_RANGE = 1 << 4  # below the measuring range or detection limit
    ABOVE_RANGE = 1 << 5  # above the measuring range (saturated)
    OUT_OF_RANGE = 1 << 6  # outside what is physically plausible
    INCONSISTENT = 1 << 7  # contradicts another channel
    SUBSTITUTED = 1 << 8  # filled by the rules of a missing-data regime
    DERIVED_FROM_HEAT = 1 << 9  # found to be heat input times a constant
    DEFAULT_USED = 1 << 10  # an input was a default, not a measurement
    CLIPPED = 1 << 11  # limited by a rule (diluent cap, minimum)
    ROUNDED = 1 << 12  # known only to the rounding of the report
    CONVERTED_TIME = 1 << 13  # local or end-labelled stamp brought to UTC interval start
    DAYLIGHT_SAVING = 1 << 14  # in or beside a skipped or double hour
    PARTIAL = 1 << 15  # covers only part of the interval
    NOT_OPERATING = 1 << 16  # the unit stood still
    START_STOP = 1 << 17  # start-up or shut-down
    CALIBRATION = 1 << 18
    MAINTENANCE = 1 << 19
    FAULT = 1 << 20  # the instrument reported a fault
    COMMUNICATION = 1 << 21  # lost on the way from the instrument
    NO_REFERENCE_STATE = 1 << 22  # temperature, pressure or humidity reference not stated
    FLAT_LINE = 1 << 23  # constant for longer than the signal can be
    SPIKE = 1 << 24
    STEP = 1 << 25  # sudden change of level
    BIAS_ADJUSTED = 1 << 26  # multiplied by a bias adjustment factor
    MANUAL = 1 << 27  # entered or changed by hand
    INTERPOLATED = 1 << 28
    EXCLUDED = 1 << 29  # left out by the user's configuration
    UNRECORDED = 1 << 30  # a parameter was changed without a record in the ledger

    DUPLICATE_TIME = DUPLICATE  # other names of the same bits
    SUBSTITUTE = SUBSTITUTED


class Method(IntEnum):
    """How a value came about; stored as int8."""

    DIRECT = 1  # stack concentration times flow
    DILUENT = 2  # concentration from O2, times flow
    FUEL_FLOW = 3  # fuel flow or heat input times a factor
    DEFAULT = 4  # constant or low-mass default
    SUBSTITUTE = 5  # missing-data regime
    DERIVED = 6  # found from the data to be heat times a constant
    UNKNOWN = 9


def flag_attributes(enum: type[IntEnum] | type[IntFlag], dtype: str = "") -> dict[str, Any]:
    """Return the CF attributes that explain a flag variable.

    Parameters
    ----------
    enum : type of IntEnum or IntFlag
        :class:`Flag`, :class:`Reason`, :class:`Method`, or one of the caller's own.
    dtype : str, optional
        Type of the variable, which CF wants the attribute to share; int32 for masks and int8 for values
        unless given.

    Returns
    -------
    dict
        ``flag_masks`` (for an IntFlag) or ``flag_values``, and ``flag_meanings`` in the same order.

    Examples
    --------
    >>> flag_attributes(Flag)["flag_meanings"]
    'good not_evaluated suspect bad missing'
    """
    import numpy as np

    mask = issubclass(enum, IntFlag)
    numbers = np.array([int(member) for member in enum], dtype=dtype or ("int32" if mask else "int8"))
    meanings = " ".join(str(member.name).lower() for member in enum)
    return {"flag_masks" if mask else "flag_values": numbers, "flag_meanings": meanings}


def describe(value: int, enum: type[IntEnum] | type[IntFlag] = Reason) -> list[str]:
    """Return the meanings of a stored number; what the enumeration does not know is given as a number.

    Examples
    --------
    >>> describe(int(Reason.NEGATIVE | Reason.CALIBRATION))
    ['negative', 'calibration']
    >>> describe(4, Flag)
    ['bad']
    """
    value = int(value)
    if not issubclass(enum, IntFlag):
        return [str(m.name).lower() for m in enum if int(m) == value] or [str(value)]
    known = [m for m in enum if value & int(m)]
    rest = value & ~sum(int(m) for m in known)
    return [str(m.name).lower() for m in known] + ([str(rest)] if rest else [])


def merge_flags(*flags: Any) -> npt.NDArray[np.int8]:
    """Return the worst of several flags: good < not evaluated < suspect < bad < missing.

    Parameters
    ----------
    flags : int or array of int
        Levels of :class:`Flag`, broadcast against each other; at least one.

    Returns
    -------
    ndarray of int8
    """
    import numpy as np

    worst = np.asarray(flags[0])
    for other in flags[1:]:
        worst = np.maximum(worst, other)
    return np.asarray(worst).astype(np.int8)


def merge_reasons(*reasons: Any) -> npt.NDArray[np.int32]:
    """Return the union of several reason masks.

    Parameters
    ----------
    reasons : int or array of int
        Masks of :class:`Reason`, broadcast against each other; at least one.

    Returns
    -------
    ndarray of int32
    """
    import numpy as np

    union = np.asarray(reasons[0]).astype(np.int32)
    for other in reasons[1:]:
        union = union | np.asarray(other).astype(np.int32)
    return np.asarray(union, dtype=np.int32)
