#include <array>
#include <span>

#include "cli/command.h"
#include "util/byte_stream.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

constexpr std::string_view kBuilding = "Building and running";
constexpr std::string_view kTasks = "Tasks";
constexpr std::string_view kImages = "Images in the store";
constexpr std::string_view kStore = "The store";
constexpr std::string_view kRegistries = "Registries";
constexpr std::string_view kOther = "Other";

constexpr std::string_view kBuildDescription =
    "Builds an image from a Dockerfile and a build context: a folder, a git "
    "repository, the address of an archive, an OCI artifact, or with \"-\" a "
    "tar (or only a Dockerfile) on standard input. Without --output or "
    "--push the image goes to the local store. Options that docker buildx has "
    "too mean the same.";
constexpr std::string_view kBakeDescription =
    "Builds several targets at once: those of a docker-bake.json, or the "
    "services of a compose file that have a build section. Without TARGET it "
    "is the group or target \"default\". A step that targets have in common is "
    "carried out once.";
constexpr std::string_view kBakeExamples =
    "strake bake\n"
    "strake bake -f compose.yaml --push web worker\n"
    "strake bake --set '*.platform=linux/arm64' --print";
constexpr std::string_view kBuildExamples =
    "strake build -t app:1 .\n"
    "strake build -f Containerfile.dev --target test .\n"
    "strake build -t registry.example/team/app:1 --push .\n"
    "strake build -o type=oci,dest=app.tar .\n"
    "git archive HEAD | strake build -t app -";

constexpr std::string_view kLintDescription =
    "Checks Dockerfiles by all the rules of docker buildx build --check, "
    "without a registry: what depends on a base image is not judged. Exits "
    "with 1 where a file is wrong, or breaks a rule with error=true.";
constexpr std::string_view kLintExamples =
    "strake lint\n"
    "strake lint --format sarif */Dockerfile > lint.sarif\n"
    "strake lint --print Dockerfile";

constexpr std::string_view kRunDescription =
    "Runs a command in an image, on a copy of its root file system that is "
    "thrown away afterwards, in the sandbox that RUN has. Standard streams and "
    "the exit status are the command's own; 125 means that strake could not "
    "start it. An image that is not in the store is pulled.";
constexpr std::string_view kRunExamples =
    "strake run app:1\n"
    "strake run --network none debian:12 cat /etc/os-release\n"
    "strake run -v ./data:/data:ro app:1 --input /data";

constexpr std::string_view kTaskExecDescription =
    "Runs the steps of a task file here and now: builds, pushes, and commands "
    "in containers, as ACR Tasks does, without Azure and without an engine. "
    "CONTEXT is a folder, a git repository, an archive on the web, oci:// or - "
    "(an archive on standard input); the steps get a copy of it as /workspace. "
    "/dev/null stands for none, and . counts where none is given. The record "
    "of the run and its logs are in the store, in runs/ID. Exits with 1 where "
    "the run fails.";
constexpr std::string_view kTaskExecExamples =
    "strake task exec\n"
    "strake task exec -f ci/acb.yaml --set tag=1.2 --registry registry.example "
    "https://git.example/app.git#main\n"
    "strake task exec --cmd 'debian:12 cat /etc/os-release' /dev/null";
constexpr std::string_view kTaskLintDescription =
    "Checks task files without running anything: every error, with the line "
    "and column where the author wrote it, and warnings of what is ignored. "
    "FILE is acb.yaml where it is not given, and - for standard input. Exits "
    "with 1 where a file is wrong.";
constexpr std::string_view kTaskLintExamples =
    "strake task lint\n"
    "strake task lint --values prod.yaml tasks/*.yaml";
constexpr std::string_view kTaskRenderDescription =
    "Prints a task file as it is after aliases and templates. Secrets are "
    "empty; what --set-secret gave is shown as ***. Under version strake/v1 "
    "what is known only when a step starts stays as it is.";
constexpr std::string_view kTaskRenderExamples =
    "strake task render --set tag=1.2 --registry registry.example acb.yaml";
constexpr std::string_view kTaskGraphDescription =
    "Prints which step of a task waits for which: as a table, in Graphviz' "
    "language, or as a drawing.";
constexpr std::string_view kTaskGraphExamples =
    "strake task graph acb.yaml\n"
    "strake task graph --format svg acb.yaml > steps.svg";

constexpr std::string_view kPushDescription =
    "Pushes an image of the store to the registry in its name. Prints the "
    "reference by digest that it can be pulled by.";
constexpr std::string_view kPullDescription =
    "Pulls images into the store, several at a time. Prints the reference by "
    "digest of each.";
