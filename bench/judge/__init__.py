"""What a record says: summaries, intervals, validity, comparisons."""
