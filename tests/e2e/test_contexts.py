"""Contexts of every kind: streams, the web, git, artifacts, images, folders."""
import base64
import glob
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import unittest
import urllib.request

import support
from test_sources import WebServer

DOCKERFILE = "FROM scratch\nCOPY . /\n"


def tar_of(files, mode="w"):
    """An archive of `files`: name to content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
    return out.getvalue()


class LargeFiles(support.HttpServer):
    """A server of git-lfs objects; git itself is served by `WebServer`."""

    def __init__(self, objects):
        class Handler(support.QuietHandler):
            def answer(self, content, kind):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                wanted = json.loads(self.rfile.read(length))
                url = f"http://{self.headers['Host']}/"
                found = [{"oid": o["oid"], "size": o["size"], "actions": {
                    "download": {"href": url + o["oid"]}}} for o in wanted["objects"]]
                self.answer(json.dumps({"transfer": "basic", "objects": found}).encode(),
                            "application/vnd.git-lfs+json")

            def do_GET(self):
                self.answer(objects[self.path[1:]], "application/octet-stream")

        super().__init__(Handler)


class ContextsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = os.path.join(cls.scratch, "web")
        os.makedirs(cls.folder)
        cls.web = WebServer(cls.folder)
        cls.addClassCleanup(cls.web.stop)

    def files_of(self, *arguments, stdin=b"", env=None):
        """Builds; the files of the result by name."""
        result = subprocess.run(
            [support.STRAKE, "build", "--progress=plain", "-o", "-", *arguments],
            input=stdin, capture_output=True, env=env or self.environment(), timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        with tarfile.open(fileobj=io.BytesIO(result.stdout)) as tar:
            return {m.name: tar.extractfile(m).read().decode(errors="replace")
                    for m in tar if m.isreg()}

    def fails(self, *arguments):
        result = self.strake("build", "--progress=plain", *arguments)
        self.assertEqual(result.returncode, 1)
        return result.stderr

    def serve(self, name, content):
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(content)
        return f"{self.web.url}/{name}"

    def test_streams_of_every_compression(self):
        plain = tar_of({"Dockerfile": DOCKERFILE, "a": "x"})
        streams = {mode: tar_of({"Dockerfile": DOCKERFILE, "a": "x"}, "w:" + mode)
                   for mode in ("gz", "bz2", "xz")}
        streams["plain"] = plain
        streams["zst"] = subprocess.run(["zstd", "-q"], input=plain, check=True,
                                        capture_output=True).stdout
        for name, stream in streams.items():
            files = self.files_of("-", stdin=stream)
            self.assertEqual(files, {"Dockerfile": DOCKERFILE, "a": "x"}, name)
            url = self.serve(f"context.{name}", stream)
            self.assertEqual(self.files_of(url), files, url)
        lone = b"FROM scratch\nCOPY <<F /alone\nyes\nF\n"
        self.assertEqual(self.files_of("-", stdin=lone), {"alone": "yes\n"})
        self.assertEqual(self.files_of(self.serve("Lone", lone)), {"alone": "yes\n"})

    def test_no_ignore_file_counts_in_what_was_fetched(self):
        stream = tar_of({"build/app": DOCKERFILE, "a": "x", ".dockerignore": "a\n"})
        url = self.serve("other.tar", stream)
        self.assertIn("a", self.files_of("-f", "build/app", url))
        self.assertIn("Dockerfile", self.fails(url))
        self.assertIn("404", self.fails(self.web.url + "/nothing.tar"))

    def git(self, *arguments, cwd):
        env = dict(os.environ, GIT_CONFIG_NOSYSTEM="1", HOME=self.scratch)
        return support.run("git", "-c", "user.name=t", "-c", "user.email=t@t",
                           *arguments, cwd=cwd, env=env)

    def repository(self, name, files, tag="v1"):
        support.need("git")
        work = os.path.join(self.scratch, name + "-work")
        os.makedirs(work)
        self.git("init", "-q", "-b", "main", cwd=work)
        for path, content in files.items():
            path = os.path.join(work, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(content)
        self.git("add", ".", cwd=work)
        self.git("commit", "-q", "-m", "one", cwd=work)
        self.git("tag", tag, cwd=work)
        bare = os.path.join(self.folder, name + ".git")
        support.run("git", "clone", "-q", "--bare", work, bare)
        support.run("git", "-C", bare, "update-server-info")
        return f"{self.web.url}/{name}.git", work, bare

    def test_git(self):
        url, work, bare = self.repository("app", {
            "Dockerfile": DOCKERFILE, "a": "one", ".dockerignore": "a\n",
            "sub/Dockerfile": DOCKERFILE, "sub/b": "b", "sub/other": DOCKERFILE})
        with open(os.path.join(work, "a"), "w") as f:
            f.write("two")
        self.git("commit", "-q", "-a", "-m", "two", cwd=work)
        self.git("push", "-q", bare, "main", cwd=work)
        support.run("git", "-C", bare, "update-server-info")
        self.assertEqual(self.files_of(url)["a"], "two")
        self.assertEqual(self.files_of(f"{url}#v1")["a"], "one")
        inner = self.files_of(f"{url}#v1:sub")
        self.assertEqual(set(inner), {"Dockerfile", "b", "other"})
        self.assertEqual(self.files_of(f"{url}?ref=v1&subdir=sub"), inner)
        self.assertEqual(self.files_of("-f", "other", f"{url}#main:sub"), inner)
        self.assertNotIn(".git/HEAD", self.files_of(url))
        kept = self.files_of("--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", url)
        self.assertIn(".git/HEAD", kept)
        self.assertIn("nosuch", self.fails(f"{url}#nosuch"))
        self.assertIn("subdir", self.fails(f"{url}#main:nosuch"))

    def test_git_with_a_token(self):
        url, _, _ = self.repository("secret", {"Dockerfile": DOCKERFILE})
        env = self.environment(TOKEN="hunter2")
        del self.web.answers[:]
        self.files_of("--secret", "id=GIT_AUTH_TOKEN,env=TOKEN", url, env=env)
        expected = "basic " + base64.b64encode(b"x-access-token:hunter2").decode()
        self.assertEqual({a[2] for a in self.web.answers}, {expected})
        del self.web.answers[:]
        self.files_of("--secret", "id=GIT_AUTH_HEADER.127.0.0.1,env=TOKEN", url, env=env)
        self.assertEqual({a[2] for a in self.web.answers}, {"hunter2"})

    def test_git_over_ssh(self):
        _, _, bare = self.repository("ssh", {"Dockerfile": DOCKERFILE, "s": "h"})
        programs = os.path.join(self.scratch, "programs")
        os.makedirs(programs)
        fake = os.path.join(programs, "ssh")
        with open(fake, "w") as f:  # the last argument is the remote command
            f.write('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
        os.chmod(fake, 0o755)
        env = self.environment(PATH=programs + ":" + os.environ["PATH"])
        for url in (f"git@host.example:{bare}", f"ssh://git@host.example{bare}#v1"):
            self.assertEqual(self.files_of(url, env=env)["s"], "h")

    def test_git_with_large_files(self):
        support.need("git-lfs")
        content = b"large" * 1000
        oid = hashlib.sha256(content).hexdigest()
        server = LargeFiles({oid: content})
        self.addCleanup(server.stop)
        pointer = (f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\n"
                   f"size {len(content)}\n")
        url, _, _ = self.repository("large", {
            "Dockerfile": DOCKERFILE, "big.bin": pointer,
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
            ".lfsconfig": f"[lfs]\n\turl = {server.url}\n\tlocksverify = false\n"})
        self.assertEqual(self.files_of(url)["big.bin"], content.decode())

    def test_git_with_large_files_and_without_git_lfs(self):
        pointer = ("version https://git-lfs.github.com/spec/v1\n"
                   f"oid sha256:{'0' * 64}\nsize 5000\n")
        url, _, _ = self.repository("pointers", {
            "Dockerfile": "FROM scratch\nCOPY . /\n",
            "big.bin": pointer, "sub/other.bin": pointer, "small": "small\n"})
        programs = os.path.join(self.scratch, "without-lfs")
        os.makedirs(programs)
        for folder in reversed(os.environ["PATH"].split(":")):
            for path in glob.glob(os.path.join(folder, "*")):
                link = os.path.join(programs, os.path.basename(path))
                if not os.path.lexists(link) and "git-lfs" not in link:
                    os.symlink(path, link)
        added = self.context("adds-pointers",
                             f"FROM scratch\nADD {url}#v1:sub /\n")
        for context, count in ((url, "2 files"), (added, "1 file")):
            log = self.build(context, env=self.environment(PATH=programs)).stderr
            self.assertRegex(log, f"(?i)warning.*{count} of .*install the package git-lfs")

    def put(self, path, content, kind="application/octet-stream", method="PUT"):
        request = urllib.request.Request(path, data=content, method=method,
                                         headers={"Content-Type": kind})
        return urllib.request.urlopen(request)

    def push_artifact(self, hub, name, layers):
        """Pushes layers, each (media type, content, annotations)."""
        base = f"http://{hub.name}/v2/{name}"

        def blob(content):
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            place = self.put(f"{base}/blobs/uploads/", b"", method="POST")
            url = place.headers["Location"]
            self.put(url + ("&" if "?" in url else "?") + f"digest={digest}", content)
            return {"digest": digest, "size": len(content)}

        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.example",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", **blob(b"{}")},
            "layers": [{"mediaType": kind, "annotations": notes, **blob(content)}
                       for kind, content, notes in layers]}
        self.put(f"{base}/manifests/1", json.dumps(manifest).encode(),
                 manifest["mediaType"])
        return f"oci://{hub.name}/{name}:1"

    def test_artifacts(self):
        hub = self.registry("artifact-registry")
        layer = "application/vnd.oci.image.layer.v1.tar"
        title = "org.opencontainers.image.title"
        url = self.push_artifact(hub, "app/files", [
            (layer + "+gzip", gzip.compress(tar_of({"Dockerfile": DOCKERFILE, "a": "1",
                                                    "gone": "x"})), {}),
            (layer, tar_of({".wh.gone": "", "b": "2"}), {}),
            ("application/vnd.cncf.flux.content.v1.tar+gzip",
             gzip.compress(tar_of({"c": "3"})), {}),
            ("application/vnd.any", b"4", {title: "dir/d"}),
            (layer + "+gzip", gzip.compress(tar_of({"app/e": "5"})),
             {title: "app", "io.deis.oras.content.unpack": "true"})])
        expected = {"Dockerfile": DOCKERFILE, "a": "1", "b": "2", "c": "3", "dir/d": "4",
                    "app/e": "5"}
        self.assertEqual(self.files_of(url), expected)
        self.assertIn("neither an archive nor a file", self.fails(
            self.push_artifact(hub, "app/odd", [("application/vnd.any", b"x", {})])))
        self.assertIn("no-such", self.fails(f"oci://{hub.name}/no-such:1"))

    def test_a_file_takes_the_place_of_a_pipe(self):
        hub = self.registry("pipe-registry")
        layer = "application/vnd.oci.image.layer.v1.tar"
        title = "org.opencontainers.image.title"
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            pipe = tarfile.TarInfo("pipe")
            pipe.type = tarfile.FIFOTYPE
            tar.addfile(pipe)
            for name, target in (("away", "../../../etc"), ("link", "/etc/passwd")):
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
        url = self.push_artifact(hub, "app/pipe", [
            (layer, out.getvalue(), {}),
            (layer, tar_of({"Dockerfile": "FROM scratch\nCOPY pipe link etc/new /\n",
                            "one": "1"}), {}),
            ("application/vnd.any", b"2", {title: "pipe"}),
            ("application/vnd.any", b"3", {title: "link"}),
            ("application/vnd.any", b"4", {title: "away/new"})])
        self.assertEqual(self.files_of(url), {"pipe": "2", "link": "3", "new": "4"})
        self.assertFalse(os.path.exists("/etc/new"))

    def test_indexes_of_several_platforms(self):
        hub = self.registry("index-registry")
        both = "linux/amd64,linux/arm64"
        source = self.context("index-source", "FROM scratch\nARG TARGETARCH\n"
                              "COPY $TARGETARCH Dockerfile.in /\n"
                              "COPY Dockerfile.in /Dockerfile\n",
                              amd64="x", arm64="y")
        with open(os.path.join(source, "Dockerfile.in"), "w") as f:
            f.write("FROM scratch\nCOPY a* /\n")
        layout = os.path.join(self.scratch, "index-layout")
        self.build(f"--platform={both}", "-t", f"{hub.name}/two:1", "--push",
                   "-o", f"type=oci,dest={layout},tar=false", source)
        with open(os.path.join(layout, "index.json")) as f:
            root = json.load(f)["manifests"][0]["digest"]
        with open(os.path.join(layout, "blobs", *root.split(":"))) as f:
            arm = next(m["digest"] for m in json.load(f)["manifests"]
                       if m["platform"]["architecture"] == "arm64")
        user = self.context("index-user", "FROM scratch\nCOPY --from=c /a* /\n")
        artifact = f"oci://{hub.name}/two"
        out = os.path.join(self.scratch, "index-out")
        for several in ([f"oci-layout://{layout}"], [f"{artifact}:1"],
                        ["--build-context", f"c={artifact}:1", user]):
            error = self.fails(f"--platform={both}", "-o", out, *several)
            self.assertIn("several platforms (linux/amd64, linux/arm64)", error)
            self.assertIn("by its digest", error)
        for one in ([f"oci-layout://{layout}@{arm}"], [f"{artifact}@{arm}"],
                    ["--build-context", f"c={artifact}@{arm}", user]):
            self.build(f"--platform={both}", "-o", out, *one)
            self.assertEqual(os.listdir(os.path.join(out, "linux_amd64")), ["arm64"])
        self.assertEqual(self.files_of("--platform=linux/arm64", f"{artifact}:1"),
                         {"arm64": "y"})

    def test_named_contexts(self):
        support.need("skopeo")
        hub = self.registry("named-registry")
        source = self.context("named-source", "FROM scratch\nCOPY f /from/image\n", f="i")
        layout = os.path.join(self.scratch, "named-layout")
        name = f"{hub.name}/named:1"
        self.build("-t", name, "--push", "-o",
                   f"type=oci,dest={layout},tar=false,name=x.example/y:2", source)
        digest = json.loads(support.run("skopeo", "inspect", f"oci:{layout}:2"))["Digest"]
        url, _, _ = self.repository("named", {"g": "git", "sub/h": "sub"})
        web = self.serve("named.tar.gz", gzip.compress(tar_of({"w": "web"})))
        folder = self.context("named-folder", "unused", l="local",
                              ignored="x", __dockerignore="ignored\n")
        context = self.context("named", """FROM image