constexpr std::string_view kCopyDescription =
    "Copies an image from one place to another, all platforms of it, byte for "
    "byte, so that it keeps its digest. SOURCE and DESTINATION are "
    "[docker://]REFERENCE (a registry), oci:FOLDER[:TAG], "
    "oci-archive:FILE[:TAG], docker-archive:FILE[:NAME] or store:NAME. What "
    "a registry has already is not sent. A copy that fails leaves archives and "
    "tags as they were. Prints a name of the copy by its digest.";
constexpr std::string_view kCopyExamples =
    "strake copy debian:12 registry.example/mirror/debian:12\n"
    "strake copy --platform linux/arm64 debian:12 docker-archive:debian.tar\n"
    "strake copy --referrers registry.example/app:1 oci:backup:app-1";
constexpr std::string_view kTagsDescription =
    "Prints the tags of a repository, one a line, in the registry's order.";
constexpr std::string_view kCatalogDescription =
    "Prints the repositories of a registry, one a line. Many registries refuse "
    "to say, Docker Hub among them.";
constexpr std::string_view kReferrersDescription =
    "Prints what refers to an image, by digest and artifact type: signatures, "
    "bills of materials. A registry that keeps no list of that is asked for "
    "the tag that clients keep instead.";
constexpr std::string_view kManifestGetDescription =
    "Prints the manifest or index that a name stands for, byte for byte.";
constexpr std::string_view kManifestPutDescription =
    "Stores a manifest or index, byte for byte, under the tag of IMAGE, or "
    "under its digest where IMAGE has no tag. FILE is - for standard input. "
    "What refers to another manifest (subject) is listed among its referrers.";
constexpr std::string_view kBlobGetDescription =
    "Fetches a blob. On standard output it is verified while it passes: exit "
    "status 1 means that what came is not to be used.";
constexpr std::string_view kBlobPutDescription =
    "Uploads a file as a blob, unless the repository has it. FILE is - for "
    "standard input. Prints the blob's name.";
constexpr std::string_view kDeleteDescription =
    "Deletes a tag (NAME:TAG), or a manifest with all of its tags "
    "(NAME@DIGEST), in a registry. Not every registry deletes tags; then the "
    "error says what would delete the image. Images in the store are removed "
    "by strake rmi.";
constexpr std::string_view kIndexCreateDescription =
    "Makes NAME, in its registry, the image index of the SOURCES, whatever it "
    "was before: images or indexes in registries, or digests in NAME's own "
    "repository. What is elsewhere is copied there without passing through the "
    "store. Prints the reference by digest of the index.";
constexpr std::string_view kIndexCreateExamples =
    "strake index create HOST/app:1 HOST/app:1-amd64 HOST/app:1-arm64\n"
    "strake index create --annotation index:org.opencontainers.image.version=1 "
    "HOST/app:1 sha256:...";
constexpr std::string_view kIndexAppendDescription =
    "Adds the SOURCES to the image index NAME, which need not exist: each "
    "takes "
    "the place of the image that NAME has for its platform. Several jobs may "
    "append at once; docs/platforms.md says how sure that is with which "
    "registry.";
constexpr std::string_view kIndexAppendExamples =
    "strake build --platform linux/arm64 -t HOST/app:1-arm64 --push . &&\n"
    "  strake index append HOST/app:1 HOST/app:1-arm64";
constexpr std::string_view kInspectDescription =
    "Prints what the store knows of images as a JSON array, in the form of "
    "docker image inspect; with --remote what their registries know. --format "
    "takes a subset of Go templates: text, "
    "{{.Field.Inner}}, {{json .Field}} and {{index .Field \"key\"}}.";
constexpr std::string_view kInspectExamples =
    "strake inspect app:1\n"
    "strake inspect --config app:1\n"
    "strake inspect --format '{{json .Config.Env}}' app:1\n"
    "strake inspect --remote --platform linux/arm64 debian:12";
constexpr std::string_view kLoginDescription =
    "Checks a user name and password with a registry and remembers them in "
    "Docker's config.json ($REGISTRY_AUTH_FILE, else $DOCKER_CONFIG or "
    "~/.docker), or in the credential helper that is named there. Without "
    "REGISTRY: Docker Hub.";
constexpr std::string_view kLoginExamples =
    "strake login registry.example\n"
    "echo \"$TOKEN\" | strake login -u ci --password-stdin registry.example";
constexpr std::string_view kServeDescription =
    "Serves a folder as an OCI registry until it is stopped by Ctrl-C or "
    "SIGTERM: over plain HTTP, or with --tls-cert over TLS. Prints its address "
    "when it is ready. Other machines are let in with --allow-remote only. "
    "With "
    "--pull-through it is a cache of another registry, whose login is that of "
    "strake login.";
constexpr std::string_view kServeExamples =
    "strake registry serve\n"
    "strake registry serve --listen 127.0.0.1:0 --root ./registry\n"
    "strake registry serve --htpasswd users --read-only\n"
    "strake registry serve --pull-through https://registry-1.docker.io";
