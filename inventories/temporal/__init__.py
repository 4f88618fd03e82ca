"""From the year to the hour: profiles, calendars, zones, holidays and heating."""
