"""``python -m noisereel``: the command line."""

from .cli import main

if __name__ == "__main__":  # drawing processes import this module, too
    main()
