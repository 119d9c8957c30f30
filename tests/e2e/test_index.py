"""Image indexes put together from images that separate jobs have pushed."""
import concurrent.futures
import json
import os
import unittest

import support

ARCHITECTURES = ["amd64", "arm", "arm64", "riscv64", "s390x"]


class IndexTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("skopeo")
        cls.docker = cls.registry()
        cls.other = cls.registry("other")
        cls.own = support.OwnRegistry(os.path.join(cls.scratch, "own"))
        cls.addClassCleanup(cls.own.stop)

    def push(self, name, arch, content="x"):
        folder = self.context("image", "FROM scratch\nCOPY f /\n",
                              f=f"{arch} {content}\n")
        self.build("--platform", f"linux/{arch}", "--push", "-t", name, folder)

    def index(self, *arguments):
        result = self.strake("index", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def raw(self, reference):
        return json.loads(support.run("skopeo", "inspect", "--raw",
                                      "--tls-verify=false",
                                      f"docker://{reference}"))

    def platforms(self, reference):
        return ["/".join(filter(None, (e["platform"]["architecture"],
                                       e["platform"].get("variant"))))
                for e in self.raw(reference)["manifests"]]

    def test_create(self):
        app = f"{self.docker.name}/create"
        self.push(f"{app}:arm64", "arm64")
        self.push(f"{app}:amd64", "amd64")
        printed = self.index("create", "--annotation", "a=1", "--annotation",
                             "manifest-descriptor:b=2", f"{app}:all",
                             f"{app}:arm64", f"{app}:amd64")
        self.assertTrue(printed.startswith(f"{app}@sha256:"), printed)
        self.assertEqual(self.platforms(printed), ["arm64", "amd64"])
        index = self.raw(f"{app}:all")
        self.assertEqual(index["annotations"], {"a": "1"})
        self.assertEqual(index["manifests"][0]["annotations"], {"b": "2"})
        support.run("skopeo", "copy", "-q", "--all", "--src-tls-verify=false",
                    f"docker://{app}:all", f"oci:{self.scratch}/layout:1")

    def test_create_of_digests_and_indexes(self):
        app = f"{self.docker.name}/digests"
        self.push(f"{app}:s390x", "s390x")
        self.push(f"{app}:arm", "arm")
        one = self.index("create", f"{app}:one", f"{app}:s390x")
        digest = self.raw(one)["manifests"][0]["digest"]
        self.index("create", f"{app}:two", f"{app}:arm", digest)
        self.index("create", f"{app}:three", f"{app}:two", f"{app}:one")
        self.assertEqual(self.platforms(f"{app}:three"), ["arm/v7", "s390x"])

    def test_copies_from_elsewhere(self):
        near = f"{self.docker.name}/near:1"
        far = f"{self.other.name}/far:1"
        app = f"{self.docker.name}/copied:1"
        self.push(near, "amd64")
        self.push(far, "arm64")
        self.index("create", app, near, far)
        self.assertEqual(self.platforms(app), ["amd64", "arm64"])
        for arch in ("amd64", "arm64"):
            support.run("skopeo", "copy", "-q", "--src-tls-verify=false",
                        "--override-arch", arch, f"docker://{app}",
                        f"oci:{self.scratch}/{arch}:1")

    def test_two_images_for_one_platform(self):
        app = f"{self.docker.name}/twice"
        self.push(f"{app}:a", "amd64", "a")
        self.push(f"{app}:b", "amd64", "b")
        made = self.strake("index", "create", f"{app}:1", f"{app}:a",
                           f"{app}:b")
        self.assertEqual(made.returncode, 1)
        self.assertIn("linux/amd64", made.stderr)

    def test_append_replaces_the_platforms_image(self):
        app = f"{self.own.name}/append"
        self.push(f"{app}:arm64", "arm64", "old")
        self.index("append", f"{app}:1", f"{app}:arm64")
        self.push(f"{app}:amd64", "amd64")
        self.index("append", f"{app}:1", f"{app}:amd64")
        self.push(f"{app}:arm64", "arm64", "new")
        self.index("append", f"{app}:1", f"{app}:arm64")
        self.assertEqual(self.platforms(f"{app}:1"), ["amd64", "arm64"])
        again = self.index("append", f"{app}:1", f"{app}:arm64")
        self.assertEqual(self.raw(again), self.raw(f"{app}:1"))

    def test_append_to_a_registry_without_conditions(self):
        app = f"{self.docker.name}/append"
        self.push(f"{app}:arm64", "arm64")
        self.push(f"{app}:amd64", "amd64")
        self.index("create", f"{app}:1", f"{app}:arm64")
        self.index("append", f"{app}:1", f"{app}:amd64")
        self.assertEqual(self.platforms(f"{app}:1"), ["amd64", "arm64"])

    def test_appends_at_once_lose_nothing(self):
        app = f"{self.own.name}/parallel"
        for arch in ARCHITECTURES:
            self.push(f"{app}:{arch}", arch)
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda arch: self.index("append", f"{app}:1",
                                                  f"{app}:{arch}"),
                          ARCHITECTURES))
        self.assertEqual(self.platforms(f"{app}:1"),
                         ["amd64", "arm/v7", "arm64", "riscv64", "s390x"])

    def test_what_is_no_image(self):
        app = f"{self.docker.name}/missing"
        made = self.strake("index", "append", f"{app}:1", f"{app}:nothing")
        self.assertEqual(made.returncode, 1)
        self.assertIn("404", made.stderr)
        made = self.strake("index", "create", "--annotation", "manifest:a=1",
                           f"{app}:1", f"{app}:2")
        self.assertEqual(made.returncode, 2)
        self.assertIn("manifest-descriptor", made.stderr)


if __name__ == "__main__":
    unittest.main()
