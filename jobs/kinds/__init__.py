"""One short file per kind of job: read inputs, call the mathematics, publish tables."""
