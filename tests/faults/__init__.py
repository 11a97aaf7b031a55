"""Things that are wrong, and things that break in the middle: what is said, and what the next run mends."""
