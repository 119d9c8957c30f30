"""Why a step is executed again: the cause that is named for each kind of change."""
import json
import os
import shutil
import unittest

import support

DOCKERFILE = """FROM {base} AS made
RUN mkdir -p /out && echo made > /out/file && chmod 600 /out/file
FROM {base} AS main
ARG VERSION=1
ENV MODE=fast
WORKDIR /work
COPY src/ /src/
COPY --chown=1:1 --chmod=640 single.txt /single
COPY <<inline /inline
first
inline
RUN echo $VERSION > /version
RUN --mount=type=bind,source=mounted,target=/m cat /m/file > /mounted
COPY --from=made /out/ /made/
USER root
RUN id > /tmp/id
"""


class ExplainTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def setUp(self):
        self.folder = self.context("app", DOCKERFILE.format(base=self.base),
                                   single__txt="single")
        for path, content in (("src/a.txt", "a"), ("src/b.txt", "b"),
                              ("src/sub/c.txt", "c"), ("mounted/file", "m")):
            os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
            self.write(path, content)
        os.symlink("a.txt", self.path("src/link"))
        shutil.rmtree(self.store, True)
        self.explain()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "w") as f:
            f.write(content)

    def edit(self, before, after):
        with open(self.path("Dockerfile")) as f:
            text = f.read()
        self.assertIn(before, text)
        self.write("Dockerfile", text.replace(before, after))

    def explain(self, *options):
        file = os.path.join(self.scratch, "explain.json")
        self.log = self.build(f"--explain={file}", *options, self.folder).stderr
        with open(file) as f:
            return json.load(f)["steps"]

    def first(self, *options):
        """The first step that was executed, without its label, and its causes."""
        steps = self.explain(*options)
        self.assertTrue(steps, self.log)
        causes = [(c["kind"], c.get("name", ""), c["change"])
                  for c in steps[0]["changes"]]
        for step in steps:
            self.assertEqual("since" in step, step["reason"] != "new")
        return steps[0]["step"].split("] ")[1].split(" /")[0], causes

    def check(self, change, step, *causes, options=()):
        change()
        named, found = self.first(*options)
        self.assertTrue(named.startswith(step), (named, found))
        self.assertEqual(found, list(causes), self.log)
        self.assertIn("not cached: ", self.log)

    def test_the_first_build_is_new_and_the_second_says_nothing(self):
        self.assertEqual(self.explain(), [])
        self.assertNotIn("not cached", self.log)
        shutil.rmtree(self.store)
        self.assertEqual({step["reason"] for step in self.explain()}, {"new"})

    # Each edits the project in one way, and names the step and what is told.
    def test_files(self):
        base = "COPY src/"
        self.check(lambda: self.write("src/a.txt", "A"), base,
                   ("file", "src/a.txt", "content"))
        self.check(lambda: os.chmod(self.path("src/b.txt"), 0o700), base,
                   ("file", "src/b.txt", "mode"))
        self.check(lambda: self.write("src/new.txt", ""), base,
                   ("file", "src/new.txt", "added"))
        self.check(lambda: os.unlink(self.path("src/b.txt")), base,
                   ("file", "src/b.txt", "removed"))
        self.check(lambda: (os.unlink(self.path("src/link")),
                            os.symlink("new.txt", self.path("src/link"))), base,
                   ("file", "src/link", "content"))
        self.check(lambda: (os.unlink(self.path("src/link")),
                            self.write("src/link", "file")), base,
                   ("file", "src/link", "type"))
        self.check(lambda: os.rename(self.path("src/sub"), self.path("src/dir")),
                   base, ("file", "src/dir", "added"),
                   ("file", "src/dir/c.txt", "added"),
                   ("file", "src/sub", "removed"),
                   ("file", "src/sub/c.txt", "removed"))
        self.check(lambda: self.write(".dockerignore", "src/new.txt\n"), base,
                   ("file", "src/new.txt", "removed"))

    def test_files_of_another_stage(self):
        self.check(lambda: self.edit("echo made >", "echo MADE >"), "RUN mkdir",
                   ("command", "", "changed"))
        steps = {s["step"].split("] ")[1]: s["changes"] for s in self.explain(
            "--no-cache-filter=main")}
        self.edit("chmod 600 /out/file", "chmod 600 /out/file; chown 7 /out/file")
        changes = {s["step"].split("] ")[1]: s["changes"] for s in self.explain()}
        self.assertEqual(changes["COPY --from=made /out/ /made/"], [
            {"kind": "file", "name": "out/file", "change": "owner",
             "before": "0:0", "after": "7:0"}])
        self.assertIn("COPY --from=made /out/ /made/", steps)

    def test_copies(self):
        self.check(lambda: self.edit("single.txt /single", "single.txt /other"),
                   "COPY --chown", ("destination", "", "changed"))
        self.check(lambda: self.edit("--chown=1:1", "--chown=2:2"),
                   "COPY --chown", ("chown", "", "changed"))
        self.check(lambda: self.edit("--chmod=640", "--chmod=600"),
                   "COPY --chown", ("chmod", "", "changed"))
        self.check(lambda: self.edit("first", "second"), "COPY <<inline",
                   ("content", "", "changed"), ("heredoc", "inline", "changed"))

    def test_commands(self):
        version = "RUN echo $VERSION"
        self.check(lambda: self.edit("> /version", ">> /version"), version,
                   ("command", "", "changed"))
        self.check(lambda: self.edit("MODE=fast", "MODE=slow"), version,
                   ("environment", "MODE", "changed"))
        self.check(lambda: self.edit("USER root", "USER user"), "RUN id",
                   ("user", "", "changed"))
        self.check(lambda: self.edit("target=/m cat", "target=/m,rw cat"),
                   "RUN --mount", ("mount", "/m", "changed"))
        self.check(lambda: self.edit("RUN id", "RUN --network=none id"),
                   "RUN --network", ("network", "", "changed"))
        self.check(lambda: self.edit("/work", "/elsewhere"), "WORKDIR",
                   ("workdir", "", "changed"))
        self.check(lambda: None, "RUN mkdir", ("host", "db", "added"),
                   options=["--add-host=db:1.2.3.4"])
        self.check(lambda: None, version, ("argument", "VERSION", "changed"),
                   options=["--build-arg=VERSION=2", "--add-host=db:1.2.3.4"])

    def test_mounts(self):
        steps = []
        self.write("mounted/file", "M")
        steps = self.explain()
        named = {s["step"]: s["changes"] for s in steps}
        self.assertIn([{"kind": "content", "name": "mount /m",
                        "change": "changed"}], named.values())
        self.assertIn([{"kind": "file", "name": "mounted/file",
                        "change": "content"}], named.values())

    def test_states(self):
        self.check(lambda: self.edit("USER root", "RUN echo between\nUSER root"),
                   "RUN echo between")  # new: nothing was there
        # What is built on something else says so, and only so.
        steps = self.explain("--no-cache-filter=main")
        self.assertEqual({s["reason"] for s in steps}, {"no-cache"})
        self.write("single.txt", "other")
        steps = self.explain()
        self.assertEqual(steps[1]["changes"][0]["kind"], "parent")
        self.assertIn("COPY --chown=1:1", steps[1]["changes"][0]["name"])
        # Another base.
        other = self.base.replace("busybox:1", "busybox:2")
        self.build("--push", "-t", other, self.context(
            "other-base", f"FROM {self.base}\nCOPY x /\n", x="x"))
        self.check(lambda: self.edit(f"FROM {self.base} AS made",
                                     f"FROM {other} AS made"), "RUN mkdir",
                   ("base", "", "changed"))

    def test_a_state_that_was_made_anew(self):
        """By another Dockerfile, whose step is the same."""
        other = self.context("other", f"FROM {self.base}\nENV MODE=fast\n"
                             "WORKDIR /work\nCOPY src/ /src/\n")
        shutil.copytree(self.path("src"), os.path.join(other, "src"),
                        symlinks=True)
        self.build("--no-cache", other)
        steps = self.explain()
        self.assertEqual(steps[0]["changes"], [
            {"kind": "parent", "name": "[main 3/9] COPY src/ /src/",
             "change": "executed anew"}], self.log)

    def test_a_result_that_was_removed(self):
        for kind in ("snapshots", "blobs"):
            shutil.rmtree(os.path.join(self.store, kind))
        steps = self.explain()
        self.assertEqual({s["reason"] for s in steps}, {"removed"}, self.log)
        self.assertIn("its result was removed", self.log)


if __name__ == "__main__":
    unittest.main()
