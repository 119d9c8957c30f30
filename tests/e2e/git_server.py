"""Git repositories, served over HTTP on loopback."""
import functools
import http.server
import os
import shutil

import support


class GitServer(support.HttpServer):
    """Serves the bare repositories that `commit` makes below a folder."""

    def __init__(self, folder):
        support.need("git")
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

        super().__init__(functools.partial(Handler, directory=folder))

    def git(self, *arguments, cwd):
        return support.run("git", "-c", "user.name=t", "-c", "user.email=t@example",
                           *arguments, cwd=cwd,
                           env=dict(os.environ, HOME=self.folder)).strip()

    def commit(self, name, files, branch="main"):
        """Commits `files` to repository `name`; returns the commit."""
        work = os.path.join(self.folder, name + ".work")
        if not os.path.isdir(work):
            os.makedirs(work)
            self.git("init", "-q", "-b", branch, cwd=work)
        for file, content in files.items():
            path = os.path.join(work, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(content)
        self.git("add", ".", cwd=work)
        self.git("commit", "-q", "-m", "change", cwd=work)
        bare = os.path.join(self.folder, name + ".git")
        shutil.rmtree(bare, ignore_errors=True)
        self.git("clone", "-q", "--bare", work, bare, cwd=self.folder)
        self.git("update-server-info", cwd=bare)
        return self.git("rev-parse", "HEAD", cwd=work)
