"""System calls under the supervisor answer as the kernel does for root.

The same random sequences (tests/builder/sandbox/syscall_fuzz.cc) are run in a
chroot as root, with Docker's capabilities, and under the backends notify and
trace (of the calls that its filter picks, and of all calls), without any.
STRAKE_FUZZ_FIRST and STRAKE_FUZZ_COUNT choose the seeds; the default is a quick
part of the 10,000 that were run by hand, of which the tracers get the first.
"""
import os
import shutil
import subprocess
import tempfile
import unittest

import support

BUILD = os.path.dirname(support.STRAKE)
FUZZ = os.path.join(BUILD, "tests/builder/sandbox/syscall_fuzz")
RUNNER = os.path.join(BUILD, "tests/builder/sandbox/notify_runner")
# How calls reach the supervisor, as notify_runner has it; the last is the
# backend trace below another strake's listener.
WAYS = ("notify", "trace-filter", "trace-all", "nested")
FIRST = os.environ.get("STRAKE_FUZZ_FIRST", "1")
COUNT = os.environ.get("STRAKE_FUZZ_COUNT")


def sequences(text):
    """What each sequence printed, by its first line."""
    return {part.split("\n", 1)[0]: part.split("\n")
            for part in text.split("== ")[1:]}


def count(way):
    """How many sequences are run."""
    return int(COUNT or {"notify": 600, "nested": 60}.get(way, 150))


def fill(root):
    os.makedirs(os.path.join(root, "w"))
    os.mkdir(os.path.join(root, "proc"))
    shutil.copy(FUZZ, os.path.join(root, "fuzz"))


class NotifyTest(unittest.TestCase):
    def test_random_calls_answer_as_under_real_root(self):
        support.need_root()
        with tempfile.TemporaryDirectory(prefix="strake-fuzz-") as scratch:
            real = os.path.join(scratch, "real")
            fill(real)
            expected = sequences(self.in_chroot(real))
            self.assertEqual(len(expected), count("notify"))
            for way in WAYS:
                root = os.path.join(scratch, way)
                fill(root)
                got = sequences(self.supervised(way, root))
                self.assertEqual(len(got), count(way))
                for name, lines in got.items():
                    self.assertEqual(lines, expected[name], f"{way}: seed {name}")

    def supervised(self, way, root):
        command = [RUNNER, "-b", way, "-C", "/w", root, "0:0", "/fuzz", FIRST,
                   str(count(way))]
        if way == "nested":
            outer = os.path.dirname(root) + "/outer"
            os.makedirs(outer + "/tmp")
            shutil.copy(RUNNER, outer + "/runner")
            os.rename(root, outer + "/inner")
            command = [RUNNER, outer, "0:0", "/runner", "-b", "trace", "-C", "/w",
                       "/inner", "0:0", "/fuzz", FIRST, str(count(way))]
        return self.output(command)

    def in_chroot(self, root):
        proc = os.path.join(root, "proc")
        support.run("mount", "-t", "proc", "proc", proc)

        def enter():
            os.chroot(root)
            os.chdir("/w")
            os.setgroups([])
        try:
            return self.output(["/fuzz", FIRST, str(count("notify"))],
                               preexec_fn=enter)
        finally:
            support.run("umount", proc)

    def output(self, command, **options):
        return subprocess.run(command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=900,
                              **options).stdout


if __name__ == "__main__":
    unittest.main()
