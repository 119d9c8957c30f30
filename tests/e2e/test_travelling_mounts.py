"""Cache mounts that outlive the disk: in pieces, of which only new ones move."""
import contextlib
import glob
import os
import subprocess
import time
import unittest

import support
import travelling

MEGABYTE = 1 << 20


class TravellingMountsTest(travelling.TravellingTest):
    def step(self, command):
        return self.context("app", f"FROM {self.base}\n"
                            f"RUN --mount=type=cache,id=c,target=/c {command}\n")

    def requests(self, before, method):
        return [r for r in self.hub.requests()[before:]
                if r.startswith(method) and "/blobs/" in r]

    def travel(self, cache, command, more=""):
        """Builds on an empty disk; the log, and what was sent and fetched."""
        self.forget_everything()
        before = len(self.hub.requests())
        log = self.build("--push", "-t", self.name("app"), "--cache-from", cache,
                         "--cache-to", f"type=registry,ref={cache},mounts=true"
                         + more, self.step(command)).stderr
        return log, self.requests(before, "PUT"), self.requests(before, "GET")

    def test_only_pieces_that_changed_are_sent(self):
        cache = self.name("cache")
        fill = ("head -c 12582912 /dev/urandom > /c/a; mkdir /c/d; "
                "echo text > /c/d/b; ln -s a /c/link; chmod 640 /c/d/b; "
                "chown 7:8 /c/d/b; head -c 1048576 /dev/urandom > /c/z")
        _, sent, _ = self.travel(cache, fill)
        self.assertGreater(len(sent), 8)
        # On an empty disk, the step finds what was there, and adds to it.
        look = "ls -ln /c/d/b; readlink /c/link; wc -c < /c/a; echo more >> /c/z"
        log, sent, fetched = self.travel(cache, look)
        self.assertRegex(log, r"-rw-r----- +1 7 +8 ")
        self.assertIn("12582912", log)
        self.assertGreater(len(fetched), 5)
        # The piece that changed, those that it meets, the image and the cache.
        self.assertLess(len(sent), 9, sent)
        _, sent, _ = self.travel(cache, "wc -c < /c/z; true")
        self.assertLess(len(sent), 7, sent)

    def test_nothing_is_fetched_for_a_step_that_is_cached(self):
        cache = self.name("cache")
        self.travel(cache, "head -c 5000000 /dev/urandom > /c/a")
        log, sent, fetched = self.travel(
            cache, "head -c 5000000 /dev/urandom > /c/a")
        self.assertIn(" CACHED", log)
        self.assertEqual(len(fetched), 2, fetched)  # two descriptions
        # The cache still has the mount.
        log, _, _ = self.travel(cache, "wc -c < /c/a")
        self.assertIn("5000000", log)

    def test_a_folder_keeps_mounts_too(self):
        folder = os.path.join(self.scratch, "cache")
        options = ["--cache-to", f"type=local,dest={folder},mounts=true",
                   "--cache-from", f"type=local,src={folder}"]
        self.build(*options, self.step("echo kept > /c/a"))
        self.forget_everything()
        log = self.build(*options, self.step("cat /c/a")).stderr
        self.assertRegex(log, r"\d kept\n")

    def test_what_is_too_large_stays(self):
        cache = self.name("cache")
        log, _, _ = self.travel(cache, "head -c 5000000 /dev/urandom > /c/a",
                                ",mounts-max-size=3MB")
        self.assertRegex(log, "(?i)warning.*does not travel.*more than 3")
        log, _, _ = self.travel(cache, "ls /c/a || echo empty")
        self.assertRegex(log, r"\d empty\n")

    def test_a_damaged_mount_is_an_empty_one(self):
        folder = os.path.join(self.scratch, "damaged")
        self.build("--cache-to", f"type=local,dest={folder},mounts=true",
                   self.step("head -c 300000 /dev/urandom > /c/a"))
        blobs = os.path.join(folder, "blobs/sha256")
        largest = max((os.path.join(blobs, name) for name in os.listdir(blobs)),
                      key=os.path.getsize)
        with open(largest, "rb") as f:
            content = f.read()
        os.unlink(largest)
        with open(largest, "wb") as f:
            f.write(b"damage" + content[6:])
        self.forget_everything()
        log = self.build("--cache-from", f"type=local,src={folder}",
                         self.step("ls /c/a || echo empty")).stderr
        self.assertRegex(log, "(?i)warning.*begins empty")
        self.assertRegex(log, r"\d empty\n")

    def test_a_mount_that_another_build_uses_is_waited_for(self):
        for sharing in ("shared", "locked"):
            self.forget_everything()
            cache = os.path.join(self.scratch, sharing)
            mine = self.step("true")
            self.build(mine)
            other = self.context("other", f"""FROM {self.base}
RUN --mount=type=cache,id=c,target=/c,sharing={sharing} \\
    touch /c/begun; until [ -e /c/go ]; do sleep 0.1; done; echo x > /c/done
""")
            with self.started("build", other):
                begun = self.wait_for("mounts/*/begun")
                with self.started("build", "--cache-to", "type=local,mounts="
                                  f"true,dest={cache}", mine) as packing:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        packing.wait(timeout=2)
                    with open(os.path.join(os.path.dirname(begun), "go"), "w"):
                        pass
            self.forget_everything()
            log = self.build("--cache-from", f"type=local,src={cache}",
                             self.step("ls /c")).stderr
            self.assertRegex(log, r"\d done\n")

    @contextlib.contextmanager
    def started(self, *command):
        """A strake that has to succeed, in the background."""
        with subprocess.Popen([support.STRAKE, *command],
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=self.environment()) as process:
            yield process
            output, _ = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, output)

    def wait_for(self, pattern):
        for _ in range(600):
            found = glob.glob(os.path.join(self.store, pattern))
            if found:
                return found[0]
            time.sleep(0.1)
        self.fail(f"no {pattern}")

    def test_an_image_holds_none(self):
        failed = self.strake("build", "--cache-to", "type=inline,mounts=true",
                             self.step("true"))
        self.assertEqual(failed.returncode, 2)
        self.assertIn("mounts=true", failed.stderr)


if __name__ == "__main__":
    unittest.main()
