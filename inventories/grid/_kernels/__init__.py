"""Kernels of regridding: separable overlaps, exact coverage of rectangles by rings, clipping of polygons."""