constexpr std::string_view kCacheListDescription =
    "Lists what builds may take from the store rather than make it: results of "
    "steps, base images unpacked, folders of RUN --mount=type=cache, files "
    "that "
    "ADD fetched, and what nothing leads to any more. The one used last comes "
    "first.";
constexpr std::string_view kCachePruneDescription =
    "Removes from the store what builds can make again: without options what "
    "nothing leads to any more, else also what the options say. Images stay. "
    "Beside a running build the files stay until a later prune, and are only "
    "forgotten.";
constexpr std::string_view kCachePruneExamples =
    "strake cache prune --older-than 7d\n"
    "strake cache prune --keep-storage 10GB\n"
    "strake cache prune --all";
constexpr std::string_view kDuDescription =
    "Says how much of the disk the store takes, for what, and how much of that "
    "strake cache prune --all can free.";
constexpr std::string_view kFsckDescription =
    "Checks the store: every blob against its digest, every part of every "
    "image, every entry of the cache index, every unpacked state, and that "
    "nothing lies about that a killed process was writing more than an hour "
    "ago. Exit status 1: something is wrong, and was not repaired.";
constexpr std::string_view kDoctorDescription =
    "Tries every way to run the steps of a build where it is started, without "
    "changing anything, and says which work, which do not and why, which one "
    "strake takes ($STRAKE_ISOLATION may ask for one), and what would have to "
    "be allowed for a better one. Exit status 1: none works, or not the one "
    "that is asked for.";
constexpr std::string_view kDoctorExamples =
    "strake doctor\n"
    "strake doctor --format json | jq -r .chosen";
constexpr std::string_view kPackDescription =
    "Makes a layer blob of PATH and tells its size, and what it took, stage by "
    "stage. PATH is a folder, a tar or a layer blob, or an OCI image layout as "
    "a folder or an archive. The bytes depend on the input, the compression "
    "and its level only. See docs/performance.md.";
constexpr std::string_view kPackExamples =
    "strake pack --repeat 5 ./rootfs\n"
    "strake pack --compression zstd --level 9 -o layer.tar.zst ./rootfs\n"
    "strake pack --compare sizes.svg --format csv --layer 1 image.tar";
constexpr std::string_view kCompletionDescription =
    "Prints a completion script for a shell.";
constexpr std::string_view kCompletionExamples =
    "source <(strake completion bash)\n"
    "strake completion zsh > \"${fpath[1]}/_strake\"\n"
    "strake completion fish > ~/.config/fish/completions/strake.fish";

