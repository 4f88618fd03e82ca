"""Signs of a hand in a record: tests whose false alarms were measured, each a p-value or a count."""
