"""What the targets share."""

import os

_parent = os.getppid()


def ready():
    """Says that it has come to where it is to be looked at."""
    print("ready", flush=True)


def is_looked_at():
    """Until the process that started this one has gone, however that ended."""
    return os.getppid() == _parent
