"""A city with a known truth: its raw files, the chain of commands that runs on them, and what was recovered."""
