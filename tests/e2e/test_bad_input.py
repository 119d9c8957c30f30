"""Bad input: one clear message, status 1 or 2, nothing half-written, and a
store that goes on working."""
import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import unittest

import support


class BadInputTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def fails(self, dockerfile, *expected, arguments=(), status=1, **files):
        """The build fails with each expected text, and leaves no output."""
        context = self.context("bad", dockerfile, **files)
        out = os.path.join(self.scratch, "out.tar")
        with open(out, "w") as f:
            f.write("was here before")
        result = self.strake("build", "--progress=plain", "-o",
                             f"type=oci,dest={out}", *arguments, context)
        self.assertEqual(result.returncode, status, result.stderr)
        for text in expected:
            self.assertIn(text, result.stderr)
        with open(out) as f:
            self.assertEqual(f.read(), "was here before")
        self.assertEqual([n for n in os.listdir(self.scratch)
                          if n.startswith("out.tar") and n != "out.tar"], [])
        self.store_works()
        return result.stderr

    def store_works(self):
        context = self.context("good", f"FROM {self.base}\nRUN echo good > /g\n")
        self.build("-t", "good", context)
        verified = self.strake("inspect", "--verify", "good")
        self.assertEqual(verified.returncode, 0, verified.stderr)

    def test_dockerfile_mistakes(self):
        base = self.base
        for dockerfile, expected in (
            (f"FROM {base}\nRUNN make\n",
             ("unknown instruction: RUNN", "RUN", "Dockerfile:2", "RUNN make")),
            (f"FROM {base}\nCOPY --chwon=1 a b\n",
             ("unknown flag: --chwon (did you mean chown?)", "Dockerfile:2")),
            (f"FROM {base}\nENV A=1\nENV B=${{A:^x}}\n",
             ("unsupported modifier", "Dockerfile:3")),
            (f"FROM {base}\nCOPY missing.txt /\n",
             ('"/missing.txt": not found', "Dockerfile:2", "COPY missing.txt")),
            (f"FROM {base} AS one\nRUN true\nFROM {base}\nCOPY --from=onee /a /\n",
             ("onee", "did you mean one", "Dockerfile:4")),
            (f"FROM {base} AS one\nCOPY --from=one /a /\n",
             ("refers to current build stage", "Dockerfile:2")),
            (f"FROM {base} AS one\nCOPY --from=two /a /\nFROM {base} AS two\n"
             "COPY --from=one /a /\n",
             ("needs to be defined before current stage", "Dockerfile:2")),
            (f"FROM {base}\nRUN --mount=type=tmpfss,target=/x true\n",
             ("tmpfss", "tmpfs", "Dockerfile:2")),
            ("", ("Dockerfile",)),
        ):
            with self.subTest(dockerfile=dockerfile):
                self.fails(dockerfile, *expected)

    def test_every_mistake_is_reported_in_one_go(self):
        said = self.fails(f"FROM {self.base}\nRUNN a\nCOPYY b c\nEXPOSE 99999999\n",
                          "RUNN", "COPYY")
        self.assertIn("Dockerfile:2", said)
        self.assertIn("Dockerfile:3", said)

    def test_missing_target(self):
        self.fails(f"FROM {self.base} AS release\n", "relase",
                   "did you mean release", arguments=("--target", "relase"))

    def test_failing_step(self):
        said = self.fails(f"FROM {self.base}\nRUN echo before; exit 7\n",
                          "exit code: 7", "Dockerfile:2", "before")
        self.assertIn('process "/bin/sh -c echo before; exit 7"', said)

    def test_usage(self):
        for arguments, expected in (
            (("build", "--taget", "x", "."), "--target"),
            (("bild", "."), "build"),
            (("build",), "CONTEXT"),
            (("build", "-o", "type=ocy,dest=x", "."), "oci"),
        ):
            result = self.strake(*arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(expected, result.stderr)

    def test_base_images(self):
        name = self.hub.name
        self.fails(f"FROM {name}/library/none:1\n", "library/none",
                   "Not Found", "Dockerfile:1")
        self.fails(f"FROM {name}/library/busybox:none\n", "busybox:none",
                   "Dockerfile:1")
        port = support.free_port()
        self.fails(f"FROM 127.0.0.1:{port}/x\n", f"127.0.0.1:{port}",
                   "Dockerfile:1")

    def test_wrong_password(self):
        support.need("htpasswd")
        passwords = os.path.join(self.scratch, "htpasswd")
        support.run("htpasswd", "-Bbc", passwords, "anna", "right")
        locked = self.registry("locked", htpasswd=passwords)
        env = self.environment()

        def login(password):
            return subprocess.run(
                [support.STRAKE, "login", "-u", "anna", "--password-stdin",
                 locked.name], input=password, text=True, capture_output=True,
                env=env, timeout=60)

        wrong = login("wrong-secret")
        self.assertEqual(wrong.returncode, 1, wrong.stderr)
        self.assertNotIn("wrong-secret", wrong.stdout + wrong.stderr)
        config = os.path.join(env["DOCKER_CONFIG"], "config.json")
        self.assertFalse(os.path.exists(config))
        self.fails(f"FROM {locked.name}/x\n", locked.name)
        # With the right one, all works.
        right = login("right")
        self.assertEqual(right.returncode, 0, right.stderr)
        self.assertEqual(os.stat(config).st_mode & 0o777, 0o600)
        self.build("-t", f"{locked.name}/x:1", "--push",
                   self.context("locked-image", f"FROM {self.base}\nRUN true\n"))

    def test_wrong_credentials(self):
        support.need("htpasswd")
        passwords = os.path.join(self.scratch, "htpasswd-build")
        support.run("htpasswd", "-Bbc", passwords, "anna", "right")
        locked = self.registry("locked-build", htpasswd=passwords)
        folder = os.path.join(self.scratch, "docker-wrong")
        os.makedirs(folder)
        auth = base64.b64encode(b"anna:wrong-secret").decode()
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump({"auths": {locked.name: {"auth": auth}}}, f)
        env = self.environment(DOCKER_CONFIG=folder)
        pulls = self.context("pulls", f"FROM {locked.name}/x:1\n")
        pushes = self.context("pushes", f"FROM {self.base}\nRUN true\n")
        for arguments in ((pulls,), ("-t", f"{locked.name}/y:1", "--push", pushes)):
            result = self.strake("build", "--progress=plain", *arguments, env=env)
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertIn(locked.name, result.stderr)
            self.assertRegex(result.stderr, "(?i)unauthorized|authentication")
            self.assertNotIn("wrong-secret", result.stderr)
            self.assertNotIn(auth, result.stderr)
        self.store_works()

    def test_damaged_manifest(self):
        reference = f"{self.hub.name}/damaged/manifest:1"
        context = self.context("damage-manifest",
                               f"FROM {self.base}\nLABEL damaged=1\n")
        self.build("-t", reference, "--push", context)
        digest = support.run(
            "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}",
            f"docker://{reference}").strip()[7:]
        path = os.path.join(self.hub.folder,
                            "data/docker/registry/v2/blobs/sha256",
                            digest[:2], digest, "data")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace('"schemaVersion": 2', '"schemaVersion":  2'))
        store = os.path.join(self.scratch, "fresh-manifest")
        pinned = f"{self.hub.name}/damaged/manifest@sha256:{digest}"
        use = self.context("use-manifest", f"FROM {pinned}\nRUN true\n")
        result = self.strake("build", "--progress=plain", use,
                             env=self.environment(STRAKE_HOME=store))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn(digest[:12], result.stderr)
        self.assertIn("Dockerfile:1", result.stderr)
        self.assertFalse(os.path.exists(
            os.path.join(store, "blobs/sha256", digest)))

    def corrupt(self, kind):
        """An image of its own whose blob of that kind is damaged on disk."""
        reference = f"{self.hub.name}/damaged/{kind}:1"
        image = os.path.join(self.scratch, "damaged-" + kind)
        context = self.context("damage", f"FROM {self.base}\nRUN echo {kind} > /x\n")
        self.build("--no-cache", "-t", reference, "--push", context)
        self.strake("rmi", reference)
        raw = json.loads(support.run("skopeo", "inspect", "--raw",
                                     "--tls-verify=false",
                                     f"docker://{reference}"))
        digest = raw["config" if kind == "config" else "layers"]
        digest = (digest if kind == "config" else digest[-1])["digest"][7:]
        path = os.path.join(self.hub.folder,
                            "data/docker/registry/v2/blobs/sha256",
                            digest[:2], digest, "data")
        with open(path, "rb") as f:
            data = bytearray(f.read())
        data[len(data) // 2] ^= 0xff
        with open(path, "wb") as f:
            f.write(data)
        shutil.rmtree(image, ignore_errors=True)
        return reference, digest

    def test_damaged_blobs(self):
        for kind in ("config", "layer"):
            with self.subTest(kind=kind):
                reference, digest = self.corrupt(kind)
                # The store still has the good blob: take one that has not.
                store = os.path.join(self.scratch, "fresh-" + kind)
                context = self.context("use", f"FROM {reference}\nRUN true\n")
                result = self.strake("build", "--progress=plain", context,
                                     env=self.environment(STRAKE_HOME=store))
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(digest[:12], result.stderr)
                self.assertFalse(os.path.exists(
                    os.path.join(store, "blobs/sha256", digest)))

    def hostile_image(self, name, fill):
        """An image with one hand-made layer."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            fill(tar)
        layer = layer.getvalue()
        folder = os.path.join(self.scratch, "hostile-" + name)
        blobs = os.path.join(folder, "blobs/sha256")
        os.makedirs(blobs)

        def put(data):
            digest = hashlib.sha256(data).hexdigest()
            with open(os.path.join(blobs, digest), "wb") as f:
                f.write(data)
            return {"digest": "sha256:" + digest, "size": len(data)}

        oci = "application/vnd.oci.image."
        diff = put(layer)
        config = put(json.dumps({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [diff["digest"]]}}).encode())
        manifest = put(json.dumps({
            "schemaVersion": 2, "mediaType": oci + "manifest.v1+json",
            "config": {"mediaType": oci + "config.v1+json", **config},
            "layers": [{"mediaType": oci + "layer.v1.tar", **diff}]}).encode())
        with open(os.path.join(folder, "oci-layout"), "w") as f:
            f.write('{"imageLayoutVersion": "1.0.0"}')
        with open(os.path.join(folder, "index.json"), "w") as f:
            json.dump({"schemaVersion": 2, "manifests": [
                {"mediaType": oci + "manifest.v1+json", **manifest,
                 "annotations": {"org.opencontainers.image.ref.name": "x"}}]}, f)
        reference = f"{self.hub.name}/hostile/{name}:1"
        support.push_layout(folder + ":x", reference)
        return reference

    def test_layers_that_leave_the_root(self):
        outside = os.path.join(self.scratch, "outside")
        os.makedirs(outside, exist_ok=True)
        target = os.path.join(outside, "planted")

        def entry(tar, name, **fields):
            info = tarfile.TarInfo(name)
            content = fields.pop("content", b"")
            info.size = len(content)
            for key, value in fields.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))

        def dots(tar):
            entry(tar, "../" * 12 + target.lstrip("/"), content=b"x")

        def link(tar):
            entry(tar, "out", type=tarfile.SYMTYPE, linkname=outside)
            entry(tar, "out/planted", content=b"x")

        def hard(tar):
            entry(tar, "stolen", type=tarfile.LNKTYPE, linkname="../../etc/passwd")

        def absolute(tar):
            entry(tar, target, content=b"x")

        for name, fill in (("dots", dots), ("link", link), ("hard", hard),
                           ("absolute", absolute)):
            with self.subTest(name=name):
                reference = self.hostile_image(name, fill)
                context = self.context("hostile", f"FROM {reference}\nCOPY Dockerfile /d\n")
                result = self.strake("build", "--progress=plain", context)
                self.assertNotIn(result.returncode, (-11, -6), result.stderr)
                self.assertEqual(os.listdir(outside), [])
                if name != "absolute" and name != "link":
                    self.assertEqual(result.returncode, 1, result.stderr)
                    self.assertIn("layer", result.stderr)
                self.store_works()

    def test_full_disk(self):
        support.need_root()
        support.need("mount", "umount", "unshare")
        context = self.context(
            "full", f"FROM {self.base}\nRUN dd if=/dev/zero of=/big bs=1M count=64\n")
        home = os.path.join(self.scratch, "small")
        os.makedirs(home, exist_ok=True)
        out = os.path.join(self.scratch, "small-out.tar")
        script = (f"mount -t tmpfs -o size=24m tmpfs {home} || exit 99; "
                  f"{support.STRAKE} build --progress=plain -o "
                  f"type=oci,dest={out} {context}; status=$?; "
                  f"find {home}/ingest {home}/blobs -name '*.tmp*'; "
                  f"{support.STRAKE} build --progress=plain -t after "
                  f"{self.context('after', f'FROM {self.base}' + chr(10) + 'RUN true' + chr(10))}"
                  " || exit 98; exit $status")
        result = subprocess.run(["unshare", "-m", "sh", "-c", script], text=True,
                                capture_output=True, timeout=300,
                                env=self.environment(STRAKE_HOME=home))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("No space left on device", result.stderr)
        self.assertFalse(os.path.exists(out))

    def test_full_disk_at_the_destination(self):
        support.need_root()
        support.need("mount", "umount", "unshare")
        context = self.context(
            "large", f"FROM {self.base}\n"
            "RUN dd if=/dev/urandom of=/big bs=1M count=16\n")
        small = os.path.join(self.scratch, "small-destination")
        os.makedirs(small)
        script = (f"mount -t tmpfs -o size=4m tmpfs {small} || exit 99; "
                  f"echo before > {small}/kept.tar; "
                  f"{support.STRAKE} build --progress=plain -t large "
                  f"-o type=image -o type=oci,dest={small}/kept.tar {context}; "
                  f"status=$?; ls -A {small}; cat {small}/kept.tar; exit $status")
        result = subprocess.run(["unshare", "-m", "sh", "-c", script], text=True,
                                capture_output=True, timeout=300,
                                env=self.environment())
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("No space left on device", result.stderr)
        self.assertEqual(result.stdout, "kept.tar\nbefore\n")
        self.assertEqual(self.strake("inspect", "large").returncode, 1)
        self.store_works()


if __name__ == "__main__":
    unittest.main()
