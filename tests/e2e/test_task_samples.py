"""The sample task files of tests/testdata/tasks/samples, run for real."""
import glob
import json
import os
import re
import unittest

import support
from git_server import GitServer

SAMPLES = os.path.join(support.SOURCE, "tests/testdata/tasks/samples")

# What a sample's steps print, line by line; a set where steps run at once; nothing
# where it does not matter. `ID` stands for the run's id, `HUB` for its registry.
PRINTED = {
    "alias-directive": ["hello, world"],
    "alias-files": ["block two 12", "the first word needs no directive"],
    "alias-lines": ["hello, world"],
    "alias-off": [""],
    "alias-plain": ["hello, world"],
    "alias-unused": ["hello, world"],
    "bash-echo": ["hello from ID"],
    "bash-echo-three": ["one", "two", "three"],
    "beyond": ["successful"],
    "build-hello-world": [],
    "build-push-hello-world": [],
    "build-push-hello-world-multi": [],
    "build-run-hello-world": ["good morning"],
    "build-test-hello-world": ["good morning"],
    "build-test-update-hello-world": ["good morning", "would update to HUB/web:ID"],
    "buildx-build": [],
    "buildx-with-cache": [],
    "buildx-with-cache-two": [],
    "cached-builds": [],
    "fan-out": {"C", "B"},
    "hello-world": [],
    "managed-identities": ["logged in"],
    "mounts-secret": ["***"],
    "mounts-two-steps": ["***", "***", "***", "***"],
    "mounts-values": [],
    "multiple-registries": [],
    "network-curl": ["good morning"],
    "self-build": [],
    "several-images": [],
    "simpletask": ["simple"],
    "values-ids": ["12345", "!"],
    "values-list": ["0 APPLE", "1 PEAR", "2 PLUM"],
    "values-nested": ["Thames 346 ."],
    "when-parallel": {"one", "two", "three"},
    "when-parallel-dependent": ["good morning"],
    "when-sequential-default": ["one", "two", "three"],
    "when-sequential-id": ["one", "two", "three"],
}

# Images that a sample leaves in its registry.
PUSHED = {
    "build-push-hello-world": ["hello-world:ID"],
    "build-push-hello-world-multi": ["hello-world:ID", "hello-world:latest"],
    "build-test-hello-world": ["hello-world:ID"],
    "buildx-bootstrap": ["bootstrap:ID"],
    "buildx-build": ["x:latest"],
    "buildx-with-cache": ["cached:ID", "cached:cache_quickrun_acb_step_0"],
    "buildx-with-cache-two": ["one:ID", "two:ID", "one:cache_quickrun_one",
                              "two:cache_quickrun_two"],
    "cached-builds": ["tool:cache_quickrun_acb_step_0", "other:cache_quickrun_acb_step_1"],
    "docker-context-build": ["hello:ID"],
    "docker-git-build": ["hello:ID"],
    "docker-manifest": ["hello:all", "hello:amd64", "hello:arm64"],
    "fan-out": ["a:ID", "b:ID"],
    "multiple-registries": ["app:ID"],
    "self-build": ["tool:linux-ID"],
    "several-images": ["web:ID", "service:ID"],
    "simpletask": ["simple:ID"],
    "web-service": ["weather:ID", "weather:latest"],
    "when-parallel-dependent": ["web:ID"],
}


class TaskSamplesTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()
        cls.other = cls.registry("other")
        test = cls()
        for command in (["pull", "-q", cls.base], ["tag", cls.base, "busybox:latest"]):
            done = test.strake(*command)
            assert done.returncode == 0, done.stderr

    def arguments(self, name):
        if name == "multiple-registries":
            return ["--set", f"other={self.other.name}"]
        if name == "docker-git-build":
            server = GitServer(os.path.join(self.scratch, "git"))
            self.addCleanup(server.stop)
            server.commit("hello", {"Dockerfile": "FROM busybox\nCOPY greeting /\n",
                                    "greeting": "from git\n"})
            return ["--set", f"repository={server.url}/hello.git"]
        if name == "mounts-secret":
            return ["--secret", "id=sampleSecret,env=SAMPLE"]
        if name == "managed-identities":
            return ["--secret", "id=user,env=SAMPLE", "--secret", "id=password,env=SAMPLE"]
        return []

    def run_sample(self, name):
        folder = os.path.join(SAMPLES, name)
        arguments = self.arguments(name)
        values = os.path.join(folder, "values.yaml")
        if os.path.exists(values):
            arguments = ["--values", values, *arguments]
        # A network of its own: the samples' servers listen on port 80.
        return self.strake("task", "exec", "--registry", self.hub.name, "--network",
                           "shared", "-f", "task.yaml", *arguments, folder,
                           env=self.environment(SAMPLE="sample value", SAMPLE_TOKEN="token"))

    def record_of(self, result):
        run = re.search(r"Run ID: (\S+) was successful", result.stderr)
        self.assertTrue(run, result.stdout + result.stderr)
        with open(os.path.join(self.store, "runs", run.group(1), "run.json")) as f:
            return json.load(f)

    def check(self, name):
        result = self.run_sample(name)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        record = self.record_of(result)
        for step in record["steps"]:
            self.assertEqual(step["status"], "successful", step)

        def fill(text):
            return text.replace("ID", record["runId"]).replace("HUB", self.hub.name)

        printed = PRINTED.get(name)
        # But for the ids of detached containers.
        lines = [line for line in result.stdout.splitlines()
                 if not re.fullmatch("[0-9a-f]{64}", line)]
        if isinstance(printed, set):
            self.assertEqual(sorted(lines), sorted(printed))
        elif printed is not None:
            self.assertEqual(lines, [fill(line) for line in printed])
        for image in PUSHED.get(name, []):
            support.run("skopeo", "inspect", "--tls-verify=false", "--raw",
                        f"docker://{self.hub.name}/{fill(image)}")
        return record, result

    def test_files_working_directory(self):
        _, result = self.check("files-working-directory")
        lines = result.stdout.splitlines()
        self.assertRegex(lines[0], r"^written at \w+ ")
        self.assertEqual(lines[1:], ["from elsewhere"])

    def test_alias_escape(self):
        """What is no alias is left to the shell."""
        _, result = self.check("alias-escape")
        self.assertRegex(result.stdout, r"^\S* ?hello .*\w+ \w+ +\d+ ")

    def test_wrong_in_three_ways(self):
        result = self.run_sample("wrong-in-three-ways")
        self.assertEqual(result.returncode, 1)
        with open(os.path.join(SAMPLES, "wrong-in-three-ways/expected")) as f:
            first = f.read().splitlines()[0]
        self.assertIn(first.split(": ", 1)[-1][:40], result.stderr)

    def test_multiple_registries_both_have_it(self):
        record, _ = self.check("multiple-registries")
        support.run("skopeo", "inspect", "--tls-verify=false", "--raw",
                    f"docker://{self.other.name}/app:{record['runId']}")

    def test_a_second_run_uses_the_cache_of_the_first(self):
        self.check("buildx-with-cache")
        elsewhere = os.path.join(self.scratch, "other-store")
        for command in (["pull", "-q", self.base], ["tag", self.base, "busybox:latest"]):
            done = self.strake(*command, env=self.environment(STRAKE_HOME=elsewhere))
            self.assertEqual(done.returncode, 0, done.stderr)
        result = self.strake(
            "task", "exec", "--registry", self.hub.name, "-f", "task.yaml",
            os.path.join(SAMPLES, "buildx-with-cache"),
            env=self.environment(STRAKE_HOME=elsewhere))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"#\d+ CACHED")


def add_tests():
    own = {"files-working-directory", "alias-escape", "wrong-in-three-ways",
           "multiple-registries"}
    for folder in sorted(glob.glob(os.path.join(SAMPLES, "*/task.yaml"))):
        name = os.path.basename(os.path.dirname(folder))
        if name in own:
            continue
        setattr(TaskSamplesTest, "test_sample_" + name.replace("-", "_"),
                lambda self, name=name: self.check(name) and None)


add_tests()

if __name__ == "__main__":
    unittest.main()
