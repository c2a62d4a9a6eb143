"""States of the same sentences among other neighbours, as points, and how they lie."""
