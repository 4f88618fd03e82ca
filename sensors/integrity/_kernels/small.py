"""Medians of a few or many numbers, in place."""

from __future__ import annotations

from ghg.core.jit import kernel


@kernel
def sort_few(a, n):
    """Sort the first `n` numbers of `a` (a few: insertion)."""
    for i in range(1, n):
        v = a[i]
        j = i - 1
        while j >= 0 and a[j] > v:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = v


@kernel
def median_few(a, n):
    """Return the median of the first `n` numbers of `a`, which are sorted."""
    sort_few(a, n)
    return a[n // 2] if n % 2 else 0.5 * (a[n // 2 - 1] + a[n // 2])


@kernel
def select(a, lo, hi, k):
    """Return the number that would stand at `k` if ``a[lo:hi]`` were sorted (Hoare's quickselect)."""
    right = hi - 1
    left = lo
    while left < right:
        pivot = a[(left + right) // 2]
        i, j = left, right
        while i <= j:
            while a[i] < pivot:
                i += 1
            while a[j] > pivot:
                j -= 1
            if i <= j:
                a[i], a[j] = a[j], a[i]
                i += 1
                j -= 1
        if k <= j:
            right = j
        elif k >= i:
            left = i
        else:
            break
    return a[k]


@kernel
def median(a, lo, hi):
    """Return the upper median of ``a[lo:hi]``, whose order changes; there is at least one number."""
    return select(a, lo, hi, lo + (hi - lo) // 2)
