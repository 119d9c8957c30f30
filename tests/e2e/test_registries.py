"""Registries with TLS, passwords, mirrors and proxies, as strake's users have them."""
import base64
import concurrent.futures
import contextlib
import http.server
import json
import os
import shutil
import threading
import unittest

import support


def certificates(folder):
    """An authority, and a server's and a client's certificate of it."""
    support.need("openssl")
    os.makedirs(folder)
    make = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        " -keyout ca.key -out ca.crt -days 2 -subj /CN=authority 2>/dev/null;"
        "for who in server client; do"
        " openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        "  -keyout $who.key -out $who.csr -subj /CN=$who 2>/dev/null;"
        " echo subjectAltName=IP:0.0.0.0 > san;"
        " openssl x509 -req -in $who.csr -CA ca.crt -CAkey ca.key"
        "  -CAcreateserial -days 2 -extfile san -out $who.cert 2>/dev/null;"
        "done")
    support.run("sh", "-ec", make, cwd=folder)


class RegistriesTest(support.EndToEndTest):
    """0.0.0.0 leads to loopback, but is no loopback name: it is verified."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.need("htpasswd")
        cls.certs = os.path.join(cls.scratch, "certificates")
        certificates(cls.certs)
        users = os.path.join(cls.scratch, "users")
        with open(users, "w") as f:
            f.write(support.run("htpasswd", "-Bbn", "bob", "secret"))
        cls.tls = cls.registry("tls", htpasswd=users,
                               tls=(cls.file("server.cert"),
                                    cls.file("server.key"),
                                    cls.file("ca.crt")))
        cls.secure = f"0.0.0.0:{cls.tls.port}"
        cls.plain = cls.registry("plain")

    @classmethod
    def file(cls, name):
        return os.path.join(cls.certs, name)

    def image(self, name, *arguments, **options):
        folder = self.context("image", "FROM scratch\nCOPY f /\n", f="x\n")
        return self.strake("build", "--progress=plain", "--push", "-t", name,
                           *arguments, folder, **options)

    def succeed(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def logins(self, **entries):
        """The text of a config.json: logins by registry, user:password."""
        return json.dumps({"auths": {
            registry: {"auth": base64.b64encode(login.encode()).decode()}
            for registry, login in entries.items()}})

    def test_certificates_of_options(self):
        login = {self.secure: "bob:secret"}
        env = self.environment(DOCKER_AUTH_CONFIG=self.logins(**login))
        name = f"{self.secure}/options:1"
        refused = self.image(name, env=env)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("certificate", refused.stderr)
        trusted = ["--ca-cert", self.file("ca.crt")]
        unknown = self.image(name, *trusted, env=env)
        self.assertEqual(unknown.returncode, 1, "without a client certificate")
        known = [*trusted, "--client-cert", self.file("client.cert"),
                 "--client-key", self.file("client.key")]
        self.succeed(self.image(name, *known, env=env))
        self.succeed(self.strake("pull", *known, name, env=env))
        anonymous = self.strake("pull", *known, name)
        self.assertIn("asks for a login", anonymous.stderr)

    def test_certificates_and_logins_of_podmans_folders(self):
        home = os.path.join(self.scratch, "home")
        config = os.path.join(home, ".config/containers")
        folder = os.path.join(config, "certs.d", self.secure)
        os.makedirs(folder)
        for source, name in (("ca.crt", "ca.crt"), ("client.cert", "me.cert"),
                             ("client.key", "me.key")):
            shutil.copy(self.file(source), os.path.join(folder, name))
        # The longer name has the password that is right.
        with open(os.path.join(config, "auth.json"), "w") as f:
            f.write(self.logins(**{self.secure: "bob:wrong",
                                   f"{self.secure}/team": "bob:secret"}))
        env = self.environment(HOME=home)
        self.succeed(self.image(f"{self.secure}/team/app:1", env=env))
        other = self.image(f"{self.secure}/other/app:1", env=env)
        self.assertIn('refused the login of user "bob"', other.stderr)
        self.assertNotIn("wrong", other.stderr)

    def test_login_over_mutual_tls(self):
        flags = ["--ca-cert", self.file("ca.crt"), "--client-cert",
                 self.file("client.cert"), "--client-key",
                 self.file("client.key")]
        env = self.environment(
            DOCKER_CONFIG=os.path.join(self.scratch, "logged-in"))
        self.succeed(self.strake("login", *flags, "-u", "bob", "-p", "secret",
                                 self.secure, env=env))
        self.succeed(self.image(f"{self.secure}/login:1", *flags, env=env))

    def test_mirrors(self):
        origin, mirror = self.registry("origin"), self.registry("mirror")
        self.succeed(self.image(f"{mirror.name}/cache/app:1"))
        self.succeed(self.image(f"{origin.name}/app:2"))
        conf = os.path.join(self.scratch, "registries.conf")
        with open(conf, "w") as f:
            f.write(f'[[registry]]\nprefix = "images.example"\n'
                    f'location = "{origin.name}"\n'
                    f'[[registry.mirror]]\nlocation = "127.0.0.1:1"\n'
                    f'[[registry.mirror]]\nlocation = "{mirror.name}/cache"\n'
                    f'[[registry]]\nlocation = "blocked.example"\n'
                    f'blocked = true\n')
        env = self.environment(CONTAINERS_REGISTRIES_CONF=conf)
        folder = self.context(
            "mirrored", "FROM images.example/app:1 AS a\n"
            "FROM images.example/app:2\nCOPY --from=a /f /g\n")
        self.build(folder, "-o", os.path.join(self.scratch, "out"), env=env)
        with open(os.path.join(self.scratch, "out", "g")) as f:
            self.assertEqual(f.read(), "x\n")
        asked = "\n".join(origin.requests())
        self.assertIn("/v2/app/manifests/2", asked)
        self.assertNotIn("/manifests/1", asked)
        blocked = self.strake("pull", "blocked.example/x", env=env)
        self.assertIn(f"is blocked by {conf}", blocked.stderr)

    def test_proxies(self):
        with Proxy() as proxy:
            env = self.environment(HTTP_PROXY=proxy.url, HTTPS_PROXY=proxy.url)
            common = ["--insecure-registry", "registry.invalid"]
            self.strake("pull", *common, "registry.invalid/app:1", env=env)
            self.assertIn("CONNECT registry.invalid:443", proxy.seen)
            self.assertTrue([line for line in proxy.seen if line.startswith(
                "GET http://registry.invalid/v2/")], proxy.seen)
            proxy.seen.clear()
            env["NO_PROXY"] = ".invalid"
            self.strake("pull", *common, "registry.invalid/app:1", env=env)
            # Loopback is never asked through a proxy.
            self.succeed(self.image(f"{self.plain.name}/direct:1", env=env))
            self.assertEqual(proxy.seen, [])


class Proxy:
    """Notes what it is asked for and refuses it."""

    def __enter__(self):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def refuse(self):
                seen.append(f"{self.command} {self.path}")
                self.send_error(403)

            do_CONNECT = do_GET = do_HEAD = refuse

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class SecretiveRegistry(Proxy):
    """A registry full of secrets: bearer tokens, and uploads at signed places.

    What fails is in the name of the repository: "deny", "cut", "away",
    "token".
    """
    TOKEN = "bearer-7d1f"
    STATE = "state-93ac"

    def __enter__(self):
        registry = self
        registry.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                registry.seen.append(self.path)
                if self.path.startswith("/token"):
                    return self.token(self.path + body.decode())
                given = self.headers.get("Authorization", "")
                if given != f"Bearer {registry.TOKEN}":
                    realm = f"{registry.url}/token"
                    return self.answer(
                        401, WWW_Authenticate=f'Bearer realm="{realm}"')
                if "/blobs/uploads/" in self.path:
                    return self.upload()
                if "/blobs/" in self.path or "/manifests/" in self.path:
                    if self.command == "GET" and "/away" in self.path:
                        return self.answer(
                            307, Location="https://storage.invalid/x?"
                            f"X-Amz-Signature={registry.STATE}")
                    if self.command in ("GET", "HEAD"):
                        return self.answer(404)
                    return self.answer(500)
                self.answer(200)

            def token(self, asked):
                if "repository%3Atoken" in asked:
                    return self.answer(401, b'{"details": "no"}')
                self.answer(200, json.dumps(
                    {"token": registry.TOKEN, "expires_in": 1}).encode())

            def upload(self):
                if self.command == "POST":
                    return self.answer(
                        202, Location=f"{self.path.split('?')[0]}session"
                        f"?_state={registry.STATE}")
                if "/cut" in self.path:
                    self.close_connection = True
                    return None
                return self.answer(403, b'{"errors": [{"code": "DENIED"}]}')

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_any
            do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.name = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.name}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self


class SecretsTest(support.EndToEndTest):
    """Whatever is asked for and however it fails, no secret is shown."""

    SECRETS = {
        "password": "pass-5e11", "identity": "identity-44c0",
        "github": "github-a90d", "job": "job-113b", "aws": "aws-77f2",
        "azure": "azure-0c3e", "proxy": "proxypass-b81c",
        "bearer": SecretiveRegistry.TOKEN, "state": SecretiveRegistry.STATE,
    }

    def variants(self):
        """Every secret as it is, and in the base64 of the headers and files."""
        for secret in self.SECRETS.values():
            yield secret
            yield base64.b64encode(f"bob:{secret}".encode()).decode()

    def check(self, what, text):
        for secret in self.variants():
            self.assertNotIn(secret, text, what)

    def logins(self, registry, kind):
        entry = {"auth": base64.b64encode(
            f"bob:{self.SECRETS['password']}".encode()).decode()}
        if kind == "identity":
            entry = {"auth": base64.b64encode(b"bob:").decode(),
                     "identitytoken": self.SECRETS["identity"]}
        return json.dumps({"auths": {registry: entry}})

    def job_environment(self, registry, kind):
        secret = self.SECRETS
        env = self.environment(
            GITHUB_TOKEN=secret["github"], CI_JOB_TOKEN=secret["job"],
            AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY=secret["aws"],
            AZURE_TENANT_ID="t", AZURE_CLIENT_ID="c",
            AZURE_CLIENT_SECRET=secret["azure"],
            HTTPS_PROXY=f"http://bob:{secret['proxy']}@127.0.0.1:1")
        if kind == "job":
            env.update(CI_REGISTRY=registry, CI_REGISTRY_USER="bob",
                       CI_REGISTRY_PASSWORD=secret["password"])
        else:
            env["DOCKER_AUTH_CONFIG"] = self.logins(registry, kind)
        return env

    def commands(self, registry, kind):
        folder = self.context("image", "FROM scratch\nCOPY f /\n", f="x\n")
        modes = ("plain", "rawjson", "quiet", "auto")
        for mode, repository in zip(modes, ("deny", "cut", "away", "token")):
            name = f"{registry}/{repository}:{kind}"
            metadata = os.path.join(self.scratch, f"metadata-{repository}-{kind}")
            yield ["build", f"--progress={mode}", "--explain",
                   "--metadata-file", metadata, "--push", "-t", name, folder]
            yield ["pull", f"--progress={mode}", name]
            yield ["index", "create", f"{name}-index", name]

    def run_all(self, registry):
        """Every command with every kind of login, several at once: most of
        them wait for another try."""
        runs = [(command, self.job_environment(registry, kind))
                for kind in ("password", "identity", "job")
                for command in self.commands(registry, kind)]
        with concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
            return list(pool.map(
                lambda run: (run[0], self.strake(*run[0], env=run[1])), runs))

    def test_output(self):
        with SecretiveRegistry() as registry:
            for command, result in self.run_all(registry.name):
                self.assertNotEqual(result.returncode, 0, command)
                self.check(command, result.stdout + result.stderr)
            asked = "\n".join(registry.seen)
            self.assertIn(f"state={SecretiveRegistry.STATE}", asked)
        for folder, _, files in os.walk(self.scratch):
            for file in files:
                with contextlib.suppress(OSError), \
                        open(os.path.join(folder, file), "rb") as f:
                    self.check(file, f.read().decode(errors="replace"))

    def test_login(self):
        with SecretiveRegistry() as registry:
            login = ["login", "-u", "bob", "-p", self.SECRETS["password"]]
            config = os.path.join(self.scratch, "login")
            env = self.environment(DOCKER_CONFIG=config)
            good = self.strake(*login, registry.name, env=env)
            self.assertEqual(good.returncode, 0, good.stderr)
            self.check("login", good.stdout + good.stderr)
            bad = self.strake(*login, "127.0.0.1:1", env=env)
            self.check("login", bad.stdout + bad.stderr)
            shutil.rmtree(config)

    def test_files_that_are_wrong(self):
        secret = self.SECRETS["password"]
        for text in (f'{{"auths": {{"x": {{"auth": "{secret}"}}}}}}',
                     f'{{"auths": "{secret}"}}', f'{secret} {{'):
            env = self.environment(DOCKER_AUTH_CONFIG=text)
            result = self.strake("pull", "127.0.0.1:1/x", env=env)
            self.assertNotEqual(result.returncode, 0)
            self.check(text, result.stdout + result.stderr)
        for text in (f'[[registry]]\nlocation = 1 # {secret}\n',
                     f'[[registry]]\n{secret}\n'):
            conf = os.path.join(self.scratch, "bad.conf")
            with open(conf, "w") as f:
                f.write(text)
            env = self.environment(CONTAINERS_REGISTRIES_CONF=conf)
            result = self.strake("pull", "127.0.0.1:1/x", env=env)
            self.assertIn(conf, result.stderr)
            os.remove(conf)


if __name__ == "__main__":
    unittest.main()
