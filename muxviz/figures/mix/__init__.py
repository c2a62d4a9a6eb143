"""One pass in pictures: the braid, the answers, the leaks, the time it took."""
