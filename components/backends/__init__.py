"""One component per secret backend."""
