"""How a record is made: rounds, long runs, counts, checks of answers."""
