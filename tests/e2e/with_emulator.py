"""Runs a command where programs for arm64 run, too: `with_emulator.py COMMAND...`

In a user namespace of its own, in which every id is what it is outside, with a
binfmt_misc of its own (Linux 6.7). Nothing of it outlives the command.
"""
import ctypes
import os
import socket
import sys

QEMU = "/usr/bin/qemu-aarch64-static"
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_PRIVATE = 16384, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def register():
    target = "/proc/sys/fs/binfmt_misc"
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    check(libc.mount(b"binfmt_misc", target.encode(), b"binfmt_misc", 0, None))
    magic = "".join(f"\\x{b:02x}" for b in
                    b"\x7fELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\xb7\0")
    mask = "".join(f"\\x{b:02x}" for b in
                   b"\xff" * 7 + b"\0" * 9 + b"\xfe\xff\xff\xff")
    with open(f"{target}/register", "w") as f:
        f.write(f":qemu-aarch64:M::{magic}:{mask}:{QEMU}:PCF")


def main(command):
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
        theirs.send(b"u")
        theirs.recv(1)
        register()
        os.execvp(command[0], command)
    theirs.close()
    if ours.recv(1) == b"u":
        for kind in ("gid", "uid"):
            with open(f"/proc/{child}/{kind}_map", "w") as f:
                f.write("0 0 4294967295")
        ours.send(b"m")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
