"""The work: what can be asked, how it runs, and the mathematics behind it."""
