"""strake run: what a command sees, as root and as a user."""
import contextlib
import os
import signal
import socket
import subprocess
import time

import support

USER = ("setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups")

# Who runs it, and how: every way with namespaces that a machine may allow.
NAMESPACES = (((), "overlay-root"), ((), "userns-map"), (USER, "userns-emu"),
              (USER, "userns-single"))
OTHERS = ((USER, "notify"), (USER, "trace"))


def say(port):
    """What whoever listens at the port says first, within half a minute."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                said = connection.recv(100)
                if said:
                    return said.decode()
        time.sleep(0.05)
    return ""


class RunTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need_root()
        support.need("setpriv")
        cls.start_hub()

    def home(self, prefix, isolation):
        """A store for each, as the owners of its files differ."""
        home = os.path.join(self.scratch, f"home-{isolation}")
        if not os.path.isdir(home):
            os.mkdir(home)
            if prefix:
                os.chown(home, 1000, 1000)
        return self.environment(HOME=home, STRAKE_HOME=os.path.join(home, "store"),
                                STRAKE_ISOLATION=isolation)

    def arguments(self, *arguments):
        return ("run", "-q", *arguments[:-1], self.base, "sh", "-c", arguments[-1])

    def run_in(self, *arguments, prefix=(), isolation="overlay-root"):
        return self.strake(*self.arguments(*arguments), prefix=prefix,
                           env=self.home(prefix, isolation))

    def output(self, *arguments, **where):
        ran = self.run_in(*arguments, **where)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    @contextlib.contextmanager
    def server(self, *arguments, prefix=(), isolation="overlay-root"):
        process = subprocess.Popen(
            [*prefix, support.STRAKE, *self.arguments(*arguments)],
            stdin=subprocess.DEVNULL, env=self.home(prefix, isolation))
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def test_environment_files(self):
        path = os.path.join(self.scratch, "variables")
        with open(path, "w") as f:
            f.write("# comment\nONE=1\n\n  TWO=a b\nONE_OF_NOBODY\nTHREE=file\n")
        self.assertEqual(
            self.output("--env-file", path, "-e", "THREE=flag",
                        "echo $ONE,$TWO,$THREE,$ONE_OF_NOBODY"), "1,a b,flag,\n")
        ran = self.run_in("--env-file", path + ".no", "true")
        self.assertEqual(ran.returncode, 2, ran.stderr)
        self.assertIn("--env-file", ran.stderr)

    def test_mounts(self):
        folder, other = (os.path.join(self.scratch, n) for n in ("shared", "other"))
        for each in (folder, other):
            os.mkdir(each)
            os.chmod(each, 0o777)
            with open(os.path.join(each, "in"), "w") as f:
                f.write("in\n")
        everywhere = (*NAMESPACES, *OTHERS)
        for number, (prefix, isolation) in enumerate(everywhere):
            with self.subTest(isolation=isolation):
                self.assertEqual(self.output(
                    "--mount", f"type=bind,src={folder},dst=/a",
                    "--mount", f"type=bind,source={other},target=/b,readonly",
                    "--mount", "type=tmpfs,target=/c,tmpfs-size=1m",
                    f"cat /b/in; echo out > /a/out{number}; cat /a/out{number};"
                    "echo > /b/x 2>/dev/null || echo refused; ls /c | wc -l",
                    prefix=prefix, isolation=isolation),
                    "in\nout\nrefused\n0\n")
        for wrong, why in (("type=volume,source=x,target=/x", "type=bind and type=tmpfs"),
                           ("type=bind,source=/no/such,target=/x", "no /no/such"),
                           ("type=bind,source=/,target=x", "absolute"),
                           ("type=bind,shape=round,target=/x", "shape")):
            ran = self.run_in("--mount", wrong, "true")
            self.assertNotEqual(ran.returncode, 0)
            self.assertIn(why, ran.stderr)

    def test_privileged(self):
        script = "mount -t tmpfs none /tmp 2>/dev/null && echo yes || echo no"
        for prefix, isolation in (NAMESPACES[0], NAMESPACES[1], NAMESPACES[3]):
            with self.subTest(isolation=isolation):
                where = {"prefix": prefix, "isolation": isolation}
                self.assertEqual(self.output(script, **where), "no\n")
                self.assertEqual(self.output("--privileged", script, **where), "yes\n")
        for prefix, isolation in (NAMESPACES[2], *OTHERS):
            with self.subTest(isolation=isolation):
                ran = self.run_in("--privileged", "true", prefix=prefix,
                                  isolation=isolation)
                self.assertEqual(ran.returncode, 125)
                self.assertIn(f"isolation {isolation} has no capabilities to give",
                              ran.stderr)

    def test_platform(self):
        self.assertEqual(self.output("--platform", "linux/amd64", "echo x"), "x\n")
        ran = self.run_in("--platform", "linux/s390x", "true")
        self.assertEqual(ran.returncode, 125)
        self.assertIn("not for linux/s390x", ran.stderr)

    def test_private_network(self):
        for prefix, isolation in NAMESPACES:
            with self.subTest(isolation=isolation):
                port = support.free_port()
                where = {"prefix": prefix, "isolation": isolation}
                with self.server("--network", "private", "-p", f"{port}:80",
                                 "nc -ll -p 80 -e echo hello", **where):
                    self.assertEqual(say(port), "hello\n")
        for prefix, isolation in OTHERS:
            ran = self.run_in("--network", "private", "true", prefix=prefix,
                              isolation=isolation)
            self.assertEqual(ran.returncode, 125)
            self.assertIn("no network of its own", ran.stderr)

    def test_published_port_of_the_host(self):
        for prefix, isolation in (NAMESPACES[0], *OTHERS):
            with self.subTest(isolation=isolation):
                inside, outside = support.free_port(), support.free_port()
                with self.server("-p", f"{outside}:{inside}",
                                 f"nc -ll -p {inside} -e echo hello",
                                 prefix=prefix, isolation=isolation):
                    self.assertEqual(say(outside), "hello\n")
        ran = self.run_in("--network", "none", "-p", "80", "true")
        self.assertEqual(ran.returncode, 125)
        self.assertIn("without a network", ran.stderr)

    def test_killed_with_a_private_network(self):
        for prefix, isolation in NAMESPACES:
            with self.subTest(isolation=isolation):
                marker = f"marker-{isolation}-{os.getpid()}"
                process = subprocess.Popen(
                    [*prefix, support.STRAKE, *self.arguments(
                        "--network", "private", f"echo begun; sleep 1000; echo {marker}")],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    env=self.home(prefix, isolation))
                self.assertEqual(process.stdout.readline(), b"begun\n")
                process.kill()
                process.wait()
                process.stdout.close()
                end = time.monotonic() + 30
                while support.processes_with(marker) and time.monotonic() < end:
                    time.sleep(0.05)
                self.assertEqual(support.processes_with(marker), [])
        self.assertEqual(support.mounts(self.scratch), [])
