"""Images for several platforms, from one build."""
import base64
import hashlib
import io
import json
import os
import shutil
import tarfile
import unittest

import support

BASE = """FROM scratch
ARG TARGETARCH
COPY busybox /bin/busybox
COPY busybox /bin/sh
COPY arch-$TARGETARCH /etc/arch
"""

CROSS = """FROM --platform=$BUILDPLATFORM {base} AS tools
RUN echo tools >/tools && cat /etc/arch >>/tools
FROM --platform=$BUILDPLATFORM {base} AS build
ARG TARGETPLATFORM TARGETARCH
COPY --from=tools /tools /tools
RUN echo "for $TARGETPLATFORM" >/app
FROM {base}
COPY --from=build /app /tools /
CMD ["/bin/sh"]
"""


class PlatformsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("skopeo", "busybox")
        cls.hub = cls.registry()
        cls.base = f"{cls.hub.name}/base:1"

    def setUp(self):
        folder = self.context("base", BASE, **{"arch-amd64": "amd64\n",
                                               "arch-arm64": "arm64\n"})
        # Steps run on the build's platform only: both bases can hold its shell.
        shutil.copy(shutil.which("busybox"), os.path.join(folder, "busybox"))
        self.build("--platform=linux/amd64,linux/arm64", "--push",
                   "-t", self.base, folder)

    def raw(self, reference):
        return json.loads(support.run("skopeo", "inspect", "--raw",
                                      "--tls-verify=false",
                                      f"docker://{reference}"))

    def test_cross_compiles(self):
        name = f"{self.hub.name}/app:1"
        metadata = os.path.join(self.scratch, "metadata.json")
        idfile = os.path.join(self.scratch, "iid")
        folder = self.context("cross", CROSS.format(base=self.base))
        built = self.build("--platform=linux/amd64", "--platform=linux/arm64",
                           "--push", "-t", name, "--metadata-file", metadata,
                           "--iidfile", idfile, folder)
        self.assertEqual(built.stderr.count("RUN echo tools"), 1, built.stderr)
        self.assertIn("[linux/amd64 build", built.stderr)
        self.assertIn("[linux/arm64 stage-2", built.stderr)

        index = self.raw(name)
        self.assertEqual(index["mediaType"],
                         "application/vnd.oci.image.index.v1+json")
        self.assertEqual([entry["platform"] for entry in index["manifests"]],
                         [{"architecture": "amd64", "os": "linux"},
                          {"architecture": "arm64", "os": "linux"}])
        with open(metadata) as f:
            written = json.load(f)
        self.assertNotIn("containerimage.config.digest", written)
        with open(idfile) as f:
            self.assertEqual(f.read(), written["containerimage.digest"])
        for arch in ("amd64", "arm64"):
            image = json.loads(support.run(
                "skopeo", "inspect", "--tls-verify=false",
                "--override-arch", arch, f"docker://{name}"))
            self.assertEqual(image["Architecture"], arch)
        support.run("skopeo", "copy", "-q", "--all", "--src-tls-verify=false",
                    f"docker://{name}", f"oci:{self.scratch}/copy:1")

        out = os.path.join(self.scratch, "files")
        self.build("--platform=linux/amd64,linux/arm64", "-o",
                   f"type=local,dest={out}", folder)
        for arch in ("amd64", "arm64"):
            with open(f"{out}/linux_{arch}/app") as f:
                self.assertEqual(f.read(), f"for linux/{arch}\n")
            with open(f"{out}/linux_{arch}/etc/arch") as f:
                self.assertEqual(f.read(), f"{arch}\n")
            with open(f"{out}/linux_{arch}/tools") as f:
                self.assertEqual(f.read(), "tools\namd64\n")

    def test_an_index_in_the_store_and_in_layouts(self):
        archive = os.path.join(self.scratch, "index.tar")
        self.build("--platform=linux/arm64,linux/amd64", "--load",
                   "-t", "local/index:1", "-o", f"type=oci,dest={archive}",
                   self.context("two", f"FROM {self.base}\nENV A=b\n"))
        with tarfile.open(archive) as tar:
            entry = json.load(tar.extractfile("index.json"))["manifests"][0]
            digest = entry["digest"].replace(":", "/")
            index = json.load(tar.extractfile(f"blobs/{digest}"))
        self.assertEqual(
            [m["platform"]["architecture"] for m in index["manifests"]],
            ["arm64", "amd64"])
        self.assertEqual(
            self.strake("run", "local/index:1", "/bin/sh", "-c",
                        "/bin/busybox cat /etc/arch").stdout, "amd64\n")
        other = f"{self.hub.name}/pushed:1"
        pushed = self.strake("tag", "local/index:1", other)
        self.assertEqual(pushed.returncode, 0, pushed.stderr)
        pushed = self.strake("push", other)
        self.assertEqual(pushed.returncode, 0, pushed.stderr)
        self.assertEqual(self.raw(other), index)

    def test_one_platform_is_a_plain_manifest(self):
        folder = self.context("one", f"FROM {self.base}\nENV A=b\n")
        name = f"{self.hub.name}/one:1"
        self.build("--platform=linux/arm64", "--push", "-t", name, folder)
        self.assertIn("layers", self.raw(name))
        self.build("--platform=linux/arm64", "--push", "-t", name,
                   "--build-arg", "BUILDKIT_MULTI_PLATFORM=1", folder)
        self.assertEqual(len(self.raw(name)["manifests"]), 1)

    def test_the_caches_of_all_platforms_are_imported(self):
        name = f"{self.hub.name}/inline:1"
        folder = self.context("inline", (
            f"FROM {self.base}\nARG TARGETARCH\nWORKDIR /$TARGETARCH\n"))
        words = ["--platform=linux/amd64,linux/arm64", "--push", "-t", name]
        self.build(*words, "--cache-to=type=inline", folder)
        self.store = os.path.join(self.scratch, "other-store")
        again = self.build(*words, f"--cache-from={name}", folder).stderr
        self.assertEqual(again.count(" CACHED"), 2, again)

    def test_what_holds_one_image_takes_no_index(self):
        folder = self.context("docker", f"FROM {self.base}\n")
        for kind in ("docker", "tar"):
            target = os.path.join(self.scratch, f"{kind}.tar")
            built = self.strake("build", "--platform=linux/amd64,linux/arm64",
                                "-o", f"type={kind},dest={target}", folder)
            self.assertEqual(built.returncode, 1)
            self.assertIn(f"type={kind} holds", built.stderr)
            self.assertFalse(os.path.exists(target))

    def push_windows_base(self, name):
        """An image with one layer in Windows' form, and an os.version."""
        layout = os.path.join(self.scratch, "windows")
        shutil.rmtree(layout, ignore_errors=True)
        os.makedirs(f"{layout}/blobs/sha256")

        def blob(content, media_type, **more):
            digest = hashlib.sha256(content).hexdigest()
            with open(f"{layout}/blobs/sha256/{digest}", "wb") as f:
                f.write(content)
            return {"mediaType": media_type, "digest": f"sha256:{digest}",
                    "size": len(content), **more}

        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for folder in ("Files", "Hives"):
                entry = tarfile.TarInfo(folder)
                entry.type = tarfile.DIRTYPE
                entry.pax_headers = {"MSWINDOWS.fileattr": "16"}
                archive.addfile(entry)
        kind = "application/vnd.oci.image."
        layer = blob(tar.getvalue(), kind + "layer.v1.tar")
        config = blob(json.dumps({
            "architecture": "amd64", "os": "windows",
            "os.version": "10.0.20348.2340",
            "config": {"User": "ContainerUser"},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        }).encode(), kind + "config.v1+json")
        manifest = blob(json.dumps({
            "schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
            "config": config, "layers": [layer]}).encode(),
            kind + "manifest.v1+json")
        for file, content in (
                ("oci-layout", {"imageLayoutVersion": "1.0.0"}),
                ("index.json", {"schemaVersion": 2, "manifests": [manifest]})):
            with open(f"{layout}/{file}", "w") as f:
                json.dump(content, f)
        support.run("skopeo", "copy", "-q", "--dest-tls-verify=false",
                    f"oci:{layout}", f"docker://{name}")

    def test_windows(self):
        base, name = f"{self.hub.name}/win:1", f"{self.hub.name}/winapp:1"
        self.push_windows_base(base)
        folder = self.context("windows", f"FROM {base}\nENV A=b\nCMD dir\n")
        self.build("--platform=windows/amd64", "--build-arg",
                   "BUILDKIT_MULTI_PLATFORM=1", "--push", "-t", name, folder)
        entry = self.raw(name)["manifests"][0]
        self.assertEqual(entry["platform"],
                         {"architecture": "amd64", "os": "windows",
                          "os.version": "10.0.20348.2340"})
        manifest = self.raw(f"{self.hub.name}/winapp@{entry['digest']}")
        self.assertEqual(manifest["layers"], self.raw(base)["layers"])
        support.run("skopeo", "inspect", "--tls-verify=false",
                    "--override-os=windows", f"docker://{name}")
        support.run("skopeo", "copy", "-q", "--src-tls-verify=false", "--all",
                    f"docker://{name}", f"oci:{self.scratch}/winapp:1")
        config = json.loads(support.run(
            "skopeo", "inspect", "--config", "--tls-verify=false",
            "--override-os=windows", f"docker://{name}"))
        self.assertEqual(config["config"]["Cmd"], ["cmd", "/S", "/C", "dir"])
        refused = self.strake(
            "build", "--platform=windows/amd64",
            self.context("windows-run", f"FROM {base}\nRUN dir\n"))
        self.assertEqual(refused.returncode, 1)
        self.assertIn("RUN in an image for windows/amd64", refused.stderr)

    def test_layers_for_windows(self):
        base, name = f"{self.hub.name}/win:1", f"{self.hub.name}/winapp:2"
        self.push_windows_base(base)
        folder = self.context("windows-layers", (
            "# escape=`\n"
            "FROM --platform=$BUILDPLATFORM scratch AS tools\n"
            "COPY tool.exe /bin/tool.exe\n"
            f"FROM {base} AS made\n"
            "WORKDIR C:\\app\n"
            "COPY tool.exe sub\\\n"
            "COPY --from=tools /bin/tool.exe c:\\bin\\\n"
            f"FROM {base}\n"
            "COPY --from=made C:\\app D\n"))
        with open(f"{folder}/tool.exe", "w") as f:
            f.write("MZ")
        self.build("--platform=windows/amd64", "--target=made", "--push",
                   "-t", name, folder)
        support.run("skopeo", "copy", "-q", "--src-tls-verify=false",
                    "--override-os=windows", f"docker://{name}",
                    f"dir:{self.scratch}/winlayers")
        manifest = self.raw(name)
        found = []
        for layer in manifest["layers"][1:]:
            file = layer["digest"].split(":")[1]
            with tarfile.open(f"{self.scratch}/winlayers/{file}") as tar:
                entries = tar.getmembers()
            found.append([entry.name for entry in entries])
            for entry in entries:
                attributes = "16" if entry.isdir() else "32"
                self.assertEqual(entry.pax_headers["MSWINDOWS.fileattr"],
                                 attributes)
                owner = base64.b64decode(entry.pax_headers["MSWINDOWS.rawsd"])
                self.assertEqual(len(owner), 52)
                self.assertIn("LIBARCHIVE.creationtime", entry.pax_headers)
                self.assertEqual((entry.uid, entry.gid), (0, 0))
        self.assertEqual(found, [
            ["Hives", "Files", "Files/app"],
            ["Hives", "Files", "Files/app", "Files/app/sub",
             "Files/app/sub/tool.exe"],
            ["Hives", "Files", "Files/bin", "Files/bin/tool.exe"]])
        config = json.loads(support.run(
            "skopeo", "inspect", "--config", "--tls-verify=false",
            "--override-os=windows", f"docker://{name}"))
        self.assertEqual(config["config"]["WorkingDir"], "C:\\app")
        out = f"{self.scratch}/windows-files"
        self.build("--platform=windows/amd64", "-o", f"type=local,dest={out}",
                   folder)
        self.assertTrue(os.path.exists(f"{out}/Files/D/sub/tool.exe"))

    def test_a_platform_that_the_base_lacks(self):
        built = self.strake("build", "--platform=linux/amd64,linux/s390x",
                            self.context("lacks", f"FROM {self.base}\n"))
        self.assertEqual(built.returncode, 1)
        self.assertIn("linux/s390x", built.stderr)
        self.assertIn("linux/arm64", built.stderr)


if __name__ == "__main__":
    unittest.main()
