"""The main job on real input: a Debian base, apt-get, a compiler, two stages.

Built and pushed by strake; read, unpacked and run by other people's tools.
"""
import json
import os
import shutil
import unittest

import support

DOCKERFILE = """\
FROM {base} AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install \\
      -y --no-install-recommends gcc libc6-dev
COPY hello.c /src/
RUN gcc -O2 -o /src/hello /src/hello.c
FROM {base}
RUN groupadd -g 4321 app && useradd -u 4321 -g app app
COPY --from=build --chown=app:app /src/hello /usr/local/bin/hello
USER app
ENTRYPOINT ["/usr/local/bin/hello"]
"""
PROGRAM = """\
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("hello from uid %d\\n", (int)getuid()); return 0; }
"""


class DebianTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("skopeo", "umoci", "podman", "runc")
        support.need_root()
        archive = support.debian_archive()
        cls.hub = cls.registry()
        cls.base = f"{cls.hub.name}/library/debian:12"
        support.run("skopeo", "copy", "-q", "--dest-tls-verify=false",
                    f"oci-archive:{archive}:debian", f"docker://{cls.base}")

    def check_image(self, name, line):
        """The image through skopeo's, umoci's and podman's eyes."""
        seen = json.loads(support.run("skopeo", "inspect", "--tls-verify=false",
                                      f"docker://{name}"))
        self.assertEqual(len(seen["Layers"]), 3)
        config = json.loads(support.run(
            "skopeo", "inspect", "--config", "--tls-verify=false",
            f"docker://{name}"))
        self.assertEqual(config["config"]["User"], "app")
        self.assertEqual(config["config"]["Entrypoint"], ["/usr/local/bin/hello"])

        layout = os.path.join(self.scratch, "unpacked")
        shutil.rmtree(layout, ignore_errors=True)
        support.run("skopeo", "copy", "-q", "--src-tls-verify=false",
                    f"docker://{name}", f"oci:{layout}:app")
        bundle = os.path.join(layout, "bundle")
        support.run("umoci", "unpack", "--image", f"{layout}:app", bundle)
        program = os.stat(os.path.join(bundle, "rootfs/usr/local/bin/hello"))
        self.assertEqual((program.st_uid, program.st_gid), (4321, 4321))
        shadow = os.stat(os.path.join(bundle, "rootfs/etc/shadow"))
        self.assertEqual(shadow.st_gid, 42)

        root = os.path.join(self.scratch, "podman")
        podman = ("podman", "--root", root, "--runroot", root + "-run",
                  "--runtime", "runc", "--cgroup-manager", "cgroupfs",
                  "--storage-driver", "vfs")
        self.addCleanup(shutil.rmtree, root, True)
        printed = support.run(*podman, "run", "--rm", "-q", "--tls-verify=false",
                              "--network", "none",
                              # podman raises limits, which takes a capability
                              # that root here may lack.
                              "--ulimit", "nofile=1024:1024",
                              "--ulimit", "nproc=1024:1024", name)
        self.assertEqual(printed.strip().splitlines()[-1], line)

    def build_and_check(self, name, **options):
        context = self.context(name, DOCKERFILE.format(base=self.base),
                               hello__c=PROGRAM)
        os.chmod(context, 0o755)
        image = f"{self.hub.name}/team/{name}:1"
        result = self.strake("build", "--progress=plain", "-t", image, "--push",
                             context, timeout=1200, **options)
        self.assertEqual(result.returncode, 0, result.stderr[-4000:])
        self.check_image(image, "hello from uid 4321")

    def test_root(self):
        self.build_and_check("root")

    def plain_user(self, name, *prefix):
        home = os.path.join(self.scratch, name + "-home")
        os.mkdir(home)
        os.chown(home, 1000, 1000)
        env = self.environment(HOME=home, STRAKE_HOME=home + "/store",
                               DOCKER_CONFIG=home + "/docker")
        user = ("setpriv", "--reuid", "1000", "--regid", "1000",
                "--clear-groups")
        return {"env": env, "prefix": (*prefix, *user)}

    def test_plain_user_with_subordinate_ids(self):
        support.need("newuidmap", "unshare", "setpriv")
        ids = os.path.join(self.scratch, "subid")
        with open(ids, "w") as f:
            f.write("1000:100000:65536\n")
        script = (f"touch /etc/subuid /etc/subgid; mount --bind {ids} /etc/subuid"
                  f" && mount --bind {ids} /etc/subgid && exec \"$@\"")
        self.build_and_check(
            "mapped", **self.plain_user("mapped", "unshare", "-m", "sh", "-c",
                                        script, "sh"))

    def test_plain_user_with_a_single_id(self):
        support.need("setpriv")
        # apt gives its downloads to the user _apt, an id that this user
        # namespace does not have: owners come from the journal.
        self.build_and_check("single", **self.plain_user("single"))

    def test_a_single_id_is_any_user_or_says_that_it_cannot_be(self):
        support.need("setpriv")
        context = self.context("single-user", f"FROM {self.base}\n"
                               "USER www-data\nRUN id\n")
        os.chmod(context, 0o755)
        user = self.plain_user("single-user")
        result = self.strake("build", "--progress=plain", context, **user)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("uid=33(www-data)", result.stderr)
        # Where owners are not emulated:
        result = self.strake("build", "--progress=plain", "--isolation",
                             "userns-single", "--no-cache", context, **user)
        self.assertEqual(result.returncode, 1)
        self.assertIn("needs subordinate ids", result.stderr)
        self.assertIn("Dockerfile:3", result.stderr)


if __name__ == "__main__":
    unittest.main()
