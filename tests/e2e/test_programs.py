"""Real packages and real builds in a pod that allows nothing: PodSecurity "restricted".

`QuickProgramsTest` makes do with what Debian is. For `ProgramsTest` packages are installed
there once, into an image that is kept in .cache; each part is a step from that image, built in
the same pod and then run by podman. It needs Debian's mirror the first time, takes long, and
runs only with STRAKE_SLOW_TESTS=1:

    STRAKE_SLOW_TESTS=1 python3 -m unittest -v test_programs.ProgramsTest.test_java
"""
import fcntl
import os
import shutil
import unittest

import ci_environment
import support

PACKAGES = """FROM {base}
ENV DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make \\
    python3 python3-venv python3-pip python3-setuptools python3-wheel \\
    openjdk-17-jdk-headless npm golang-go musl-tools sudo adduser libcap2-bin && \\
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*
"""

C = r"""
WORKDIR /c
RUN for i in $(seq 40); do echo "int f$i(void) { return $i; }" > f$i.c; done; \
    printf 'int f1(void); int main(void) { return f1() - 1; }\n' > main.c; \
    printf 'OBJ=$(patsubst %%.c,%%.o,$(wildcard *.c))\nprog: $(OBJ)\n\tcc -o $@ $^\n' > Makefile; \
    make -j2 && ./prog
"""

MUSL = r"""
WORKDIR /musl
RUN printf '#include <pthread.h>\n#include <stdio.h>\n#include <sys/stat.h>\n#include <unistd.h>\nstatic void *run(void *p) { return p; }\nint main(void) { pthread_t t[8]; struct stat s; for (int i = 0; i < 8; i++) pthread_create(&t[i], 0, run, 0); for (int i = 0; i < 8; i++) pthread_join(t[i], 0); if (stat("/etc/shadow", &s)) return 1; printf("%%d %%d %%d\\n", (int)getuid(), (int)s.st_uid, (int)s.st_gid); return 0; }\n' > a.c && \
    musl-gcc -static -o static a.c && musl-gcc -o dynamic a.c && \
    ./static > seen && ./dynamic >> seen && chown -R 12:34 . && chmod 4711 static
"""

PYTHON = r"""
WORKDIR /py
RUN mkdir -p pkg/thing && echo "value = 42" > pkg/thing/__init__.py && \
    printf '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "thing"\nversion = "1"\n' > pkg/pyproject.toml && \
    python3 -m venv --system-site-packages venv && \
    venv/bin/pip install --no-build-isolation --no-index ./pkg && \
    venv/bin/python -c 'import thing; assert thing.value == 42'
RUN python3 -c 'import concurrent.futures as f, multiprocessing as m, subprocess as s; \
    assert list(m.Pool(4).map(abs, range(100))) == list(range(100)); \
    p = f.ThreadPoolExecutor(8); \
    assert sum(p.map(lambda i: s.run(["true"]).returncode, range(100))) == 0'
"""

JAVA = r"""
WORKDIR /java
RUN for i in $(seq 50); do echo "public class C$i { int f() { return $i; } }" > C$i.java; done; \
    printf 'import java.nio.file.*; import java.util.*;\npublic class A {\n public static void main(String[] a) throws Exception {\n  List<Thread> ts = new ArrayList<>();\n  for (int i = 0; i < 8; i++) { Thread t = new Thread(() -> {\n   try { for (int j = 0; j < 5; j++) new ProcessBuilder("true").directory(new java.io.File("/tmp")).start().waitFor(); }\n   catch (Exception e) { e.printStackTrace(); System.exit(3); } }); ts.add(t); t.start(); }\n  for (Thread t : ts) t.join();\n  System.out.println(Files.getAttribute(Path.of("/etc/shadow"), "unix:gid") + " " + new C7().f());\n } }\n' > A.java && \
    javac -J-XX:ParallelGCThreads=4 *.java && java A > seen && \
    jar -c -f all.jar *.class
"""

NPM = r"""
WORKDIR /js
RUN mkdir -p thing/bin && \
    printf '{"name": "thing", "version": "1.0.0", "main": "i.js", "bin": {"thing": "bin/thing"}, "scripts": {"install": "id -u > installed-by"}}' > thing/package.json && \
    printf '#!/usr/bin/env node\nconsole.log(require(".."))\n' > thing/bin/thing && \
    echo 'module.exports = 42' > thing/i.js && \
    printf '{"name": "app", "version": "1.0.0", "scripts": {"show": "thing"}}' > package.json && \
    npm install --offline --no-audit --no-fund --install-links ./thing && \
    node -e 'if (require("thing") !== 42) process.exit(1)' && npm run -s show > seen
"""

