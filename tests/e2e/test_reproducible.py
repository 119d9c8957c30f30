"""The same digest on another day, in another folder, as another user, everywhere."""
import hashlib
import json
import os
import shutil
import subprocess
import time

import support

EPOCH = "1700000000"
DOCKERFILE = """FROM {base} AS made
WORKDIR /srv/made
COPY . .
RUN mkdir -p deep/er && echo made > deep/er/file && ln -s file deep/er/link && \\
    ln deep/er/file deep/er/hard && chmod 2750 deep && rm /etc/group && date > /tmp/now && \\
    rm /tmp/now && touch -d @1600000000 deep/old
FROM {base}
COPY --from=made --chown=12:34 /srv/made /made
COPY --link --chmod=700 program /bin/program
ADD archive.tar /unpacked/
RUN echo again >> /etc/passwd && mv /etc/passwd /etc/moved
LABEL a=b
ENV A=1
"""
AS_USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]


class Reproducible(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need_root()
        support.need("faketime", "setpriv")
        cls.start_hub()
        shutil.copy(support.STRAKE, os.path.join(cls.scratch, "strake"))
        cls.count = 0
        cls.expected = None

    def project(self, folder, mtime):
        """The same files in another place, with other times."""
        os.makedirs(os.path.join(folder, "sub"))
        for name, content, mode in (("program", "#!/bin/sh\n", 0o755), ("sub/text", "t", 0o644),
                                    ("Dockerfile", DOCKERFILE.format(base=self.base), 0o644)):
            path = os.path.join(folder, name)
            with open(path, "w") as f:
                f.write(content)
            os.chmod(path, mode)
        support.run("tar", "-C", folder, "--mtime=@1500000000", "--owner=7", "--group=8",
                    "-cf", os.path.join(folder, "archive.tar"), "sub")
        for root, folders, names in os.walk(folder):
            os.chmod(root, 0o755)
            for name in [".", *names]:
                os.utime(os.path.join(root, name), (mtime, mtime))

    def build_once(self, uid=0, days=0, isolation="auto", snapshotter="auto", keys="",
                   argument=False):
        """Digests of the image, of its archive and of its files."""
        type(self).count += 1
        home = os.path.join(self.scratch, f"home{self.count}")
        context = os.path.join(home, f"context-{self.count}")
        self.project(context, time.time() - 100000 * self.count)
        env = self.environment(STRAKE_HOME=home + "/store", TMPDIR=home, HOME=home)
        if not argument:
            env["SOURCE_DATE_EPOCH"] = EPOCH
        subprocess.run(["chown", "-R", f"{uid}:{uid}", home], check=True)
        outputs = {"image": "image.tar", "files": "files.tar"}
        command = [
            *(AS_USER if uid else []), "faketime", "-f", f"+{days}d",
            os.path.join(self.scratch, "strake"), "build", "--progress=plain",
            *(["--build-arg", "SOURCE_DATE_EPOCH=" + EPOCH] if argument else []),
            "--isolation", isolation, "--snapshotter", snapshotter,
            "--metadata-file", home + "/metadata",
            "-o", f"type=oci,dest={home}/image.tar,rewrite-timestamp=true{keys}",
            "-o", f"type=tar,dest={home}/files.tar,rewrite-timestamp=true", context]
        result = subprocess.run(command, env=env, text=True, capture_output=True,
                                stdin=subprocess.DEVNULL, cwd=home, timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(home + "/metadata") as f:
            found = {"digest": json.load(f)["containerimage.digest"]}
        for name, file in outputs.items():
            with open(os.path.join(home, file), "rb") as f:
                found[name] = hashlib.sha256(f.read()).hexdigest()
        shutil.rmtree(home, ignore_errors=True)
        return found

    def reference(self):
        if self.expected is None:
            type(self).expected = self.build_once()
        return self.expected


class ReproducibleTest(Reproducible):
    def test_another_day_and_the_build_argument(self):
        self.assertEqual(self.build_once(days=400), self.reference())
        self.assertEqual(self.build_once(argument=True), self.reference())

    def test_another_user_and_snapshotter(self):
        self.assertEqual(self.build_once(1000, 7), self.reference())
        self.assertEqual(self.build_once(snapshotter="plain"), self.reference())


class ReproducibleEverywhereTest(Reproducible):
    def backends(self, uid):
        env = self.environment()
        with_user = AS_USER if uid else []
        report = subprocess.run([*with_user, os.path.join(self.scratch, "strake"), "doctor",
                                 "--format", "json"], env=env, capture_output=True, check=True)
        return [b["name"] for b in json.loads(report.stdout)["backends"] if b["works"]]

    def check_backends(self, uid):
        backends = self.backends(uid)
        self.assertIn("notify", backends)
        for isolation in backends:
            for snapshotter in ("auto", "plain"):
                with self.subTest(uid=uid, isolation=isolation, snapshotter=snapshotter):
                    self.assertEqual(
                        self.build_once(uid, self.count, isolation, snapshotter),
                        self.reference())

    def test_root_under_every_backend(self):
        self.check_backends(0)

    def test_user_under_every_backend(self):
        self.check_backends(1000)

    def test_every_compression(self):
        for keys in (",compression=zstd", ",compression=estargz,force-compression=true",
                     ",compression=uncompressed", ",compression=gzip,compression-level=9"):
            with self.subTest(keys=keys):
                first = self.build_once(keys=keys)
                self.assertEqual(self.build_once(1000, 100, keys=keys), first)
                self.assertNotEqual(first["digest"], self.reference()["digest"])
                self.assertEqual(first["files"], self.reference()["files"])
