"""Task files checked, shown and drawn, without a step being run."""

import os
import subprocess
import threading
import xml.etree.ElementTree

from support import STRAKE, EndToEndTest, HttpServer, QuietHandler

TASK = """version: v1.1.0
alias:
  values: {repo: "{{.Run.Registry}}/app"}
steps:
  - id: build
    build: -t $repo:$ID --build-arg KEY={{.Values.key}} .
  - id: test
    cmd: $repo:$ID {{.Values.word}}
  - push: [$repo:$ID]
    when: [build, test]
"""


class AliasHandler(QuietHandler):
    """/names.yaml has aliases, /slow does not answer, the rest is an error."""

    released = threading.Event()

    def do_GET(self):
        if self.path == "/slow":
            self.released.wait(60)
            return
        good = self.path.startswith("/names.yaml")
        body = b"greeting: hello\n" if good else b"nothing like that"
        self.send_response(200 if good else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class TaskFilesTest(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = HttpServer(AliasHandler)
        cls.addClassCleanup(cls.server.stop)
        cls.addClassCleanup(AliasHandler.released.set)

    def task(self, *words, text=None, **variables):
        """Runs `strake task` with `text` as acb.yaml and on standard input."""
        folder = os.path.join(self.scratch, "work")
        os.makedirs(folder, exist_ok=True)
        if text is not None:
            with open(os.path.join(folder, "acb.yaml"), "w",
                      encoding="utf-8") as file:
                file.write(text)
        return subprocess.run(
            [STRAKE, "task", *words], input=text or "", text=True, cwd=folder,
            capture_output=True, env=self.environment(**variables), timeout=60)

    def test_lint_shows_every_problem_and_fails_for_an_error_only(self):
        good = self.task("lint", text=TASK)
        self.assertEqual((good.returncode, good.stdout), (0, ""), good.stderr)
        warned = self.task("lint", text="step: []\n")
        self.assertEqual(warned.returncode, 0)
        self.assertEqual(warned.stdout,
                         'acb.yaml:1:1: warning: unknown key "step" is ignored '
                         "(did you mean steps?)\n")
        bad = self.task("lint", "-", text="steps:\n  - {cmd: a, retries: -1}\n"
                                          "  - {cmd: a, build: b}\n")
        self.assertEqual(bad.returncode, 1)
        self.assertEqual(
            bad.stdout.splitlines(),
            ["standard input:2:14: error: step must specify retries >= 0",
             "standard input:3:14: error: step must only contain a single "
             "build, cmd, or push property"])
        self.assertEqual(self.task("lint", "none.yaml").returncode, 1)

    def test_render_has_values_and_hides_secret_ones(self):
        with open(os.path.join(self.scratch, "values.yaml"), "w") as file:
            file.write("word: file\nkey: file\n")
        shown = self.task("render", "--values", "../values.yaml",
                          "--set", "word=set", "--set-secret", "key=sesame",
                          "-r", "registry.example", "--run-id", "ca1",
                          text=TASK)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(shown.stdout, """version: v1.1.0
steps:
  - id: build
    build: -t registry.example/app:ca1 --build-arg KEY=*** .
  - id: test
    cmd: registry.example/app:ca1 set
  - push: [registry.example/app:ca1]
    when: [build, test]
""")

    def test_a_bad_setting_is_a_mistake_in_usage(self):
        result = self.task("render", "--set", "word", text=TASK)
        self.assertEqual(result.returncode, 2)
        self.assertIn("failed to parse --set data; invalid format, no = "
                      "assignment found", result.stderr)

    def test_graph_in_every_form(self):
        text = self.task("graph", text=TASK)
        self.assertEqual(text.stdout.splitlines()[1:],
                         ["1      build       build  -",
                          "2      test        cmd    build",
                          "3      acb_step_2  push   build, test"])
        dot = self.task("graph", "--format", "dot", text=TASK)
        self.assertIn('"build" -> "test";', dot.stdout)
        svg = self.task("graph", "--format", "svg", text=TASK)
        root = xml.etree.ElementTree.fromstring(svg.stdout)
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        wrong = self.task("graph", text="version: v2\n")
        self.assertEqual(wrong.returncode, 1)
        self.assertEqual(wrong.stderr,
                         "error: acb.yaml:1:1: invalid version specified: "
                         '"v2", the current version is "v1.0.0"\n')

    def aliases_from(self, path):
        return self.task("render", text=(
            f"version: v1.1.0\nalias: {{src: ['{self.server.url}{path}']}}\n"
            "steps: [{cmd: x $greeting}]\n"))

    def test_aliases_come_from_an_address(self):
        good = self.aliases_from("/names.yaml?sas=1")
        self.assertIn("cmd: x hello", good.stdout, good.stderr)

    def test_an_address_that_refuses_or_hangs_is_an_error(self):
        refused = self.aliases_from("/none")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("acb.yaml:2:15: unable to search/replace aliases in "
                      "task: ", refused.stderr)
        self.assertIn("status 404: nothing like that", refused.stderr)
        slow = self.aliases_from("/slow")
        self.assertEqual(slow.returncode, 1)
        self.assertIn("no answer within 2000 ms", slow.stderr)

    def test_a_template_sees_the_environment(self):
        shown = self.task("render", text="a: {{ env \"WHO\" }}\n", WHO="me")
        self.assertEqual(shown.stdout, "a: me\n", shown.stderr)
