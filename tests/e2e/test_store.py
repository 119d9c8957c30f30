"""One store under several strakes at once, and where a system gives little."""
import json
import os
import subprocess
import unittest

import support


class StoreTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def test_removal_beside_a_build_takes_nothing_that_it_needs(self):
        self.build("-t", "old", self.context("old", "FROM scratch\nCOPY f /f\n",
                                             f="shared by old and new"))
        context = self.context(
            "new", f"FROM {self.base} AS s\nRUN echo started; sleep 3; echo 1 > /x\n"
            "FROM scratch\nCOPY f /f\nCOPY --from=s /x /x\n",
            f="shared by old and new")
        build = subprocess.Popen(
            [support.STRAKE, "build", "--progress=plain", "-t", "new", context],
            stderr=subprocess.PIPE, text=True, env=self.environment())
        for line in build.stderr:
            if "started" in line and "RUN" not in line:
                break
        removed = self.strake("rmi", "old")
        self.assertEqual(removed.returncode, 0, removed.stderr)
        self.assertEqual(removed.stdout, "Untagged: old:latest\n")
        self.assertIn("stay until", removed.stderr)
        rest = build.stderr.read()
        self.assertEqual(build.wait(), 0, rest)
        build.stderr.close()
        verified = self.strake("inspect", "--verify", "new")
        self.assertEqual(verified.returncode, 0, verified.stderr)
        # What only "old" had goes with the next removal.
        last = self.strake("rmi", "new")
        self.assertEqual(last.returncode, 0, last.stderr)
        blobs = set(os.listdir(os.path.join(self.store, "blobs/sha256")))
        for line in last.stdout.splitlines():
            if line.startswith("Deleted: "):
                self.assertNotIn(line.removeprefix("Deleted: sha256:"), blobs)
        self.assertGreater(last.stdout.count("Deleted: "), 4)

    def test_an_id_with_several_names(self):
        context = self.context("named", "FROM scratch\nCOPY f /f\n", f="named")
        image = self.strake("build", "-q", "-t", "one", "-t", "two", context)
        self.assertEqual(image.returncode, 0, image.stderr)
        image_id = image.stdout.strip().removeprefix("sha256:")[:12]
        refused = self.strake("rmi", image_id)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("several names", refused.stderr)
        self.assertIn("library/one:latest, ", refused.stderr)
        forced = self.strake("rmi", "-f", image_id)
        self.assertEqual(forced.returncode, 0, forced.stderr)
        self.assertIn("Untagged: one:latest\nUntagged: two:latest\n", forced.stdout)
        self.assertEqual(self.strake("inspect", "one").returncode, 1)

    def test_files_as_the_only_output_make_no_image(self):
        context = self.context("files", "FROM scratch\nCOPY f /f\n", f="files")
        out = os.path.join(self.scratch, "files-out")
        iid, meta = (os.path.join(self.scratch, n) for n in ("iid", "meta"))
        result = self.strake("build", "-q", "--iidfile", iid, "--metadata-file",
                             meta, "-o", out, context)
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        with open(iid) as f:
            self.assertEqual(f.read(), "")
        with open(meta) as f:
            self.assertEqual([k for k in json.load(f) if "containerimage" in k], [])

    def test_a_result_file_that_cannot_be_written_is_found_at_once(self):
        context = self.context("early", f"FROM {self.base}\nRUN echo ran\n")
        result = self.strake("build", "--progress=plain", "-t", "early",
                             "--iidfile", "/no/such/file", context)
        self.assertEqual(result.returncode, 1)
        self.assertIn("--iidfile: create /no/such/file: No such file", result.stderr)
        self.assertNotIn("ran", result.stderr)

    def test_few_processes_are_enough(self):
        support.need("prlimit", "setpriv")
        support.need_root()
        context = self.context(
            "many", "FROM scratch\n" + "".join(
                f"COPY f /d/f{i}\n" for i in range(60)), f="f")
        home = os.path.join(self.scratch, "nobody")
        os.makedirs(home)
        os.chown(home, 65533, 65533)
        result = self.strake(
            "build", "-q", "-t", "many", context,
            prefix=("setpriv", "--reuid=65533", "--regid=65533", "--clear-groups",
                    "prlimit", "--nproc=20"),
            env=self.environment(STRAKE_HOME=os.path.join(home, "store"), HOME=home))
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_an_interruption_is_called_so(self):
        context = self.context("slow", f"FROM {self.base}\nRUN echo started; sleep 60\n")
        build = subprocess.Popen(
            [support.STRAKE, "build", "--progress=plain", context],
            stderr=subprocess.PIPE, text=True, env=self.environment())
        for line in build.stderr:
            if "started" in line and "RUN" not in line:
                break
        build.terminate()
        rest = build.stderr.read()
        build.stderr.close()
        self.assertEqual(build.wait(), 143)
        self.assertIn("error: the build was interrupted\n", rest)
        self.assertNotIn("was stopped", rest.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