constexpr std::array kCommands = {
    CommandEntry{"build", kBuilding, "Build an image from a Dockerfile",
                 kBuildDescription, kBuildExamples, "image build",
                 MakeBuildCommand},
    CommandEntry{"bake", kBuilding,
                 "Build the targets of a bake or compose file",
                 kBakeDescription, kBakeExamples, "", MakeBakeCommand},
    CommandEntry{"lint", kBuilding, "Check Dockerfiles", kLintDescription,
                 kLintExamples, "", MakeLintCommand},
    CommandEntry{"run", kBuilding, "Run a command in an image", kRunDescription,
                 kRunExamples, "", MakeRunCommand},
    CommandEntry{"task exec", kTasks, "Run a task file, or one command",
                 kTaskExecDescription, kTaskExecExamples, "",
                 MakeTaskExecCommand},
    CommandEntry{"task lint", kTasks, "Check task files", kTaskLintDescription,
                 kTaskLintExamples, "", MakeTaskLintCommand},
    CommandEntry{
        "task render", kTasks, "Print a task file after aliases and templates",
        kTaskRenderDescription, kTaskRenderExamples, "", MakeTaskRenderCommand},
    CommandEntry{"task graph", kTasks, "Print which step waits for which",
                 kTaskGraphDescription, kTaskGraphExamples, "",
                 MakeTaskGraphCommand},
    CommandEntry{"images", kImages, "List images", "", "", "image ls",
                 MakeImagesCommand},
    CommandEntry{"inspect", kImages, "Show the details of images",
                 kInspectDescription, kInspectExamples, "image inspect",
                 MakeInspectCommand},
    CommandEntry{"tag", kImages, "Give an image another name", "", "",
                 "image tag", MakeTagCommand},
    CommandEntry{"rmi", kImages, "Remove names, and images without any", "", "",
                 "image rm", MakeRmiCommand},
    CommandEntry{"cache ls", kStore, "List what builds may take from the store",
                 kCacheListDescription, "", "", MakeCacheListCommand},
    CommandEntry{"cache prune", kStore, "Remove what builds can make again",
                 kCachePruneDescription, kCachePruneExamples, "builder prune",
                 MakeCachePruneCommand},
    CommandEntry{"du", kStore, "Say how large the store is, and for what",
                 kDuDescription, "", "system df", MakeDuCommand},
    CommandEntry{"fsck", kStore, "Check the store, and repair it",
                 kFsckDescription, "", "", MakeFsckCommand},
    CommandEntry{"pull", kRegistries, "Pull images from their registries",
                 kPullDescription, "", "image pull", MakePullCommand},
    CommandEntry{"push", kRegistries, "Push an image to its registry",
                 kPushDescription, "", "image push", MakePushCommand},
    CommandEntry{"copy", kRegistries, "Copy an image from place to place",
                 kCopyDescription, kCopyExamples, "", MakeCopyCommand},
    CommandEntry{"index create", kRegistries,
                 "Make an image index of pushed images",
                 kIndexCreateDescription, kIndexCreateExamples, "",
                 MakeIndexCreateCommand},
    CommandEntry{"index append", kRegistries,
                 "Add pushed images to an image index", kIndexAppendDescription,
                 kIndexAppendExamples, "", MakeIndexAppendCommand},
    CommandEntry{"tags", kRegistries, "List the tags of a repository",
                 kTagsDescription, "", "", MakeTagsCommand},
    CommandEntry{"catalog", kRegistries, "List the repositories of a registry",
                 kCatalogDescription, "", "", MakeCatalogCommand},
    CommandEntry{"referrers", kRegistries, "List what refers to an image",
                 kReferrersDescription, "", "", MakeReferrersCommand},
    CommandEntry{"manifest get", kRegistries, "Print a manifest or an index",
                 kManifestGetDescription, "", "", MakeManifestGetCommand},
    CommandEntry{"manifest put", kRegistries, "Store a manifest or an index",
                 kManifestPutDescription, "", "", MakeManifestPutCommand},
    CommandEntry{"blob get", kRegistries, "Fetch a blob", kBlobGetDescription,
                 "", "", MakeBlobGetCommand},
    CommandEntry{"blob put", kRegistries, "Upload a blob", kBlobPutDescription,
                 "", "", MakeBlobPutCommand},
    CommandEntry{"delete", kRegistries, "Delete a tag or an image",
                 kDeleteDescription, "", "", MakeDeleteCommand},
    CommandEntry{"login", kRegistries, "Log in to a registry",
                 kLoginDescription, kLoginExamples, "", MakeLoginCommand},
    CommandEntry{"logout", kRegistries, "Forget the login to a registry", "",
                 "", "", MakeLogoutCommand},
    CommandEntry{"registry serve", kRegistries, "Serve a folder as a registry",
                 kServeDescription, kServeExamples, "",
                 MakeRegistryServeCommand},
    CommandEntry{"doctor", kOther, "Tell how RUN can be isolated here",
                 kDoctorDescription, kDoctorExamples, "", MakeDoctorCommand},
    CommandEntry{"pack", kOther, "Pack a layer, and measure it",
                 kPackDescription, kPackExamples, "", MakePackCommand},
    CommandEntry{"completion", kOther, "Print a completion script for a shell",
                 kCompletionDescription, kCompletionExamples, "",
                 MakeCompletionCommand},
    CommandEntry{"version", kOther, "Show the version", "", "", "",
                 MakeVersionCommand},
};

bool Begins(std::span<const std::string> words, std::string_view name,
            size_t& length) {
  auto parts = Split(name, ' ');
  if (name.empty() || words.size() < parts.size()) return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (words[i] != parts[i]) return false;
  }
  length = parts.size();
  return true;
}

}  // namespace

std::span<const CommandEntry> Commands() { return kCommands; }

FoundCommand FindCommand(std::span<const std::string> words) {
  FoundCommand found;
  for (const CommandEntry& entry : kCommands) {
    for (std::string_view name : {entry.name, entry.alias}) {
      if (Begins(words, name, found.words)) {
        found.entry = &entry;
        return found;
      }
    }
  }
  return found;
}

std::vector<std::string> CommandNames() {
  std::vector<std::string> names;
  for (const CommandEntry& entry : kCommands) {
    names.emplace_back(entry.name);
    if (!entry.alias.empty()) names.emplace_back(entry.alias);
  }
  return names;
}

Status PrintOut(std::string_view text) {
  auto written = WriteFully(1, std::as_bytes(std::span(text)));
  if (!written) return std::move(written).error().Wrap("standard output");
  return {};
}

void PrintError(std::string_view text) {
  [[maybe_unused]] auto written = WriteFully(2, std::as_bytes(std::span(text)));
}

std::string ErrorText(const Error& error) {
  std::string text = error.message();
  // Diagnostics of a Dockerfile say so themselves.
  if (!text.starts_with("error: ")) text = "error: " + text;
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

}  // namespace strake::cli
