"""The functions of ``import mobilecnn``: the commands, for Python.

Options and their defaults are those of the command line, as keywords; a test holds the two equal.
Messages name an option as the command line writes it: ``--size`` is ``size=`` here. Nothing is
printed; a caller who waits passes ``progress``, a function of (steps done, all, what is next).

Imports are inside the functions, so that a measurement is read without the packages that
training needs.
"""
