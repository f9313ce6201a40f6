"""What the scripts of the Python clients check with."""

tried = 0


def same(found, expected, what):
    global tried
    tried += 1
    assert found == expected, f"{what}: {found!r} instead of {expected!r}"


def fails(error, status, act, what):
    global tried
    tried += 1
    try:
        act()
    except error as raised:
        assert raised.status_code == status, f"{what}: {raised.status_code} instead of {status}"
        return raised
    raise AssertionError(f"{what}: nothing failed")
