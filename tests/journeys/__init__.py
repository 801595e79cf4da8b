"""Journeys of public bug reports, from the broken state to a working one by typing what is printed."""
