"""A cache whose layers are packed otherwise than the build wants them."""
import json
import os
import shutil
import unittest

import support

# Every execution gives other files: an equal image was not built again.
DOCKERFILE = """FROM {base}
COPY a.txt /
RUN cat a.txt; cat /proc/sys/kernel/random/uuid > /one
RUN cat /proc/sys/kernel/random/uuid > /two
"""
STEPS = 3
EARLY, LATE = "1000000000", "1100000000"


class CacheFormsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def setUp(self):
        shutil.rmtree(self.store, True)
        self.folder = self.context("app", DOCKERFILE.format(base=self.base),
                                   a__txt="hello")
        self.cache = os.path.join(self.scratch, self.id().rsplit(".", 1)[1])

    def image(self, keys, *options, epoch=None):
        """The layers of an image of that form, and what was told."""
        out = os.path.join(self.scratch, "image")
        shutil.rmtree(out, True)
        env = self.environment(**({"SOURCE_DATE_EPOCH": epoch} if epoch else {}))
        log = self.build("-o", f"type=oci,tar=false,dest={out}{keys}", *options,
                         self.folder, env=env).stderr
        with open(os.path.join(out, "index.json")) as f:
            manifest = json.load(f)["manifests"][0]["digest"]
        with open(os.path.join(out, "blobs/sha256", manifest[7:])) as f:
            return json.load(f)["layers"], log

    def fill(self, keys, **options):
        layers, _ = self.image(keys, "--cache-to",
                               f"type=local,dest={self.cache},mode=max",
                               **options)
        return layers

    def use(self, keys, *options, **more):
        shutil.rmtree(self.store, True)
        return self.image(keys, *options, "--cache-from",
                          f"type=local,src={self.cache}", **more)

    def assert_cached(self, log, steps=STEPS):
        self.assertEqual(log.count(" CACHED"), steps, log)
        self.assertNotIn("warning", log.lower())

    def test_another_compression_is_a_hit(self):
        self.fill(",compression=gzip")
        # What the same states give where they are packed that way at once.
        wanted, _ = self.image(",compression=zstd")
        layers, log = self.use(",compression=zstd")
        self.assert_cached(log)
        self.assertEqual(layers, wanted)
        layers, log = self.use(",compression=gzip,compression-level=1")
        self.assert_cached(log)

    def test_a_step_is_executed_on_a_state_packed_otherwise(self):
        self.fill(",compression=zstd")
        with open(os.path.join(self.folder, "Dockerfile"), "a") as f:
            f.write("RUN test -s /one && test -s /two && echo both are there\n")
        _, log = self.use(",compression=gzip")
        self.assert_cached(log)
        self.assertRegex(log, r"\d+ [\d.]+ both are there\n")

    def without_copies(self):
        """Copies give SOURCE_DATE_EPOCH to files: another one makes others."""
        self.context("app", DOCKERFILE.format(base=self.base).replace(
            "COPY a.txt /\nRUN cat a.txt; cat", "RUN cat"))

    def test_times_that_are_set_back_later_are_a_hit(self):
        self.without_copies()
        self.fill("")
        wanted, _ = self.image(",rewrite-timestamp=true", epoch=EARLY)
        layers, log = self.use(",rewrite-timestamp=true", epoch=EARLY)
        self.assert_cached(log, STEPS - 1)
        self.assertEqual(layers, wanted)

    def test_another_time_of_copies_is_told(self):
        explained = os.path.join(self.scratch, "explained.json")
        for epoch in (EARLY, EARLY, LATE):
            self.image("", f"--explain={explained}", epoch=epoch)
        with open(explained) as f:
            copied = json.load(f)["steps"][0]
        change, = copied["changes"]
        self.assertEqual(
            (change["kind"], change["name"], change["before"], change["after"]),
            ("argument", "SOURCE_DATE_EPOCH", EARLY, LATE))

    def test_times_that_were_set_back_are_a_miss_that_is_told(self):
        self.without_copies()
        self.fill(",rewrite-timestamp=true", epoch=EARLY)
        for keys, epoch, want in (("", None, "times as they are"),
                                  (",rewrite-timestamp=true", LATE,
                                   "set back to 2004-11-09T11:33:20Z")):
            explained = os.path.join(self.scratch, "explained.json")
            _, log = self.use(keys, f"--explain={explained}", epoch=epoch)
            self.assertNotIn(" CACHED", log)
            warnings = [line for line in log.splitlines()
                        if "warning" in line.lower()]
            self.assertEqual(len(warnings), 1, log)
            for part in (self.cache, "2001-09-09T01:46:40Z", want):
                self.assertIn(part, warnings[0])
            with open(explained) as f:
                steps = json.load(f)["steps"]
            self.assertEqual(len(steps), STEPS - 1)
            for step in steps:
                change, = step["changes"]
                self.assertEqual((change["kind"], change["name"]),
                                 ("layers", self.cache))
                self.assertIn(want, change["after"])
        # Set back to the same time, or an earlier one, they are what they were.
        for epoch in (EARLY, "900000000"):
            _, log = self.use(",rewrite-timestamp=true", epoch=epoch)
            self.assert_cached(log, STEPS - 1)


if __name__ == "__main__":
    unittest.main()
