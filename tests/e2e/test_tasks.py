"""`strake task exec`: the steps of task files, in containers, end to end."""
import json
import os
import re
import shutil
import subprocess
import time
import unittest
import urllib.request

import support
from git_server import GitServer


class TasksTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()
        pulled = cls().strake("pull", "-q", cls.base)
        assert pulled.returncode == 0, pulled.stderr

    def task(self, text, *arguments, files=None, **options):
        """Runs a task in a folder with `files`; returns the finished process."""
        folder = os.path.join(self.scratch, f"task-{self.id().rsplit('.')[-1]}")
        os.makedirs(folder, exist_ok=True)
        for name, content in (files or {}).items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(content)
        with open(os.path.join(folder, "acb.yaml"), "w") as f:
            f.write(text.replace("BASE", self.base))
        return self.strake("task", "exec", "--registry", self.hub.name, *arguments, folder,
                           **options)

    def run_task(self, text, *arguments, **options):
        """A task that has to succeed."""
        result = self.task(text, *arguments, **options)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result

    def record(self, result):
        """The run.json of a run."""
        run = re.search(r"Run ID: (\S+) ", result.stderr).group(1)
        with open(os.path.join(self.store, "runs", run, "run.json")) as f:
            return json.load(f)

    def test_steps_share_the_workspace(self):
        result = self.run_task("""
version: v1.1.0
steps:
  - id: first
    cmd: BASE sh -c 'echo $GREETING to $(hostname -s 2>/dev/null >&2; echo you) > out; pwd'
    env: [GREETING=hello]
  - cmd: BASE cat out in
""", files={"in": "from the context\n"})
        self.assertEqual(result.stdout, "/workspace\nhello to you\nfrom the context\n")
        record = self.record(result)
        self.assertEqual(record["status"], "Succeeded")
        self.assertEqual([s["status"] for s in record["steps"]], ["successful"] * 2)
        self.assertEqual([s["exitCode"] for s in record["steps"]], [0, 0])
        self.assertEqual([s["id"] for s in record["steps"]], ["first", "acb_step_1"])
        log = os.path.join(self.store, "runs", record["runId"], record["steps"][1]["log"])
        with open(log) as f:
            self.assertEqual(f.read(), "hello to you\nfrom the context\n")

    def test_a_line_that_needs_a_shell_gets_one(self):
        """Operators and expansions are the shell's, of this machine's programs."""
        result = self.run_task("""
steps:
  - cmd: BASE echo one two | tr a-z A-Z > /workspace/piped && cat piped
  - cmd: BASE echo "$(cat piped)" $HOME
  - cmd: BASE cat /etc/hostname-not-there || echo recovered
  - cmd: BASE ls /root /home/* 2>/dev/null; ls /home /root /var; test ! -e /etc/shadow
""")
        lines = result.stdout.splitlines()
        self.assertEqual(lines[:3], ["ONE TWO", "ONE TWO /acb/home", "recovered"])

    def test_the_order_of_steps(self):
        text = """
steps:
  - {id: a, cmd: 'BASE sh -c "sleep 0.3; echo a >> order"'}
  - {id: b, cmd: 'BASE sh -c "echo b >> order"', when: ['-']}
  - {id: c, cmd: 'BASE sh -c "echo c >> order"', when: [a, b, a]}
  - {id: d, cmd: 'BASE cat order'}
"""
        self.assertEqual(self.run_task(text).stdout, "b\na\nc\n")

    def test_a_failure_ends_the_run(self):
        result = self.task("""
steps:
  - {id: slow, cmd: 'BASE sleep 600', when: ['-']}
  - {id: bad, cmd: 'BASE sh -c "exit 3"', when: ['-']}
  - {id: never, cmd: 'BASE echo never', when: [bad]}
""")
        self.assertEqual(result.returncode, 1)
        self.assertIn("failed to run step ID: bad: exit status 3", result.stderr)
        self.assertNotIn("never\n", result.stdout)
        record = self.record(result)
        self.assertEqual(record["status"], "Failed")
        self.assertEqual([s["status"] for s in record["steps"]],
                         ["failed", "failed", "skipped"])
        self.assertEqual(record["steps"][1]["exitCode"], 3)

    def test_ignored_errors_retries_and_repeats(self):
        result = self.run_task("""
steps:
  - {id: ignored, cmd: 'BASE false', ignoreErrors: true}
  - id: third
    cmd: BASE sh -c 'echo x >> tries; test $(wc -l < tries) = 3'
    retries: 5
    retryDelay: 1
  - {id: thrice, cmd: 'BASE sh -c "echo y >> times"', repeat: 2}
  - {cmd: 'BASE wc -l tries times'}
""")
        self.assertIn("3 tries", result.stdout)
        self.assertIn("3 times", result.stdout)
        self.assertIn("is set to ignore errors", result.stderr)
        self.assertEqual([s["attempts"] for s in self.record(result)["steps"]], [1, 3, 3, 1])

    def test_a_step_takes_too_long(self):
        result = self.task("steps: [{id: s, cmd: 'BASE sleep 600', timeout: 1}]\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("failed to run step ID: s: timed out", result.stderr)
        result = self.task("steps: [{cmd: 'BASE sleep 600'}]\n", "--timeout", "1")
        self.assertEqual(self.record(result)["status"], "Timeout")

    def test_build_run_push(self):
        name = f"{self.hub.name}/app"
        result = self.run_task("""
version: v1.1.0
steps:
  - build: -t $Registry/app:{{.Run.ID}} -f src/Dockerfile --build-arg "TEXT=two words" src
  - cmd: $Registry/app:$ID
  - push: ['$Registry/app:$ID']
""", files={"src/Dockerfile": f"ARG TEXT\nFROM {self.base}\nARG TEXT\n"
            "RUN echo \"built with $TEXT\" > /text\nCMD [\"cat\", \"/text\"]\n"})
        self.assertEqual(result.stdout, "built with two words\n")
        record = self.record(result)
        reference = f"{name}:{record['runId']}"
        digest = record["steps"][2]["digests"][reference]
        inspected = json.loads(support.run(
            "skopeo", "inspect", "--tls-verify=false", f"docker://{reference}"))
        self.assertEqual(inspected["Digest"], digest)
        (one,) = record["dependencies"]
        self.assertEqual(one["image"]["digest"], digest)
        self.assertEqual(one["image"]["reference"], reference)
        self.assertEqual(one["runtime-dependency"]["reference"], self.base)
        base = json.loads(support.run("skopeo", "inspect", "--tls-verify=false",
                                      f"docker://{self.base}"))
        self.assertEqual(one["runtime-dependency"]["digest"], base["Digest"])
        printed = result.stderr.split("The following dependencies were found:\n")[1]
        self.assertEqual(json.loads(printed.split("\n")[1]), record["dependencies"])

    def test_a_service_is_reached_by_its_id(self):
        result = self.run_task("""
steps:
  - id: web
    cmd: BASE sh -c 'mkdir /www && echo hello from $0 > /www/index.html &&
         exec httpd -f -p 8080 -h /www' web
    detach: true
  - id: client
    cmd: BASE sh -c 'for i in 1 2 3 4 5 6 7 8 9; do
         wget -q -O - http://web:8080/ && exit 0; sleep 0.3; done; exit 1'
  - cmd: docker stop web
  - cmd: docker ps --all
""")
        self.assertIn("hello from web\n", result.stdout)
        self.assertIn("exited", result.stdout)

    def test_docker_is_built_in(self):
        result = self.run_task("""
version: v1.1.0
steps:
  - cmd: docker tag BASE $Registry/copy:1
  - cmd: docker push $Registry/copy:1
  - cmd: docker rmi $Registry/copy:1
  - cmd: docker pull $Registry/copy:1
  - cmd: docker inspect --format '{{`{{index .Config.Cmd 0}}`}}' $Registry/copy:1
  - cmd: docker run --rm -e A=b $Registry/copy:1 sh -c 'echo A is $A'
  - cmd: bash -c 'docker run -d --name svc BASE sleep 600 && docker ps -q | wc -l && docker rm -f svc'
  - cmd: docker build -t $Registry/inner:1 sub
  - cmd: bash -c 'echo FROM BASE > Dockerfile && docker build -q -t inner:2 . && docker push $Registry/inner:1'
  - cmd: docker version
""", files={"sub/Dockerfile": f"FROM {self.base}\nENV X=1\n"})
        self.assertIn("A is b\n", result.stdout)
        self.assertIn("\n2\nsvc\n", result.stdout)
        tags = json.loads(support.run("skopeo", "list-tags", "--tls-verify=false",
                                      f"docker://{self.hub.name}/inner"))
        self.assertEqual(tags["Tags"], ["1"])

    def test_containers_that_stay_can_be_asked(self):
        result = self.run_task("""
version: v1.1.0
steps:
  - {id: kept, keep: true, ignoreErrors: true, cmd: 'BASE sh -c "echo from kept; exit 4"'}
  - {id: gone, cmd: 'BASE echo gone'}
  - cmd: docker logs kept
  - cmd: docker inspect --format '{{`{{.State.Status}} {{.State.ExitCode}}`}}' kept
  - cmd: docker inspect --type container gone
    ignoreErrors: true
  - {id: again, keep: true, repeat: 1, cmd: 'BASE echo twice'}
  - cmd: bash -c 'docker run -d --name d BASE sh -c "echo in d; exit 5"; docker wait d; docker logs d'
""")
        self.assertEqual(result.stdout.count("from kept\n"), 2)
        self.assertIn("exited 4\n", result.stdout)
        self.assertIn("No such container: gone", result.stderr)
        self.assertEqual(result.stdout.count("twice\n"), 2)
        self.assertIn("\n5\n", result.stdout)
        self.assertEqual(result.stdout.count("in d\n"), 2)

    def test_aliases_from_the_web(self):
        class Handler(support.QuietHandler):
            def do_GET(self):
                found = self.path == "/names.yml"
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write(b"greeting: hello from the web\n" if found else b"gone away")
        server = support.HttpServer(Handler)
        self.addCleanup(server.stop)
        text = """
version: v1.1.0
alias: {src: ['URL']}
steps: [{cmd: 'BASE echo $greeting'}]
""".replace("alias: {src: ['URL']}", "alias:\n  src: ['URL']")
        result = self.run_task(text.replace("URL", f"{server.url}/names.yml"))
        self.assertEqual(result.stdout, "hello from the web\n")
        refused = self.task(text.replace("URL", f"{server.url}/none.yml"))
        self.assertEqual(refused.returncode, 1)
        self.assertIn("gone away", refused.stderr)

    def test_secrets_are_masked(self):
        result = self.run_task("""
version: v1.1.0
volumes:
  - name: files
    secret:
      token: '{{.Values.token | b64enc}}'
steps:
  - cmd: BASE sh -c 'cat /run/s/token; echo {{.Values.token}}; wc -c < /run/s/token'
    volumeMounts: [{name: files, mountPath: /run/s}]
""", "--set-secret", "token=do-not-tell")
        self.assertEqual(result.stdout, "***\n***\n12\n")
        self.assertNotIn("do-not-tell", result.stderr)
        record = json.dumps(self.record(result))
        self.assertNotIn("do-not-tell", record)
        folder = os.path.join(self.store, "runs", self.record(result)["runId"])
        for path, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(path, name), errors="replace") as f:
                    self.assertNotIn("do-not-tell", f.read(), name)

    def test_steps_tell_each_other(self):
        result = self.run_task("""
version: strake/v1
steps:
  - id: facts
    outputs: true
    cmd: BASE sh -c 'echo version=1.2 >> $STRAKE_OUTPUT; echo deploy=no >> $STRAKE_OUTPUT'
  - cmd: BASE echo version {{.Steps.facts.Outputs.version}}
  - cmd: BASE echo deployed
    if: '{{eq .Steps.facts.Outputs.deploy "yes"}}'
  - id: odd
    cmd: BASE sh -c 'exit 7'
    exitedWith: [7]
""")
        self.assertEqual(result.stdout, "version 1.2\n")
        self.assertEqual([s["status"] for s in self.record(result)["steps"]],
                         ["successful", "successful", "skipped", "successful"])

    def test_a_cache_of_a_step_is_found_again(self):
        text = """
version: strake/v1
steps:
  - id: install
    cmd: BASE sh -c 'cat /cache/seen; echo seen before >> /cache/seen'
    cache: [{paths: [/cache], key: {files: ['*.lock', sub/**]}}]
    ignoreErrors: true
"""
        first = self.run_task(text, files={"a.lock": "1\n", "other": "1\n"})
        self.assertEqual(first.stdout, "")
        # What is no key file makes no difference.
        second = self.run_task(text, files={"other": "2\n"})
        self.assertEqual(second.stdout, "seen before\n")
        third = self.run_task(text, files={"a.lock": "2\n"})
        self.assertEqual(third.stdout, "")
        listed = self.strake("cache", "ls")
        self.assertIn("mount", listed.stdout)

    def test_one_command_without_a_file(self):
        result = self.strake("task", "exec", "--cmd", f"{self.base} echo hello", "/dev/null")
        self.assertEqual((result.returncode, result.stdout), (0, "hello\n"), result.stderr)

    def test_contexts_of_every_kind(self):
        task = (f"version: v1.1.0\nsteps: [{{cmd: '{self.base} sh -c \"cat note; "
                "echo $Branch $Commit\"'}]\n")
        server = GitServer(os.path.join(self.scratch, "git"))
        self.addCleanup(server.stop)
        commit = server.commit("app", {"acb.yaml": task, "note": "from git\n"})
        archive = os.path.join(server.folder, "app.tar.gz")
        work = os.path.join(server.folder, "app.work")
        support.run("tar", "-C", work, "-czf", archive, "acb.yaml", "note")
        for context, printed in [
                (f"{server.url}/app.git#main", f"from git\nmain {commit}\n"),
                (f"{server.url}/app.tar.gz", "from git\n\n"),
                (work, f"from git\nmain {commit}\n")]:
            result = self.strake("task", "exec", context)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(result.stdout, printed)
        with open(archive, "rb") as stdin:
            done = subprocess.run([support.STRAKE, "task", "exec", "-"], stdin=stdin,
                                  env=self.environment(), text=True, capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (0, "from git\n\n"), done.stderr)

    def test_a_context_is_copied_by_its_ignore_file(self):
        result = self.run_task("steps: [{cmd: 'BASE find . -type f'}]\n",
                               files={".dockerignore": "*.tmp\nout\n", "a.tmp": "", "out/x": "",
                                      "in/y": "", ".git/config": "", "in/.git/z": ""})
        self.assertEqual(sorted(result.stdout.split()),
                         ["./.dockerignore", "./acb.yaml", "./in/.git/z", "./in/y"])

    def test_retries_only_on_the_errors_named(self):
        for texts, attempts in (("[flaky, other]", 3), ("[other]", 1)):
            result = self.task(f"""
steps:
  - id: s
    cmd: BASE sh -c 'echo flaky >&2; exit 1'
    retries: 2
    retryDelay: 1
    retryOnErrors: {texts}
""")
            self.assertEqual(result.returncode, 1)
            self.assertEqual(self.record(result)["steps"][0]["attempts"], attempts)

    def test_properties_of_a_container(self):
        result = self.run_task("""
steps:
  - cmd: BASE sh -c 'id -u; pwd; echo $A$B; ls -d /workspace/made'
    user: '1000'
    workingDirectory: made
    env: [A=a, 'B="b c"']
  - cmd: BASE -c 'echo entry'
    entryPoint: sh
  - cmd: -e C=flag BASE sh -c 'echo $C'
    env: [C=step]
  - cmd: BASE sh -c pwd
    disableWorkingDirectoryOverride: true
  - cmd: BASE sh -c 'ls /sys/class/net'
    network: none
""")
        self.assertEqual(result.stdout.splitlines(),
                         ["1000", "/workspace/made", "ab c", "/workspace/made", "entry",
                          "flag", "/", "lo"])

    def test_images_are_pushed_with_a_login(self):
        support.need("htpasswd")
        passwords = os.path.join(self.scratch, "htpasswd")
        support.run("htpasswd", "-Bbc", passwords, "user", "pass-word")
        closed = self.registry("closed", htpasswd=passwords)
        text = f"""
version: v1.1.0
steps:
  - cmd: bash -c 'printf pass-word | docker login -u user --password-stdin {closed.name}'
  - cmd: docker tag BASE {closed.name}/x:1
  - push: ['{closed.name}/x:1']
  - cmd: docker rmi {closed.name}/x:1
  - cmd: docker run --rm {closed.name}/x:1 echo pulled
  - cmd: BASE grep -c {closed.name} /acb/home/.docker/config.json
"""
        self.assertIn("pulled\n1\n", self.run_task(text).stdout)
        refused = self.task(f"steps: [{{cmd: 'docker tag BASE {closed.name}/x:1'}}, "
                            f"{{push: ['{closed.name}/x:1'], retries: 9}}]")
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(refused.stderr.count("Pushing image:"), 1)

    def test_a_push_is_tried_again_where_it_may_help(self):
        nobody = f"127.0.0.1:{support.free_port()}/x:1"
        for text, attempts in (
                (f"[{{cmd: 'docker tag BASE {nobody}'}}, {{push: ['{nobody}']}}]", 3),
                (f"[{{push: ['{self.hub.name}/not-in-the-store:1']}}]", 1)):
            result = self.task(f"steps: {text}")
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stderr.count("Pushing image:"), attempts, result.stderr)

    def test_what_cannot_be_executed_has_the_status_of_a_shell(self):
        result = self.run_task("""
steps:
  - {id: none, cmd: 'BASE not-a-program', ignoreErrors: true}
  - {id: no, cmd: 'BASE /etc', ignoreErrors: true}
  - cmd: bash -c 'docker run BASE not-a-program; echo is $?; docker run BASE /etc; echo is $?'
  - cmd: bash -c 'docker run -d BASE not-a-program; echo is $?'
  - cmd: bash -c 'docker run --gpus all BASE true; echo is $?'
""")
        self.assertEqual(re.findall(r"is \d+", result.stdout),
                         ["is 127", "is 126", "is 127", "is 125"])
        self.assertIn("not-a-program", result.stderr)
        self.assertEqual([s["exitCode"] for s in self.record(result)["steps"]],
                         [127, 126, 0, 0, 0])

    def test_a_pulled_image_has_its_name_in_the_store(self):
        name = f"{self.hub.name}/library/pulled:1"
        support.push_layout(self.layout, name)
        result = self.run_task(f"""
steps:
  - cmd: {name} echo from the registry
  - cmd: docker tag {name} other:1
  - cmd: docker build -t {name} .
  - cmd: {name} cat /made
  - cmd: docker run --rm {name} cat /made
""", files={"Dockerfile": f"FROM {self.base}\nRUN echo made > /made\n"})
        self.assertEqual(result.stdout.count("made\n"), 2)
        names = self.strake("images").stdout
        self.assertIn("/pulled", names)

    def test_logs_are_followed(self):
        result = self.run_task("""
steps:
  - id: svc
    cmd: BASE sh -c 'sleep 0.5; echo now ready; exec sleep 600'
    detach: true
  - cmd: bash -c 'docker logs -f svc | grep -m1 ready'
    timeout: 60
  - cmd: bash -c 'docker run -d --name brief BASE sh -c "for i in 1 2 3; do echo $i; sleep 0.1; done"'
  - cmd: docker logs --follow brief
  - cmd: docker logs svc brief
    ignoreErrors: true
  - cmd: bash -c 'docker ps'
""")
        self.assertIn("now ready\n", result.stdout)
        self.assertIn("requires exactly 1 argument", result.stderr)
        self.assertRegex(result.stdout, r"running +bash +\S+")

    def test_options_before_a_docker_command(self):
        result = self.run_task("""
steps:
  - cmd: bash -c 'docker --version; docker -D -l debug version; docker --config /x ps'
  - cmd: bash -c 'docker -H tcp://x ps || docker --context=x ps || docker lgoin || docker image lss'
    ignoreErrors: true
  - cmd: bash -c 'docker run -d --name s BASE sleep 600; docker kill -s HUP s; docker stop -s SIGTERM s'
""")
        self.assertEqual(result.stdout.count("strake, built in"), 2)
        for text in ("-H: there is no engine", "--context=x: there is no engine",
                     "lgoin: not built in (did you mean login?); docs/task-runs.md",
                     "image lss: not built in (did you mean image ls?)", "end by SIGKILL"):
            self.assertIn(text, result.stderr)

    def test_options_of_a_tmpfs(self):
        result = self.run_task("""
steps:
  - cmd: --tmpfs /t:size=64m,rw BASE sh -c 'df -k /t | grep -o 65536'
  - cmd: --tmpfs /t:mode=700 BASE true
    ignoreErrors: true
""")
        self.assertEqual(result.stdout.splitlines()[0], "65536")
        self.assertIn('option "mode=700" cannot be had', result.stderr)

    def test_the_network_of_a_plain_user_says_what_it_lacks(self):
        support.need_root()
        support.need("setpriv")
        start = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
        with open(start) as f:
            if int(f.read()) < 1024:
                self.skipTest(f"{start} lets every user have the ports below 1024")
        folder = os.path.join(self.scratch, "plain")
        os.makedirs(folder)
        with open(os.path.join(folder, "acb.yaml"), "w") as f:
            f.write("steps: [{cmd: bash -c true}]\n")
        os.chown(folder, 65534, 65534)
        result = self.strake(
            "task", "exec", folder,
            env=self.environment(HOME=folder, STRAKE_HOME=os.path.join(folder, "store"),
                                 TMPDIR="/tmp", PATH="/nowhere"),
            prefix=[shutil.which("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"])
        self.assertIn("no port below 1024", result.stderr)

    def test_what_a_build_reads_and_writes(self):
        result = self.run_task("""
steps:
  - cmd: bash -c 'echo FROM BASE | docker build -f - -t $0/piped:1 --metadata-file out.json .' NAME
  - cmd: BASE cat out.json
  - cmd: docker tag NAME/piped:1 NAME/piped:2
  - cmd: docker push --all-tags NAME/piped
  - cmd: docker images --format '{{`{{.Repository}} is {{.Tag}}`}}' NAME/piped
  - cmd: docker save -o piped.tar NAME/piped:2
  - cmd: docker rmi NAME/piped:2
  - cmd: docker load -i piped.tar
  - cmd: docker run --rm NAME/piped:2 echo loaded
""".replace("NAME", self.hub.name).replace("steps:", "version: v1.1.0\nsteps:"))
        metadata = json.loads(re.search(r"^{\n.*?^}\n", result.stdout, re.M | re.S).group())
        self.assertIn("containerimage.config.digest", metadata)
        self.assertEqual(metadata["image.name"], f"{self.hub.name}/piped:1")
        listed = json.loads(support.run("skopeo", "list-tags", "--tls-verify=false",
                                        f"docker://{self.hub.name}/piped"))
        self.assertEqual(sorted(listed["Tags"]), ["1", "2"])
        self.assertIn(f"{self.hub.name}/piped is 2\n", result.stdout)
        self.assertIn(f"Loaded image: {self.hub.name}/piped:2\nloaded\n", result.stdout)

    def test_indexes_and_networks_of_docker(self):
        result = self.run_task("""
version: v1.1.0
steps:
  - cmd: docker buildx imagetools create -t $Registry/list:1 BASE
  - cmd: docker buildx imagetools inspect $Registry/list:1
  - cmd: docker network create of-my-own
  - cmd: docker run --rm --network of-my-own BASE echo in it
  - cmd: bash -c 'docker network ls -q; docker network rm of-my-own'
  - cmd: docker run --network of-my-own BASE true
    ignoreErrors: true
  - cmd: docker system prune -f
  - cmd: docker exec x true
    ignoreErrors: true
""")
        self.assertIn("image.index", result.stdout)
        self.assertIn("in it\n", result.stdout)
        self.assertIn("\nof-my-own\n", result.stdout)
        self.assertIn("share", result.stderr)
        self.assertIn("network of-my-own not found", result.stderr)
        self.assertIn("Nothing to do", result.stdout)
        self.assertIn("docker exec: nothing can be started", result.stderr)

    def test_more_steps_at_once_than_the_soft_limit_of_files(self):
        steps = "".join("  - {cmd: 'BASE sh -c \"ulimit -n; sleep 1\"', when: ['-']}\n"
                        for _ in range(12))
        limits = ["prlimit", "--nofile=64:4096"]
        result = self.run_task("steps:\n" + steps, prefix=limits)
        self.assertEqual(result.stdout, "64\n" * 12)
        refused = self.task("steps:\n" + steps, prefix=["prlimit", "--nofile=40:40"])
        self.assertEqual(refused.returncode, 1)
        self.assertIn("ulimit -Hn", refused.stderr)

    def test_ports_are_published_on_loopback(self):
        port = support.free_port()
        folder = os.path.join(self.scratch, "port")
        os.makedirs(folder)
        with open(os.path.join(folder, "acb.yaml"), "w") as f:
            f.write(f"""
steps:
  - id: web
    cmd: {self.base} sh -c 'echo published > index.html; exec httpd -f -p 8090'
    ports: ['{port}:8090']
""")
        process = subprocess.Popen([support.STRAKE, "task", "exec", "--network", "shared", folder],
                                   env=self.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/index.html") as page:
                        text = page.read()
                    break
                except OSError:
                    time.sleep(0.05)
            self.assertEqual(text, b"published\n")
        finally:
            process.terminate()
            process.wait()

    def test_names_lead_nowhere(self):
        """Ids and names are no paths."""
        for text in ("steps: [{id: '../../../../pwned', detach: true, cmd: 'BASE echo x'}]",
                     "steps: [{cmd: 'docker run -d --name ../../pwned BASE echo x'}]"):
            result = self.task(text)
            self.assertEqual(result.returncode, 1)
            self.assertIn("pwned\": expected letters", result.stderr)
        for path, _, names in os.walk(self.scratch):
            self.assertNotIn("pwned.log", names, path)

    def test_outputs_are_read_with_care(self):
        """A link, a pipe or an endless file is no output."""
        for script, error in [("ln -s /etc/passwd $STRAKE_OUTPUT", "no such file"),
                              ("mkfifo $STRAKE_OUTPUT", "not a regular file"),
                              ("mkdir $STRAKE_OUTPUT", "not a regular file"),
                              ("head -c 3000000 /dev/zero > $STRAKE_OUTPUT", "STRAKE_OUTPUT")]:
            result = self.task("version: strake/v1\nsteps:\n  - outputs: true\n"
                               f"    cmd: bash -c '{script}'\n", timeout=60)
            if "ln -s" in script:  # it leads to the step's own root, where nothing is
                self.assertNotIn("root:", result.stdout + result.stderr)
                continue
            self.assertEqual(result.returncode, 1, script)
            self.assertIn(error, result.stderr)

    def test_a_run_can_be_named_once(self):
        text = "steps: [{cmd: 'BASE echo {{.Run.ID}} {{.Run.TaskName}}'}]\n"
        result = self.run_task(text, "--run-id", "nightly-7", "--task-name", "nightly")
        self.assertEqual(result.stdout, "nightly-7 nightly\n")
        self.assertEqual(self.record(result)["runId"], "nightly-7")
        self.assertEqual(self.record(result)["task"], "nightly")
        for run in ("nightly-7", "a/b", "x" * 300):
            refused = self.task(text, "--run-id", run)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("run", refused.stderr)
        self.assertTrue(os.path.exists(os.path.join(self.store, "runs/nightly-7/run.json")))

    def test_no_record_holds_a_secret(self):
        result = self.run_task("""
version: strake/v1
steps:
  - id: q-{{.Values.tok}}
    outputs: true
    cmd: BASE sh -c 'echo told=x{{.Values.tok}}y > $STRAKE_OUTPUT'
  - cmd: BASE test x{{.Values.tok}}y = {{(index .Steps (printf "q-%s" .Values.tok)).Outputs.told}}
  - cmd: bash -c 'docker run -d --name d BASE sh -c "printf s3cr; sleep 0.3; echo 3tvalue" &&
         docker wait d && docker logs d'
""", "--set-secret", "tok=s3cr3tvalue")
        folder = os.path.join(self.store, "runs", self.record(result)["runId"])
        for path, folders, names in os.walk(folder):
            for name in folders + names:
                self.assertNotIn("s3cr3tvalue", name)
            for name in names:
                with open(os.path.join(path, name), errors="replace") as f:
                    self.assertNotIn("s3cr3tvalue", f.read(), name)
        self.assertNotIn("s3cr3tvalue", result.stdout + result.stderr)
        self.assertIn("***", result.stdout)

    def test_logs_of_containers_without_a_name_are_apart(self):
        result = self.run_task("""
version: v1.1.0
steps:
  - cmd: bash -c 'a=$(docker run -d BASE echo one); b=$(docker run -d BASE echo two);
         docker wait $a $b > /dev/null; docker logs $a > logged; docker logs $b >> logged'
  - cmd: BASE cat logged
""")
        self.assertTrue(result.stdout.endswith("one\ntwo\n"), result.stdout)

    def test_output_that_cannot_be_written_fails(self):
        folder = os.path.join(self.scratch, "full")
        os.makedirs(folder)
        with open(os.path.join(folder, "acb.yaml"), "w") as f:
            f.write(f"steps: [{{cmd: '{self.base} echo hello'}}]\n")
        with open("/dev/full", "w") as full:
            done = subprocess.run([support.STRAKE, "task", "exec", folder], stdout=full,
                                  stderr=subprocess.PIPE, text=True, env=self.environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output: ", done.stderr)

    def test_a_service_gives_way_to_its_next_round(self):
        result = self.run_task("""
steps:
  - {id: svc, detach: true, repeat: 1, cmd: 'BASE sleep 600'}
  - cmd: docker ps -q
""")
        self.assertEqual(len(result.stdout.split()), 3)

    def test_threads_that_cannot_be_had(self):
        support.need_root()
        home = os.path.join(self.scratch, "limited")
        os.makedirs(home)
        with open(os.path.join(home, "acb.yaml"), "w") as f:
            f.write("steps:\n" + "".join(
                f"  - {{cmd: '{self.base} true', when: ['-']}}\n" for _ in range(80)))
        for path in (home, os.path.join(home, "acb.yaml")):
            os.chown(path, 1000, 1000)
        done = self.strake(
            "task", "exec", home,
            env=self.environment(HOME=home, TMPDIR=home, STRAKE_HOME=home + "/store"),
            prefix=["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups",
                    "prlimit", "--nproc=40"])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("Run ID: ", done.stderr)

    def test_without_a_context_there_are_aliases(self):
        path = os.path.join(self.scratch, "no-context.yaml")
        with open(path, "w") as f:
            f.write(f"version: v1.0.0\nsteps: [{{cmd: '{self.base} echo $RegistryName.'}}]\n")
        for arguments, printed in [(["/dev/null"], "127.\n"), ([self.scratch], ".\n")]:
            result = self.strake("task", "exec", "--registry", "127.0.0.1:5", "-f", path,
                                 *arguments)
            self.assertEqual((result.returncode, result.stdout), (0, printed), result.stderr)

    def test_what_cannot_begin_says_why(self):
        for text, error in [
                ("steps: [{cmd: 'BASE true', when: [x]}]", "x does not exist as a vertex"),
                ("steps: [{cmd: 'none.invalid/x true'}]", "none.invalid"),
                ("steps: [{cmd: 'BASE not-a-program'}]", "not-a-program"),
                ("steps: [{build: '-t x --build-arg FOO .'}]", "--build-arg FOO"),
                ("steps: [{cmd: '--gpus all BASE true'}]", "--gpus"),
                ("steps: [{cmd: 'docker frobnicate'}]", "not built in"),
                ("volumes: [{name: v, secret: {f: 'no base64!'}}]\nsteps: [{cmd: 'BASE true', "
                 "volumeMounts: [{name: v, mountPath: /m}]}]",
                 "please make sure value provided is Base64 encoded"),
                ("steps: [{cmd: '-v /etc:/host BASE true'}]", "/etc: not a place"),
                ("steps: [{cmd: '-v /var/run/docker.sock:/s BASE true'}]", "no engine"),
                ("steps: [{cmd: 'BASE true', ports: ['53:53/udp']}]", "only tcp"),
                ("steps: [{cmd: 'BASE true', isolation: hyperv}]", "for Windows"),
                ("steps: [{cmd: 'BASE true', network: nowhere}]", "network nowhere not found")]:
            result = self.task(text, files={"Dockerfile": "FROM scratch\n"})
            self.assertEqual(result.returncode, 1, text)
            self.assertIn(error, result.stderr)

    def test_nothing_stays_behind(self):
        self.run_task("steps: [{cmd: 'BASE touch x'}, {detach: true, cmd: 'BASE sleep 600'}]\n")
        for run in os.listdir(os.path.join(self.store, "runs")):
            if os.path.isdir(os.path.join(self.store, "runs", run)):
                self.assertNotIn("live", os.listdir(os.path.join(self.store, "runs", run)))
        ps = subprocess.run(["pgrep", "-f", "^sleep 600"], capture_output=True, text=True)
        self.assertEqual(ps.stdout, "")


if __name__ == "__main__":
    unittest.main()
