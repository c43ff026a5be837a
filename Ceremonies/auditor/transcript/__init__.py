"""Checks ceremony transcripts of version 1, from the specification alone; shares no code with the program."""
