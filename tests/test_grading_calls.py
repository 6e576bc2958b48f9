"""The filter of system calls, run step by step as the kernel would."""

import struct

import pytest

from vidlab.grading import calls


def run(program, number, machine, family=1):
    """What the kernel does with a call: the value that the filter returns."""
    steps = [struct.unpack("HBBI", program[at : at + 8]) for at in range(0, len(program), 8)]
    at = value = 0
    while True:
        code, yes, no, k = steps[at]
        if code == calls.RETURN:
            return k
        if code == calls.LOAD:
            value = {0: number, 4: machine, 16: family}[k]
        else:
            assert code in (calls.EQUAL, calls.AT_LEAST)
            at += yes if (value == k if code == calls.EQUAL else value >= k) else no
        at += 1


@pytest.mark.parametrize("machine", calls.MACHINES)
def test_what_is_refused_and_nothing_else(machine):
    column, name = calls.MACHINES[machine]
    program, refused = calls.program(machine), {each[column] for each in calls.REFUSED.values()}
    assert len(refused) == len(calls.REFUSED)
    for number in range(600):
        assert run(program, number, name) == (calls.REFUSE if number in refused else calls.ALLOW)
    socket = calls.SOCKET[column]
    assert [run(program, socket, name, family) for family in (1, 2, 10, 16, 40)] == [calls.ALLOW, *[calls.REFUSE] * 4]
    assert run(program, socket + 1, name, 40) == calls.ALLOW  # another call, whose argument means another thing
    assert run(program, calls.OTHER_TABLE, name) == calls.REFUSE
    assert run(program, calls.OTHER_TABLE + 1, name) == calls.REFUSE
    for other in (0, 0x40000003, *(each[1] for each in calls.MACHINES.values() if each[1] != name)):
        assert run(program, 1, other) == calls.REFUSE


def test_another_machine_gets_no_filter():
    with pytest.raises(OSError, match="no table of system calls for pdp11"):
        calls.program("pdp11")
