// The Dockerfile room: parsing, expansion, ignore matching. Parsing a file of
// 5,000 lines should take less than 20 ms, matching 100,000 paths against 200
// patterns less than 0.3 s on one core.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dockerfile/expand.h"
#include "dockerfile/ignore.h"
#include "dockerfile/lint.h"
#include "dockerfile/parser.h"

namespace strake::dockerfile {
namespace {

// A file as people write them, `lines` long: stages of continued RUNs, COPYs,
// variables, heredocs and comments.
std::string MakeDockerfile(size_t lines) {
  std::string text = "# syntax=docker/dockerfile:1\nARG VERSION=12\n";
  size_t count = 2;
  for (size_t stage = 0; count < lines; ++stage) {
    std::string n = std::to_string(stage);
    text += "# stage" + n + " builds part " + n + "\n" +
            "FROM --platform=$BUILDPLATFORM debian:${VERSION} AS stage" + n +
            "\n"
            "ARG MODE=release\n"
            "ENV PATH=/opt/tool" +
            n +
            "/bin:$PATH \\\n"
            "    LANG=\"C.UTF-8\"\n"
            "RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \\\n"
            "    apt-get update && \\\n"
            "    # what the build needs\n"
            "    apt-get install -y --no-install-recommends \\\n"
            "      build-essential \\\n"
            "      ca-certificates\n"
            "WORKDIR /src/" +
            n +
            "\n"
            "COPY --chown=build:build --link src/" +
            n +
            " include/ ./\n"
            "RUN <<EOF\n"
            "set -e\n"
            "make MODE=$MODE\n"
            "EOF\n"
            "LABEL org.example.part=\"" +
            n +
            "\" org.example.mode=$MODE\n"
            "EXPOSE 8080 9090/udp\n"
            "HEALTHCHECK --interval=30s CMD curl -f http://localhost/\n"
            "ENTRYPOINT [\"/usr/bin/part\", \"--serve\", \"" +
            n +
            "\"]\n"
            "\n";
    count += 23;
  }
  return text;
}

void BM_ParseDockerfile(benchmark::State& state) {
  std::string text = MakeDockerfile(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    ParseResult result = Parse(text);
    if (HasErrors(result.diagnostics)) {
      state.SkipWithError("the input has mistakes");
      break;
    }
    benchmark::DoNotOptimize(result);
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(text.size()));
}
BENCHMARK(BM_ParseDockerfile)
    ->Arg(25)
    ->Arg(5000)
    ->Unit(benchmark::kMillisecond);

void BM_LintDockerfile(benchmark::State& state) {
  std::string text = MakeDockerfile(5000);
  ParseResult parsed = Parse(text);
  for (auto _ : state) {
    benchmark::DoNotOptimize(Lint(parsed.dockerfile, {}));
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(text.size()));
}
BENCHMARK(BM_LintDockerfile)->Unit(benchmark::kMillisecond);

void BM_ExpandWord(benchmark::State& state) {
  const std::string word =
      "/opt/${NAME:-tool}/\"$VERSION\"/lib${SUFFIX#*.}:${PATH}";
  auto lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name == "VERSION") return "1.2.3";
    if (name == "SUFFIX") return "so.1";
    if (name == "PATH") return "/usr/local/bin:/usr/bin:/bin";
    return {};
  };
  for (auto _ : state) benchmark::DoNotOptimize(ExpandWord(word, lookup));
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(word.size()));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ExpandWord);

void BM_ExpandHeredoc(benchmark::State& state) {
  std::string body;
  for (int i = 0; i < 1000; ++i) body += "key$I = \"value of ${NAME}\" # x\n";
  auto lookup = [](std::string_view) -> std::optional<std::string> {
    return "17";
  };
  for (auto _ : state) benchmark::DoNotOptimize(ExpandHeredoc(body, lookup));
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(body.size()));
}
BENCHMARK(BM_ExpandHeredoc);

// 200 patterns: names, paths, globs, `**` in all places, exceptions.
std::vector<std::string> MakePatterns() {
  std::vector<std::string> patterns;
  for (int i = 0; i < 25; ++i) {
    std::string n = std::to_string(i);
    patterns.push_back("build-" + n);
    patterns.push_back("docs/part" + n + "/draft");
    patterns.push_back("*.tmp" + n);
    patterns.push_back("**/cache" + n);
    patterns.push_back("**/*.o" + n);
    patterns.push_back("vendor" + n + "/**");
    patterns.push_back("src/**/generated" + n + "/*.c");
    patterns.push_back("!docs/part" + n + "/draft/keep*");
  }
  return patterns;
}

struct PathEntry {
  std::string path;
  size_t depth;
};

// Folders before what is in them, about 100,000 in all.
std::vector<PathEntry> MakePaths() {
  std::vector<PathEntry> paths;
  const char* const kTops[] = {"src", "docs", "include", "tests", "tools"};
  for (const char* top : kTops) {
    paths.push_back({top, 1});
    for (int i = 0; i < 40; ++i) {
      std::string folder = std::string(top) + "/part" + std::to_string(i);
      paths.push_back({folder, 2});
      for (int j = 0; j < 20; ++j) {
        std::string inner = folder + "/module" + std::to_string(j);
        paths.push_back({inner, 3});
        for (int k = 0; k < 24; ++k) {
          paths.push_back({inner + "/file" + std::to_string(k) + ".cc", 4});
        }
      }
    }
  }
  return paths;
}

void BM_MatchIgnorePatterns(benchmark::State& state) {
  auto matcher = IgnoreMatcher::Compile(MakePatterns());
  std::vector<PathEntry> paths = MakePaths();
  if (!matcher) {
    state.SkipWithError(matcher.error().message().c_str());
    return;
  }
  int64_t bytes = 0;
  for (const PathEntry& entry : paths) {
    bytes += static_cast<int64_t>(entry.path.size());
  }
  for (auto _ : state) {
    IgnoreMatcher::State states[6];
    size_t excluded = 0;
    for (const PathEntry& entry : paths) {
      excluded += matcher->Enter(entry.path, states[entry.depth - 1],
                                 states[entry.depth])
                      ? 1
                      : 0;
    }
    benchmark::DoNotOptimize(excluded);
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(paths.size()));
  state.SetBytesProcessed(state.iterations() * bytes);
  state.counters["paths"] = static_cast<double>(paths.size());
  state.counters["patterns"] = static_cast<double>(matcher->patterns().size());
}
BENCHMARK(BM_MatchIgnorePatterns)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace strake::dockerfile
