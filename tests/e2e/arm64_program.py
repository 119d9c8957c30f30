"""A program for arm64 that needs no compiler, loader or library.

It writes its message to standard output and to the file /made.
"""
import struct

MESSAGE = b"hello from arm64\n"
AT_FDCWD, O_WRONLY_CREAT = -100, 0o101
OPENAT, WRITE, EXIT = 56, 64, 93
SVC = 0xD4000001


def mov(register, value):
    if value < 0:  # movn
        return 0x92800000 | (~value << 5) | register
    return 0xD2800000 | (value << 5) | register


def address(register, distance):
    return (0x10000000 | ((distance & 3) << 29) | ((distance >> 2) << 5)
            | register)


def program():
    """The bytes of a statically linked ELF file."""
    path = b"/made\0"
    # Each entry: an instruction, or (register, offset behind the code).
    code = [
        mov(0, AT_FDCWD), (1, 0), mov(2, O_WRONLY_CREAT), mov(3, 0o644),
        mov(8, OPENAT), SVC,
        (1, len(path)), mov(2, len(MESSAGE)), mov(8, WRITE), SVC,
        mov(0, 1), (1, len(path)), mov(2, len(MESSAGE)), mov(8, WRITE), SVC,
        mov(0, 0), mov(8, EXIT), SVC]
    words = [address(word[0], 4 * (len(code) - i) + word[1])
             if isinstance(word, tuple) else word
             for i, word in enumerate(code)]
    body = struct.pack(f"<{len(words)}I", *words) + path + MESSAGE
    base, headers = 0x400000, 64 + 56
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 183, 1,
                         base + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    size = headers + len(body)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x10000)
    return header + segment + body
