"""System calls under the supervisor answer as the kernel does for root.

The same random sequences (tests/builder/sandbox/syscall_fuzz.cc) are run in a
chroot as root, with Docker's capabilities, and under the backends notify and
trace (of the calls that its filter picks, and of all calls), without any.
STRAKE_FUZZ_FIRST and STRAKE_FUZZ_COUNT choose the seeds; the default is a quick
part of the 10,000 that were run by hand.
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
FIRST = os.environ.get("STRAKE_FUZZ_FIRST", "1")
COUNT = os.environ.get("STRAKE_FUZZ_COUNT", "600")


def sequences(text):
    """What each sequence printed, by its first line."""
    return {part.split("\n", 1)[0]: part.split("\n")
            for part in text.split("== ")[1:]}


class NotifyTest(unittest.TestCase):
    def test_random_calls_answer_as_under_real_root(self):
        support.need_root()
        with tempfile.TemporaryDirectory(prefix="strake-fuzz-") as scratch:
            ways = ("notify", "trace-filter", "trace-all")
            roots = [os.path.join(scratch, name) for name in ("real", *ways)]
            for root in roots:
                os.makedirs(os.path.join(root, "w"))
                os.mkdir(os.path.join(root, "proc"))
                shutil.copy(FUZZ, os.path.join(root, "fuzz"))
            real = self.in_chroot(roots[0])
            emulated = {way: self.supervised(way, root)
                        for way, root in zip(ways, roots[1:])}
        expected = sequences(real)
        self.assertEqual(len(expected), int(COUNT))
        for way, text in emulated.items():
            got = sequences(text)
            for name, lines in expected.items():
                self.assertEqual(got.get(name), lines, f"{way}: seed {name}")

    def supervised(self, way, root):
        return subprocess.run(
            [RUNNER, "-b", way, "-C", "/w", root, "0:0", "/fuzz", FIRST, COUNT],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
            timeout=900).stdout

    def in_chroot(self, root):
        proc = os.path.join(root, "proc")
        support.run("mount", "-t", "proc", "proc", proc)

        def enter():
            os.chroot(root)
            os.chdir("/w")
            os.setgroups([])
        try:
            return subprocess.run(
                ["/fuzz", FIRST, COUNT], preexec_fn=enter,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace",
                timeout=900).stdout
        finally:
            support.run("umount", proc)


if __name__ == "__main__":
    unittest.main()
