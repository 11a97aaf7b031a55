"""What a preview checks before anything is written, and says of all declarations at once."""