COPY --from=layout /from/image /layout
COPY --from=exact /from/image /exact
COPY --from=repo /sub/h /h
COPY --from=web /w /w
COPY --from=folder . /folder/
FROM alpine:3.20 AS replaced
RUN not-there
FROM scratch
COPY --from=0 . /
COPY --from=replaced /from/image /replaced
""")
        files = self.files_of(
            "--build-context", f"image=docker-image://{name}",
            "--build-context", f"layout=oci-layout://{layout}",
            "--build-context", f"exact=oci-layout://{layout}:2@{digest}",
            "--build-context", f"repo={url}#v1", "--build-context", f"web={web}",
            "--build-context", f"folder={folder}",
            "--build-context", f"replaced=docker-image://{name}", context)
        self.assertEqual(files, {
            "from/image": "i", "layout": "i", "exact": "i", "h": "sub", "w": "web",
            "folder/Dockerfile": "unused", "folder/l": "local",
            "folder/.dockerignore": "ignored\n", "replaced": "i"})
        # An image's files as the main context.
        whole = self.context("named-whole", DOCKERFILE, a="1")
        place = os.path.join(self.scratch, "whole-layout")
        self.build("-o", f"type=oci,dest={place},tar=false", whole)
        self.assertEqual(self.files_of(f"oci-layout://{place}"),
                         {"Dockerfile": DOCKERFILE, "a": "1"})
        # Another way to write the name that FROM has.
        other = self.context("named-other", "FROM debian:12\n")
        self.assertEqual(
            self.files_of("--build-context",
                          f"docker.io/library/debian:12=oci-layout://{layout}", other),
            {"from/image": "i"})
        self.assertIn("there are x.example/y:2", self.fails(
            "--build-context", f"a=oci-layout://{layout}:3", other))


if __name__ == "__main__":
    unittest.main()
