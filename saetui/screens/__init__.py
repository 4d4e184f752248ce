"""What opens over the views: keys, choices, a whole document."""
