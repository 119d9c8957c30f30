"""A whole pipeline as a task, as root and as a plain user, and tasks that are killed."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

import support

# Without and with subordinate ids.
USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
PIPELINE = """
version: v1.1.0
stepTimeout: 120
steps:
  - id: build
    build: -t $Registry/web:$ID .
  - id: server
    cmd: $Registry/web:$ID
    detach: true
  - id: test
    cmd: BASE sh -c 'wget -q -O - http://server:8080/greeting | grep -x hello'
    retries: 20
    retryDelay: 1
  - id: publish
    push: ['$Registry/web:{{.Run.ID}}']
"""
DOCKERFILE = """FROM BASE
RUN mkdir -p /www && echo hello > /www/greeting
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
"""


class TaskPipelineTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def pipeline(self, name, prefix, isolation="auto", network="shared"):
        home = os.path.join(self.scratch, name)
        context = os.path.join(home, "context")
        os.makedirs(context)
        for file, text in (("acb.yaml", PIPELINE), ("Dockerfile", DOCKERFILE)):
            with open(os.path.join(context, file), "w") as f:
                f.write(text.replace("BASE", self.base))
        if prefix and os.geteuid() == 0:
            for path, _, files in os.walk(home):
                for one in (path, *(os.path.join(path, f) for f in files)):
                    os.chown(one, 1000, 1000)
        store = os.path.join(home, "store")
        env = self.environment(HOME=home, STRAKE_HOME=store, TMPDIR=home,
                               XDG_RUNTIME_DIR=home)
        result = self.strake("task", "exec", "--registry", self.hub.name, "--isolation",
                             isolation, "--network", network, context, env=env,
                             prefix=prefix)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("\nhello\n", "\n" + result.stdout)
        run = re.search(r"Run ID: (\S+) was successful", result.stderr).group(1)
        with open(os.path.join(store, "runs", run, "run.json")) as f:
            record = json.load(f)
        self.check_record(record, f"{self.hub.name}/web:{run}")
        self.assertEqual(support.mounts(home), [])

    def check_record(self, record, reference):
        def digest(name):
            return json.loads(support.run("skopeo", "inspect", "--tls-verify=false",
                                          f"docker://{name}"))["Digest"]
        (one,) = record["dependencies"]
        self.assertEqual(one["image"]["reference"], reference)
        self.assertEqual(one["image"]["digest"], digest(reference))
        self.assertEqual(one["runtime-dependency"]["digest"], digest(self.base))
        self.assertEqual(record["steps"][3]["digests"][reference], digest(reference))

    def test_as_root(self):
        support.need_root()
        self.pipeline("root", ())

    def test_as_a_user(self):
        support.need_root()
        self.pipeline("single", USER)

    def test_as_a_user_with_subordinate_ids(self):
        support.need_root()
        ids = os.path.join(self.scratch, "subid")
        with open(ids, "w") as f:
            f.write("1000:100000:65536\n")
        mapped = (f"touch /etc/subuid /etc/subgid && mount --bind {ids} /etc/subuid && "
                  f"mount --bind {ids} /etc/subgid && exec \"$@\"")
        self.pipeline("mapped", ["unshare", "-m", "sh", "-c", mapped, "sh", *USER],
                      isolation="userns-map")

    def test_without_namespaces(self):
        """Where nothing but a supervisor of system calls is to be had."""
        support.need_root()
        self.pipeline("notify", USER, isolation="notify", network="host")


class TaskKillTest(support.EndToEndTest):
    """However a run ends, no process and no mount is left of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()
        cls.kills = int(os.environ.get("STRAKE_TEST_KILLS", "12"))

    def setUp(self):
        self.store = os.path.join(self.scratch, "store-" + self.id().rsplit(".")[-1])

    def start(self, marker):
        folder = os.path.join(self.scratch, "task")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with open(os.path.join(folder, "Dockerfile"), "w") as f:
            f.write(f"FROM {self.base}\nRUN (setsid sleep {marker} &) ; sleep {marker}\n")
        with open(os.path.join(folder, "acb.yaml"), "w") as f:
            f.write(f"""
version: v1.1.0
steps:
  - {{id: service, detach: true, cmd: '{self.base} sleep {marker}'}}
  - {{id: build, build: '-t never .', when: [service]}}
  - {{id: shell, cmd: 'bash -c "docker run {self.base} sleep {marker} | cat"', when: [service]}}
  - {{id: plain, cmd: '{self.base} sh -c "sleep {marker} & sleep {marker}"', when: ['-']}}
  - {{id: pipe, cmd: '{self.base} sleep {marker} | cat', when: ['-']}}
""")
        return subprocess.Popen(
            [support.STRAKE, "task", "exec", "--registry", "127.0.0.1:1", folder],
            env=self.environment(), text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def left(self, marker):
        for _ in range(100):
            left = support.processes_with("sleep\0" + marker)
            if not left:
                return []
            time.sleep(0.05)
        return left

    def kill_one(self, number, index):
        # The number of seconds finds the processes again.
        marker = f"97{number:02d}{index:02d}3"
        process = self.start(marker)
        time.sleep(random.uniform(0, 1.5))
        process.send_signal(number)
        errors = process.stderr.read()
        process.stderr.close()
        status = process.wait(timeout=60)
        self.assertEqual(self.left(marker), [], errors)
        self.assertEqual(support.mounts(self.scratch), [])
        return status, errors

    def records(self):
        runs = os.path.join(self.store, "runs")
        for run in os.listdir(runs) if os.path.isdir(runs) else []:
            path = os.path.join(runs, run, "run.json")
            if os.path.exists(path):
                with open(path) as f:
                    yield os.path.join(runs, run), json.load(f)

    def test_signals(self):
        """SIGINT and SIGTERM at any moment."""
        random.seed(8)
        for index in range(self.kills):
            number = (signal.SIGINT, signal.SIGTERM)[index % 2]
            status, errors = self.kill_one(number, index)
            self.assertEqual(status, 128 + number, errors)
            for folder, record in self.records():
                self.assertEqual(record["status"], "Canceled", folder)
                self.assertFalse(os.path.exists(folder + "/live"))

    def test_kill(self):
        """SIGKILL at any moment: the next run cleans up."""
        random.seed(9)
        for index in range(self.kills):
            status, errors = self.kill_one(signal.SIGKILL, index)
            self.assertEqual(status, -signal.SIGKILL, errors)
        done = self.strake("task", "exec", "--cmd", f"{self.base} true", "/dev/null")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = set()
        for folder, record in self.records():
            self.assertFalse(os.path.exists(folder + "/live"), folder)
            found.add(record["status"])
        self.assertLessEqual(found, {"Error", "Canceled", "Succeeded"})


if __name__ == "__main__":
    unittest.main()
