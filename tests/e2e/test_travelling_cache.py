"""A cache that outlives the disk: in a registry, in a folder, inside the image."""
import glob
import hashlib
import json
import os
import unittest

import support
import travelling

# Every execution gives other files: an equal image was not built again.
DOCKERFILE = """FROM {base} AS one
COPY a.txt /
RUN wc -c < a.txt > count; cat /proc/sys/kernel/random/uuid > /one
FROM {base}
WORKDIR /w
COPY --from=one /count /one /
RUN cat /count; cat /proc/sys/kernel/random/uuid > /two
RUN cat /proc/sys/kernel/random/uuid > /three
"""
STEPS = 6


class TravellingCacheTest(travelling.TravellingTest):
    def setUp(self):
        super().setUp()
        self.folder = self.context("app", DOCKERFILE.format(base=self.base),
                                   a__txt="hello")

    def push(self, tag, *options):
        """The digest of what is pushed, and what was told."""
        metadata = os.path.join(self.scratch, "metadata.json")
        result = self.build("--push", "-t", self.name(tag), "--metadata-file",
                            metadata, *options, self.folder)
        with open(metadata) as f:
            return json.load(f)["containerimage.digest"], result.stderr

    def assert_cached(self, log, steps=STEPS):
        self.assertEqual(log.count(" CACHED"), steps, log)
        self.assertNotIn("warning", log.lower())

    def test_registry_with_every_step(self):
        cache = self.name("cache")
        first, _ = self.push("a:1", "--cache-to",
                             f"type=registry,ref={cache},mode=max")
        self.forget_everything()
        before = len(self.hub.requests())
        again, log = self.push("a:2", "--cache-from", cache)
        self.assertEqual(again, first)
        self.assert_cached(log)
        # No layer is fetched: they are all there already.
        fetched = [r for r in self.hub.requests()[before:]
                   if r.startswith("GET") and "/blobs/" in r]
        self.assertEqual(len(fetched), 2, fetched)  # two descriptions
        # And a step that changes executes on what comes from the cache.
        with open(os.path.join(self.folder, "Dockerfile"), "a") as f:
            f.write("RUN cat /one /two /three > /all; echo new\n")
        self.forget_everything()
        _, log = self.push("a:3", "--cache-from", cache)
        self.assert_cached(log)
        self.assertRegex(log, r"\d+ [\d.]+ new\n")

    def test_registry_with_the_steps_of_the_layers(self):
        cache = self.name("cache")
        first, _ = self.push("a:1", "--cache-to", f"type=registry,ref={cache}")
        self.forget_everything()
        again, log = self.push("a:2", "--cache-from", cache)
        self.assertEqual(again, first)
        self.assert_cached(log, 4)
        # What other stages do is not in it.
        with open(os.path.join(self.folder, "a.txt"), "w") as f:
            f.write("HELLO")
        self.forget_everything()
        _, log = self.push("a:3", "--cache-from", cache)
        self.assert_cached(log, 1)

    def test_the_image_gets_into_the_store(self):
        cache = self.name("cache")
        first, _ = self.push("a:1", "--cache-to",
                             f"type=registry,ref={cache},mode=max")
        self.forget_everything()
        self.build("--cache-from", cache, "-t", "local", self.folder)
        verified = self.strake("inspect", "--verify", "local")
        self.assertEqual(verified.returncode, 0, verified.stderr)
        one = self.strake("run", "local", "cat", "/one", "/w/../two").stdout
        self.assertEqual(len(one.splitlines()), 2, one)
        # What came from elsewhere is known here from now on.
        # (Nobody needed the layers of the other stage.)
        self.assert_cached(self.build("-t", "local", self.folder).stderr, 4)

    def wide(self):
        """Eight stages that end only if all are built at once."""
        stages = "".join(f"""FROM {self.base} AS s{i}
RUN --mount=type=cache,id={self.id()},target=/m touch /m/{i}; \\
    for n in $(seq 600); do \\
      if [ "$(ls /m | wc -l)" = 8 ]; then echo {i} > /out{i}; exit 0; fi; \\
      sleep 0.1; \\
    done; echo "alone: $(ls /m)"; exit 1
""" for i in range(8))
        copies = "".join(f"COPY --from=s{i} /out{i} /\n" for i in range(8))
        return self.context("wide", f"{stages}FROM {self.base}\n{copies}")

    def test_a_wide_graph(self):
        cache, folder = self.name("cache"), self.wide()
        self.build("--jobs=8", "--push", "-t", self.name("a:1"), "--cache-to",
                   f"type=registry,ref={cache},mode=max", folder)
        self.forget_everything()
        before = len(self.hub.requests())
        log = self.build("-t", "wide", "--cache-from", cache, folder).stderr
        self.assert_cached(log, 16)
        # The image's layers, but none of those that the stages gave.
        fetched = self.blobs_fetched(before)
        manifest = json.loads(self.strake("inspect", "--raw", "wide").stdout)
        layers = {layer["digest"] for layer in manifest["layers"]}
        self.assertEqual(len(layers), 9)
        self.assertEqual(len(fetched - layers), 2, fetched)  # two descriptions
        self.assertLessEqual(layers, fetched)
        # A push needs no layer at all.
        self.forget_everything()
        before = len(self.hub.requests())
        log = self.build("--push", "-t", self.name("a:2"), "--cache-from",
                         cache, folder).stderr
        self.assert_cached(log, 16)
        self.assertEqual(len(self.blobs_fetched(before)), 2)

    def blobs_fetched(self, before):
        return {r.rsplit("/", 1)[1] for r in self.hub.requests()[before:]
                if r.startswith("GET") and "/blobs/" in r}

    def test_folder(self):
        folder = os.path.join(self.scratch, "cache-folder")
        first, _ = self.push("a:1", "--cache-to",
                             f"type=local,dest={folder},mode=max")
        self.forget_everything()
        again, log = self.push("a:2", "--cache-from", f"type=local,src={folder}",
                               "--cache-to", f"type=local,dest={folder},mode=max")
        self.assertEqual(again, first)
        self.assert_cached(log)
        support.run("skopeo", "inspect", "--raw", f"oci:{folder}:latest")
        self.forget_everything()
        again, log = self.push("a:3", "--cache-from", f"type=local,src={folder}")
        self.assertEqual(again, first)

    def test_inside_the_image(self):
        first, _ = self.push("a:1", "--cache-to", "type=inline")
        self.forget_everything()
        again, log = self.push("a:2", "--cache-from", self.name("a:1"),
                               "--cache-to", "type=inline")
        self.assertEqual(again, first)
        self.assert_cached(log, 4)
        # Other people's tools take the image.
        support.run("skopeo", "inspect", "--config", "--tls-verify=false",
                    f"docker://{self.name('a:1')}")

    def test_inside_each_image_of_an_index(self):
        folder = self.context("index", "FROM scratch\nARG TARGETARCH\n"
                              "COPY $TARGETARCH.txt /\nCOPY a.txt /\n",
                              amd64__txt="amd64", arm64__txt="arm64",
                              a__txt="a")
        out = os.path.join(self.scratch, "index-image")
        platforms = ("--platform", "linux/amd64,linux/arm64")
        self.build(*platforms, "--cache-to", "type=inline", "-o",
                   f"type=oci,tar=false,dest={out}", "--push", "-t",
                   self.name("a:1"), folder)

        def read(digest):
            with open(os.path.join(out, "blobs/sha256", digest[7:])) as f:
                return json.load(f)

        with open(os.path.join(out, "index.json")) as f:
            index = read(json.load(f)["manifests"][0]["digest"])
        states = []
        for entry in index["manifests"]:
            config = read(read(entry["digest"])["config"]["digest"])
            cache = config["strake.cache.v1"]
            self.assertEqual(len(cache["records"]), 2)
            states.append({record["state"] for record in cache["records"]})
        # The second step is the same for both, and is carried out once.
        self.assertEqual(len(states), 2)
        self.assertEqual(len(states[0] & states[1]), 1)
        self.forget_everything()
        log = self.build(*platforms, "--cache-from", self.name("a:1"),
                         folder).stderr
        self.assert_cached(log, 3)

    def test_inside_an_image_whose_layers_are_compressed_anew(self):
        image = f"type=image,name={self.name('a')},push=true"
        archive = f"type=oci,dest={self.scratch}/a.tar,compression=zstd"
        for outputs in ([f"{image},compression=estargz"],
                        [f"{image},compression=gzip", archive]):
            options = [word for spec in outputs for word in ("--output", spec)]
            failed = self.strake("build", "--cache-to", "type=inline",
                                 *options, self.folder)
            self.assertNotEqual(failed.returncode, 0)
            self.assertRegex(failed.stderr, "compression=(estargz|zstd) and "
                             "--cache-to type=inline exclude")
        # One form for all of them is taken.
        self.build("--cache-to", "type=inline", "--output", archive,
                   self.folder)

    def test_what_is_missing_or_foreign_is_a_warning(self):
        for source, reason in ((self.name("nothing"), "nothing"),
                               (self.base, "without a cache"),
                               ("type=local,src=/nowhere", "/nowhere")):
            self.forget_everything()
            _, log = self.push("a:1", "--cache-from", source)
            self.assertRegex(log, rf"(?i)warning.*no cache from .*{reason}")
            self.assertNotIn(" CACHED", log)

    def test_a_damaged_layer_is_a_miss(self):
        folder = os.path.join(self.scratch, "damaged")
        self.push("a:1", "--cache-to", f"type=local,dest={folder},mode=max")
        self.damage_layers(glob.glob(os.path.join(folder, "blobs/sha256/*")))
        self.forget_everything()
        log = self.build("--cache-from", f"type=local,src={folder}", "-t",
                         "local", self.folder).stderr
        self.assertRegex(log, "(?i)warning.*not there")
        self.check_it_was_built(log)

    def test_a_layer_damaged_in_the_registry_is_a_miss(self):
        cache = self.name("cache")
        self.push("a:1", "--cache-to", f"type=registry,ref={cache},mode=max")
        self.damage_layers(glob.glob(os.path.join(
            self.hub.folder, "data/docker/registry/v2/blobs/sha256/*/*/data")))
        self.forget_everything()
        log = self.build("--cache-from", cache, "-t", "local",
                         self.folder).stderr
        self.assertRegex(log, "(?i)warning.*damaged")
        self.check_it_was_built(log)

    def false_cache(self, falsify):
        """A cache of the image whose description `falsify` has changed."""
        folder = os.path.join(self.scratch, self.id().rsplit(".", 1)[1])
        self.build("--cache-to", f"type=local,dest={folder},mode=max",
                   self.folder)

        def rewrite(descriptor, change):
            blobs = os.path.join(folder, "blobs/sha256")
            with open(os.path.join(blobs, descriptor["digest"][7:])) as f:
                document = json.load(f)
            change(document)
            text = json.dumps(document).encode()
            digest = hashlib.sha256(text).hexdigest()
            with open(os.path.join(blobs, digest), "wb") as f:
                f.write(text)
            descriptor.update(digest=f"sha256:{digest}", size=len(text))

        path = os.path.join(folder, "index.json")
        with open(path) as f:
            index = json.load(f)
        rewrite(index["manifests"][0],
                lambda manifest: rewrite(manifest["config"], falsify))
        with open(path, "w") as f:
            json.dump(index, f)
        self.forget_everything()
        return f"type=local,src={folder}"

    def test_a_false_state_is_no_snapshot_of_that_name(self):
        victim = hashlib.sha256(b"the chain ID of some base").hexdigest()

        def falsify(cache):
            state = cache["layers"][0]["state"]
            text = json.dumps(cache).replace(state, victim)
            cache.update(json.loads(text))

        log = self.build("--cache-from", self.false_cache(falsify),
                         "-t", "local", self.folder).stderr
        self.assertRegex(log, "(?i)warning.*no cache from .*chain ID")
        self.check_it_was_built(log)
        self.assertNotIn(" CACHED", log)
        self.assert_nowhere_in_the_store(victim)

    def test_a_false_diff_id_gets_into_no_image(self):
        false = hashlib.sha256(b"not this tar").hexdigest()

        def falsify(cache):
            """Gives the last layer that diff ID, and its state its chain ID."""
            parents = {r["state"]: r["parent"] for r in cache["records"]}
            layers = {layer["state"]: layer for layer in cache["layers"]}

            def depth(state):
                return 1 + depth(parents[state]) if state in layers else 0

            last = max(layers, key=depth)
            diff_id = layers[last]["diffID"] = f"sha256:{false}"
            name = hashlib.sha256(
                f"sha256:{parents[last]} {diff_id}".encode()).hexdigest()
            cache.update(json.loads(json.dumps(cache).replace(last, name)))

        source = self.false_cache(falsify)
        log = self.build("--cache-from", source, "-t", "local",
                         self.folder).stderr
        self.assertRegex(log, f"(?i)warning.*damaged.*diff ID.*{false}")
        verified = self.strake("inspect", "--verify", "local")
        self.assertEqual(verified.returncode, 0, verified.stderr)
        self.assert_nowhere_in_the_store(false)
        self.forget_everything()
        for mode in ("files", "push"):
            out = (("--output", f"type=local,dest={self.scratch}/files")
                   if mode == "files" else ("--push", "-t", self.name("a:1")))
            log = self.build("--cache-from", source, *out, self.folder).stderr
            self.assertRegex(log, f"(?i)warning.*damaged.*{false}")
            self.assert_nowhere_in_the_store(false)
            self.forget_everything()

    def assert_nowhere_in_the_store(self, name):
        for parent, folders, files in os.walk(self.store):
            self.assertFalse([n for n in folders + files if name in n], parent)
        for path in glob.glob(os.path.join(self.store, "*")):
            if os.path.isfile(path):
                with open(path, errors="replace") as f:
                    self.assertNotIn(name, f.read(), path)
        # The next build is well, too.
        again = self.build(self.folder).stderr
        self.assertNotIn("warning", again.lower())

    def damage_layers(self, paths):
        for path in paths:
            with open(path, "rb") as f:
                content = f.read()
            if content.startswith(b"{") or len(content) > 1 << 16:
                continue  # a document, or the base's layer
            # Blobs of the store may be links to these.
            os.unlink(path)
            with open(path, "wb") as f:
                f.write(content[:-10] + b"0123456789")

    def check_it_was_built(self, log):
        self.assertRegex(log, r"\d+ [\d.]+ 5\n")
        verified = self.strake("inspect", "--verify", "local")
        self.assertEqual(verified.returncode, 0, verified.stderr)

    def test_a_cache_that_cannot_be_written_fails_the_build_or_not(self):
        nowhere = "type=registry,ref=127.0.0.1:1/cache"
        failed = self.strake("build", "--cache-to", nowhere, self.folder)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("127.0.0.1:1", failed.stderr)
        result = self.build("--cache-to", nowhere + ",ignore-error=true",
                            self.folder)
        self.assertRegex(result.stderr, "(?i)warning.*cache was not exported")

    def test_a_push_moves_only_what_the_registry_lacks(self):
        context = self.context("lazy", f"FROM {self.base}\n"
                               "COPY --link a.txt /a\nENV A=1\n", a__txt="a")
        before = len(self.hub.requests())
        result = self.build("--push", "-t", self.name("lazy"), context)
        asked = self.hub.requests()[before:]
        self.assertFalse([r for r in asked if r.startswith("GET") and
                          "/library/busybox/blobs" in r][1:], asked)
        self.assertNotIn("layers of", result.stderr)
        # To another registry they are streamed, past the store.
        other = self.registry("other")
        self.forget_everything()
        result = self.build("--push", "-t", f"{other.name}/lazy", context)
        self.assertNotIn("layers of", result.stderr)
        support.run("skopeo", "inspect", "--tls-verify=false",
                    f"docker://{other.name}/lazy")
        # Nothing was unpacked.
        for kind in os.listdir(os.path.join(self.store, "snapshots")):
            committed = os.path.join(self.store, "snapshots", kind, "committed")
            for snapshot in os.listdir(committed):
                self.assertFalse(os.path.exists(os.path.join(
                    committed, snapshot, "fs/bin/busybox")))


if __name__ == "__main__":
    unittest.main()
