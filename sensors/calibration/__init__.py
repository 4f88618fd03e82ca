"""From readings to mole fractions on a scale: segments, water, response, drift, propagation, averages."""
