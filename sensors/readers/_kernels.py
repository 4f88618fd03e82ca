"""Kernels of the delimited-text reader: straight from bytes to columns, without an intermediate string.

The text is cut into blocks at line ends that lie outside quotes; blocks are independent, so that the result
does not depend on the number of threads. Numbers that :func:`sensors._kernels.read_number` does not read exactly are
listed and read by Python's ``float`` afterwards. Text columns are coded block by block: a code per row and the place of
each new value.

NaN rule: an empty numeric field is NaN; a numeric field that is not a number is listed, never guessed.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel
from sensors._kernels import read_number

# Kinds of columns (array `kinds`)
SKIP, NUMBER, TEXT = 0, 1, 2
# Results of a block (array `status`): rows, or one of these with the offset in `place`
BAD_COLUMNS, BAD_QUOTE = -1, -2

_QUOTE, _LF, _CR, _SPACE, _TAB = 34, 10, 13, 32, 9


@kernel
def scan_blocks(lo, hi, data, block, quotes, lines):
    """Count quotes and line feeds per block of `block` bytes.

    Parameters
    ----------
    lo, hi : int
        Blocks to count.
    data : uint8 (n,)
    block : int
    quotes, lines : int64 (ceil(n / block),)
        Filled.
    """
    n = data.size
    for b in range(lo, hi):
        nq = 0
        nl = 0
        for i in range(b * block, min(n, (b + 1) * block)):
            c = data[i]
            nq += c == 34
            nl += c == 10
        quotes[b] = nq
        lines[b] = nl


@kernel
def block_starts(data, first, block, quotes, starts):
    """Return in `starts` the first byte of the first whole record of each block; the last entry is the end.

    A line feed inside quotes does not end a record: the parity of the quotes before each block tells.
    """
    n = data.size
    inside = 0
    for b in range(quotes.size):
        parity = inside
        i = b * block
        if b == 0:
            starts[b] = first
        else:
            found = n
            while i < n:
                c = data[i]
                if c == 34:
                    parity ^= 1
                elif c == 10 and parity == 0:
                    found = i + 1
                    break
                i += 1
            starts[b] = max(found, starts[b - 1])
        inside ^= quotes[b] & 1
    starts[quotes.size] = n


@kernel
def _same(data, a, b, length):
    for i in range(length):  # noqa: SIM110 (compiled: a loop, not a generator)
        if data[a + i] != data[b + i]:
            return False
    return True


@kernel
def _code(data, a, length, table, mask, starts, lengths, count):
    """Return the code of the text ``data[a:a+length]``, entering it in the hash table when it is new."""
    h = 5381
    for i in range(a, a + length):
        h = (h * 8191 + np.int64(data[i])) & 0xFFFFFFFFFFFF  # 48 bits times 13 bits fits
    slot = (h ^ (h >> 23)) & mask
    while True:
        found = table[slot]
        if found == 0:
            table[slot] = count + 1
            starts[count] = a
            lengths[count] = length
            return count
        if lengths[found - 1] == length and _same(data, a, starts[found - 1], length):
            return found - 1
        slot = (slot + 1) & mask


@kernel
def _field_end(data, i, stop, delimiter):
    """Return begin, end and stop of the field that begins at `i`: its text without quotes and blanks.

    The stop is the place of the delimiter or line end behind the field, or -1 when a quote is not closed or
    is followed by something else.
    """
    while i < stop and data[i] == 32:
        i += 1
    if i < stop and data[i] == 34:
        a = i + 1
        i = a
        while i < stop:
            if data[i] == 34:
                if i + 1 < stop and data[i + 1] == 34:
                    i += 1
                else:
                    break
            i += 1
        if i >= stop:
            return a, i, -1
        b = i
        i += 1
        while i < stop and (data[i] == 32 or data[i] == 13):
            i += 1
        if i < stop and data[i] != delimiter and data[i] != 10:
            return a, b, -1
        return a, b, i
    a = i
    while i < stop and data[i] != delimiter and data[i] != 10:
        i += 1
    b = i
    while b > a and (data[b - 1] == 32 or data[b - 1] == 13):
        b -= 1
    return a, b, i


@kernel
def _repeats(data, i, stop, delimiter, start, length):
    """Tell whether the field at `i` has the same bytes as the one above it, which spares reading it."""
    if length < 0 or i + length >= stop:
        return False
    after = data[i + length]
    return (after == delimiter or after == 10) and _same(data, i, start, length)


@kernel
def _blank(data, i, stop):
    """Return the bytes of the empty line at `i`; 0 where a record begins."""
    if data[i] == 10:
        return 1
    return 1 if data[i] == 13 and (i + 1 == stop or data[i + 1] == 10) else 0


@kernel
def _list(slow, late, row, slot, a, b):
    """List the field ``data[a:b]`` as one that needs Python, where there is room."""
    if late < slow.shape[1]:
        slow[0, late] = row
        slow[1, late] = slot
        slow[2, late] = (a << 16) | min(b - a, 65535)


@kernel
def parse_block(data, start, stop, delimiter, kinds, slots, powers, numbers, codes, row0, capacity, uniq_start,
                uniq_len, uniq_count, slow, info):  # fmt: skip
    """Read the records of one block into rows ``row0 ...`` of the outputs.

    Parameters
    ----------
    data : uint8 (n,)
    start, stop : int
        Bytes of the block.
    delimiter : int
    kinds, slots : int64 (columns,)
        SKIP, NUMBER or TEXT of each column of the file, and its row in `numbers` or `codes`.
    powers : float64 (23,)
        1e0 ... 1e22, exact.
    numbers : float64 (numeric columns, rows)
    codes : int32 (text columns, rows)
        Codes are local to the block.
    row0, capacity : int
        First row and number of rows kept for the block.
    uniq_start, uniq_len : int64 (text columns, values)
        Place and length of each different text, in the slice ``row0 ...`` of the second dimension.
    uniq_count : int64 (text columns,)
    slow : int64 (3, fields)
        Row, numeric column and packed place of fields that need Python, from ``row0`` on in the second
        dimension; overflow is counted.
    info : int64 (4,)
        Filled: rows (or a BAD code), place of the fault, count of slow fields, columns found.
    """
    columns, texts = kinds.size, max(codes.shape[0], 1)
    size = 64
    while size < 2 * capacity and size < 1 << 22:
        size *= 2
    tables = np.zeros((texts, size), np.int32)
    above_start = np.zeros(texts, np.int64)  # the field above, with its quotes
    above_length = np.full(texts, -1, np.int64)
    above_code = np.zeros(texts, np.int64)
    row, late, i = row0, 0, start
    while i < stop:
        blank = _blank(data, i, stop)
        if blank:
            i += blank
            continue
        begin, column, within = i, 0, True
        while within:
            kind = kinds[column] if column < columns else SKIP
            slot = slots[column] if kind != SKIP else 0
            field = i
            if kind == TEXT and _repeats(data, i, stop, delimiter, above_start[slot], above_length[slot]):
                i += above_length[slot]
            else:
                if i + 2 < stop and data[i] == 34 and data[i + 1] == 34 and data[i + 2] == delimiter:
                    a, b, i = i + 1, i + 1, i + 2  # the commonest field: empty, in quotes
                else:
                    a, b, i = _field_end(data, i, stop, delimiter)
                if i < 0:
                    info[0], info[1] = BAD_QUOTE, begin
                    return
                if kind == NUMBER:
                    value, missed = read_number(data, a, b, powers)
                    numbers[slot, row] = value
                    if missed:
                        _list(slow, late, row, slot, a, b)
                        late += 1
                elif kind == TEXT:
                    code = _code(data, a, b - a, tables[slot], size - 1, uniq_start[slot, row0:],
                                 uniq_len[slot, row0:], uniq_count[slot])  # fmt: skip
                    uniq_count[slot] = max(uniq_count[slot], code + 1)
                    above_code[slot] = code
            if kind == TEXT:
                codes[slot, row] = above_code[slot]
                above_start[slot], above_length[slot] = field, i - field
            column += 1
            within = i < stop and data[i] != 10
            i += 1
        if column != columns:
            info[0], info[1], info[3] = BAD_COLUMNS, begin, column
            return
        row += 1
    info[0], info[2] = row - row0, late


@kernel
def parse(lo, hi, data, starts, row0, delimiter, kinds, slots, powers, numbers, codes, uniq_start, uniq_len,
          uniq_count, slow, info):  # fmt: skip
    """Read the blocks ``lo ... hi - 1``; see :func:`parse_block` (arrays have a dimension of blocks before)."""
    for b in range(lo, hi):
        parse_block(data, starts[b], starts[b + 1], delimiter, kinds, slots, powers, numbers, codes, row0[b],
                    row0[b + 1] - row0[b], uniq_start, uniq_len, uniq_count[b], slow[b], info[b])  # fmt: skip
