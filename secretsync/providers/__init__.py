"""The backends values come from, one file each, behind one small protocol."""
