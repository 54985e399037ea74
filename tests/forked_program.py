"""The program in a process of its own, as a user starts it, but for its children that load models: they are forks.

python forked_program.py KERAS LITERT WORD...    runs ``mobilecnn WORD...``; the sockets are those of zygote.py
"""

import sys

import forks

from mobilecnn.__main__ import main

if __name__ == "__main__":
    keras, litert, *words = sys.argv[1:]
    sys.argv = ["mobilecnn", *words]
    with forks.forked(forks.Zygotes(keras, litert)):
        main()
