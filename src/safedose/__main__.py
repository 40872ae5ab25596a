"""`python -m safedose` is the command line."""

from safedose.cli import main

if __name__ == "__main__":
    main()
