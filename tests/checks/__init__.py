"""What a preview checks, before backends and clusters that can be told what to hold."""
