"""Steps that mean harm, or do it: each ends in an error that says what happened, no process
is left, and the store works as before. In every isolation that works here."""
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import support


def isolations():
    """The names of those that work for this user."""
    table = support.json.loads(subprocess.run(
        [support.STRAKE, "doctor", "--format", "json"], text=True,
        capture_output=True).stdout)
    return [b["name"] for b in table["backends"] if b["works"]]


CGROUPS = "/sys/fs/cgroup"
# What cgroup v1 calls it, and v2.
LIMITS = {
    "processes": ("pids", "pids.max", "pids.max"),
    "bytes": ("memory", "memory.limit_in_bytes", "memory.max"),
    "swap": ("memory", "memory.swappiness", "memory.swap.max"),
}


def controller_folder(controller):
    """Where a control group with that controller can be made."""
    unified = os.path.join(CGROUPS, "cgroup.subtree_control")
    if not os.path.exists(unified):
        folder = os.path.join(CGROUPS, controller)
        if not os.path.exists(os.path.join(folder, "cgroup.procs")):
            raise unittest.SkipTest(f"no cgroup controller {controller}")
        return folder
    try:
        with open(unified, "w") as f:
            f.write("+" + controller)
    except OSError as error:
        raise unittest.SkipTest(f"no cgroup controller {controller}: {error}")
    return CGROUPS


@contextlib.contextmanager
def cgroup(**wishes):
    """A control group; yields the words that start a command in it."""
    controller = LIMITS[next(iter(wishes))][0]
    base = controller_folder(controller)
    unified = base == CGROUPS
    limits = {LIMITS[wish][2 if unified else 1]: str(value)
              for wish, value in wishes.items()}
    folder = tempfile.mkdtemp(prefix="strake-test-", dir=base)
    try:
        for name, value in limits.items():
            limit = os.path.join(folder, name)
            # A kernel that swaps nothing has no limit for it.
            if os.path.exists(limit):
                with open(limit, "w") as f:
                    f.write(value)
        yield ["sh", "-c", f"echo $$ > {folder}/cgroup.procs && exec \"$@\"", "sh"]
        with open(os.path.join(folder, "cgroup.procs")) as f:
            left = f.read().split()
        if left:
            raise AssertionError(f"processes are left: {left}")
    finally:
        for _ in range(100):
            try:
                os.rmdir(folder)
                break
            except OSError:
                time.sleep(0.05)


class HostileTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need_root()
        cls.start_hub()

    def attempt(self, name, isolation, step, prefix=(), **env):
        context = self.context(f"{name}-{isolation}", f"FROM {self.base}\n{step}\n")
        started = time.monotonic()
        result = self.strake("build", "--progress=plain", "--no-cache",
                             "--isolation", isolation, "-t", "never", context,
                             prefix=prefix, env=self.environment(**env),
                             timeout=240)
        self.assertLess(time.monotonic() - started, 200)
        self.assertEqual([m for m in support.mounts(self.scratch)
                          if "small-" not in m], [])
        self.assertNotIn("internal error", result.stderr)
        return result

    def check_store(self, isolation, **env):
        """What the step left in the store is in nobody's way."""
        good = self.context(f"good-{isolation}",
                            f"FROM {self.base}\nRUN echo ok > /ok\n")
        result = self.strake("build", "--progress=plain", "--no-cache",
                             "--isolation", isolation, "-t", "good", good,
                             env=self.environment(**env))
        self.assertEqual(result.returncode, 0, result.stderr)
        store = env.get("STRAKE_HOME", self.store)
        for kind in os.listdir(os.path.join(store, "snapshots")):
            active = os.path.join(store, "snapshots", kind, "active")
            self.assertEqual(os.listdir(active), [], kind)

    def each(self, check):
        for isolation in isolations():
            with self.subTest(isolation=isolation):
                check(isolation)

    def test_forks_without_end(self):
        def check(isolation):
            with cgroup(processes=150) as prefix:
                result = self.attempt(
                    "bomb", isolation,
                    "RUN bomb() { bomb | bomb & }; bomb; sleep 1; exit 3",
                    prefix=prefix)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("did not complete successfully", result.stderr)
            self.check_store(isolation)
        self.each(check)

    def test_fills_the_disk(self):
        def check(isolation):
            folder = os.path.join(self.scratch, "small-" + isolation)
            os.makedirs(folder)
            # A mount of this test's own, which its child processes inherit.
            support.run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder)
            try:
                env = {"STRAKE_HOME": folder + "/store"}
                result = self.attempt(
                    "full", isolation,
                    "RUN dd if=/dev/zero of=/big bs=1M count=500", **env)
                self.assertEqual(result.returncode, 1)
                self.assertIn("No space left on device", result.stderr)
                self.check_store(isolation, **env)
                # Where the disk is full while a layer is packed, or unpacked.
                big = self.context("big-" + isolation,
                                   f"FROM {self.base}\nCOPY big big2 /\n")
                for name in ("big", "big2"):
                    with open(os.path.join(big, name), "wb") as f:
                        f.write(os.urandom(22 << 20))
                result = self.strake("build", "--progress=plain", "-t", "never",
                                     "--isolation", isolation, big,
                                     env=self.environment(**env))
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn("No space left on device", result.stderr)
                self.check_store(isolation, **env)
            finally:
                support.run("umount", folder)
        self.each(check)

    def test_allocates_without_end(self):
        def check(isolation):
            with cgroup(bytes=128 << 20, swap=0) as prefix:
                result = self.attempt("memory", isolation, "RUN tail /dev/zero",
                                      prefix=prefix)
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertRegex(result.stderr,
                             r"exit code: 137|[Oo]ut of memory")
            self.check_store(isolation)
        self.each(check)

    def test_allocates_up_to_a_limit(self):
        def check(isolation):
            result = self.attempt("limit", isolation, "RUN tail /dev/zero",
                                  prefix=["prlimit", "--as=2000000000"])
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertIn("did not complete successfully", result.stderr)
            self.check_store(isolation)
        self.each(check)

    def test_writes_without_end(self):
        """Output is passed on as it comes; nothing of it is kept."""
        def check(isolation):
            with cgroup(bytes=256 << 20) as prefix:
                result = self.attempt(
                    "output", isolation,
                    "RUN yes $(seq 40) | head -c 40000000; head -c 40000000 "
                    "/dev/zero | tr '\\0' z; exit 4",
                    prefix=["sh", "-c", '"$@" 2>&1 | tail -c 2000 >&2; exit 4',
                            "sh", *prefix])
            self.assertIn("exit code: 4", result.stderr)
        self.each(check)

    def test_makes_a_tree_that_is_hard_to_remove(self):
        def check(isolation):
            result = self.attempt(
                "deep", isolation,
                "RUN mkdir /d && cd /d && i=0; while [ $i -lt 600 ]; do mkdir "
                "dddddddddddddddddddd && cd dddddddddddddddddddd; i=$((i+1)); "
                "done; chmod 0 /d; exit 5")
            self.assertIn("exit code: 5", result.stderr)
            self.check_store(isolation)
        self.each(check)


if __name__ == "__main__":
    unittest.main()
