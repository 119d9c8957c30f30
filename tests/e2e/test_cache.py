"""What is rebuilt, what is not, and what the registry is asked meanwhile."""
import os
import time
import unittest

import support

STEPS = 25


class CacheTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def long_context(self):
        lines = [f"FROM {self.base}"]
        for i in range(8):
            lines += [f"ENV STEP{i}={i}", f"RUN echo {i} > /step{i}",
                      f"COPY file.txt /copy{i}"]
        self.assertEqual(len(lines), STEPS)
        return self.context("long", "\n".join(lines) + "\n", file__txt="content")

    def test_unchanged_rebuild_executes_nothing(self):
        context = self.long_context()
        self.build("-t", "long", context)
        first = self.strake("inspect", "--format", "{{.Id}}", "long").stdout
        before = len(self.hub.requests())
        # Times do not count; content does.
        later = time.time() + 100
        os.utime(os.path.join(context, "file.txt"), (later, later))
        result = self.build("-t", "long", context)
        asked = self.hub.requests()[before:]
        steps = [line for line in result.stderr.splitlines()
                 if " RUN " in line or " COPY " in line]
        self.assertEqual(len(steps), 16, result.stderr)
        self.assertEqual(result.stderr.count(" CACHED"), 16, result.stderr)
        self.assertTrue(asked)
        for request in asked:
            self.assertRegex(request, r"^(GET /v2/$|HEAD /v2/library/busybox/"
                                      r"manifests/)", asked)
        self.assertEqual(
            self.strake("inspect", "--format", "{{.Id}}", "long").stdout, first)

    def test_a_change_rebuilds_what_depends_on_it(self):
        dockerfile = (f"FROM {self.base} AS one\nCOPY a.txt /\n"
                      "RUN wc -c < a.txt > count\n"
                      f"FROM {self.base}\nCOPY b.txt /\nCOPY --from=one /count /\n"
                      "RUN cat count\n")
        context = self.context("change", dockerfile, a__txt="aaa", b__txt="b")
        self.build(context)
        with open(os.path.join(context, "a.txt"), "w") as f:
            f.write("AAA")
        result = self.build(context)
        # The count is what it was: what copies it stays cached.
        executed = [line for line in result.stderr.splitlines()
                    if "DONE" in line and "internal" not in line]
        self.assertIn("RUN wc -c", result.stderr)
        self.assertEqual(result.stderr.count(" CACHED"), 4, result.stderr)
        self.assertGreaterEqual(len(executed), 2)

    def test_mode_counts_and_no_cache_ignores_the_cache(self):
        context = self.context("mode", f"FROM {self.base}\nCOPY x /\nRUN ls -l /x\n",
                               x="x")
        self.build(context)
        os.chmod(os.path.join(context, "x"), 0o755)
        self.assertIn("-rwxr-xr-x", self.build(context).stderr)
        again = self.build("--no-cache", context)
        self.assertIn("-rwxr-xr-x", again.stderr)
        self.assertEqual(again.stderr.count("RUN ls -l /x\n"), 1)

    def test_stages_are_executed_again_by_name(self):
        context = self.context("filter", f"""FROM {self.base} AS kept
RUN cat /proc/sys/kernel/random/uuid > /kept
FROM {self.base} AS made
RUN echo same > /made
FROM {self.base} AS random
RUN cat /proc/sys/kernel/random/uuid > /random
FROM {self.base}
COPY --from=made /made /
COPY --from=kept /kept /
COPY --from=random /random /
RUN --mount=from=random,target=/r cat /r/random > /mounted
""")

        def files(*options):
            log = self.build("-t", "filter", *options, context).stderr
            files = self.strake("run", "filter", "cat", "/kept", "/random",
                                "/mounted").stdout
            return files.split(), log.count(" CACHED")

        first, _ = files()
        again, cached = files()
        self.assertEqual((again, cached), (first, 7))
        again, cached = files("--no-cache-filter=made")
        self.assertEqual(again, first)  # what it copies is what it was
        self.assertEqual(cached, 7)  # FROM is needed, and one of them
        again, cached = files("--no-cache-filter", "made,random")
        self.assertEqual(again[0], first[0])
        self.assertNotEqual(again[1], first[1])
        self.assertEqual(again[1], again[2])
        self.assertEqual(cached, 4)  # FROM, kept, the copies of it and of made
        self.assertEqual(files()[0], again)
        failed = self.strake("build", "--no-cache-filter=mad", context)
        self.assertEqual(failed.returncode, 1)
        self.assertIn('no stage "mad" (did you mean made?)', failed.stderr)

    def test_eight_builds_share_one_store(self):
        import concurrent.futures
        context = self.context(
            "shared", f"FROM {self.base}\nARG N\nRUN echo same > /same\n"
            "RUN echo $N > /n\n")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            builds = [pool.submit(self.strake, "build", "--progress=plain",
                                  "--build-arg", f"N={i}", "-t", f"n{i}", context)
                      for i in range(8)]
            for build in builds:
                self.assertEqual(build.result().returncode, 0,
                                 build.result().stderr)
        for i in range(8):
            result = self.strake("run", f"n{i}", "cat", "/n")
            self.assertEqual(result.stdout, f"{i}\n", result.stderr)
            verified = self.strake("inspect", "--verify", f"n{i}")
            self.assertEqual(verified.returncode, 0, verified.stderr)


if __name__ == "__main__":
    unittest.main()
