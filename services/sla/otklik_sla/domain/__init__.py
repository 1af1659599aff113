"""The rules of time: calendars, policies, clocks, and why each deadline is what it is."""
