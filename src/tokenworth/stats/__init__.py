"""Arrays in, arrays out; every function cites its source."""
