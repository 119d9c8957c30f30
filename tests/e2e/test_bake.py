"""Several targets at once: bake files and compose files."""
import json
import os
import shutil
import unittest

import support


class BakeTest(support.EndToEndTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def folder(self, name, **files):
        """A working directory; "sub__a__txt" makes "sub/a.txt" where sub is given."""
        folder = os.path.join(self.scratch, name)
        shutil.rmtree(folder, ignore_errors=True)
        for path, content in files.items():
            path = os.path.join(folder, path.replace("___", "/").replace("__", "."))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(content if isinstance(content, str) else json.dumps(content, indent=1))
        return folder

    def bake(self, folder, *arguments, code=0, **environment):
        import subprocess
        result = subprocess.run([support.STRAKE, "bake", *arguments], cwd=folder,
                                stdin=subprocess.DEVNULL, text=True, capture_output=True,
                                env=self.environment(**environment), timeout=120)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def printed(self, folder, *arguments, **environment):
        return json.loads(self.bake(folder, "--print", *arguments, **environment).stdout)

    def fails(self, folder, *arguments, **environment):
        return self.bake(folder, *arguments, code=1, **environment).stderr

    def test_groups_inheritance_variables_and_matrix(self):
        folder = self.folder("model", **{"docker-bake__json": {
            "variable": {"TAG": {"default": "latest"}, "REPO": {"default": "r.example/${TAG}"}},
            "group": {"default": {"targets": ["all"]}, "all": {"targets": ["app", "os"]}},
            "target": {
                "base": {"args": {"A": "1", "B": "2"}, "tags": ["base:1"],
                         "cache-from": ["one.example/c"], "labels": {"l": None}},
                "app": {"inherits": ["base"], "args": {"B": "3", "C": None},
                        "tags": ["${REPO}/app:${TAG}"], "cache-from": ["two.example/c"],
                        "no-cache": True, "dockerfile-inline": "FROM $${x}"},
                "os": {"name": "os-${v.name}-${n}", "tags": ["os:${v.name}"],
                       "matrix": {"v": [{"name": "a"}, {"name": "b"}], "n": [1, 2]}}}}})
        found = self.printed(folder, TAG="9")
        self.assertEqual(found["group"]["default"]["targets"],
                         ["app", "os-a-1", "os-a-2", "os-b-1", "os-b-2"])
        self.assertEqual(found["target"]["app"], {
            "args": {"A": "1", "B": "3", "C": None}, "tags": ["r.example/9/app:9"],
            "cache-from": ["one.example/c", "two.example/c"], "labels": {"l": None},
            "no-cache": True, "dockerfile-inline": "FROM $${x}"})
        self.assertEqual(found["target"]["os-b-2"], {"tags": ["os:b"]})
        # What is printed can be read again.
        again = self.folder("again", **{"docker-bake__json": found})
        self.assertEqual(self.printed(again), found)
        changed = self.printed(folder, "--set", "app.args.B=x", "--set", "*.tags=t:1",
                               "--set", "os-a-1.tags+=t:2", "--set",
                               "app.platform=linux/amd64", "app", "os-a-1")
        self.assertEqual(changed["target"]["app"]["args"]["B"], "x")
        self.assertEqual(changed["target"]["app"]["platforms"], ["linux/amd64"])
        self.assertEqual(changed["target"]["os-a-1"]["tags"], ["t:1", "t:2"])
        changed = self.printed(folder, "--set", "app.cache-from=y.example/c", "--set",
                               "*.no-cache=0", "app")
        self.assertEqual(changed["target"]["app"]["cache-from"], ["y.example/c"])
        self.assertEqual(changed["target"]["app"]["no-cache"], False)
        self.assertIn('--set "app.pull=yes": expected true or false, found "yes"',
                      self.fails(folder, "--set", "app.pull=yes", "app"))

    def test_mistakes_are_shown_where_they_are(self):
        def one(target, **more):
            text = json.dumps({"target": {"app": target}, **more}, indent=1)
            return self.folder("wrong", docker_bake__json=text), text

        def line_of(text, word):
            return text[:text.index(word)].count("\n") + 1

        for target, word, message in (
                ({"tagz": []}, '"tagz"', 'unknown key "tagz" of target "app" (did you mean tags?)'),
                ({"no-cache": "maybe"}, "maybe", "expected true or false"),
                ({"tags": {"a": "b"}}, '"tags"', "expected a list"),
                ({"tags": ["${NOPE}"]}, "NOPE", 'there is no variable "NOPE"'),
                ({"tags": ["${upper(x)}"]}, "upper", "more than a variable"),
                ({"matrix": {"a": ["1"]}}, '"matrix"', 'needs a "name"')):
            folder, text = one(target)
            error = self.fails(folder, "-f", "docker_bake.json", "app")
            self.assertIn(message, error)
            line = line_of(text, word)
            self.assertRegex(error, rf"docker_bake.json:({line}|{line - 1}|{line + 1}): ")
        folder, _ = one({"inherits": ["app"]})
        self.assertIn("in a circle: app -> app", self.fails(folder, "-f", "docker_bake.json", "app"))
        folder, _ = one({"contexts": {"x": "target:app"}})
        self.assertIn("in a circle", self.fails(folder, "-f", "docker_bake.json", "app"))
        folder, _ = one({})
        self.assertIn('there is no target "ap" (did you mean app?)',
                      self.fails(folder, "-f", "docker_bake.json", "ap"))
        self.assertIn("unknown key", self.fails(folder, "-f", "docker_bake.json", "--set",
                                                "app.nonsense=1", "app"))
        self.assertRegex(self.fails(one({"tags": ["UPPER"]})[0], "-f", "docker_bake.json", "app"),
                         r'docker_bake.json:\d: target "app": --tag "UPPER"')
        hcl = self.folder("hcl", **{"docker-bake__hcl": "target \"app\" {}\n"})
        self.assertIn("docker buildx bake --print", self.fails(hcl))
        self.assertIn("name a file", self.fails(self.scratch))

    def test_compose(self):
        folder = self.folder("compose", compose__yaml="""
x-common: &common
  args: [A=1, "B"]
services:
  web.site:
    image: ${REGISTRY:-r.example}/web:${TAG-none}
    ports: ["80:80"]
    build:
      <<: *common
      context: ./web
      dockerfile: D
      target: final
      labels: [a=b]
      cache_from: ["type=local,src=/c"]
      additional_contexts: {base: "service:base", files: ./web}
      secrets: [token, {source: file, target: other}]
      ssh: [default]
      x-bake:
        tags: [x.example/y:1]
        platforms: [linux/amd64]
  base:
    build: {context: ., dockerfile_inline: "FROM scratch", tags: [base:1], no_cache: true}
  other:
    image: debian
secrets:
  token: {environment: TOKEN}
  file: {file: ./s}
""", __env="REGISTRY=env.example\nTAG=1 # comment\n", web___D="FROM scratch\n")
        found = self.printed(folder)
        self.assertEqual(found["group"]["default"]["targets"], ["web_site", "base"])
        self.assertEqual(found["target"]["web_site"], {
            "args": {"A": "1", "B": None}, "context": "web", "dockerfile": "D",
            "target": "final", "labels": {"a": "b"}, "tags": ["x.example/y:1"],
            "cache-from": ["type=local,src=/c"], "platforms": ["linux/amd64"],
            "contexts": {"base": "target:base", "files": "web"},
            "secret": ["id=token,type=env,env=TOKEN", "id=other,type=file,src=./s"],
            "ssh": ["default"]})
        self.assertEqual(found["target"]["base"]["no-cache"], True)
        image = self.folder("image", compose__yaml="services: {a: {build: ., image: "
                            "'${REGISTRY:-r}/${TAG-none}:$$'}}\n")
        self.assertEqual(self.printed(image, TAG="t")["target"]["a"]["tags"], ["r/t:$"])
        wrong = self.folder("wrongcompose", compose__yaml="services:\n  a:\n    build:\n"
                            "      contxt: .\n")
        self.assertIn('compose.yaml:4: unknown key "contxt" of the build of "a" '
                      "(did you mean context?)", self.fails(wrong))
        required = self.folder("required", compose__yaml="services:\n  a:\n    build:\n"
                               "      context: ${DIR:?give it}\n")
        self.assertIn("compose.yaml:4: the variable DIR is required: give it",
                      self.fails(required))

    def test_files_are_merged(self):
        folder = self.folder("merged", **{
            "d___one__yaml": "services:\n  a: {build: {context: x, args: {A: 1}}}\n",
            "d___two__yaml": "services:\n  a: {build: {args: {B: 2}}}\n  b: {build: {}}\n"})
        found = self.printed(folder, "-f", "d/one.yaml", "-f", "d/two.yaml")
        self.assertEqual(found["group"]["default"]["targets"], ["a", "b"])
        self.assertEqual(found["target"], {
            "a": {"context": "d/x", "args": {"A": "1", "B": "2"}}, "b": {"context": "d"}})

    def test_builds_what_targets_share_once(self):
        stage = (f"FROM {self.base} AS shared\nCOPY a.txt /\n"
                 "RUN cat /proc/sys/kernel/random/uuid > /id\n")
        folder = self.folder(
            "shared", a__txt="a",
            Dockerfile=stage + "FROM shared AS one\nRUN echo 1 > /one\n"
            "FROM shared AS two\nRUN echo 2 > /two\n",
            Last=f"FROM {self.base}\nCOPY --from=first /id /first\n"
                 "COPY --from=second /id /second\nRUN cmp /first /second && echo same\n",
            **{"docker-bake__json": {
                "group": {"default": {"targets": ["one", "two", "last"]}},
                "target": {
                    "one": {"target": "one", "tags": ["bake:one"]},
                    "two": {"target": "two", "output": ["type=oci,dest=two,tar=false"]},
                    "last": {"dockerfile": "Last", "tags": ["bake:last"], "contexts": {
                        "first": "target:one", "second": "target:two"}}}}})
        metadata = os.path.join(folder, "metadata.json")
        result = self.bake(folder, "--progress=plain", "--no-cache", "--metadata-file", metadata)
        self.assertEqual(result.stderr.count("RUN cat /proc"), 2, result.stderr)
        self.assertRegex(result.stderr, r"CACHED\n(.*\n)*|RUN cat /proc")
        self.assertIn(" same\n", result.stderr)
        self.assertIn("[one ", result.stderr)
        self.assertTrue(os.path.exists(os.path.join(folder, "two/index.json")))
        with open(metadata) as f:
            found = json.load(f)
        self.assertEqual(set(found), {"one", "two", "last"})
        self.assertEqual(found["one"]["image.name"], "docker.io/library/bake:one")
        self.assertEqual(self.strake("run", "bake:last", "cat", "/one").returncode, 1)

    def test_a_failure_stops_all_and_names_its_target(self):
        folder = self.folder("fails", **{"docker-bake__json": {
            "group": {"default": {"targets": ["good", "bad", "after"]}},
            "target": {
                "good": {"dockerfile-inline": f"FROM {self.base}\nRUN true\n"},
                "bad": {"dockerfile-inline": f"FROM {self.base}\nRUN echo oh no; exit 3\n"},
                "after": {"dockerfile-inline": "FROM x\n", "tags": ["bake:after"],
                          "contexts": {"x": "target:bad"}}}}})
        error = self.fails(folder, "--progress=plain")
        self.assertIn("target bad: ", error)
        self.assertIn("oh no", error)
        self.assertNotEqual(self.strake("inspect", "bake:after").returncode, 0)

    def test_what_is_only_used_is_not_among_the_images(self):
        def images():
            return sorted(self.strake("images", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}")
                          .stdout.splitlines())

        targets = {
            "low": {"dockerfile-inline": f"FROM {self.base}\nRUN echo low > /low\n"},
            "named": {"dockerfile-inline": f"FROM {self.base}\nRUN echo named > /named\n",
                      "output": ["type=oci,dest=named.tar"]},
            "app": {"dockerfile-inline": "FROM low\nCOPY --from=named /named /\nRUN cat /low /named\n",
                    "tags": ["bake:used"],
                    "contexts": {"low": "target:low", "named": "target:named"}},
            "bad": {"dockerfile-inline": "FROM low\nRUN exit 3\n",
                    "contexts": {"low": "target:low"}}}
        folder = self.folder("used", **{"docker-bake__json": {"target": targets}})
        before = images()
        self.fails(folder, "bad")
        self.assertEqual(images(), before)
        self.bake(folder, "--no-cache", "app", "named")
        after = [image for image in images() if image not in before]
        self.assertEqual(len(after), 1, after)
        self.assertRegex(after[0], "^(docker.io/library/)?bake:used ")
        self.assertEqual(self.strake("run", "bake:used", "cat", "/low", "/named").stdout,
                         "low\nnamed\n")
        self.assertEqual(self.strake("fsck").returncode, 0)
        self.assertTrue(os.path.exists(os.path.join(folder, "named.tar")))
        # The outputs and names of what is not asked for are left alone.
        os.unlink(os.path.join(folder, "named.tar"))
        targets["low"].update(tags=["bake:low"], output=["type=docker"])
        with open(os.path.join(folder, "docker-bake.json"), "w") as f:
            json.dump({"target": targets}, f)
        self.bake(folder, "app")
        self.assertFalse(os.path.exists(os.path.join(folder, "named.tar")))
        self.assertEqual(len(images()), len(before) + 1)
        # Again, from the cache; and what is asked for itself is an image.
        self.bake(folder, "app")
        self.assertEqual(len(images()), len(before) + 1)
        self.bake(folder, "app", "low")
        self.assertEqual(len(images()), len(before) + 2)

    def test_ssh_takes_one_socket_for_each_id(self):
        def fails(*entries):
            folder = self.folder("ssh", **{"docker-bake__json": {"target": {"default": {
                "dockerfile-inline": "FROM scratch", "ssh": list(entries)}}}})
            return self.fails(folder)

        several = 'ssh "x": /no/a, /no/b: several sockets or keys of one id are not supported'
        for entry in ({"id": "x", "paths": ["/no/a", "/no/b"]}, {"paths": ["/no/a", "/no/b"], "id": "x"},
                      "id=x,paths=/no/a,paths=/no/b"):
            self.assertIn(several, fails(entry))
        self.assertIn('--ssh "x=/no/a"', fails({"id": "x", "paths": ["/no/a"]}))
        self.assertIn('--ssh "x=/no/a"', fails("x=/no/a"))

    def test_targets_share_a_copy_onto_a_base_that_is_nowhere(self):
        name = f"{self.hub.name}/shared/app"
        folder = self.folder(
            "nowhere", a__txt="a", Dockerfile=f"FROM {self.base}\nWORKDIR /app\nCOPY a.txt .\n"
            "ARG N\nENV N=$N\n",
            **{"docker-bake__json": {
                "group": {"default": {"targets": ["x", "y", "z"]}},
                "target": {n: {"args": {"N": n}, "tags": [f"{name}:{n}"]} for n in "xyz"}}})
        result = self.bake(folder, "--push", "--progress=plain",
                           STRAKE_HOME=os.path.join(self.scratch, "nowhere-store"))
        self.assertNotIn("error", result.stderr)
        layers = {support.run("skopeo", "inspect", "--tls-verify=false",
                              "--format={{.Layers}}", f"docker://{name}:{n}") for n in "xyz"}
        self.assertEqual(len(layers), 1)

    def test_push(self):
        name = f"{self.hub.name}/baked/app:1"
        folder = self.folder("push", compose__yaml=f"services: {{app: {{image: '{name}', build: "
                             "{dockerfile_inline: \"FROM scratch\\nCOPY compose.yaml /\"}}}\n")
        self.bake(folder, "--push")
        support.need("skopeo")
        support.run("skopeo", "inspect", "--tls-verify=false", f"docker://{name}")


if __name__ == "__main__":
    unittest.main()
