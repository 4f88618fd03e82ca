"""Bottom-up against top-down, at a region: inventory against inversion, sinks included."""
