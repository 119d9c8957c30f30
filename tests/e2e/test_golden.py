"""Scripts that try owners, modes, special files, users and odd corners of /proc do the same by
every isolation, where it is meant for, as in a real chroot as root.

What they print is compared line by line, and the layers entry by entry. The scripts are those
of ../shared/environments. With STRAKE_SLOW_TESTS=1 packages are installed, too.
"""
import dataclasses
import difflib
import gzip
import io
import json
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
import time
import unittest

import ci_environment
import reference_tree
import support

SLOW = bool(os.environ.get("STRAKE_SLOW_TESTS"))
OFFLINE = "" if SLOW else "OFFLINE=1 "
SCRIPTS = ["ownership", "pitfalls"]
STEPS = [f"{OFFLINE}sh /golden/ownership.sh > /golden/ownership.txt 2>&1",
         "bash /golden/pitfalls.sh > /golden/pitfalls.txt 2>&1"]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USER = ("setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups")
# Where nothing but ptrace is left.
BELOW_A_LISTENER = ("python3", "-B",
                    os.path.join(os.path.dirname(__file__), "with_listener.py"))

# Contents that depend on the time or on chance, where packages are installed.
VOLATILE = re.compile(
    r"^(var/log/|var/cache/|var/lib/(dbus/machine-id|exim4/|systemd/|dpkg/)|"
    r"etc/(machine-id|ld\.so\.cache|exim4/|shadow|mailname|.*-$)|golden/)")


def layers_of(layout):
    """The layers of an image in an OCI archive, uncompressed, lowest first."""
    with tarfile.open(layout) as tar:
        def blob(digest):
            return tar.extractfile("blobs/" + digest.replace(":", "/")).read()
        index = json.load(tar.extractfile("index.json"))
        manifest = json.loads(blob(index["manifests"][0]["digest"]))
        for layer in manifest["layers"]:
            data = blob(layer["digest"])
            yield gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def find_text(layer, name):
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return tar.extractfile(name).read().decode(errors="replace").splitlines()


