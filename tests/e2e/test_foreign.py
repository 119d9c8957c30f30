"""Steps for another kind of machine, through qemu-user."""
import json
import os
import platform
import shutil
import subprocess
import unittest

import arm64_program
import support

QEMU = "/usr/bin/qemu-aarch64-static"
# What `with_emulator.py` and strake itself need.
KERNEL = (6, 7)


def need_emulation():
    support.need_root()
    if platform.machine() != "x86_64":
        raise unittest.SkipTest("arm64 is no foreign machine here")
    if not os.path.exists(QEMU):
        raise unittest.SkipTest("qemu-user-static is not installed")
    release = tuple(int(n) for n in platform.release().split(".")[:2])
    if release < KERNEL:
        raise unittest.SkipTest("binfmt_misc in user namespaces is of Linux 6.7")


class ForeignTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        need_emulation()

    def folder(self):
        folder = self.context("hello", "FROM scratch\nCOPY hello /\n"
                                       'RUN ["/hello"]\nCMD ["/hello"]\n')
        with open(f"{folder}/hello", "wb") as f:
            f.write(arm64_program.program())
        os.chmod(f"{folder}/hello", 0o755)
        os.utime(f"{folder}/hello", (0, 0))
        return folder

    def layers(self, *arguments):
        """The digests of the layers that a build of the folder gives."""
        layout = os.path.join(self.scratch, "layout")
        shutil.rmtree(layout, ignore_errors=True)
        result = self.build(
            "--platform=linux/arm64", "--no-cache", "-o",
            f"type=oci,dest={layout},tar=false,rewrite-timestamp=true",
            "--build-arg", "SOURCE_DATE_EPOCH=0", *arguments, self.folder())
        self.assertIn("hello from arm64", result.stderr)
        manifest = json.loads(support.run("skopeo", "inspect", "--raw",
                                          f"oci:{layout}"))
        return [layer["digest"] for layer in manifest["layers"]]

    def test_runs_in_every_namespace(self):
        expected = self.layers()
        self.assertEqual(len(expected), 2)
        for isolation in ("overlay-root", "userns-map", "userns-emu",
                          "userns-single"):
            with self.subTest(isolation):
                self.assertEqual(self.layers("--isolation", isolation),
                                 expected)

    def test_nothing_is_registered_for_others(self):
        self.layers()
        listed = support.run(
            "unshare", "-m", "sh", "-c",
            "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && "
            "ls /proc/sys/fs/binfmt_misc")
        self.assertNotIn("strake", listed)

    def test_runs_an_image(self):
        self.build("--platform=linux/arm64", "-t", "local/hello:arm64",
                   self.folder())
        ran = self.strake("run", "local/hello:arm64")
        self.assertEqual((ran.returncode, ran.stdout),
                         (0, "hello from arm64\n"), ran.stderr)

    def test_skopeo_takes_the_image(self):
        archive = os.path.join(self.scratch, "hello.tar")
        self.build("--platform=linux/arm64", "-o", f"type=oci,dest={archive}",
                   self.folder())
        image = json.loads(support.run("skopeo", "inspect",
                                       f"oci-archive:{archive}"))
        self.assertEqual(image["Architecture"], "arm64")
        support.run("skopeo", "copy", "-q", f"oci-archive:{archive}",
                    f"oci:{self.scratch}/copied:1")

    def test_without_an_emulator(self):
        hidden = ["unshare", "-m", "sh", "-c",
                  f'mount --bind /dev/null {QEMU} && exec "$@"', "sh"]
        built = self.strake("build", "--platform=linux/arm64", "--no-cache",
                            self.folder(), prefix=hidden)
        self.assertEqual(built.returncode, 1)
        for text in ("/hello is a program for arm64", "qemu-user-static",
                     "Dockerfile:3", 'RUN ["/hello"]'):
            self.assertIn(text, built.stderr)

    def test_isolations_that_cannot(self):
        for isolation in ("chroot", "notify", "trace"):
            with self.subTest(isolation):
                built = self.strake("build", "--platform=linux/arm64",
                                    "--no-cache", "--isolation", isolation,
                                    self.folder())
                self.assertEqual(built.returncode, 1)
                self.assertIn("/hello is a program for arm64", built.stderr)
                self.assertIn("with this isolation" if isolation == "chroot"
                              else "this isolation runs", built.stderr)

    def test_uses_what_the_machine_has_registered(self):
        """Also where strake could register nothing itself."""
        emulator = os.path.join(support.SOURCE, "tests/e2e/with_emulator.py")
        built = subprocess.run(
            ["python3", "-B", emulator, support.STRAKE, "build",
             "--progress=plain", "--platform=linux/arm64", "--no-cache",
             "--isolation=userns-map", self.folder()],
            stdin=subprocess.DEVNULL, text=True, capture_output=True,
            env=self.environment(), timeout=300)
        self.assertEqual(built.returncode, 0, built.stderr)
        self.assertIn("hello from arm64", built.stderr)