GO = r"""
WORKDIR /go
RUN mkdir lib && printf 'package lib\nfunc One() int { return 1 }\n' > lib/lib.go && \
    printf 'module example\n\ngo 1.19\n' > go.mod && \
    printf 'package main\nimport ("example/lib"; "os/exec")\nfunc main() { c := make(chan int); for i := 0; i < 50; i++ { go func() { if exec.Command("true").Run() != nil { panic("exec") }; c <- lib.One() }() }; n := 0; for i := 0; i < 50; i++ { n += <-c }; println(n) }\n' > main.go && \
    GOCACHE=/tmp/go-cache CGO_ENABLED=0 go build -o prog . && ./prog 2> seen && \
    rm -rf /tmp/go-cache
"""

USERS = r"""
RUN adduser --disabled-password --gecos "" alice && \
    echo "alice ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/alice && \
    chmod 440 /etc/sudoers.d/alice && \
    su alice -c 'id -un > /home/alice/who && sudo -n id -u >> /home/alice/who && sudo -n -u nobody id -un >> /home/alice/who' && \
    ! su alice -c 'cat /etc/shadow' && \
    install -o alice -g mail -m 4750 /bin/true /usr/local/bin/hers && \
    adduser --system --group --home /var/lib/daemon --no-create-home box && \
    adduser alice box && su - alice -c 'id -nG' >> /home/alice/who && \
    cp /bin/true /usr/local/bin/capable && setcap cap_net_raw=ep /usr/local/bin/capable && \
    getcap /usr/local/bin/capable >> /home/alice/who && \
    useradd -m -s /bin/bash -G mail bob && echo bob:secret | chpasswd && \
    passwd -S bob | cut -d' ' -f1,2 > /home/bob/status
USER alice
WORKDIR /home/alice/work
RUN touch mine && ! touch /etc/not-hers && sudo touch roots
"""


# What a plain Debian image can do without more packages.
QUICK = r"""
RUN --mount=type=bind,target=/src \
    mkdir -p /p/DEBIAN /p/srv/data && cd /p && \
    printf 'Package: small\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n' > DEBIAN/control && \
    printf '#!/bin/sh -e\nadduser --system --group --no-create-home small\nchown small: /srv/data\nchmod 2750 /srv/data\n' > DEBIAN/postinst && \
    chmod 755 DEBIAN/postinst && echo x > srv/data/x && dpkg-deb -b /p /p.deb && dpkg -i /p.deb && \
    adduser --disabled-password --gecos "" alice && \
    su alice -c 'id -un; cat /etc/shadow || perl -e "print \$<, chr 10"' > /seen && \
    /src/threads >> /seen && perl -e 'for (1..20) { system("true") == 0 or die }'
USER alice
WORKDIR /home/alice/work
RUN touch mine
"""
QUICK_CHECK = """cat /seen
stat -c '%U:%G %a %n' /srv/data /srv/data/x /home/alice /home/alice/work/mine /usr/bin/su
dpkg -s small | grep Status"""
QUICK_EXPECTED = ["alice", "1000", "mt done bad=0 uid=0",
                  "small:small 2750 /srv/data",
                  "root:root 644 /srv/data/x", "alice:alice 700 /home/alice",
                  "alice:alice 644 /home/alice/work/mine",
                  "root:root 4755 /usr/bin/su", "Status: install ok installed"]


