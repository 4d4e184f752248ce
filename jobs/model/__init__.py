"""Language models: load any of them, name their hook points, read and edit activations."""
