"""What the store holds, what prune takes away, and that it survives kills."""
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import support

KILLS = int(os.environ.get("STRAKE_TEST_KILLS", "8"))


class StoreCareTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def setUp(self):
        shutil.rmtree(self.store, True)
        self.folder = self.context("app", f"""FROM {self.base} AS made
COPY a.txt /
RUN --mount=type=cache,target=/c head -c 300000 /dev/urandom | tee /c/x > /big
FROM {self.base}
COPY --from=made /big /big
RUN wc -c /big > /size
""", a__txt="a")

    def answer(self, *arguments):
        result = self.strake(*arguments, "--format=json")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def usage(self):
        [usage] = self.answer("du")
        self.assertEqual(usage["total_bytes"],
                         sum(k["size_bytes"] for k in usage["kinds"]))
        return {k["kind"]: k for k in usage["kinds"]}

    def fsck(self, *options):
        result = self.strake("fsck", "--format=json", *options)
        report = json.loads(result.stdout)
        self.assertEqual(result.returncode, 0 if report["sound"] else 1)
        return report

    def assert_sound(self):
        report = self.fsck()
        self.assertTrue(report["sound"], report)
        return report

    def cached(self, *options):
        return self.build("-t", "app", *options,
                          self.folder).stderr.count(" CACHED")

    def test_lists_and_measures(self):
        self.cached()
        entries = self.answer("cache", "ls")
        kinds = [entry["kind"] for entry in entries]
        self.assertEqual(kinds.count("step"), 4)
        self.assertEqual(kinds.count("base"), 1)
        self.assertEqual(kinds.count("mount"), 1)
        steps = {e["description"]: e for e in entries if e["kind"] == "step"}
        big = steps["COPY --from=made /big /big"]
        self.assertGreater(big["size_bytes"], 300000)
        self.assertIn("last_used", big)
        usage = self.usage()
        self.assertEqual(usage["images"]["count"], 1)
        self.assertGreater(usage["images"]["size_bytes"], 300000)
        self.assertEqual(usage["images"]["reclaimable_bytes"], 0)
        self.assertEqual(usage["mount"]["count"], 1)
        self.assertIn("step", self.strake("du").stdout)
        self.assertIn("RUN wc -c /big", self.strake("cache", "ls").stdout)
        report = self.assert_sound()
        self.assertEqual(report["images"], 1)
        self.assertEqual(report["index_entries"], 4)
        self.assertGreater(report["blobs"], 3)

    def test_prunes_what_nothing_leads_to(self):
        self.cached()
        self.cached("--no-cache")  # supersedes all of it
        before = self.usage()
        self.assertGreater(before["unused"]["size_bytes"], 300000)
        [dry] = self.answer("cache", "prune", "--dry-run")
        [pruned] = self.answer("cache", "prune")
        self.assertEqual(dry, pruned)
        self.assertEqual({e["kind"] for e in pruned["removed"]}, {"unused"})
        self.assertGreaterEqual(pruned["freed_bytes"],
                                before["unused"]["size_bytes"])
        self.assertEqual(self.usage()["unused"]["size_bytes"], 0)
        self.assert_sound()
        self.assertGreaterEqual(self.cached(), 4)  # what counts is there

    def test_prunes_by_age_and_size(self):
        self.cached()
        [pruned] = self.answer("cache", "prune", "--older-than=1h")
        self.assertFalse([e for e in pruned["removed"] if e["kind"] == "step"])
        [pruned] = self.answer("cache", "prune", "--keep-storage=10GB")
        self.assertEqual(pruned["removed"], [])
        [pruned] = self.answer("cache", "prune", "--keep-storage=1MB")
        self.assertTrue(pruned["removed"])
        usage = self.usage()
        self.assertLess(sum(usage[k]["size_bytes"] for k in
                            ("step", "base", "mount", "fetch", "unused")),
                        1000000)
        self.assert_sound()
        self.cached()
        [pruned] = self.answer("cache", "prune", "--older-than=0s")
        self.assertIn("step", {e["kind"] for e in pruned["removed"]})
        self.assert_sound()

    def test_prunes_all_but_images(self):
        self.cached()
        self.answer("cache", "prune", "--all")
        usage = self.usage()
        for kind in ("step", "base", "mount", "fetch", "unused"):
            self.assertEqual(usage[kind]["count"], 0, usage)
        self.assert_sound()
        self.assertEqual(self.strake("inspect", "--verify",
                                     "app").returncode, 0)
        self.assertEqual(self.cached(), 0)

    def test_a_damaged_result_is_made_anew(self):
        folder = self.context("damaged", f"""FROM {self.base}
COPY a.txt /
RUN cat /proc/sys/kernel/random/uuid > /b
""", a__txt="sound")
        self.build("-t", "damaged", folder)
        blobs = os.path.join(self.store, "blobs/sha256")
        manifest = self.strake("inspect", "--raw", "damaged").stdout
        first = json.loads(manifest)["layers"][1]["digest"]
        with open(os.path.join(blobs, first[7:]), "r+b") as f:
            f.seek(20)
            f.write(b"damage")
        shutil.rmtree(os.path.join(self.store, "snapshots"))
        files = os.path.join(self.scratch, "files")
        result = self.build("-o", f"type=local,dest={files}", folder)
        self.assertRegex(result.stderr, "(?i)warning.*COPY a.txt.*" + first)
        with open(os.path.join(files, "a.txt")) as f:
            self.assertEqual(f.read(), "sound")
        self.build("-t", "damaged", folder)
        self.assert_sound()
        self.assertNotIn("warning", self.build(folder).stderr.lower())

    def test_wrong_amounts_are_errors(self):
        for option in ("--older-than=soon", "--older-than=1y",
                       "--keep-storage=much", "--keep-storage=1zb"):
            result = self.strake("cache", "prune", option)
            self.assertEqual(result.returncode, 2, option)
            self.assertIn("expected a", result.stderr)

    def test_beside_a_running_build(self):
        self.cached()
        # Sleeps until it is told, then uses what was in the cache.
        with open(os.path.join(self.folder, "Dockerfile"), "a") as f:
            f.write("RUN --mount=type=cache,target=/c echo waiting; "
                    "for i in $(seq 600); do [ ! -e /c/go ] || exec cat /size; "
                    "sleep 0.1; done; exit 1\n"
                    "COPY --from=made /big /again\n")
        process = subprocess.Popen(
            [support.STRAKE, "build", "--progress=plain", "-t", "app",
             self.folder], env=self.environment(), text=True,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        log = ""
        while " waiting" not in log:
            line = process.stderr.readline()
            self.assertTrue(line, log)
            log += line
        [pruned] = self.answer("cache", "prune", "--all")
        self.assertTrue(pruned["files_kept"])
        self.assertEqual(pruned["freed_bytes"], 0)
        repair = self.strake("fsck", "--repair")
        self.assertIn("other strakes", repair.stderr)
        for mount in glob.glob(os.path.join(self.store, "mounts/*/")):
            open(os.path.join(mount, "go"), "w").close()
        log += process.stderr.read()
        self.assertEqual(process.wait(), 0, log)
        process.stderr.close()
        self.assertEqual(self.strake("inspect", "--verify",
                                     "app").returncode, 0)
        self.assert_sound()
        self.answer("cache", "prune", "--all")
        self.assertEqual(self.usage()["step"]["count"], 0)

    def blob(self, size):
        return max(glob.glob(os.path.join(self.store, "blobs/sha256/*")),
                   key=os.path.getsize)

    def test_finds_and_repairs_damage(self):
        self.build("-o", "type=oci,dest=" + os.path.join(self.scratch, "x.tar"),
                   self.folder)
        with open(self.blob(0), "r+b") as f:
            f.write(b"damage")
        report = self.fsck()
        self.assertIn("its content is", report["problems"][0]["what"])
        report = self.fsck("--repair")
        self.assertTrue(report["problems"][0]["repaired"])
        self.assert_sound()
        self.build("-t", "app", self.folder)
        self.assertEqual(self.strake("inspect", "--verify",
                                     "app").returncode, 0)
        # What an image needs cannot be made up.
        os.unlink(self.blob(0))
        self.assertIn("is not there", self.fsck()["problems"][0]["what"])
        self.strake("rmi", "app")
        self.strake("fsck", "--repair")
        self.assert_sound()

    def blob_path(self, digest):
        return os.path.join(self.store, "blobs", *digest.split(":"))

    def documents(self):
        """The digests of the stored image's index and of its manifests."""
        with open(os.path.join(self.store, "index.json")) as f:
            root = json.load(f)["manifests"][0]["digest"]
        with open(self.blob_path(root)) as f:
            document = json.load(f)
        return root, [m["digest"] for m in document.get("manifests", ())]

    def platforms(self):
        folder = self.context("two", "FROM scratch\nCOPY a.txt /\n", a__txt="a")
        self.build("-t", "two", "--platform=linux/amd64,linux/arm64", folder)
        root, manifests = self.documents()
        self.assertEqual(len(manifests), 2)
        return root, manifests

    def test_prune_keeps_the_rest_of_a_broken_image(self):
        root, [first, second] = self.platforms()
        os.unlink(self.blob_path(first))
        before = set(glob.glob(os.path.join(self.store, "blobs/sha256/*")))
        report = self.fsck()
        self.assertEqual(len(report["problems"]), 1, report)
        self.assertIn(first.split(":")[1], report["problems"][0]["what"])
        self.answer("cache", "prune", "--all")
        self.assertTrue(os.path.exists(self.blob_path(root)))
        with open(self.blob_path(second)) as f:
            manifest = json.load(f)
        for part in [manifest["config"], *manifest["layers"]]:
            self.assertTrue(os.path.exists(self.blob_path(part["digest"])))
        # The config of the lost manifest is all that nothing leads to.
        after = set(glob.glob(os.path.join(self.store, "blobs/sha256/*")))
        self.assertEqual(len(before - after), 1)

    def test_keeps_blobs_that_cannot_be_read(self):
        root, [first, _] = self.platforms()
        path = self.blob_path(first)
        os.rename(path, path + ".away")
        os.symlink(path + ".away", path)  # ELOOP, also for root
        for options in ((), ("--repair",)):
            report = self.fsck(*options)
            problem = report["problems"][0]
            self.assertFalse(report["sound"], report)
            self.assertFalse(problem["repaired"])
            self.assertIn("Too many levels of symbolic links", problem["what"])
            self.assertTrue(os.path.islink(path))
        # What the image needs is not known then: nothing goes.
        os.unlink(path)
        os.symlink(path, path)
        before = sorted(glob.glob(os.path.join(self.store, "blobs/sha256/*")))
        pruned = self.strake("cache", "prune", "--all")
        self.assertNotEqual(pruned.returncode, 0)
        self.assertIn("nothing is removed", pruned.stderr)
        self.assertEqual(before, sorted(
            glob.glob(os.path.join(self.store, "blobs/sha256/*"))))
        self.assertFalse(self.fsck("--repair")["sound"])
        os.rename(path + ".away", path)
        self.assert_sound()

    def test_finds_what_a_killed_process_left(self):
        self.cached()
        self.answer("cache", "prune")
        ingest = os.path.join(self.store, ".strake/ingest")
        os.makedirs(ingest, exist_ok=True)
        path = os.path.join(ingest, "old")
        with open(path, "w") as f:
            f.write("half")
        with open(os.path.join(self.store, "cache/index"), "a") as f:
            f.write('{"key": "torn')
        report = self.assert_sound()
        self.assertEqual(len(report["notes"]), 2, report)
        old = time.time() - 4000
        os.utime(path, (old, old))
        self.assertIn("ingest/old", self.fsck()["problems"][0]["what"])
        self.assertTrue(self.fsck("--repair")["sound"])
        report = self.assert_sound()
        self.assertEqual((report["problems"], report["notes"]), ([], []))
        self.assertFalse(os.path.exists(path))

    def test_builds_that_are_killed_leave_a_sound_store(self):
        chance = random.Random(7)
        for i in range(KILLS):
            with open(os.path.join(self.folder, "a.txt"), "w") as f:
                f.write(str(i // 2))
            process = subprocess.Popen(
                [support.STRAKE, "build", "-q", "-t", "app", self.folder],
                env=self.environment(), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True)
            time.sleep(chance.uniform(0, 0.4))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.assert_sound()
        self.build("-t", "app", self.folder)
        self.assertEqual(self.strake("inspect", "--verify",
                                     "app").returncode, 0)
        self.assert_sound()
        self.answer("cache", "prune")
        self.assertEqual(self.assert_sound()["notes"], [])


if __name__ == "__main__":
    unittest.main()
