"""Real packages and real builds in a pod that allows nothing: PodSecurity "restricted".

Needs Debian's mirror, and takes long; runs only with STRAKE_SLOW_TESTS=1.
"""
import os
import shutil
import unittest

import ci_environment
import support

DOCKERFILE = """FROM {base}
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make python3 \\
    python3-venv python3-pip openjdk-17-jdk-headless npm golang-go musl-tools sudo adduser \\
    libcap2-bin && rm -rf /var/lib/apt/lists/*
WORKDIR /c
RUN for i in $(seq 40); do echo "int f$i(void) {{ return $i; }}" > f$i.c; done; \\
    printf 'int f1(void); int main(void) {{ return f1() - 1; }}\\n' > main.c; \\
    printf 'OBJ=$(patsubst %%.c,%%.o,$(wildcard *.c))\\nprog: $(OBJ)\\n\\tcc -o $@ $^\\n' > Makefile; \\
    make -j2 && ./prog && echo c-ok >> /results
RUN musl-gcc -static -o /c/static main.c f1.c && /c/static && echo musl-ok >> /results
WORKDIR /py
RUN mkdir -p pkg/thing && echo "value = 42" > pkg/thing/__init__.py && \\
    printf '[build-system]\\nrequires = ["setuptools"]\\nbuild-backend = "setuptools.build_meta"\\n[project]\\nname = "thing"\\nversion = "1"\\n' > pkg/pyproject.toml && \\
    python3 -m venv --system-site-packages venv && \\
    venv/bin/pip install --no-build-isolation --no-index ./pkg && \\
    venv/bin/python -c 'import thing; assert thing.value == 42' && echo python-ok >> /results
WORKDIR /java
RUN printf 'import java.util.*; public class A {{ public static void main(String[] a) throws Exception {{ List<Thread> ts = new ArrayList<>(); for (int i = 0; i < 8; i++) {{ Thread t = new Thread(() -> {{ try {{ for (int j = 0; j < 5; j++) new ProcessBuilder("true").start().waitFor(); }} catch (Exception e) {{ System.exit(3); }} }}); ts.add(t); t.start(); }} for (Thread t : ts) t.join(); }} }}\\n' > A.java && \\
    javac -J-XX:ParallelGCThreads=4 A.java && java A && echo java-ok >> /results
WORKDIR /js
RUN mkdir thing && printf '{{"name": "thing", "version": "1.0.0", "main": "i.js"}}' > thing/package.json && \\
    echo 'module.exports = 42' > thing/i.js && printf '{{"name": "app", "version": "1.0.0"}}' > package.json && \\
    npm install --offline --no-audit --no-fund ./thing && \\
    node -e 'if (require("thing") !== 42) process.exit(1)' && echo npm-ok >> /results
WORKDIR /go
RUN printf 'package main\\nfunc main() {{ c := make(chan int); for i := 0; i < 50; i++ {{ go func() {{ c <- 1 }}() }}; for i := 0; i < 50; i++ {{ <-c }} }}\\n' > main.go && \\
    GOCACHE=/tmp/go-cache GOFLAGS=-mod=mod GO111MODULE=off CGO_ENABLED=0 go build -o prog main.go && ./prog && \\
    rm -rf /tmp/go-cache && echo go-ok >> /results
RUN adduser --disabled-password --gecos "" alice && echo "alice ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/alice && \\
    su alice -c 'id -un > /home/alice/who && sudo -n id -u >> /home/alice/who' && \\
    install -o alice -g mail -m 4750 /bin/true /usr/local/bin/hers && \\
    cp /bin/true /usr/local/bin/capable && setcap cap_net_raw=ep /usr/local/bin/capable && echo users-ok >> /results
"""
CHECK = ("cat /results; /c/prog && /c/static && /py/venv/bin/python -c 'import thing' && java -cp /java A && "
         "/go/prog && stat -c '%U:%G %a' /usr/local/bin/hers && cat /home/alice/who && "
         "stat -c %U /home/alice/who && getcap /usr/local/bin/capable")
EXPECTED = """c-ok
musl-ok
python-ok
java-ok
npm-ok
go-ok
users-ok
alice:mail 4750
alice
0
alice
/usr/local/bin/capable cap_net_raw=ep
"""


class ProgramsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.environ.get("STRAKE_SLOW_TESTS"):
            raise unittest.SkipTest("takes half an hour: set STRAKE_SLOW_TESTS=1")
        ci_environment.need()
        support.need("podman", "skopeo")
        cls.hub = cls.registry()
        cls.base = f"{cls.hub.name}/library/debian:12"
        support.run("skopeo", "copy", "-q", "--dest-tls-verify=false",
                    f"oci-archive:{support.debian_archive()}:debian",
                    f"docker://{cls.base}")
        shutil.copy(support.STRAKE, os.path.join(cls.scratch, "strake"))

    def test_restricted(self):
        context = self.context("programs", DOCKERFILE.format(base=self.base))
        home = os.path.join(self.scratch, "volume")
        os.makedirs(home)
        os.chown(home, 1000, 1000)
        support.run("chmod", "-R", "a+rX", context)
        ran = ci_environment.run(
            "restricted", "strake", "build", "--progress=plain", "--isolation",
            "notify", "--output", "type=oci,dest=/volume/image.tar", "/context",
            binds=[(context, "/context"), (home, "/volume"),
                   (os.path.join(self.scratch, "strake"), "/usr/bin/strake"),
                   ("/etc/resolv.conf", "/etc/resolv.conf")],
            variables={"STRAKE_HOME": "/volume/store", "TMPDIR": "/volume"},
            timeout=3600)
        self.assertEqual(ran.returncode, 0, ran.stderr[-6000:])
        image = "localhost/strake-programs:1"
        support.run("skopeo", "copy", "-q", f"oci-archive:{home}/image.tar",
                    f"containers-storage:{image}", timeout=1200)
        self.addCleanup(support.run, "podman", "rmi", "-f", image)
        output = support.run("podman", "run", "--rm", "--network=none",
                             "--cgroups=disabled", image, "sh", "-c", CHECK)
        self.assertEqual(output, EXPECTED)


if __name__ == "__main__":
    unittest.main()
