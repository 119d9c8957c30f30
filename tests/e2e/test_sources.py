"""ADD from the web and from git, secrets and agents of RUN."""
import glob
import gzip
import hashlib
import http.server
import os
import unittest

import support


class WebServer(support.HttpServer):
    """Serves a folder, with ETags, and remembers what it answered."""

    def __init__(self, folder):
        server = self
        self.answers = []

        class Handler(support.QuietHandler, http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=folder)

            def send_head(self):
                path = self.translate_path(self.path)
                if os.path.isfile(path) and "/tagged/" in self.path:
                    with open(path, "rb") as f:
                        tag = '"' + hashlib.sha256(f.read()).hexdigest() + '"'
                    if self.headers.get("If-None-Match") == tag:
                        self.send_response(304)
                        self.end_headers()
                        return None
                    self.tag = tag
                return super().send_head()

            def end_headers(self):
                if getattr(self, "tag", None):
                    self.send_header("ETag", self.tag)
                super().end_headers()

            def log_request(self, code="-", size="-"):
                server.answers.append((self.path, int(code),
                                       self.headers.get("Authorization")))

        super().__init__(Handler)


class SourcesTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()
        cls.folder = os.path.join(cls.scratch, "web")
        os.makedirs(os.path.join(cls.folder, "tagged"))
        cls.web = WebServer(cls.folder)
        cls.addClassCleanup(cls.web.stop)

    def serve(self, name, content, mtime=1000000000):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(content)
        os.utime(path, (mtime, mtime))
        return f"{self.web.url}/{name}"

    def show(self, image, command):
        result = self.strake("run", image, "sh", "-c", command)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_add_from_the_web(self):
        url = self.serve("tagged/file.txt", b"first")
        context = self.context("web-add", f"FROM {self.base}\nADD {url} /in/\n"
                               f"ADD --chmod=644 {url} /as\nRUN cat /as\n")
        self.build("-t", "web", context)
        self.assertEqual(
            self.show("web", "stat -c '%a %u:%g %Y' /in/file.txt; cat /as"),
            "600 0:0 1000000000\nfirst")
        # Asked again, but not downloaded again, and nothing is executed.
        del self.web.answers[:]
        again = self.build("-t", "web", context)
        self.assertEqual({code for _, code, _ in self.web.answers}, {304})
        self.assertEqual(again.stderr.count(" CACHED"), 3, again.stderr)
        # Changed: executed.
        self.serve("tagged/file.txt", b"second", 1000000001)
        self.build("-t", "web", context)
        self.assertEqual(self.show("web", "cat /as"), "second")

    def test_secrets_in_addresses_are_not_kept(self):
        url = self.serve("tagged/secret.txt", b"file")
        url = url.replace("://", "://me:passw0rd@") + "?token=t0ken"
        context = self.context("secret-add", f"FROM scratch\nADD {url} /in\n")
        built = self.build("-t", "secret", context)
        listed = self.strake("cache", "ls").stdout
        self.assertIn("secret.txt", listed)
        places = [built.stderr, listed]
        steps = os.path.join(self.store, "cache/steps")
        for path in (os.path.join(self.store, "cache/fetched"),
                     *(os.path.join(steps, name) for name in os.listdir(steps))):
            with open(path) as f:
                places.append(f.read())
        for place in places:
            self.assertNotIn("passw0rd", place)
            self.assertNotIn("t0ken", place)
        # The record is found all the same.
        del self.web.answers[:]
        self.build("-t", "secret", "--no-cache", context)
        self.assertEqual({code for _, code, _ in self.web.answers}, {304})

    def test_checksum_and_unpack(self):
        data = gzip.compress(b"not a tar")
        url = self.serve("data.gz", data)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        good = self.context("sum", f"FROM {self.base}\n"
                            f"ADD --checksum={digest} {url} /d.gz\n")
        self.build("-t", "sum", good)
        self.assertEqual(self.show("sum", "zcat /d.gz"), "not a tar")
        bad = self.context("badsum", f"FROM {self.base}\n"
                           f"ADD --checksum=sha256:{'0' * 64} {url} /d.gz\n")
        result = self.strake("build", "--progress=plain", bad)
        self.assertEqual(result.returncode, 1)
        self.assertIn("digest mismatch", result.stderr)
        self.assertIn("Dockerfile:2", result.stderr)
        missing = self.context("missing", f"FROM {self.base}\n"
                               f"ADD {self.web.url}/none /x\n")
        result = self.strake("build", "--progress=plain", missing)
        self.assertEqual(result.returncode, 1)
        self.assertIn("404", result.stderr)

    def make_repository(self, repository="repo"):
        support.need("git")
        work = os.path.join(self.scratch, repository + "-work")
        env = dict(os.environ, GIT_CONFIG_NOSYSTEM="1", HOME=self.scratch)

        def git(*arguments, cwd=work):
            return support.run("git", "-c", "user.name=t", "-c",
                               "user.email=t@t", *arguments, cwd=cwd, env=env)

        os.makedirs(os.path.join(work, "sub/inner"))
        git("init", "-q", "-b", "main")
        for name, content in (("a.txt", "a"), ("sub/b.txt", "b"),
                              ("sub/inner/c.sh", "#!/bin/sh\n")):
            with open(os.path.join(work, name), "w") as f:
                f.write(content)
        os.chmod(os.path.join(work, "sub/inner/c.sh"), 0o755)
        git("add", ".")
        git("commit", "-q", "-m", "one")
        git("tag", "v1")
        with open(os.path.join(work, "a.txt"), "w") as f:
            f.write("newer")
        git("commit", "-q", "-a", "-m", "two")
        bare = os.path.join(self.folder, repository + ".git")
        support.run("git", "clone", "-q", "--bare", work, bare, env=env)
        git("update-server-info", cwd=bare)
        return f"{self.web.url}/{repository}.git", git("rev-parse", "v1").strip()

    def test_add_from_git(self):
        url, commit = self.make_repository()
        context = self.context(
            "git", f"FROM {self.base}\nADD {url} /head\n"
            f"ADD {url}#v1 /tag\nADD {url}#v1:sub /sub\n"
            f"ADD --keep-git-dir=true {url}?ref=main /kept\n"
            f"ADD --checksum={commit} {url}#v1 /checked\n")
        self.build("-t", "git", context)
        self.assertEqual(
            self.show("git", "cat /head/a.txt /tag/a.txt /sub/b.txt; echo;"
                      "ls -A /head; stat -c '%a %u' /sub/inner/c.sh /sub/b.txt;"
                      "test -d /kept/.git && echo kept"),
            "newerab\na.txt\nsub\n755 0\n644 0\nkept\n")
        self.assertEqual(self.build("-t", "git", context).stderr.count(" CACHED"),
                         5)
        bad = self.context("badgit", f"FROM {self.base}\nADD {url}#nosuch /x\n")
        result = self.strake("build", "--progress=plain", bad)
        self.assertEqual(result.returncode, 1)
        self.assertIn("nosuch", result.stderr)
        copied = self.context("copygit", f"FROM {self.base}\nCOPY {url} /x\n")
        result = self.strake("build", "--progress=plain", copied)
        self.assertIn("source can't be a git ref for COPY", result.stderr)

    def test_git_queries_and_submodules(self):
        url, commit = self.make_repository("inner")
        folder = os.path.join(self.folder, "outer-work")
        git = ("git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b",
               "-c", "protocol.file.allow=always")
        support.run("git", "init", "-q", "-b", "main", folder)
        support.run(*git, "submodule", "add", "-q", url, "inner")
        support.run(*git, "commit", "-q", "-m", "outer")
        bare = os.path.join(self.folder, "outer.git")
        support.run("git", "clone", "-q", "--bare", folder, bare)
        support.run("git", "-C", bare, "update-server-info")
        outer = f"{self.web.url}/outer.git"
        context = self.context(
            "gitquery", f"FROM {self.base}\n"
            f"ADD {outer} /with\nADD {outer}?submodules=false /without\n"
            f"ADD {url}?tag=v1&subdir=sub /sub\nADD {url}?branch=main /branch\n"
            f"ADD {url}?ref=v1&checksum={commit[:12]} /checked\n"
            f"ADD {url}?ref=v1&keep-git-dir=1 /kept\n")
        self.build("-t", "gitquery", context)
        self.assertEqual(
            self.show("gitquery",
                      "ls /with/inner; ls -A /without/inner; ls /sub;"
                      "cat /branch/a.txt /checked/a.txt; echo; ls -d /kept/.git"),
            "a.txt\nsub\nb.txt\ninner\nnewera\n/kept/.git\n")
        for bad, message in ((f"{url}?ref=v1&tag=v2", "ref"),
                             (f"{url}?nonsense=1", "nonsense"),
                             (f"{url}?ref=v1&checksum={'0' * 40}", "0000000")):
            context = self.context("badquery", f"FROM {self.base}\nADD {bad} /x\n")
            result = self.strake("build", "--progress=plain", context)
            self.assertEqual(result.returncode, 1, bad)
            self.assertIn(message, result.stderr)
            self.assertIn("Dockerfile:2", result.stderr)

    def test_network_and_security_of_a_step(self):
        count = "grep -c : /proc/net/dev"
        context = self.context(
            "network", f"FROM {self.base}\n"
            f"RUN --network=none {count} > /none\n"
            f"RUN --network=host {count} > /host\nRUN {count} > /default\n"
            "RUN grep CapBnd /proc/self/status > /caps\n")
        self.build("-t", "network", context)
        none, host, default, caps = self.show(
            "network", "cat /none /host /default; cut -f2 /caps").split()
        self.assertEqual(none, "1")
        self.assertEqual(host, default)
        # Docker's fourteen.
        self.assertEqual(int(caps, 16) & ~0xa80425fb, 0)
        insecure = self.context(
            "insecure", f"FROM {self.base}\n"
            "RUN --security=insecure grep CapBnd /proc/self/status > /caps\n")
        refused = self.strake("build", "--progress=plain", insecure)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("security.insecure", refused.stderr)
        self.build("-t", "insecure", "--allow", "security.insecure", insecure)
        if os.geteuid() == 0:
            caps = self.show("insecure", "cut -f2 /caps").split()[0]
            self.assertNotEqual(int(caps, 16) & ~0xa80425fb, 0)

    def test_secrets_leave_no_trace(self):
        value = "s3cr3t-" + os.urandom(8).hex()
        path = os.path.join(self.scratch, "secret.txt")
        with open(path, "w") as f:
            f.write(value)
        context = self.context(
            "secret", f"FROM {self.base}\n"
            "RUN --mount=type=secret,id=tok --mount=type=secret,id=env,env=TOKEN "
            "test \"$(cat /run/secrets/tok)\" = \"$TOKEN\" && "
            "stat -c '%a %u' /run/secrets/tok > /mode\n"
            "RUN --mount=type=secret,id=none test ! -e /run/secrets/none\n")
        arguments = ("--secret", f"id=tok,src={path}", "--secret",
                     "id=env,env=SECRET_IN_ENV", "-t", "secret", "-o",
                     f"type=oci,dest={self.scratch}/secret.tar", "--load")
        env = self.environment(SECRET_IN_ENV=value)
        log = self.build(*arguments, context, env=env)
        self.assertNotIn(value, log.stdout + log.stderr)
        self.assertEqual(self.show("secret", "cat /mode"), "400 0\n")
        self.assertEqual(self.show("secret", "test -e /run/secrets; echo $?"),
                         "1\n")
        # A step that fails with the secret in hand, and one that needs another.
        failing = self.context(
            "secret-fail", f"FROM {self.base}\n"
            "RUN --mount=type=secret,id=env,env=TOKEN exit 3\n")
        failed = self.strake("build", "--progress=plain", "--secret",
                             "id=env,env=SECRET_IN_ENV", failing, env=env)
        self.assertEqual(failed.returncode, 1)
        self.assertNotIn(value, failed.stdout + failed.stderr)
        required = self.context(
            "secret-required", f"FROM {self.base}\n"
            "RUN --mount=type=secret,id=gone,required=true true\n")
        failed = self.strake("build", "--progress=plain", required)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("secret gone: not found", failed.stderr)
        self.search_store(value.encode())

    def search_store(self, value):
        """No file of the store, and no layer once unpacked, holds the value."""
        looked_at = 0
        for path in glob.glob(self.store + "/**", recursive=True):
            if not os.path.isfile(path) or os.path.islink(path):
                continue
            with open(path, "rb") as f:
                data = f.read()
            self.assertNotIn(value, data, path)
            if data[:2] == b"\x1f\x8b":
                self.assertNotIn(value, gzip.decompress(data), path)
            looked_at += 1
        self.assertGreater(looked_at, 10)

    def test_agents(self):
        import socket
        path = os.path.join(self.scratch, "agent.sock")
        with socket.socket(socket.AF_UNIX) as agent:
            agent.bind(path)
            agent.listen()
            context = self.context(
                "agent", f"FROM {self.base}\n"
                "RUN --mount=type=ssh test -S \"$SSH_AUTH_SOCK\"\n")
            self.build("--ssh", f"default={path}", context)
        result = self.strake("build", "--progress=plain", self.context(
            "noagent", f"FROM {self.base}\n"
            "RUN --mount=type=ssh,required=true true\n"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("--ssh default", result.stderr)

    def test_mounts_leave_no_trace(self):
        context = self.context(
            "mounts", f"FROM {self.base} AS tools\nRUN echo tool > /tool\n"
            f"FROM {self.base}\n"
            "RUN --mount=from=tools,target=/deep/er/mnt cat /deep/er/mnt/tool && "
            "! touch /deep/er/mnt/x\n"
            "RUN --mount=from=tools,target=/rw,rw touch /rw/x && ls /rw/x\n"
            "RUN --mount=type=tmpfs,target=/scratch,size=1m touch /scratch/x\n"
            "RUN --mount=type=cache,target=/c,id=one echo kept >> /c/f\n"
            "RUN --mount=type=cache,target=/d,id=one cat /d/f > /seen\n"
            "RUN --mount=target=/ctx cat /ctx/hello.txt > /hello\n",
            hello__txt="hello")
        self.build("-t", "mounts", context)
        self.assertEqual(self.show("mounts", "cat /seen /hello; ls -d /deep /rw "
                                   "/scratch /c /d /ctx 2>/dev/null | wc -l"),
                         "kept\nhello0\n")


if __name__ == "__main__":
    unittest.main()
