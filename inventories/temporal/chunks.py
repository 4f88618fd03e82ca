"""How hours lie in a file: so that the hours and the week repeat within what zlib looks back over.

Emissions of one hour repeat a day and a week later. zlib looks back over 32 KiB, and of float32 with the bytes sorted
(shuffle) a chunk of few cells and many hours brings those repetitions into its sight: hourly files come out at half the
size, in half the time.

References
----------
RFC 1951: DEFLATE Compressed Data Format Specification, section 2 (distances of up to 32 KiB).
"""

from __future__ import annotations

from math import ceil, prod

__all__ = ["slabs"]

SLAB_BYTES = 1 << 25  # of all cells that are in memory at a time: half of the cache with which netCDF4 reads
CHUNK_BYTES = 1 << 22
SIGHT = 1 << 15  # bytes that zlib looks back over
DAY, WEEK = 24, 168
ITEM = 4  # bytes of float32


def slabs(hours: int, cells: tuple[int, ...]) -> tuple[int, ...]:
    """Return chunks of hourly values (hours, *cells).

    The hours of a chunk are those that are computed and written together: several days or weeks where they have room.

    Parameters
    ----------
    hours : int
        Of the year.
    cells : tuple of int
        Shape of the grid, one or two axes.
    """
    steps = max(1, min(hours, SLAB_BYTES // (ITEM * prod(cells))))
    unit = next((u for u in (WEEK, DAY) if steps >= 2 * u), 0)
    even = _even(hours, steps)  # so that the last chunk is no mere remainder
    steps = min(steps, ceil(even / DAY) * DAY) if unit else even
    room = SIGHT // unit if unit else CHUNK_BYTES // (ITEM * steps)  # cells of a chunk
    across = _even(cells[-1], room)
    return (steps, across) if len(cells) == 1 else (steps, _even(cells[0], room // cells[-1]), across)


def _even(size: int, most: int) -> int:
    """Return the length of the fewest equal parts of `size` that are no longer than `most`, or 1."""
    return ceil(size / ceil(size / max(most, 1)))
