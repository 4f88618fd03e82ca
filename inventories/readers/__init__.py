"""Foreign tables of activity data -> streams."""
