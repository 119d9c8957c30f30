"""The same image wherever it is built: as root, as a user, in every CI container."""
import io
import json
import os
import shutil
import subprocess
import tarfile
import unittest

import ci_environment
import support

EPOCH = "1700000000"
CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"


def add(tar, name, kind=tarfile.REGTYPE, mode=0o644, uid=0, gid=0, content=b"",
        link="", device=(0, 0), xattrs=None):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.uid, entry.gid = kind, mode, uid, gid
    entry.mtime, entry.size, entry.linkname = 1600000000, len(content), link
    entry.devmajor, entry.devminor = device
    for key, value in (xattrs or {}).items():
        entry.pax_headers["SCHILY.xattr." + key] = value.decode("latin-1")
    tar.addfile(entry, io.BytesIO(content))


def write_rich_tar(path, hard_links=True):
    """Whatever a plain user cannot have on disk.

    Without hard links for RUN: the kernel's overlay breaks one that a step writes to, as it
    does under Docker, and a file system without overlay keeps it.
    """
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "rich", tarfile.DIRTYPE, 0o755)
        add(tar, "rich/plain", content=b"plain")
        add(tar, "rich/mail", mode=0o600, uid=8, gid=12, content=b"mail")
        add(tar, "rich/su", mode=0o4755, content=b"su")
        add(tar, "rich/wall", mode=0o2755, gid=5, content=b"wall")
        add(tar, "rich/nobody", mode=0, uid=65534, gid=65534, content=b"secret")
        add(tar, "rich/closed", tarfile.DIRTYPE, 0)
        add(tar, "rich/closed/inside", mode=0o400, uid=1000, content=b"in")
        add(tar, "rich/readonly", tarfile.DIRTYPE, 0o555, uid=1000, gid=1000)
        add(tar, "rich/readonly/file", mode=0o444, content=b"r")
        add(tar, "rich/staff", tarfile.DIRTYPE, 0o2775, gid=50)
        add(tar, "rich/sticky", tarfile.DIRTYPE, 0o1777)
        add(tar, "rich/null", tarfile.CHRTYPE, 0o666, device=(1, 3))
        add(tar, "rich/disk", tarfile.BLKTYPE, 0o660, gid=6, device=(8, 1))
        add(tar, "rich/pipe", tarfile.FIFOTYPE, 0o622, uid=3)
        add(tar, "rich/link", tarfile.SYMTYPE, 0o777, uid=5, gid=6, link="mail")
        if hard_links:
            add(tar, "rich/hard", tarfile.LNKTYPE, mode=0o600, uid=8, gid=12,
                link="rich/mail")
        # Its bytes are not UTF-8, which Python writes only as such.
        add(tar, "rich/note", content=b"note", xattrs={"user.note": b"kept"})


WITHOUT_RUN = """FROM {base} AS one
ADD rich.tar /
COPY --chown=1234:5678 --chmod=2640 a.txt /one/a
WORKDIR /one/deep/work
COPY --chown=nobody a.txt .
FROM {base}
COPY --from=one /rich /copied
COPY --from=one --chown=7:8 /rich/staff /rich/mail /owned/
ADD --chown=42:43 rich.tar /added/
COPY --link --chown=9:9 a.txt /linked/a
COPY a.txt b.txt /one/
USER 1234
WORKDIR /home/work
COPY --chmod=4711 b.txt ./
ENV A=1
"""