class Golden(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ci_environment.need()
        cls.scripts = os.path.dirname(ci_environment.ENTER)
        cls.hub = cls.registry()
        cls.base = f"{cls.hub.name}/library/debian:12"
        cls.archive = support.debian_archive()
        support.run("skopeo", "copy", "-q", "--dest-tls-verify=false",
                    f"oci-archive:{cls.archive}:debian", f"docker://{cls.base}")
        shutil.copy(support.STRAKE, os.path.join(cls.scratch, "strake"))
        cls.folder = os.path.join(cls.scratch, "context")
        os.makedirs(cls.folder)
        for script in SCRIPTS:
            shutil.copy(os.path.join(cls.scripts, script + ".sh"), cls.folder)
        with open(os.path.join(cls.folder, "Dockerfile"), "w") as f:
            f.write(f"FROM {cls.base}\nCOPY *.sh /golden/\n" +
                    "".join(f"RUN {step}\n" for step in STEPS))
        support.run("chmod", "-R", "a+rX", cls.folder)
        cls.started = int(time.time())
        cls.references = {}
        cls.texts_of_overlay = None

    @classmethod
    def reference(cls, with_proc=True):
        """What each step prints, and changes, in a real chroot as root."""
        if with_proc not in cls.references:
            root = cls.prepare_root(f"root-{with_proc}")
            chroot = reference_tree.Chroot(root, with_proc)
            states = [reference_tree.scan(root)]
            texts = []
            for script, step in zip(SCRIPTS, STEPS):
                texts.append(cls.run_step(chroot, root, script, step))
                states.append(reference_tree.scan(root, states[-1]))
            cls.references[with_proc] = list(zip(texts, (
                reference_tree.changes(*pair) for pair in zip(states, states[1:]))))
            shutil.rmtree(root)
        return cls.references[with_proc]

    @classmethod
    def overlay_texts(cls):
        """What is printed where the root is an overlay: it counts links its own way."""
        if cls.texts_of_overlay is None:
            root, upper = cls.prepare_root("lower"), os.path.join(cls.scratch, "upper")
            chroot = reference_tree.Chroot(root, overlay=upper)
            cls.texts_of_overlay = [cls.run_step(chroot, upper, *step)
                                    for step in zip(SCRIPTS, STEPS)]
        return cls.texts_of_overlay

    @classmethod
    def prepare_root(cls, name):
        root = os.path.join(cls.scratch, name)
        os.makedirs(root)
        for layer in layers_of(cls.archive):
            subprocess.run(["tar", "-C", root, "-xp", "--numeric-owner", "-f", "-"],
                           input=layer, check=True)
        golden = os.path.join(root, "golden")
        os.mkdir(golden)
        for script in SCRIPTS:
            shutil.copy2(os.path.join(cls.folder, script + ".sh"), golden)
        return root

    @staticmethod
    def run_step(chroot, root, script, step):
        ran = chroot.run(step, [PATH, "HOME=/root"])
        if ran.returncode != 0:
            raise AssertionError(ran.stdout)
        with open(os.path.join(root, "golden", script + ".txt"), errors="replace") as f:
            return f.read().splitlines()

    # ---- strake's side

    def command(self, isolation, folder, archive):
        return ["build", "--progress=plain", "--isolation", isolation,
                "--output", f"type=oci,dest={archive}", folder]

    def here(self, isolation, uid=0, prefix=()):
        home = tempfile.mkdtemp(prefix=f"home-{isolation}-", dir=self.scratch)
        os.chown(home, uid, uid)
        archive = os.path.join(home, "image.tar")
        env = self.environment(STRAKE_HOME=home + "/store", TMPDIR=home, HOME=home)
        return archive, self.strake(
            *self.command(isolation, self.folder, archive), env=env, prefix=prefix,
            timeout=1800)

    def inside(self, isolation, environment, place):
        home = os.path.join(self.scratch, f"home-{isolation}-{environment}-{place}")
        os.makedirs(home)
        uid = ci_environment.uid(environment)
        os.chown(home, uid, uid)
        where = "/volume" if place == "volume" else "/tmp"
        ran = ci_environment.run(
            environment, "strake",
            *self.command(isolation, "/context", "/volume/image.tar"),
            binds=[(self.folder, "/context"), (home, "/volume"),
                   (self.scratch + "/strake", "/usr/bin/strake"),
                   ("/etc/resolv.conf", "/etc/resolv.conf")],
            variables={"TMPDIR": where, "STRAKE_HOME": where + "/store"},
            timeout=1800)
        return os.path.join(home, "image.tar"), ran

    def check(self, archive, ran, with_proc=True, texts=None):
        self.assertEqual(ran.returncode, 0, ran.stderr[-4000:])
        reference = self.reference(with_proc)
        texts = texts or [text for text, _ in reference]
        layers = list(layers_of(archive))[-len(STEPS):]
        for script, layer, text, (_, changes) in zip(SCRIPTS, layers, texts, reference):
            with self.subTest(script=script):
                self.compare_lines(text, find_text(layer, f"golden/{script}.txt"))
                self.compare_entries(changes, reference_tree.read_layer(layer))
        os.remove(archive)

    def compare_lines(self, expected, got):
        self.assertEqual(list(difflib.unified_diff(expected, got, "chroot", "strake",
                                                   n=0, lineterm="")), [])

    def compare_entries(self, expected, got):
        differences = []
        for path in sorted(expected.keys() | got.keys()):
            if path not in got:
                differences.append(f"{path} is not in the layer")
            elif path not in expected:
                differences.append(f"{path} is in the layer without a change")
            elif self.plain(path, expected[path]) != self.plain(path, got[path]):
                differences.append(f"{path}\n  {expected[path]}\n  {got[path]}")
        self.assertEqual(differences, [])
        self.assertEqual(reference_tree.hard_links(got),
                         reference_tree.hard_links(expected))

    def plain(self, path, entry):
        """The entry, but for what differs between any two runs."""
        if entry is None:
            return None
        entry = dataclasses.replace(entry, inode=0)
        if entry.mtime >= self.started:
            entry = dataclasses.replace(entry, mtime=0)
        if VOLATILE.search(path):
            entry = dataclasses.replace(entry, content="")
        return entry


class GoldenTest(Golden):
    def test_notify_in_restricted(self):
        self.check(*self.inside("notify", "restricted", "overlay"))


class GoldenEverywhereTest(Golden):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not SLOW:
            raise unittest.SkipTest("takes ten minutes: set STRAKE_SLOW_TESTS=1")

    def test_overlay_root(self):
        self.check(*self.here("overlay-root"), texts=self.overlay_texts())

    def test_notify_as_user(self):
        self.check(*self.here("notify", 1000, USER))

    def test_notify_in_containers(self):
        for environment in ("restricted", "docker-root"):
            for place in ("overlay", "volume"):
                self.check(*self.inside("notify", environment, place))

    def test_userns_map_of_root(self):
        self.check(*self.here("userns-map"), texts=self.overlay_texts())

    def test_userns_map_as_user(self):
        ids = os.path.join(self.scratch, "subid")
        with open(ids, "w") as f:
            f.write("1000:100000:65536\n")
        script = (f"touch /etc/subuid /etc/subgid && mount --bind {ids} /etc/subuid"
                  f" && mount --bind {ids} /etc/subgid && exec \"$@\"")
        self.check(*self.here("userns-map", 1000,
                              ("unshare", "-m", "sh", "-c", script, "sh", *USER)),
                   texts=self.overlay_texts())

    def test_userns_map_in_containers(self):
        for place in ("overlay", "volume"):
            texts = self.overlay_texts() if place == "volume" else None
            self.check(*self.inside("userns-map", "docker-root-unconfined", place),
                       texts=texts)

    def test_userns_emu_as_user(self):
        self.check(*self.here("userns-emu", 1000, USER))

    def test_userns_emu_in_containers(self):
        for place in ("overlay", "volume"):
            self.check(*self.inside("userns-emu", "restricted-unconfined", place))

    def test_trace_below_another_supervisor(self):
        self.check(*self.here("trace", prefix=BELOW_A_LISTENER))

    def test_trace_as_user(self):
        self.check(*self.here("trace", 1000, USER))

    def test_trace_in_a_container(self):
        self.check(*self.inside("trace", "restricted", "overlay"))

    def test_chroot(self):
        for place in ("overlay", "volume"):
            self.check(*self.inside("chroot", "docker-root", place), with_proc=False)


if __name__ == "__main__":
    unittest.main()
