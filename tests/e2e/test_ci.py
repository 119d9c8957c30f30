"""What docs/ci.md says of each kind of CI, tried in a copy of its job's container."""
import json
import os
import shutil
import subprocess
import unittest

import ci_environment
import support

DOCKERFILE = """FROM {base}
RUN echo built > /file && chown 1234:5678 /file
COPY --chown=7:8 Dockerfile /
USER 1234
RUN test "$(cat /file)" = built
"""
TASK = """
version: v1.1.0
steps:
  - id: build
    build: -t $Registry/team/task:$ID .
  - id: web
    cmd: BASE sh -c 'mkdir /www; echo hello from web > /www/x; exec httpd -f -p 18090 -h /www'
    detach: true
  - cmd: BASE wget -q -O fetched http://web:18090/x
    retries: 20
    retryDelay: 1
  - cmd: BASE cat fetched | tr a-z A-Z
  - push: [$Registry/team/task:$ID]
"""
# The name of the documentation's job, its environment, who the job is, the words before
# "strake", and the isolation that it gets.
AS_JENKINS = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
CRI_O = "/usr/share/containers/seccomp.json"
JOBS = (
    ("gitlab", "docker-root", 0, (), "notify"),
    ("gitlab-unconfined", "docker-root-unconfined", 0, (), "userns-map"),
    ("pod-restricted", "restricted", 1000, (), "notify"),
    ("jenkins", "docker-root", 1000, AS_JENKINS, "notify"),
)


class CiTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ci_environment.need()
        support.need("htpasswd")
        users = os.path.join(cls.scratch, "htpasswd")
        support.run("htpasswd", "-Bbc", users, "ci", "secret")
        cls.hub = cls.registry(htpasswd=users)
        cls.base = f"{cls.hub.name}/library/busybox:1"
        layout = support.make_busybox_layout(os.path.join(cls.scratch, "busybox"))
        support.run("skopeo", "copy", "-q", "--dest-tls-verify=false",
                    "--dest-creds=ci:secret", f"oci:{layout}", f"docker://{cls.base}")
        shutil.copy(support.STRAKE, os.path.join(cls.scratch, "strake"))
        cls.source = os.path.join(cls.scratch, "src")
        os.makedirs(cls.source)
        with open(os.path.join(cls.source, "Dockerfile"), "w") as f:
            f.write(DOCKERFILE.format(base=cls.base))

    def test_login_build_and_push(self):
        for name, environment, uid, prefix, isolation in JOBS:
            with self.subTest(job=name):
                printed = self.job(name, environment, uid, prefix, f"""
                    strake doctor --format json > /work/doctor
                    echo secret | strake login -u ci --password-stdin {self.hub.name}
                    strake build --progress=plain --push -t {self.hub.name}/team/{name}:1 /src
                    strake build --progress=plain -t again /src""")
                with open(os.path.join(self.scratch, name, "doctor")) as f:
                    self.assertEqual(json.load(f)["chosen"], isolation)
                # The second job has the store, and executes nothing.
                self.assertEqual(printed.count("CACHED"), 3, printed)
                self.check_pushed(f"{self.hub.name}/team/{name}:1")

    def test_tasks(self):
        """A service that another step reaches, a shell's pipe, a build and a push."""
        folder = os.path.join(self.scratch, "task")
        os.makedirs(folder)
        shutil.copy(os.path.join(self.source, "Dockerfile"), folder)
        with open(os.path.join(folder, "acb.yaml"), "w") as f:
            f.write(TASK.replace("BASE", self.base))
        for name, environment, uid, prefix, _ in JOBS:
            with self.subTest(job=name):
                printed = self.job(f"task-{name}", environment, uid, prefix, f"""
                    echo secret | strake login -u ci --password-stdin {self.hub.name}
                    strake task exec --registry {self.hub.name} --run-id run-{name} /task""",
                                   binds=[(folder, "/task")])
                self.assertIn("HELLO FROM WEB\n", printed)
                self.assertIn(f"Run ID: run-{name} was successful", printed)
                self.check_pushed(f"{self.hub.name}/team/task:run-{name}")

    def job(self, name, environment, uid, prefix, script, binds=()):
        work = os.path.join(self.scratch, name)
        os.makedirs(work)
        os.chown(work, uid, uid)
        ran = ci_environment.run(
            environment, *prefix, "sh", "-ec", script,
            binds=[*binds, (work, "/work"), (self.source, "/src"),
                   (self.scratch + "/strake", "/usr/bin/strake")],
            variables={"STRAKE_HOME": "/work/store", "HOME": "/work"})
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        return ran.stdout + ran.stderr

    def check_pushed(self, image):
        folder = os.path.join(self.scratch, "pushed")
        shutil.rmtree(folder, ignore_errors=True)
        support.run("skopeo", "copy", "-q", "--src-tls-verify=false",
                    "--src-creds=ci:secret", f"docker://{image}", f"oci:{folder}:x")
        support.run("umoci", "unpack", "--image", f"{folder}:x", folder + "/bundle")
        owners = {}
        for name in ("file", "Dockerfile"):
            status = os.stat(os.path.join(folder, "bundle/rootfs", name))
            owners[name] = (status.st_uid, status.st_gid)
        self.assertEqual(owners, {"file": (1234, 5678), "Dockerfile": (7, 8)})

    def test_a_pod_without_a_profile(self):
        """A plain user there has no second id but by notify."""
        ran = ci_environment.run(
            "restricted-unconfined", "strake", "doctor", "--format", "json",
            binds=[(self.scratch + "/strake", "/usr/bin/strake")])
        report = json.loads(ran.stdout)
        self.assertTrue(report["chosen"].startswith("userns-"), report)
        self.assertIn("notify",
                      [b["name"] for b in report["backends"] if b["works"]])
        self.job("unconfined", "restricted-unconfined", 1000, (), f"""
            echo secret | strake login -u ci --password-stdin {self.hub.name}
            strake build --progress=plain --isolation notify /src""")


if __name__ == "__main__":
    unittest.main()
