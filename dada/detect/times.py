"""Times within a recording, as people write them."""


def clock(seconds: float) -> str:
    """Return minutes and seconds, with hours where there are any.

    >>> clock(5.25), clock(1931.7), clock(7325)
    ('0:05', '32:12', '2:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
