"""The representative data set: which images measure the ranges of activations, and check the file afterwards."""
