"""Images from place to place by `strake copy`, beside what skopeo makes of them."""
import hashlib
import json
import os
import shutil
import unittest

import support

EMPTY = b"{}"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class CopyTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("skopeo")
        cls.docker = cls.registry()
        cls.own = support.OwnRegistry(os.path.join(cls.scratch, "own"))
        cls.addClassCleanup(cls.own.stop)
        test = cls()
        folder = test.context("image", "FROM scratch\nARG TARGETARCH\nCOPY both /\n"
                              "COPY $TARGETARCH /own\n", both="0\n", amd64="1\n",
                              arm64="2\n")
        cls.app = f"{cls.docker.name}/app"
        test.build("--platform", "linux/amd64,linux/arm64", "--push", "-t",
                   f"{cls.app}:1", folder)
        cls.index = test.raw(f"{cls.app}:1")
        cls.digest = digest_of(cls.index)
        cls.arm64 = next(e["digest"] for e in json.loads(cls.index)["manifests"]
                         if e["platform"]["architecture"] == "arm64")

    def path(self, name):
        return os.path.join(self.scratch, name)

    def copy(self, *arguments):
        result = self.strake("copy", "-q", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def refuse(self, *arguments):
        result = self.strake("copy", "-q", *arguments)
        self.assertNotEqual(result.returncode, 0)
        return result.stderr

    def content(self, path):
        with open(path, "rb") as f:
            return f.read()

    def load(self, path):
        return json.loads(self.content(path))

    def raw(self, reference):
        return support.run("skopeo", "inspect", "--raw", "--tls-verify=false",
                           f"docker://{reference}").encode()

    def test_keeps_the_digest_in_every_direction(self):
        places = [f"{self.own.name}/copy/app:1", f"oci:{self.path('layout')}:1",
                  f"oci-archive:{self.path('archive.tar')}:1", "store:copied:1"]
        for i, place in enumerate(places):
            printed = self.copy(f"{self.app}:1", place)
            self.assertTrue(printed.endswith("@" + self.digest), printed)
            back = f"{self.docker.name}/back{i}:1"
            self.copy(place, "docker://" + back)
            self.assertEqual(self.raw(back), self.index)
            # And among themselves.
            self.copy(place, f"oci-archive:{self.path(f'again{i}.tar')}")
            self.copy(f"oci-archive:{self.path(f'again{i}.tar')}",
                      f"{self.own.name}/again{i}:1")
            self.assertEqual(self.raw(f"{self.own.name}/again{i}:1"), self.index)

    def test_is_understood_by_skopeo(self):
        self.copy(f"{self.app}:1", f"oci:{self.path('theirs')}:x")
        self.copy("--platform", "linux/amd64", f"{self.app}:1",
                  f"docker-archive:{self.path('theirs.tar')}")
        self.copy(f"{self.app}:1", f"oci-archive:{self.path('theirs-oci.tar')}:x")
        for source, options in ((f"oci:{self.path('theirs')}:x", ["--all"]),
                                (f"oci-archive:{self.path('theirs-oci.tar')}:x", ["--all"]),
                                (f"docker-archive:{self.path('theirs.tar')}", [])):
            support.run("skopeo", "copy", "-q", *options, source,
                        f"dir:{self.path('seen')}")
            shutil.rmtree(self.path("seen"))
        self.assertEqual(
            json.loads(support.run("skopeo", "inspect", f"docker-archive:{self.path('theirs.tar')}")
                       )["Architecture"], "amd64")

    def test_understands_skopeo(self):
        source = f"docker://{self.app}:1"
        archive = f"docker-archive:{self.path('saved.tar')}"
        support.run("skopeo", "copy", "-q", "--src-tls-verify=false", "--override-arch",
                    "amd64", source, f"{archive}:team/saved:2")
        first = self.copy(archive, f"{self.own.name}/saved:1")
        self.assertEqual(first, self.copy(f"{archive}:team/saved:2",
                                          f"{self.own.name}/saved:2"))
        self.assertIn("team/saved", self.refuse(f"{archive}:team/other",
                                                f"{self.own.name}/saved:3"))
        # The layers are those that the configuration promises.
        support.run("skopeo", "copy", "-q", "--src-tls-verify=false",
                    f"docker://{self.own.name}/saved:1", f"dir:{self.path('checked')}")
        support.run("skopeo", "copy", "-q", "--all", "--src-tls-verify=false", source,
                    f"oci:{self.path('from-skopeo')}:1")
        self.copy(f"oci:{self.path('from-skopeo')}:1", f"{self.own.name}/layout:1")
        self.assertEqual(self.raw(f"{self.own.name}/layout:1"), self.index)

    def test_copies_one_platform(self):
        printed = self.copy("--platform", "linux/arm64", f"{self.app}:1",
                            f"{self.own.name}/one:1")
        self.assertEqual(printed, f"{self.own.name}/one@{self.arm64}")
        self.assertEqual(digest_of(self.raw(f"{self.own.name}/one:1")), self.arm64)
        error = self.refuse("--platform", "linux/s390x", f"{self.app}:1",
                            f"{self.own.name}/one:2")
        self.assertIn("linux/arm64", error)
        error = self.refuse(f"{self.app}:1", f"docker-archive:{self.path('no.tar')}")
        self.assertIn("--platform", error)
        self.assertFalse(os.path.exists(self.path("no.tar")))
        error = self.refuse(f"{self.app}:1", f"{self.own.name}/one@{self.arm64}")
        self.assertIn(self.digest, error)

    def test_a_lone_image_is_for_its_own_platform(self):
        name, layout = f"{self.own.name}/lone:1", f"oci:{self.path('lone')}:1"
        self.copy("--platform", "linux/amd64", f"{self.app}:1", name)
        self.copy("--platform", "linux/amd64", name, layout)
        for source in (name, layout):
            error = self.refuse("--platform=linux/arm64", source, f"{self.own.name}/lone:2")
            for word in (source, "linux/arm64", "linux/amd64"):
                self.assertIn(word, error)
        for command in (["pull", "-q"], ["manifest", "get"], ["inspect", "--remote"]):
            result = self.strake(*command, "--platform=linux/arm64", name)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            for word in (name, "linux/arm64", "linux/amd64"):
                self.assertIn(word, result.stderr)
            result = self.strake(*command, "--platform=linux/amd64", name)
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_sends_nothing_that_is_there(self):
        before = len(self.docker.requests())
        self.copy(f"{self.app}:1", f"{self.docker.name}/mounted:1")
        requests = self.docker.requests()[before:]
        self.assertTrue([r for r in requests if "mount=sha256" in r], requests)
        blobs = [r for r in requests if "/blobs/sha256" in r and r.startswith("GET")]
        self.assertEqual(blobs, [])
        self.assertFalse([r for r in requests if r.startswith(("PATCH", "PUT /v2/mounted/blobs"))])
        before = len(self.docker.requests())
        self.copy(f"{self.app}:1", f"{self.docker.name}/mounted:2")
        self.assertFalse([r for r in self.docker.requests()[before:]
                          if "/blobs/" in r], "only the tag is new")

    def damaged_layout(self):
        """A layout with a good image "good" and one, "bad", whose layer is not what it was."""
        layout = self.path("damaged")
        shutil.rmtree(layout, True)
        support.run("skopeo", "copy", "-q", "--all", "--src-tls-verify=false",
                    f"docker://{self.app}:1", f"oci:{layout}:bad")
        blobs = os.path.join(layout, "blobs", "sha256")
        manifest = self.load(os.path.join(blobs, self.arm64.split(":")[1]))
        layer = manifest["layers"][1]
        with open(os.path.join(blobs, layer["digest"].split(":")[1]), "wb") as f:
            f.write(b"x" * layer["size"])
        return f"oci:{layout}:bad"

    def test_leaves_nothing_half_written(self):
        bad = self.damaged_layout()
        archive = self.path("kept.tar")
        self.copy(f"{self.app}:1", f"oci-archive:{archive}")
        content = self.content(archive)
        self.assertIn("digest", self.refuse(bad, f"oci:{self.path('fresh/deep')}:1"))
        self.assertEqual(os.listdir(self.path("fresh")), [])
        self.refuse(bad, f"oci-archive:{archive}")
        self.assertEqual(self.content(archive), content)
        self.refuse(bad, f"oci-archive:{self.path('fresh')}/new.tar")
        self.refuse(bad, f"{self.own.name}/never:1")
        self.assertEqual(os.listdir(self.path("fresh")), [])
        self.assertNotIn("never:1", self.strake("tags", f"{self.own.name}/never").stdout)
        # A layout keeps the tags that it has.
        target = self.path("kept")
        self.copy("--platform", "linux/amd64", f"{self.app}:1", f"oci:{target}:good")
        self.refuse(bad, f"oci:{target}:good")
        names = [e["annotations"]["org.opencontainers.image.ref.name"]
                 for e in self.load(os.path.join(target, "index.json"))["manifests"]]
        self.assertEqual(names, ["good"])
        support.run("skopeo", "copy", "-q", f"oci:{target}:good", f"dir:{self.path('whole')}")

    def test_refuses_a_folder_that_is_no_layout(self):
        folder = self.path("mine")
        os.mkdir(folder)
        with open(os.path.join(folder, "file"), "w") as f:
            f.write("precious\n")
        self.assertIn("layout", self.refuse(f"{self.app}:1", f"oci:{folder}:1"))
        self.assertEqual(os.listdir(folder), ["file"])

    def attach(self, subject, artifact_type):
        """An artifact that refers to the digest `subject` of the app; its digest."""
        with open(self.path("config.json"), "wb") as f:
            f.write(EMPTY)
        self.strake("blob", "put", self.app, self.path("config.json"))
        document = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json",
                       "digest": digest_of(EMPTY), "size": 2},
            "layers": [],
            "subject": {"mediaType": MANIFEST, "digest": subject, "size": 1},
        }).encode()
        with open(self.path("artifact.json"), "wb") as f:
            f.write(document)
        result = self.strake("manifest", "put", self.app, self.path("artifact.json"))
        self.assertEqual(result.returncode, 0, result.stderr)
        return digest_of(document)

    def test_mistakes_in_places_are_mistakes_in_usage(self):
        digest = "@sha256:" + "0" * 64
        for bad in ("oci:", "oci-archive:", "oci:a:", "oci:a:b" + digest, "oci:a@sha256:1",
                    "docker-archive:a" + digest, "docker-archive:a:B", "store:",
                    "docker://", "registry.example/UPPER"):
            for places in ((bad, "oci:x"), ("oci:x", bad)):
                result = self.strake("copy", *places)
                self.assertEqual(result.returncode, 2, (places, result.stderr))
        self.assertIn("oci-layout", self.refuse("oci:" + self.path("none"), "store:x"))
        self.assertIn(self.path("none"), self.refuse(
            "oci-archive:" + self.path("none"), "store:x"))

    def test_takes_referrers_along(self):
        signature = self.attach(self.digest, "application/vnd.test.signature")
        on_signature = self.attach(signature, "application/vnd.test.stamp")
        sbom = self.attach(self.arm64, "application/vnd.test.sbom")
        layout = f"oci:{self.path('with-referrers')}:1"
        own = f"{self.own.name}/with-referrers"
        docker = f"{self.docker.name}/with-referrers"
        self.copy("--referrers", f"{self.app}:1", layout)
        self.copy("--referrers", layout, f"{own}:1")
        self.copy("--referrers", f"{own}:1", f"{docker}:1")
        for name in (own, docker):
            for subject, referrer in ((self.digest, signature), (signature, on_signature),
                                      (self.arm64, sbom)):
                listed = self.strake("referrers", f"{name}@{subject}")
                self.assertEqual(listed.returncode, 0, listed.stderr)
                self.assertEqual(listed.stdout.split()[0], referrer)
        self.assertIn("referrers", self.refuse(
            "--referrers", "--platform", "linux/arm64", f"{self.app}:1",
            f"docker-archive:{self.path('r.tar')}"))


if __name__ == "__main__":
    unittest.main()
