"""Activity x factors -> accounted emissions, for any species."""
