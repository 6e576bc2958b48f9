"""System calls that no homework needs are refused in the jail: memory that nobody counts, and corners of the kernel
where holes have been found before. The filter holds for the process and all that it starts, and cannot be taken off.

Source: man 2 seccomp; the numbers are those of Linux's tables of system calls.
"""

from __future__ import annotations

import ctypes
import os
import struct

REFUSED = {  # name: its number on x86_64, on aarch64
    **{"memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196)},
    **{"semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180), "vmsplice": (278, 75)},
    **{"add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219)},
    **{"io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427)},
    **{"userfaultfd": (323, 282), "bpf": (321, 280), "perf_event_open": (298, 241), "ptrace": (101, 117)},
    **{"process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "personality": (135, 92)},
    **{"mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "unshare": (272, 97), "setns": (308, 268)},
    **{"open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431)},
    **{"fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467)},
    **{"pidfd_getfd": (438, 438), "kexec_file_load": (320, 294)},
    **{"name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "quotactl": (179, 60)},
    **{"init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104)},
}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, and what the kernel calls it
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # 1 is EPERM
OTHER_TABLE = 0x40000000  # x86_64 has a second table of numbers from here on
NUMBER, MACHINE, FAMILY = 0, 4, 16  # where they stand in what the filter looks at; the family is socket's argument
SOCKET, AF_UNIX = (41, 198), 1  # no other family: a virtual machine's own (vsock) is outside of network namespaces


def number(name: str) -> int:
    """The number of a system call on this machine.

    Raises:
        OSError: a machine whose numbers are not known.
    """
    return {**REFUSED, "socket": SOCKET}[name][_column(os.uname().machine)]


def _column(machine: str) -> int:
    if machine not in MACHINES:
        raise OSError(f"no table of system calls for {machine}")
    return MACHINES[machine][0]


def program(machine: str) -> bytes:
    """The filter: refuse another machine's calls, the second table, those above, and sockets but those within Linux
    itself; allow the rest.

    Raises:
        OSError: a machine whose numbers are not known.
    """
    column = _column(machine)
    numbers = [each[column] for each in REFUSED.values()]
    n = len(numbers)
    steps = [(LOAD, 0, 0, MACHINE), (EQUAL, 0, n + 6, MACHINES[machine][1]), (LOAD, 0, 0, NUMBER)]
    steps += [(AT_LEAST, n + 4, 0, OTHER_TABLE)]
    steps += [(EQUAL, n - k + 3, 0, number) for k, number in enumerate(numbers)]
    steps += [(EQUAL, 0, 2, SOCKET[column]), (LOAD, 0, 0, FAMILY), (EQUAL, 0, 1, AF_UNIX)]
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def refuse() -> None:
    """From here on. Needs PR_SET_NO_NEW_PRIVS.

    Raises:
        OSError: the kernel has no such filters, or another machine than x86_64 and aarch64.
    """
    steps = program(os.uname().machine)
    held = ctypes.create_string_buffer(steps, len(steps))
    about = ctypes.create_string_buffer(struct.pack("HP", len(steps) // 8, ctypes.addressof(held)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, about, 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "system calls cannot be filtered on this kernel")
