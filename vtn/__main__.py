"""`python -m vtn` is `ukvtn`."""

from vtn.cli import main

if __name__ == "__main__":
    main()
