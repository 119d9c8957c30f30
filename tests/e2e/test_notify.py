"""System calls under a supervisor answer as the kernel does for root.

The same random sequences (tests/builder/sandbox/syscall_fuzz.cc) are run in a
chroot as root, with Docker's capabilities, and by the backends that emulate
owners: notify, trace (of the calls that its filter picks, of all calls, and
below another supervisor), and userns-emu. STRAKE_FUZZ_FIRST, STRAKE_FUZZ_COUNT
and STRAKE_FUZZ_WAYS choose the seeds and the backends; the default is a quick
part of the 10,000 that were run by hand, of which the tracers get the first.
"""
import os
import shutil
import subprocess
import tempfile
import unittest

import support

BUILD = os.path.join(os.path.dirname(support.STRAKE), "tests/builder/sandbox")
# How calls reach the supervisor, as notify_runner has it, and how many
# sequences are run so; "nested" is the backend trace below another strake's
# listener.
WAYS = {"notify": 600, "trace-filter": 150, "trace-all": 150, "nested": 60,
        "userns-emu": 300}
USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
# Seeds by which differences were found, each mended since.
FOUND = (4925, 100188)
FIRST = int(os.environ.get("STRAKE_FUZZ_FIRST", "1"))


def ways():
    """The chosen ways, with their numbers of sequences."""
    chosen = os.environ.get("STRAKE_FUZZ_WAYS", ",".join(WAYS)).split(",")
    count = os.environ.get("STRAKE_FUZZ_COUNT")
    return {way: int(count or WAYS[way]) for way in chosen}


def sequences(text):
    """What each sequence printed, by its first line."""
    return {part.split("\n", 1)[0]: part.split("\n")
            for part in text.split("== ")[1:]}


class NotifyTest(unittest.TestCase):
    def setUp(self):
        support.need_root()
        folder = tempfile.TemporaryDirectory(prefix="strake-fuzz-")
        self.addCleanup(folder.cleanup)
        self.scratch = folder.name
        os.chmod(self.scratch, 0o755)
        # Where a plain user gets at them.
        for name in ("notify_runner", "userns_emu_runner"):
            shutil.copy(os.path.join(BUILD, name), self.scratch)

    def root(self, name):
        # Another strake has a place for its programs in the root around it.
        root = os.path.join(self.scratch,
                            "outer/inner" if name == "nested" else name)
        if not os.path.exists(root):
            os.makedirs(os.path.join(root, "w"))
            os.mkdir(os.path.join(root, "proc"))
            shutil.copy(os.path.join(BUILD, "syscall_fuzz"), root + "/fuzz")
            if name == "userns-emu":
                support.run("chown", "-R", "1000:1000", root)
        return root

    def test_random_calls_answer_as_under_real_root(self):
        self.compare(FIRST, ways())

    def test_calls_that_once_answered_otherwise(self):
        for seed in FOUND:
            self.compare(seed, {way: 1 for way in ways()})

    def compare(self, first, counts):
        most = max(counts.values())
        expected = sequences(self.in_chroot(self.root("real"), first, most))
        self.assertEqual(len(expected), most)
        for way, count in counts.items():
            got = sequences(self.supervised(way, first, count))
            for name in list(expected)[:count]:
                self.assertEqual(got.get(name), expected[name],
                                 f"{way}: seed {name}")

    def supervised(self, way, first, count):
        runner = self.scratch + "/notify_runner"
        root = self.root(way)
        words = [runner, "-b", way]
        if way == "userns-emu":
            words = [*USER, self.scratch + "/userns_emu_runner"]
        elif way == "nested":
            outer = self.scratch + "/outer"
            os.makedirs(outer + "/tmp", exist_ok=True)
            shutil.copy(runner, outer + "/runner")
            words = [runner, outer, "0:0", "/runner", "-b", "trace"]
            root = "/inner"
        return self.output([*words, "-C", "/w", root, "0:0", "/fuzz",
                            str(first), str(count)])

    def in_chroot(self, root, first, count):
        proc = os.path.join(root, "proc")
        support.run("mount", "-t", "proc", "proc", proc)

        def enter():
            os.chroot(root)
            os.chdir("/w")
            os.setgroups([])
        try:
            return self.output(["/fuzz", str(first), str(count)],
                               preexec_fn=enter)
        finally:
            support.run("umount", proc)

    def output(self, words, **options):
        return subprocess.run(words, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=900,
                              **options).stdout


if __name__ == "__main__":
    unittest.main()
