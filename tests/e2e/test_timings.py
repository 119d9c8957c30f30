"""What a build tells of its time: --trace, --metadata-file, the last line."""
import json
import os

import support


class TimingsTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need_root()
        cls.start_hub()

    def traced(self, store, dockerfile, *arguments):
        """The events of a build in a new store, and the build."""
        context = self.context("context", dockerfile, a="text")
        trace = os.path.join(self.scratch, "trace.json")
        result = self.strake("build", "--progress=plain", "--trace", trace,
                             *arguments, context, env=self.environment(
                                 STRAKE_HOME=os.path.join(self.scratch, store)))
        with open(trace) as f:
            events = json.load(f)["traceEvents"]
        return [e for e in events if e["ph"] == "X"], result

    def test_every_step_and_phase_is_traced(self):
        target = f"{self.hub.name}/timed:1"
        metadata = os.path.join(self.scratch, "metadata.json")
        events, result = self.traced(
            "first", f"FROM {self.base}\nCOPY a /\nRUN sleep 0.2\n", "--push", "-t", target,
            "--metadata-file", metadata)
        self.assertEqual(result.returncode, 0, result.stderr)
        by_name = {e["name"]: e for e in events}
        run = by_name["[3/3] RUN sleep 0.2"]
        self.assertGreaterEqual(run["dur"], 200_000)
        phases = {e["name"] for e in events if e["cat"] == "phase"}
        self.assertLessEqual({"context", "plan", "digest", "unpack", "execute",
                              "commit", "diff", "layer", "export"}, phases)
        self.assertTrue([e for e in events if e["cat"] == "transfer"])
        for event in events:
            self.assertGreaterEqual(event["ts"], 0)
        with open(metadata) as f:
            timings = json.load(f)["strake.timings"]
        self.assertGreaterEqual(timings["phases"]["execute"], 0.2)
        self.assertGreaterEqual(timings["total_seconds"], 0.2)
        self.assertRegex(result.stderr, r"(?m)^time: \d+\.\ds \(.*execute \d")

    def test_a_failed_build_is_traced_too(self):
        events, result = self.traced("second", f"FROM {self.base}\nRUN exit 3\n")
        self.assertNotEqual(result.returncode, 0)
        failed = [e for e in events if e["args"]["detail"] == "failed"]
        self.assertEqual([e["name"] for e in failed], ["[2/2] RUN exit 3"])


if __name__ == "__main__":
    import unittest
    unittest.main()
