"""The measurements of the ShuffleNet papers, made anew."""