DEBIAN = """FROM {base}
RUN uname -m && dpkg --print-architecture
RUN apt-get update -qq && \\
    apt-get install -y --no-install-recommends file iputils-ping
RUN file -L /bin/sh && getcap "$(command -v ping)" || true
USER nobody
RUN id -u && test ! -w /etc/passwd
CMD ["uname", "-m"]
"""


@unittest.skipUnless(os.environ.get("STRAKE_SLOW_TESTS"), "takes minutes")
class ForeignDebianTest(support.EndToEndTest):
    """A real Debian for arm64, and a package installed in it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        need_emulation()
        cls.hub = cls.registry()
        cls.base = f"{cls.hub.name}/debian:arm64"
        context = os.path.join(cls.scratch, "base")
        os.makedirs(context)
        with open(f"{context}/Dockerfile", "w") as f:
            f.write("FROM scratch\nADD debian.tar /\n"
                    "RUN echo 'Acquire::Check-Valid-Until \"false\";' "
                    ">/etc/apt/apt.conf.d/99test\n")
        shutil.copy(cls.tar(), f"{context}/debian.tar")
        support.run(support.STRAKE, "build", "--platform=linux/arm64", "--push",
                    "-t", cls.base, context,
                    env=dict(os.environ, STRAKE_HOME=cls.store))

    @classmethod
    def tar(cls):
        """The root file system, made once and kept in .cache."""
        support.need("mmdebstrap")
        tar = os.path.join(support.CACHE, "debian-12-arm64.tar")
        if not os.path.exists(tar):
            os.makedirs(support.CACHE, exist_ok=True)
            emulator = os.path.join(support.SOURCE,
                                    "tests/e2e/with_emulator.py")
            support.run("python3", "-B", emulator, "mmdebstrap",
                        "--arch=arm64", "--skip=check/qemu",
                        "--variant=minbase", "--format=tar", "bookworm",
                        f"{tar}.new", "http://deb.debian.org/debian",
                        timeout=3600)
            os.rename(f"{tar}.new", tar)
        return tar

    def build_as(self, isolation):
        folder = self.context("debian", DEBIAN.format(base=self.base))
        name = f"{self.hub.name}/app:{isolation}"
        built = self.build("--platform=linux/arm64", "--no-cache", "--push",
                           "--isolation", isolation, "-t", name, folder,
                           timeout=3600)
        self.assertIn("aarch64", built.stderr)
        self.assertIn("ARM aarch64", built.stderr)
        self.assertIn("65534", built.stderr)
        image = json.loads(support.run("skopeo", "inspect",
                                       "--tls-verify=false",
                                       "--override-arch=arm64",
                                       f"docker://{name}"))
        self.assertEqual(image["Architecture"], "arm64")
        support.run("skopeo", "copy", "-q", "--src-tls-verify=false",
                    "--override-arch=arm64", f"docker://{name}",
                    f"oci:{self.scratch}/{isolation}:1")
        ran = self.strake("run", name, env=self.environment(
            STRAKE_HOME=os.path.join(self.scratch, "other")))
        self.assertEqual((ran.returncode, ran.stdout), (0, "aarch64\n"),
                         ran.stderr)

    def test_as_root(self):
        self.build_as("overlay-root")

    def test_in_a_user_namespace(self):
        self.build_as("userns-map")


if __name__ == "__main__":
    unittest.main()
