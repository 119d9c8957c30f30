"""After any edit, a build on what the store knows gives what one from nothing does."""
import json
import os
import random
import shutil
import unittest

import support

EDITS = int(os.environ.get("STRAKE_TEST_EDITS", "5"))
SEED = int(os.environ.get("STRAKE_TEST_SEED", "12"))
STAGES = 12
WITH_RUN = (0, 6, 11)


class Project:
    """Twelve stages that copy from the context and from each other."""

    def __init__(self, base, chance):
        self.base, self.chance = base, chance
        self.files = {}  # path: (content, mode, is a symlink)
        for stage in range(STAGES):
            for name in ("a", "b", "sub/c"):
                self.files[f"d{stage}/{name}"] = (f"{stage}{name}", 0o644, False)
        self.sources = [chance.sample(range(stage), min(stage, 2))
                        for stage in range(STAGES)]
        self.values = [0] * STAGES
        self.options = [""] * STAGES
        self.extra = [""] * STAGES
        self.ignored = []

    def dockerfile(self):
        lines = []
        for stage in range(STAGES):
            base = self.base if stage in WITH_RUN else "scratch"
            lines += [f"FROM {base} AS s{stage}", f"ENV V={self.values[stage]}",
                      f"COPY {self.options[stage]} d{stage}/ /d{stage}/"]
            lines += [f"COPY --from=s{source} /d{source} /from{source}/"
                      for source in self.sources[stage]]
            if stage in WITH_RUN:
                lines.append(f"RUN echo $V > /v{stage}; find /d{stage} -type f | "
                             f"sort | xargs cat > /all{stage}")
            lines.append(self.extra[stage] or "WORKDIR /w")
        return "\n".join(lines) + "\n"

    def write(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.files["Dockerfile"] = (self.dockerfile(), 0o644, False)
        self.files[".dockerignore"] = ("\n".join(self.ignored), 0o644, False)
        for path, (content, mode, is_link) in self.files.items():
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if is_link:
                os.symlink(content, path)
                continue
            with open(path, "w") as f:
                f.write(content)
            os.chmod(path, mode)

    def some_file(self):
        return self.chance.choice([p for p in sorted(self.files) if "/" in p])

    def edit(self):
        """Changes one thing, and says which."""
        stage = self.chance.randrange(STAGES)
        number = self.chance.randrange(1000)
        path = self.some_file()
        kind = self.chance.choice((
            "content", "mode", "add", "remove", "link", "value", "sources",
            "option", "extra", "ignore", "revert", "nothing"))
        if kind == "content":
            self.files[path] = (f"new {number}", 0o644, False)
        elif kind == "mode":
            content, mode, is_link = self.files[path]
            self.files[path] = (content, mode ^ 0o111, is_link)
        elif kind == "add":
            self.files[f"d{stage}/n{number}"] = (str(number), 0o600, False)
        elif kind == "remove" and path.count("/") == 1 and not path.endswith("/a"):
            del self.files[path]
        elif kind == "link":
            self.files[f"d{stage}/l{number}"] = ("a", 0o777, True)
        elif kind == "value":
            self.values[stage] = number
        elif kind == "sources":
            self.sources[stage] = self.chance.sample(range(stage), min(stage, 2))
        elif kind == "option":
            self.options[stage] = self.chance.choice(
                ("", "--chown=1:2", "--chmod=640", "--link", "--exclude=b"))
        elif kind == "extra":
            self.extra[stage] = self.chance.choice(
                ("", "WORKDIR /x", f"COPY d{stage}/a /extra",
                 f"COPY --chown=3 d{stage}/sub /sub"))
        elif kind == "ignore":
            self.ignored = [f"d{stage}/b"]
        elif kind == "revert":
            self.files[f"d{stage}/a"] = (f"{stage}a", 0o644, False)
        return f"{kind} {path} {stage} {number}"


class IncrementalTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def digest(self, folder, store, *options):
        metadata = os.path.join(self.scratch, "metadata.json")
        env = self.environment(STRAKE_HOME=store, SOURCE_DATE_EPOCH="1000000000")
        output = os.path.join(self.scratch, "out.tar")
        log = self.build("-o", f"type=oci,dest={output},rewrite-timestamp=true",
                         "--metadata-file", metadata, *options, folder,
                         env=env).stderr
        with open(metadata) as f:
            return json.load(f)["containerimage.digest"], log

    def test_equals_a_build_from_nothing(self):
        self.check_edits(lambda edit: "auto")

    def test_equals_one_with_overlay(self):
        # In between, states of one snapshotter are made from the other's layers.
        self.check_edits(lambda edit: "auto" if edit % 3 == 2 else "plain")

    def check_edits(self, snapshotter):
        project = Project(self.base, random.Random(SEED))
        folder = os.path.join(self.scratch, "project")
        nothing = os.path.join(self.scratch, "nothing")
        edits, cached = [], 0
        for edit in range(EDITS + 1):
            project.write(folder)
            known, log = self.digest(folder, self.store,
                                     "--snapshotter", snapshotter(edit))
            cached += log.count(" CACHED")
            shutil.rmtree(nothing, True)
            new, log_of_new = self.digest(folder, nothing)
            self.assertEqual(known, new, f"seed {SEED}, after {edits}\n"
                             f"{project.dockerfile()}\n{log}\n{log_of_new}")
            edits.append(project.edit())
        self.assertGreater(cached, EDITS)


if __name__ == "__main__":
    unittest.main()
