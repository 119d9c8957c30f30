"""However a build is ended, no process and no mount is left of it."""
import os
import signal
import subprocess
import time
import unittest

import support
import test_hostile


class InterruptTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def interrupt(self, number):
        """In every isolation; the status of each."""
        statuses = []
        for index, isolation in enumerate(test_hostile.isolations()):
            with self.subTest(isolation=isolation):
                statuses.append(self.interrupt_one(number, index, isolation))
        return set(statuses)

    def interrupt_one(self, number, index, isolation):
        # A daemon that detaches twice is the hardest to catch. The odd number
        # of seconds finds the processes again.
        marker = f"98{number:02d}{index}7"
        context = self.context(
            "sleep", f"FROM {self.base}\nRUN (setsid sh -c 'sleep {marker} & sleep "
            f"{marker}' &) ; echo started; sleep {marker}\n")
        before = support.mounts(self.scratch)
        process = subprocess.Popen(
            [support.STRAKE, "build", "--progress=plain", "--no-cache",
             "--isolation", isolation, "-t", "never", context], env=self.environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        for line in process.stderr:
            if "started" in line and "echo" not in line:
                break
        time.sleep(0.2)
        self.assertTrue(support.processes_with(marker))
        process.send_signal(number)
        process.stderr.read()
        process.stderr.close()
        status = process.wait(timeout=30)
        for _ in range(100):
            left = support.processes_with("sleep\0" + marker)
            if not left:
                break
            time.sleep(0.05)
        self.assertEqual(left, [])
        self.assertEqual(support.mounts(self.scratch), before)
        # What it left in the store is in nobody's way.
        good = self.context("good", f"FROM {self.base}\nRUN echo ok > /ok\n")
        self.build("--isolation", isolation, "-t", "good", good)
        missing = self.strake("inspect", "never")
        self.assertEqual(missing.returncode, 1)
        return status

    def test_interrupt(self):
        self.assertEqual(self.interrupt(signal.SIGINT), {130})

    def test_terminate(self):
        self.assertEqual(self.interrupt(signal.SIGTERM), {143})

    def test_kill(self):
        self.assertEqual(self.interrupt(signal.SIGKILL), {-signal.SIGKILL})


if __name__ == "__main__":
    unittest.main()