# Ways to change a file system by RUN, each in a Dockerfile of its own.
RUNS = {
    "write": "RUN echo a > /a && mkdir -p /d/e && echo b > /d/e/b",
    "delete": "RUN rm -rf /etc/group /home/rich/sticky",
    "replace": "RUN rm /etc/passwd && mkdir /etc/passwd && echo x > /etc/passwd/x",
    "modes": "RUN chmod 4711 /home/rich/plain && chmod 0 /home/rich/staff",
    "owners": "RUN chown -R 33:33 /home/rich/staff && chown 1:2 /home/rich/mail",
    "links": "RUN ln /etc/passwd /p && ln -s ../nowhere /s && ln /etc/group /g2",
    # Not a directory of the layers below: the kernel's overlay lets nobody
    # rename one, and mv copies it, with what mv knows to copy.
    "rename": "RUN mkdir -p /n/a && mv /n /m && mv /etc/group /etc/g",
    "devices": "RUN mknod /null c 1 3 && mkfifo /pipe",
    # Made and looked at in one step, changed in the next, copied out of a stage.
    # The link goes with its step: a change to one of two names below an overlay
    # leaves the other as it was.
    "device-steps": "FROM BASE AS one\n"
                    "RUN mkdir -m 2775 /x && chgrp 50 /x && umask 027 && "
                    "mknod /x/n c 1 3 && mknod -m 0640 /x/b b 8 1 && "
                    "ln /x/n /x/h && ls -ln /x | cut -d' ' -f1,3-6 > /l && "
                    "cp -a /x /y && echo lost > /x/n && rm /x/h\n"
                    "RUN chown 5:6 /x/n && chmod 600 /x/b && mv /x/b /x/c && "
                    "rm /y/n && echo file > /y/n && find /x /y -type b > /f\n"
                    "FROM BASE\nCOPY --from=one /l /f /x/c /x/n /out/\n"
                    "COPY --from=one /y /y\n"
                    "RUN stat -c '%n %t:%T %a' /out/* > /s",
    "user": "USER 1000:1000\nRUN echo mine > /tmp/mine && id > /tmp/id",
    "workdir": "WORKDIR /srv/a\nRUN pwd > where",
    "umask": "RUN umask 077; echo a > /u && mkdir /v",
    "empty": "RUN true",
    "touch-nothing": "RUN chmod 755 /etc && cat /etc/passwd > /dev/null",
    "append": "RUN echo user2:x:1001:1001::/:/bin/sh >> /etc/passwd",
    "setgid": "RUN mkdir /sg && chgrp 50 /sg && chmod 2775 /sg && touch /sg/f "
              "&& mkdir /sg/d",
    "environment": "ARG A=1\nENV B=2\nRUN echo $A $B $HOME $PATH > /e",
    "secret": "RUN --mount=type=secret,id=s cat /run/secrets/s | wc -c > /n",
    "bind": "RUN --mount=type=bind,target=/src cp /src/a.txt /a && ls /src > /l",
    "tmpfs": "RUN --mount=type=tmpfs,target=/scratch echo a > /scratch/a && "
             "cp /scratch/a /a",
    "cache": "RUN --mount=type=cache,target=/cache echo a > /cache/a && "
             "cp /cache/a /a",
    "cache-owners": "RUN --mount=type=cache,id=o,target=/c,uid=7,gid=8,mode=2750 "
                    "touch /c/a /c/b && chown 5:6 /c/a && chmod 4711 /c/b\n"
                    "RUN --mount=type=cache,id=o,target=/c,uid=7,gid=8,mode=2750 "
                    "stat -c '%u:%g %a %n' /c /c/* > /s && rm /c/*",
    "bind-owners": "FROM BASE AS one\nADD single.tar /home/\n"
                   "RUN chown 5:6 /home/rich/plain\nFROM BASE\n"
                   "RUN --mount=from=one,source=/home,target=/m "
                   "stat -c '%u:%g %a %t %n' /m /m/rich /m/rich/* > /s",
}


# What is chosen where nobody asks for something else.
CHOSEN = {"docker-root": "notify", "restricted": "notify",
          "docker-root-unconfined": "userns-map",
          "restricted-unconfined": "userns-emu"}


class EnvironmentsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ci_environment.need()
        cls.start_hub()
        cls.folder = os.path.join(cls.scratch, "context")
        os.makedirs(cls.folder)
        write_rich_tar(os.path.join(cls.folder, "rich.tar"))
        write_rich_tar(os.path.join(cls.folder, "single.tar"), hard_links=False)
        for name in ("a", "b"):
            with open(os.path.join(cls.folder, name + ".txt"), "w") as f:
                f.write(name)
        cls.files = {"without-run": WITHOUT_RUN.format(base=cls.base)}
        for name, steps in RUNS.items():
            cls.files[name] = (f"FROM {cls.base}\nADD single.tar /home/\n"
                               f"{steps.replace('BASE', cls.base)}\n")
        for name, text in cls.files.items():
            with open(os.path.join(cls.folder, name + ".Dockerfile"), "w") as f:
                f.write(text)
        with open(os.path.join(cls.folder, "secret"), "w") as f:
            f.write("shh")
        # A context says who its reader is: everybody may.
        support.run("chmod", "-R", "a+rX", cls.folder)
        shutil.copy(support.STRAKE, os.path.join(cls.scratch, "strake"))
        cls.expected = {}

    def script(self, names, isolation="", folder=None, snapshotter="auto"):
        """A shell script that builds each Dockerfile and prints its layers."""
        folder = folder or self.folder
        lines = []
        if isolation:
            lines.append(f"export STRAKE_ISOLATION={isolation}")
        for name in names:
            lines.append(
                f"if strake build --progress=plain --no-cache -t x "
                f"--snapshotter {snapshotter} "
                f"--output type=image,rewrite-timestamp=true "
                f"--secret id=s,src={folder}/secret "
                f"-f {folder}/{name}.Dockerfile {folder} 2>$TMPDIR/log; then "
                f"echo {name} $(strake inspect --format "
                "'{{json .RootFS.Layers}}' x); else "
                f"echo {name} failed; cat $TMPDIR/log >&2; fi")
        return "\n".join(lines)

    def results(self, text):
        return dict(line.split(" ", 1) for line in text.splitlines())

    def here(self, names, isolation="", prefix=(), uid=0, snapshotter="auto"):
        home = os.path.join(self.scratch, f"home-{isolation or 'auto'}-{uid}")
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        os.chown(home, uid, uid)
        env = self.environment(
            STRAKE_HOME=home + "/store", TMPDIR=home, HOME=home,
            SOURCE_DATE_EPOCH=EPOCH, PATH=self.scratch + ":" + os.environ["PATH"])
        ran = subprocess.run([*prefix, "sh", "-c", self.script(
            names, isolation, snapshotter=snapshotter)],
                             env=env, text=True, capture_output=True,
                             stdin=subprocess.DEVNULL, timeout=600)
        if ran.stderr:
            print(ran.stderr)
        return self.results(ran.stdout)

    def inside(self, environment, place, names, isolation=""):
        home = os.path.join(self.scratch, f"volume-{environment}-{isolation}")
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        uid = ci_environment.uid(environment)
        os.chown(home, uid, uid)
        where = "/volume" if place == "volume" else "/tmp"
        ran = ci_environment.run(
            environment, "sh", "-c",
            self.script(names, isolation, "/context"),
            binds=[(self.folder, "/context"), (home, "/volume"),
                   (self.scratch + "/strake", "/usr/bin/strake")],
            variables={"SOURCE_DATE_EPOCH": EPOCH, "TMPDIR": where,
                       "STRAKE_HOME": where + "/store"})
        if ran.stderr:
            print(ran.stderr)
        return self.results(ran.stdout)

    def reference(self, names):
        missing = [name for name in names if name not in self.expected]
        if missing:
            self.expected.update(self.here(missing, "overlay-root"))
        return {name: self.expected[name] for name in names}

    def check(self, names, results):
        """Every Dockerfile of `names` was built, to what root builds."""
        self.assertEqual(sorted(results), sorted(names))
        reference = self.reference(names)
        for name, result in results.items():
            with self.subTest(dockerfile=name):
                self.assertTrue(result.startswith("["), result)
                self.assertEqual(result, reference[name])

    def test_without_run_in_every_container(self):
        for environment in ci_environment.NAMES:
            for place in ("overlay", "volume"):
                with self.subTest(environment=environment, place=place):
                    names = ["without-run"]
                    self.check(names, self.inside(environment, place, names))

    def test_without_run_as_user(self):
        for isolation in ("", "none"):
            names = ["without-run"]
            self.check(names, self.here(names, isolation, uid=1000, prefix=[
                "setpriv", "--reuid", "1000", "--regid", "1000",
                "--clear-groups"]))

    def test_root_with_any_snapshotter(self):
        self.check(list(RUNS), self.here(list(RUNS), "overlay-root",
                                         snapshotter="plain"))

    def test_user_namespace_of_root(self):
        # The kernel lets nobody make a device there: every one is emulated.
        self.check(list(RUNS), self.here(list(RUNS), "userns-map"))

    def test_chroot_of_root(self):
        self.check(list(RUNS), self.here(list(RUNS), "chroot"))

    def test_notify_of_root(self):
        self.check(list(RUNS), self.here(list(RUNS), "notify"))

    def test_notify_as_user(self):
        self.check(list(RUNS), self.here(list(RUNS), "notify", uid=1000, prefix=[
            "setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]))

    def test_notify_in_every_container(self):
        for environment in ("docker-root", "restricted"):
            for place in ("overlay", "volume"):
                with self.subTest(environment=environment, place=place):
                    self.check(list(RUNS), self.inside(
                        environment, place, list(RUNS), "notify"))

    def test_userns_emu_as_user(self):
        self.check(list(RUNS), self.here(list(RUNS), "userns-emu", uid=1000, prefix=[
            "setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]))

    def test_userns_emu_in_containers(self):
        """Whoever is not root gets it where no seccomp profile is set."""
        for place, names in (("overlay", list(RUNS)),
                             ("volume", list(RUNS)[::4])):
            with self.subTest(place=place):
                self.check(names, self.inside("restricted-unconfined", place,
                                              names, "userns-emu"))

    def test_trace_of_root(self):
        self.check(list(RUNS), self.here(list(RUNS), "trace"))

    def test_trace_in_containers(self):
        for environment in ("docker-root", "restricted"):
            with self.subTest(environment=environment):
                self.check(list(RUNS), self.inside(
                    environment, "overlay", list(RUNS), "trace"))

    def test_trace_below_another_supervisor(self):
        """A listener around strake, as LXD and sysbox have, hides no call from it."""
        self.check(list(RUNS), self.here(list(RUNS), "trace", prefix=[
            "python3", "-B", os.path.join(os.path.dirname(__file__),
                                          "with_listener.py")]))

    def test_chroot_in_a_default_container(self):
        for place in ("overlay", "volume"):
            with self.subTest(place=place):
                self.check(list(RUNS), self.inside(
                    "docker-root", place, list(RUNS), "chroot"))

    def test_writes_nowhere_but_to_the_store(self):
        for isolation in ("notify", "chroot", "trace"):
            with self.subTest(isolation=isolation):
                result = self.strake(
                    "build", "--progress=plain", "--no-cache", "-t", "x",
                    "--isolation", isolation,
                    "-f", self.folder + "/tmpfs.Dockerfile", self.folder,
                    env=self.environment(TMPDIR="/nowhere"))
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(os.listdir(os.path.join(self.store, "tmp")), [])

    def test_where_no_file_in_memory_may_be_executed(self):
        context = self.context("memory", f"FROM {self.base}\n"
                               "RUN --mount=type=secret,id=s,target=/s cat /s\n")
        secret = os.path.join(self.scratch, "memory-secret")
        with open(secret, "w") as f:
            f.write("hidden")
        # The setting is that of a process namespace: nobody else's changes.
        script = 'echo $1 > /proc/sys/vm/memfd_noexec && shift && exec "$@"'
        for isolation in ("notify", "trace"):
            for level in ("1", "2"):
                with self.subTest(isolation=isolation, level=level):
                    result = self.strake(
                        "build", "--progress=plain", "--no-cache", "-t", "x",
                        "--isolation", isolation, "--secret", f"id=s,src={secret}",
                        context, env=self.environment(),
                        prefix=["unshare", "-pf", "--mount-proc", "sh", "-c",
                                script, "sh", level])
                    self.assertEqual(result.returncode, 0, result.stderr)

    def test_warns_once_of_what_has_no_effect(self):
        step = "RUN --mount=type=tmpfs,target=/t,size=1m true"
        context = self.context("limits", f"FROM {self.base}\n{step}\n{step} # again\n")
        for isolation, times in (("notify", 1), ("overlay-root", 0)):
            with self.subTest(isolation=isolation):
                result = self.strake("build", "--progress=plain", "--no-cache",
                                     "--isolation", isolation, "-t", "x", context,
                                     env=self.environment())
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(result.stderr.count("size= has no effect"), times)
                self.assertEqual(result.stderr.count("WARNING"), times)

    def test_doctor_heeds_the_wish(self):
        for isolation, chosen in (("trace", "trace"), ("none", "none")):
            result = self.strake("doctor", "--format", "json", env=self.environment(
                STRAKE_ISOLATION=isolation))
            self.assertEqual(json.loads(result.stdout)["chosen"], chosen)

    def test_impossible_isolation(self):
        ran = ci_environment.run(
            "restricted", "strake", "build", "--isolation", "chroot",
            "-f", "/context/empty.Dockerfile", "/context",
            binds=[(self.folder, "/context"),
                   (self.scratch + "/strake", "/usr/bin/strake")],
            variables={"STRAKE_HOME": "/tmp/store"})
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("isolation chroot is impossible here", ran.stderr)
        self.assertIn("It needs root", ran.stderr)

    def test_doctor(self):
        for environment in ci_environment.NAMES:
            ran = ci_environment.run(
                environment, "strake", "doctor", "--format", "json",
                binds=[(self.scratch + "/strake", "/usr/bin/strake")])
            report = json.loads(ran.stdout)
            with self.subTest(environment=environment):
                self.assertEqual(report["uid"], ci_environment.uid(environment))
                works = {b["name"] for b in report["backends"] if b["works"]}
                for backend in report["backends"]:
                    self.assertTrue(backend["works"] or backend["detail"])
                self.assertEqual("chroot" in works,
                                 environment.startswith("docker-root"))
                self.assertNotIn("overlay-root", works)
                self.assertEqual(report["chosen"], CHOSEN[environment])


if __name__ == "__main__":
    unittest.main()
