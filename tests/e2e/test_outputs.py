"""Where a build's result goes, as other tools and an independent reader see it."""
import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import unittest
import urllib.error
import urllib.request
import zlib

import support

DOCKERFILE = """FROM {base}
COPY big small.txt /data/
RUN ln -s small.txt /data/link && ln /data/small.txt /data/hard && \\
    mkdir -p /data/empty && : > /data/nothing && rm /data/big2 2>/dev/null || true
ENV A=1
"""


def blob(layout, digest):
    algorithm, name = digest.split(":")
    with open(os.path.join(layout, "blobs", algorithm, name), "rb") as f:
        content = f.read()
    assert hashlib.new(algorithm, content).hexdigest() == name, digest
    return content


def read_image(layout):
    """The entry of index.json, manifest and config of a layout with one image."""
    with open(os.path.join(layout, "index.json")) as f:
        entry = json.load(f)["manifests"][0]
    manifest = json.loads(blob(layout, entry["digest"]))
    return entry, manifest, json.loads(blob(layout, manifest["config"]["digest"]))


def read_index(layout):
    """The entry of index.json and the image index that it names."""
    with open(os.path.join(layout, "index.json")) as f:
        entry = json.load(f)["manifests"][0]
    return entry, json.loads(blob(layout, entry["digest"]))


def member(content, offset):
    """What the gzip member at `offset` holds."""
    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content[offset:])


def read_estargz(content):
    """The table of contents of an eStargz layer, found by the footer, and its bytes."""
    footer = content[-51:]
    assert footer[:4] == b"\x1f\x8b\x08\x04", footer
    assert footer[10:16] == b"\x1a\x00SG\x16\x00" and footer[32:38] == b"STARGZ"
    assert gzip.decompress(footer) == b""
    offset = int(footer[16:32], 16)
    with tarfile.open(fileobj=io.BytesIO(member(content, offset))) as tar:
        entry = tar.next()
        assert entry.name == "stargz.index.json", entry.name
        text = tar.extractfile(entry).read()
        assert tar.next() is None
    return json.loads(text), text


class OutputsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("skopeo", "umoci")
        cls.start_hub()
        cls.dir = os.path.join(cls.scratch, "project")
        os.mkdir(cls.dir)
        with open(os.path.join(cls.dir, "Dockerfile"), "w") as f:
            f.write(DOCKERFILE.format(base=cls.base))
        with open(os.path.join(cls.dir, "big"), "wb") as f:
            for i in range(9000):
                f.write(hashlib.sha512(b"%d" % i).digest() * 16)
        with open(os.path.join(cls.dir, "small.txt"), "w") as f:
            f.write("small")

    def make_layout(self, name, *keys, arguments=()):
        folder = os.path.join(self.scratch, name)
        self.build(*arguments, "-o",
                   ",".join([f"type=oci,dest={folder},tar=false", *keys]), self.dir)
        return folder

    def files(self, image):
        """The files of an image as umoci unpacks it: name, type and content."""
        folder = os.path.join(self.scratch, "bundle")
        shutil.rmtree(folder, ignore_errors=True)
        support.run("umoci", "raw", "unpack", "--rootless", "--image", image, folder)
        found = {}
        for root, _, names in os.walk(os.path.join(folder, "data")):
            for name in names:
                path = os.path.join(root, name)
                with open(path, "rb") as f:
                    found[name] = (os.path.islink(path),
                                   hashlib.sha256(f.read()).hexdigest())
        return found

    def test_every_compression_is_accepted(self):
        magic = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd",
                 "uncompressed": b"bin/", "estargz": b"\x1f\x8b"}
        expected = None
        for compression, head in magic.items():
            keys = [f"compression={compression}", "force-compression=true", "name=t:1"]
            folder = self.make_layout(compression, *keys)
            _, manifest, config = read_image(folder)
            self.assertEqual(len(manifest["layers"]), 3)
            for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"]):
                content = blob(folder, layer["digest"])
                if compression != "uncompressed":
                    self.assertEqual(content[:len(head)], head, compression)
                if compression in ("gzip", "estargz"):
                    content = gzip.decompress(content)
                if compression != "zstd":
                    self.assertEqual("sha256:" + hashlib.sha256(content).hexdigest(),
                                     diff_id)
            if compression != "zstd":  # umoci of Debian 12 cannot read it
                files = self.files(folder + ":1")
                expected = expected or files
                self.assertEqual(files, expected)
            support.run("skopeo", "copy", "-q", f"oci:{folder}:1",
                        f"dir:{self.scratch}/copy-{compression}")
        self.assertIn("big", expected)

    def test_estargz_is_read_in_parts(self):
        folder = self.make_layout("stargz", "compression=estargz")
        _, manifest, config = read_image(folder)
        base, data = manifest["layers"][:2]
        self.assertNotIn("annotations", base)
        for layer, diff_id in list(zip(manifest["layers"],
                                       config["rootfs"]["diff_ids"]))[1:]:
            content = blob(folder, layer["digest"])
            tar = gzip.decompress(content)
            self.assertEqual("sha256:" + hashlib.sha256(tar).hexdigest(), diff_id)
            toc, text = read_estargz(content)
            self.assertEqual(toc["version"], 1)
            notes = layer["annotations"]
            self.assertEqual(notes["containerd.io/snapshot/stargz/toc.digest"],
                             "sha256:" + hashlib.sha256(text).hexdigest())
            self.assertEqual(notes["io.containers.estargz.uncompressed-size"],
                             str(len(tar)))
            self.check_entries(content, tar, toc["entries"])

    def check_entries(self, content, tar, entries):
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            members = {m.name: m for m in archive}
            names = [n for n in members if n != "stargz.index.json"]
            self.assertEqual([e["name"].rstrip("/") for e in entries
                              if e["type"] != "chunk"], names)
            kinds = {"reg": tarfile.REGTYPE, "dir": tarfile.DIRTYPE,
                     "symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE}
            whole = {}
            for entry in entries:
                if entry["type"] == "chunk":
                    continue
                info = members[entry["name"].rstrip("/")]
                self.assertEqual(info.type, kinds[entry["type"]])
                self.assertEqual(entry.get("mode", 0), info.mode)
                if entry["type"] in ("symlink", "hardlink"):
                    self.assertEqual(entry["linkName"], info.linkname)
                if entry["type"] == "reg":
                    self.assertEqual(entry.get("size", 0), info.size)
                    whole[entry["name"]] = (entry, archive.extractfile(info).read())
        for name, (first, expected) in whole.items():
            self.assertEqual(first["digest"],
                             "sha256:" + hashlib.sha256(expected).hexdigest())
            if not expected:
                continue
            found = b""
            for chunk in [e for e in entries
                          if e["name"] == name and e["type"] in ("reg", "chunk")]:
                self.assertEqual(chunk.get("chunkOffset", 0), len(found))
                size = chunk.get("chunkSize", len(expected) - len(found))
                part = member(content, chunk["offset"])[:size]
                self.assertEqual(chunk["chunkDigest"],
                                 "sha256:" + hashlib.sha256(part).hexdigest())
                found += part
            self.assertEqual(found, expected, name)

    def test_outputs_of_one_build_differ_in_form(self):
        folders = {c: os.path.join(self.scratch, "several-" + c)
                   for c in ("zstd", "gzip", "plain")}
        self.build("-t", "several:1",
                   "-o", f"type=oci,dest={folders['zstd']},tar=false,compression=zstd",
                   "-o", f"type=oci,dest={folders['gzip']},tar=false,compression=gzip,"
                         "compression-level=9",
                   "-o", f"type=oci,dest={folders['plain']},tar=false", self.dir)
        images = {c: read_image(f) for c, f in folders.items()}
        diff_ids = [i[2]["rootfs"]["diff_ids"] for i in images.values()]
        self.assertEqual(diff_ids[0], diff_ids[1])
        self.assertEqual(diff_ids[0], diff_ids[2])
        types = {c: i[1]["layers"][1]["mediaType"].rsplit("+")[-1]
                 for c, i in images.items()}
        self.assertEqual(types, {"zstd": "zstd", "gzip": "gzip", "plain": "gzip"})
        # The base's layer is never touched unasked.
        self.assertEqual(len({i[1]["layers"][0]["digest"] for i in images.values()}), 1)
        smaller, larger = (images[c][1]["layers"][1]["size"] for c in ("gzip", "plain"))
        self.assertLess(smaller, larger)

    def test_archives_are_loaded_by_podman(self):
        support.need("podman")
        support.need_root()
        storage = os.path.join(self.scratch, "podman")
        podman = ["podman", "--root", storage, "--runroot", storage + "-run",
                  "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]
        self.addCleanup(shutil.rmtree, storage, True)
        self.addCleanup(shutil.rmtree, storage + "-run", True)
        for kind in ("docker", "oci"):
            archive = os.path.join(self.scratch, f"{kind}.tar")
            # podman takes no OCI archive with two names.
            names = ["a:1", "b:2"] if kind == "docker" else ["a:1"]
            tags = [word for name in names for word in ("-t", "load.example/" + name)]
            self.build(*tags, "-o", f"type={kind},dest={archive}", self.dir)
            support.run(*podman, "load", "-q", "-i", archive)
            found = support.run(*podman, "images", "--format",
                                "{{.Repository}}:{{.Tag}}").split()
            for name in names:
                self.assertIn("load.example/" + name, found)
            support.run(*podman, "rmi", "-f", "-a")

    def test_docker_folder(self):
        folder = os.path.join(self.scratch, "docker-folder")
        self.build("-t", "a.example/x:1", "-o", f"type=docker,dest={folder},tar=false",
                   self.dir)
        with open(os.path.join(folder, "manifest.json")) as f:
            (image,) = json.load(f)
        self.assertEqual(image["RepoTags"], ["a.example/x:1"])
        for path in [image["Config"], *image["Layers"]]:
            self.assertTrue(os.path.exists(os.path.join(folder, path)), path)
        support.run("skopeo", "inspect", f"oci:{folder}:1")

    def test_docker_media_types(self):
        name = f"{self.hub.name}/team/old:1"
        self.build("-o", f"type=registry,name={name},oci-mediatypes=false", self.dir)
        raw = json.loads(support.run("skopeo", "inspect", "--raw", "--tls-verify=false",
                                     f"docker://{name}"))
        types = {raw["mediaType"], raw["config"]["mediaType"],
                 *(layer["mediaType"] for layer in raw["layers"])}
        self.assertTrue(all(t.startswith("application/vnd.docker.") for t in types), types)
        support.run("skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{name}",
                    f"dir:{self.scratch}/old")

    def get(self, path):
        request = urllib.request.Request(
            f"http://{self.hub.name}/v2/{path}",
            headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def test_push_by_digest_and_several_names(self):
        metadata = os.path.join(self.scratch, "metadata.json")
        repository = f"{self.hub.name}/by/digest"
        self.build("--metadata-file", metadata, "-o",
                   f"type=image,push=true,push-by-digest=true,name={repository}", self.dir)
        with open(metadata) as f:
            digest = json.load(f)["containerimage.digest"]
        content = self.get(f"by/digest/manifests/{digest}")
        self.assertEqual("sha256:" + hashlib.sha256(content).hexdigest(), digest)
        with self.assertRaises(urllib.error.HTTPError):
            self.get("by/digest/tags/list")
        result = self.strake("build", "-t", f"{repository}:1", "-o",
                             "type=registry,push-by-digest=true", self.dir)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot push", result.stderr)
        names = f'"name={self.hub.name}/n/a:1,{self.hub.name}/n/b:2"'
        self.build("-o", f"type=registry,store=true,name-canonical=true,{names}", self.dir)
        self.assertEqual(self.get("n/a/manifests/1"), self.get("n/b/manifests/2"))
        stored = self.strake("images").stdout
        self.assertIn("n/a", stored)
        inspected = self.strake("inspect", f"{self.hub.name}/n/a:1@{digest}")
        self.assertEqual(inspected.returncode, 0, inspected.stderr)

    def test_annotations(self):
        folder = self.make_layout("annotated", "annotation.one=1",
                             "annotation-manifest-descriptor.two=2",
                             arguments=("--annotation", "three=3", "--annotation",
                                        "manifest[linux/s390x]:no=1"))
        entry, manifest, _ = read_image(folder)
        self.assertEqual(manifest["annotations"], {"one": "1", "three": "3"})
        self.assertEqual(entry["annotations"]["two"], "2")
        result = self.strake("build", "--annotation", "index:a=b", self.dir)
        self.assertEqual(result.returncode, 1)
        self.assertIn("an image of one platform has none", result.stderr)

    def test_index_of_several_platforms(self):
        context = self.context("several", "FROM scratch\nARG TARGETARCH\nCOPY a.txt /$TARGETARCH\n",
                               a__txt="a")
        folder = os.path.join(self.scratch, "several-platforms")
        self.build("--platform", "linux/amd64,linux/arm64", "-o",
                   f"type=oci,dest={folder},tar=false,compression=zstd,annotation-index.a=b,"
                   "annotation-manifest[linux/arm64].c=d,annotation-manifest-descriptor.e=f,"
                   "annotation-index-descriptor.g=h", context)
        entry, index = read_index(folder)
        self.assertEqual(entry["annotations"]["g"], "h")
        self.assertEqual(index["annotations"], {"a": "b"})
        notes = {}
        for image in index["manifests"]:
            self.assertEqual(image["annotations"], {"e": "f"})
            manifest = json.loads(blob(folder, image["digest"]))
            notes[image["platform"]["architecture"]] = manifest.get("annotations")
            for layer in manifest["layers"]:
                self.assertTrue(layer["mediaType"].endswith("+zstd"))
        self.assertEqual(notes, {"amd64": None, "arm64": {"c": "d"}})
        out = os.path.join(self.scratch, "split")
        self.build("-o", f"type=local,dest={out},platform-split=true", context)
        self.assertEqual(os.listdir(os.path.join(out, "linux_amd64")), ["amd64"])

    def test_metadata(self):
        metadata = os.path.join(self.scratch, "m.json")
        iid = os.path.join(self.scratch, "iid")
        self.build("-t", "meta:1", "--metadata-file", metadata, "--iidfile", iid,
                   "-o", "type=oci,dest=/dev/null,annotation-manifest-descriptor.a=b",
                   "-o", "type=image", self.dir)
        with open(metadata) as f:
            found = json.load(f)
        with open(iid) as f:
            self.assertEqual(f.read(), found["containerimage.config.digest"])
        self.assertEqual(found["containerimage.descriptor"]["digest"],
                         found["containerimage.digest"])
        self.assertEqual(found["containerimage.descriptor"]["annotations"], {"a": "b"})
        self.assertEqual(found["image.name"], "docker.io/library/meta:1")
        self.assertRegex(found["buildx.build.ref"], "^strake/strake/[0-9a-z]{25}$")

    def test_squash_keeps_the_base(self):
        folder = self.context("squash", f"""FROM {self.base}
COPY a.txt b.txt c.txt /s/
RUN rm /s/a.txt /etc/group && chmod 600 /s/b.txt && ln /s/b.txt /s/hard && rm -r /root
RUN echo more >> /s/c.txt && mkdir -p /s/deep/er && chown 7:8 /s/deep
ENV A=1
""", a__txt="a", b__txt="b", c__txt="c")
        plain = os.path.join(self.scratch, "squash-plain")
        squashed = os.path.join(self.scratch, "squash-one")
        self.build("-o", f"type=oci,dest={plain},tar=false,name=a:1", folder)
        self.build("--squash", "-o", f"type=oci,dest={squashed},tar=false,name=a:1", folder)
        _, before, before_config = read_image(plain)
        _, after, config = read_image(squashed)
        self.assertEqual(len(before["layers"]), 4)
        self.assertEqual(len(after["layers"]), 2)
        self.assertEqual(after["layers"][0], before["layers"][0])
        self.assertEqual(config["config"], before_config["config"])
        self.assertEqual(sum(not h.get("empty_layer") for h in config["history"]), 2)
        tar = gzip.decompress(blob(squashed, after["layers"][1]["digest"]))
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            members = {m.name: m for m in archive}
            self.assertEqual(sorted(members), [
                ".wh.root", "etc", "etc/.wh.group", "s", "s/b.txt", "s/c.txt",
                "s/deep",
                "s/deep/er", "s/hard"])
            self.assertEqual(archive.extractfile("s/c.txt").read(), b"cmore\n")
            self.assertEqual(members["s/hard"].linkname, "s/b.txt")
            self.assertEqual((members["s/deep"].uid, members["s/deep"].gid), (7, 8))
        support.run("skopeo", "inspect", f"oci:{squashed}:1")


if __name__ == "__main__":
    unittest.main()
