"""What the end-to-end tests share: strake itself, a real registry, a real Debian.

Each test class gets a scratch directory, and registries of its own on free
loopback ports. Everything that is started is stopped by the class that
started it. A tool that is missing skips the test and says so.
"""
import contextlib
import fcntl
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
STRAKE = os.environ.get("STRAKE", os.path.join(SOURCE, "build/dev/strake"))
CACHE = os.path.join(SOURCE, ".cache")


def need(*tools):
    """Skips the test where a tool is not installed."""
    for tool in tools:
        if shutil.which(tool) is None:
            raise unittest.SkipTest(f"{tool} is not installed")


def need_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: it changes users and mounts")


def run(*command, **options):
    """Runs a command that has to succeed; its output is in the failure."""
    options.setdefault("timeout", 600)
    result = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                            errors="replace", stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, **options)
    if result.returncode != 0:
        raise AssertionError(
            f"{' '.join(command)}: exit {result.returncode}\n{result.stdout}")
    return result.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Registry:
    """Debian's docker-registry on a folder, with a log of its requests."""

    def __init__(self, folder, htpasswd=None, port=None, tls=None):
        """`tls`: files of certificate, key and the authority of clients."""
        need("docker-registry")
        self.folder, self.port = folder, port or free_port()
        self.name = f"127.0.0.1:{self.port}"
        os.makedirs(folder, exist_ok=True)
        config = os.path.join(folder, "config.yml")
        auth = "" if htpasswd is None else (
            f"auth:\n  htpasswd: {{realm: test, path: {htpasswd}}}\n")
        with open(config, "w") as f:
            f.write("version: 0.1\nlog: {level: info, accesslog: {disabled: false}}\n"
                    f"storage:\n  filesystem: {{rootdirectory: {folder}/data}}\n"
                    "  delete: {enabled: true}\n"
                    f"{auth}http:\n  addr: '{self.name}'\n")
            if tls is not None:
                f.write("  tls: {{certificate: {}, key: {}, clientcas: [{}]}}\n"
                        .format(*tls))
        self.log_path = os.path.join(folder, "log")
        self.log = open(self.log_path, "w")
        self.process = subprocess.Popen(["docker-registry", "serve", config],
                                        stdout=self.log, stderr=self.log)
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.05)
        raise AssertionError("docker-registry did not start")

    def requests(self):
        """The requests so far: "HEAD /v2/debian/manifests/12"."""
        with open(self.log_path) as f:
            return [line.split('"')[1].rsplit(" ", 1)[0] for line in f
                    if '"' in line and " HTTP/" in line and "level=" not in line]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class OwnRegistry:
    """`strake registry serve` on a folder, with a log of its requests."""

    def __init__(self, folder, *options):
        self.log_path = folder + ".log"
        self.log = open(self.log_path, "w")
        self.process = subprocess.Popen(
            [STRAKE, "registry", "serve", "--listen", "127.0.0.1:0", "--root", folder,
             *options],
            stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline()
        if "://" not in line:
            self.stop()
            with open(self.log_path) as f:
                raise AssertionError(f"strake registry serve: {line}{f.read()}")
        self.name = line.split("://")[-1].split()[0].rstrip("/")

    def requests(self):
        """The requests so far: "HEAD /v2/debian/manifests/12 200"."""
        with open(self.log_path) as f:
            return f.read().splitlines()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


class QuietHandler(http.server.BaseHTTPRequestHandler):
    """Answers requests; the test's own output stays clean of them."""

    def log_message(self, *arguments):
        pass


class HttpServer:
    """Serves HTTP on loopback, at `url`, until stopped."""

    def __init__(self, handler):
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"
        self.thread = threading.Thread(target=self.httpd.serve_forever)
        self.thread.start()

    def stop(self):
        self.httpd.shutdown()
        self.thread.join()
        self.httpd.server_close()


class EndToEndTest(unittest.TestCase):
    """A scratch directory and a store of its own for each class."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not os.access(STRAKE, os.X_OK):
            raise unittest.SkipTest(f"{STRAKE} is not built")
        cls.scratch = tempfile.mkdtemp(prefix="strake-e2e-")
        os.chmod(cls.scratch, 0o755)
        cls.addClassCleanup(run, STRAKE, "version")  # it still starts
        cls.addClassCleanup(shutil.rmtree, cls.scratch, True)
        cls.store = os.path.join(cls.scratch, "store")
        temporary = os.path.join(cls.scratch, "tmp")
        os.mkdir(temporary)
        os.chmod(temporary, 0o1777)

    @classmethod
    def registry(cls, name="registry", **options):
        registry = Registry(os.path.join(cls.scratch, name), **options)
        cls.addClassCleanup(registry.stop)
        return registry

    @classmethod
    def start_hub(cls):
        """A registry `hub` with a small base image, `base`."""
        cls.hub = cls.registry()
        cls.base = f"{cls.hub.name}/library/busybox:1"
        cls.layout = make_busybox_layout(os.path.join(cls.scratch, "busybox"))
        push_layout(cls.layout, cls.base)

    def environment(self, **extra):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("STRAKE_", "DOCKER_", "BUILDKIT_"))}
        env.update(STRAKE_HOME=self.store, HOME=self.scratch,
                   TMPDIR=os.path.join(self.scratch, "tmp"),
                   DOCKER_CONFIG=os.path.join(self.scratch, "docker"))
        env.update(extra)
        return env

    def strake(self, *arguments, env=None, timeout=600, prefix=()):
        """Runs strake; returns the finished process with its streams."""
        return subprocess.run([*prefix, STRAKE, *arguments],
                              stdin=subprocess.DEVNULL, text=True,
                              errors="replace", capture_output=True,
                              env=env or self.environment(), timeout=timeout)

    def build(self, *arguments, **options):
        """A build that has to succeed."""
        result = self.strake("build", "--progress=plain", *arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def context(self, name, dockerfile, **files):
        """A build context; keyword "a__txt" makes the file "a.txt"."""
        folder = os.path.join(self.scratch, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with open(os.path.join(folder, "Dockerfile"), "w") as f:
            f.write(dockerfile)
        for file, content in files.items():
            with open(os.path.join(folder, file.replace("__", ".")), "w") as f:
                f.write(content)
        return folder


def make_busybox_layout(folder):
    """A tiny base image from Debian's busybox-static, as an OCI layout."""
    need("busybox", "umoci")
    root = os.path.join(folder, "bundle", "rootfs")
    run("umoci", "init", "--layout", os.path.join(folder, "layout"))
    image = os.path.join(folder, "layout") + ":busybox"
    run("umoci", "new", "--image", image)
    run("umoci", "unpack", "--image", image, os.path.join(folder, "bundle"))
    for name in ("bin", "etc", "tmp", "root"):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    shutil.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
    for applet in run("busybox", "--list").split():
        path = os.path.join(root, "bin", applet)
        if not os.path.lexists(path):
            os.symlink("busybox", path)
    with open(os.path.join(root, "etc/passwd"), "w") as f:
        f.write("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n")
    with open(os.path.join(root, "etc/group"), "w") as f:
        f.write("root:x:0:\nuser:x:1000:\n")
    run("umoci", "repack", "--image", image, os.path.join(folder, "bundle"))
    run("umoci", "config", "--image", image, "--config.cmd", "sh")
    return os.path.join(folder, "layout") + ":busybox"


def push_layout(image, reference):
    need("skopeo")
    run("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{image}",
        f"docker://{reference}")


def debian_archive():
    """A Debian 12 base image as an OCI archive, made once and kept in .cache."""
    need("mmdebstrap", "umoci", "skopeo")
    need_root()
    os.makedirs(CACHE, exist_ok=True)
    archive = os.path.join(CACHE, "debian-12.oci.tar")
    with open(archive + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(archive):
            return archive
        work = tempfile.mkdtemp(prefix="strake-debian-")
        try:
            _make_debian(work, archive + ".new")
            os.rename(archive + ".new", archive)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return archive


def _make_debian(work, archive):
    image = os.path.join(work, "layout") + ":debian"
    bundle = os.path.join(work, "bundle")
    run("umoci", "init", "--layout", os.path.join(work, "layout"))
    run("umoci", "new", "--image", image)
    run("umoci", "unpack", "--image", image, bundle)
    root = os.path.join(bundle, "rootfs")
    tar = os.path.join(CACHE, "debian-12.tar")
    if not os.path.exists(tar):
        # By the name alone, mmdebstrap would make ".new" a directory.
        run("mmdebstrap", "--variant=minbase", "--format=tar", "bookworm",
            tar + ".new", "http://deb.debian.org/debian")
        os.rename(tar + ".new", tar)
    run("tar", "-C", root, "-xpf", tar)
    # The mirror at hand may be a snapshot whose Release file has expired.
    with open(os.path.join(root, "etc/apt/apt.conf.d/99test"), "w") as f:
        f.write('Acquire::Check-Valid-Until "false";\n')
    run("umoci", "repack", "--image", image, bundle)
    run("umoci", "config", "--image", image, "--config.cmd", "bash")
    run("skopeo", "copy", "-q", f"oci:{image}", f"oci-archive:{archive}:debian")


def processes_with(marker):
    """Process ids whose command line contains the marker."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                if marker.encode() in f.read():
                    found.append(int(entry))
    return found


def mounts(folder):
    """What is mounted in or from the folder; others may mount elsewhere meanwhile."""
    with open("/proc/self/mountinfo") as f:
        return sorted(line.split(" ", 1)[1] for line in f if folder in line)
