"""Many pulls at once: by several strakes into one store, and through a cache."""
import json
import os
import subprocess
import unittest

import support


class PullsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = support.OwnRegistry(os.path.join(cls.scratch, "own"))
        cls.addClassCleanup(cls.own.stop)
        test = cls()
        cls.names = []
        for i in range(8):
            folder = test.context("image", "FROM scratch\nCOPY shared /\nCOPY own /\n",
                                  shared="x" * 3_000_000, own=f"{i}\n")
            cls.names.append(f"{cls.own.name}/app:{i}")
            test.build("--push", "-t", cls.names[-1], folder)

    def blobs(self, since, registry=None):
        """The blobs that have left the registry."""
        return [line.split()[1] for line in (registry or self.own).requests()[since:]
                if line.startswith("GET") and "/blobs/" in line]

    def start(self, store, *arguments):
        return subprocess.Popen(
            [support.STRAKE, "pull", "-q", *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self.environment(STRAKE_HOME=os.path.join(self.scratch, store)))

    def verify(self, store, *names):
        result = self.strake(
            "inspect", "--verify", *names,
            env=self.environment(STRAKE_HOME=os.path.join(self.scratch, store)))
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def test_eight_strakes_fetch_each_blob_once(self):
        since = len(self.own.requests())
        pulls = [self.start("store-a", self.names[0]) for _ in range(8)]
        outputs = [p.communicate(timeout=120) for p in pulls]
        self.assertEqual([p.returncode for p in pulls], [0] * 8, outputs)
        self.assertEqual(len({out for out, _ in outputs}), 1)
        fetched = self.blobs(since)
        self.assertEqual(len(fetched), 3, fetched)
        self.assertEqual(len(set(fetched)), 3)
        self.verify("store-a", self.names[0])

    def test_one_strake_pulls_several_images(self):
        since = len(self.own.requests())
        pull = self.start("store-b", *self.names)
        out, error = pull.communicate(timeout=120)
        self.assertEqual(pull.returncode, 0, error)
        self.assertEqual([line.split("@")[0] for line in out.splitlines()],
                         [f"{self.own.name}/app"] * 8)
        fetched = self.blobs(since)
        self.assertEqual(len(fetched), 1 + 2 * 8, fetched)
        self.assertEqual(len(self.verify("store-b", *self.names)), 8)
        pull = self.start("store-c", self.names[0], f"{self.own.name}/none:1")
        self.assertIn("none:1", pull.communicate(timeout=120)[1])
        self.assertEqual(pull.returncode, 1)

    def test_pull_through(self):
        cache = support.OwnRegistry(os.path.join(self.scratch, "cache"), "--pull-through",
                                    f"http://{self.own.name}")
        self.addCleanup(cache.stop)
        since = len(self.own.requests())
        name = f"{cache.name}/app:1"
        pulls = [self.start(f"store-{i}", name) for i in range(4)]
        outputs = [p.communicate(timeout=120) for p in pulls]
        self.assertEqual([p.returncode for p in pulls], [0] * 4, outputs)
        fetched = self.blobs(since)
        self.assertEqual(len(fetched), 3, fetched)
        for i in range(4):
            self.verify(f"store-{i}", name)
        refused = self.strake("copy", "-q", f"{self.own.name}/app:2", f"{cache.name}/app:new")
        self.assertIn("405", refused.stderr)


if __name__ == "__main__":
    unittest.main()