class InRestricted(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ci_environment.need()
        support.need("podman", "skopeo")
        cls.hub = cls.registry()
        shutil.copy(support.STRAKE, os.path.join(cls.scratch, "strake"))
        cls.home = os.path.join(cls.scratch, "volume")
        os.makedirs(cls.home)
        os.chown(cls.home, 1000, 1000)
        root = os.path.join(cls.scratch, "podman")
        cls.podman = ("podman", "--root", root, "--runroot", root + "-run",
                      "--runtime", "runc", "--cgroup-manager", "cgroupfs")
        cls.addClassCleanup(support.run, *cls.podman, "rmi", "-af")

    @classmethod
    def debian(cls):
        """The name of a plain Debian in the registry."""
        name = f"{cls.hub.name}/library/debian:12"
        cls.push(support.debian_archive() + ":debian", name)
        return name

    @classmethod
    def push(cls, archive, name):
        support.run("skopeo", "copy", "-q", "--dest-tls-verify=false",
                    f"oci-archive:{archive}", f"docker://{name}")

    @classmethod
    def build_restricted(cls, name, dockerfile):
        """Builds in the pod; returns the image's archive."""
        context = os.path.join(cls.scratch, name)
        os.makedirs(context, exist_ok=True)
        with open(os.path.join(context, "Dockerfile"), "w") as f:
            f.write(dockerfile)
        support.run("chmod", "-R", "a+rX", context)
        ran = ci_environment.run(
            "restricted", "strake", "build", "--progress=plain", "--isolation",
            "notify", "--output", f"type=oci,dest=/volume/{name}.tar", "/context",
            binds=[(context, "/context"), (cls.home, "/volume"),
                   (os.path.join(cls.scratch, "strake"), "/usr/bin/strake"),
                   ("/etc/resolv.conf", "/etc/resolv.conf")],
            variables={"STRAKE_HOME": "/volume/store", "TMPDIR": "/volume"},
            timeout=3600)
        if ran.returncode != 0:
            raise AssertionError(f"{name}:\n{ran.stderr[-6000:]}")
        return os.path.join(cls.home, name + ".tar")

    def check(self, name, steps, commands, expected):
        """Builds the part in the pod, and runs the commands in what it made."""
        archive = self.build_restricted(name, f"FROM {self.base}\n{steps}")
        image = f"{self.hub.name}/programs/{name}:1"
        self.push(archive, image)
        os.remove(archive)
        printed = support.run(
            *self.podman, "run", "--rm", "-q", "--tls-verify=false",
            "--network=none", "--user=0:0", "--workdir=/",
            # podman raises limits, which takes a capability that root here may
            # lack.
            "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096", image,
            "sh", "-ec", commands, timeout=1200)
        self.assertEqual(printed.splitlines()[-len(expected):], expected)


class QuickProgramsTest(InRestricted):
    def test_debian_alone(self):
        self.base = self.debian()
        source = os.path.join(os.path.dirname(ci_environment.ENTER), "threads.c")
        context = os.path.join(self.scratch, "debian")
        os.makedirs(context)
        support.run("cc", "-O1", "-static", "-pthread", "-o", context + "/threads", source)
        self.check("debian", QUICK, QUICK_CHECK, QUICK_EXPECTED)


class ProgramsTest(InRestricted):
    @classmethod
    def setUpClass(cls):
        if not os.environ.get("STRAKE_SLOW_TESTS"):
            raise unittest.SkipTest("takes ten minutes: set STRAKE_SLOW_TESTS=1")
        super().setUpClass()
        cls.base = f"{cls.hub.name}/library/programs:12"
        cls.packages()

    @classmethod
    def packages(cls):
        """Makes `base` known to the registry: made in `restricted`, once."""
        archive = os.path.join(support.CACHE, "programs-12.oci.tar")
        with open(archive + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(archive):
                made = cls.build_restricted("packages",
                                            PACKAGES.format(base=cls.debian()))
                shutil.move(made, archive)
        cls.push(archive, cls.base)

    def test_make(self):
        self.check("make", C, "/c/prog; stat -c '%u:%g %a' /c/prog; ls /c/*.o | wc -l",
                   ["0:0 755", "41"])

    def test_musl(self):
        self.check("musl", MUSL, "cat /musl/seen; /musl/static; stat -c '%u:%g %a' /musl/static",
                   ["0 0 42", "0 0 42", "0 0 42", "12:34 4711"])

    def test_python(self):
        self.check("python", PYTHON,
                   "/py/venv/bin/python -c 'import thing; print(thing.value)'",
                   ["42"])

    def test_java(self):
        self.check("java", JAVA, "cat /java/seen; java -cp /java/all.jar A",
                   ["42 7", "42 7"])

    def test_npm(self):
        self.check("npm", NPM, "cd /js; cat seen node_modules/thing/installed-by; "
                   "node_modules/.bin/thing; stat -c %u:%g node_modules/thing/i.js",
                   ["42", "0", "42", "0:0"])

    def test_go(self):
        self.check("go", GO, "cat /go/seen; /go/prog 2>&1", ["50", "50"])

    def test_users(self):
        self.check("users", USERS,
                   "cat /home/alice/who /home/bob/status; getcap /usr/local/bin/capable; "
                   "stat -c '%U:%G %a %n' /usr/local/bin/hers /home/alice /home/alice/who "
                   "/home/alice/work /home/alice/work/* /home/bob /etc/shadow /usr/bin/sudo "
                   "/usr/bin/su /etc/sudoers.d/alice; su alice -c 'id -un'",
                   ["alice", "0", "nobody", "alice users box",
                    "/usr/local/bin/capable cap_net_raw=ep", "bob P",
                    "/usr/local/bin/capable cap_net_raw=ep",
                    "alice:mail 4750 /usr/local/bin/hers",
                    "alice:alice 700 /home/alice",
                    "alice:alice 644 /home/alice/who",
                    "alice:alice 755 /home/alice/work",
                    "alice:alice 644 /home/alice/work/mine",
                    "root:root 644 /home/alice/work/roots",
                    "bob:bob 755 /home/bob",
                    "root:shadow 640 /etc/shadow",
                    "root:root 4755 /usr/bin/sudo",
                    "root:root 4755 /usr/bin/su",
                    "root:root 440 /etc/sudoers.d/alice", "alice"])


if __name__ == "__main__":
    unittest.main()
