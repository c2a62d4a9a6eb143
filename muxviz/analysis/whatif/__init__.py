"""One thing of a group changed, and everything else kept: faders, keys, seats, twins."""
