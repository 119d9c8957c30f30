// The displays on a made-up stream of events.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "cli/event_recorder.h"
#include "cli/json_progress.h"
#include "cli/log_lines.h"
#include "cli/plain_progress.h"
#include "cli/terminal_progress.h"
#include "util/byte_stream.h"
#include "util/json.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::cli {
namespace {

using builder::ProgressEvent;
using Kind = ProgressEvent::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::chrono::system_clock::time_point kStart{
    std::chrono::seconds(1'700'000'000)};

ProgressEvent Event(Kind kind, uint64_t step, int milliseconds,
                    std::string text = "") {
  ProgressEvent event;
  event.kind = kind;
  event.step = step;
  event.time = kStart + std::chrono::milliseconds(milliseconds);
  event.stream = 1;
  bool names = kind == Kind::kStepStarted || kind == Kind::kStepCached;
  (names ? event.name : event.text) = std::move(text);
  return event;
}

ProgressEvent TransferEvent(uint64_t step, int milliseconds,
                            uint64_t current_bytes, bool done) {
  ProgressEvent event = Event(Kind::kTransfer, step, milliseconds);
  event.transfer.id = "sha256:ab";
  event.transfer.current_bytes = current_bytes;
  event.transfer.total_bytes = 2'000'000;
  event.transfer.done = done;
  return event;
}

// A file that a display writes to.
class Capture {
 public:
  Capture() : fd_(open(testing::TempDir().c_str(), O_TMPFILE | O_RDWR, 0600)) {}
  int fd() const { return fd_.get(); }
  std::string text() const {
    lseek(fd_.get(), 0, SEEK_SET);
    FdSource source(fd_.get());
    return ReadAll(source, 1 << 20).value();
  }

 private:
  UniqueFd fd_;
};

TEST(PlainProgressTest, WritesStepsAsBuildxDoes) {
  Capture capture;
  PlainProgress progress(capture.fd());
  progress.OnEvent(Event(Kind::kStepStarted, 7, 0, "[1/2] FROM base"));
  progress.OnEvent(Event(Kind::kStepDone, 7, 120));
  progress.OnEvent(Event(Kind::kStepCached, 3, 200, "[2/2] RUN make"));
  EXPECT_EQ(capture.text(),
            "#1 [1/2] FROM base\n#1 DONE 0.1s\n\n"
            "#2 [2/2] RUN make\n#2 CACHED\n\n");
}

TEST(PlainProgressTest, InterleavesWholeLines) {
  Capture capture;
  PlainProgress progress(capture.fd());
  progress.OnEvent(Event(Kind::kStepStarted, 1, 0, "a"));
  progress.OnEvent(Event(Kind::kStepStarted, 2, 0, "b"));
  progress.OnEvent(Event(Kind::kLog, 1, 10, "one t"));
  progress.OnEvent(Event(Kind::kLog, 2, 20, "other\n"));
  progress.OnEvent(Event(Kind::kLog, 1, 30, "wo\nrest"));
  progress.OnEvent(Event(Kind::kStepFailed, 1, 1500, "exit code: 2\nmore"));
  EXPECT_EQ(capture.text(),
            "#1 a\n#2 b\n#2 0.020 other\n#1 0.030 one two\n#1 1.500 rest\n"
            "#1 ERROR: exit code: 2\n\n");
}

TEST(PlainProgressTest, ThinsTransfersOut) {
  Capture capture;
  PlainProgress progress(capture.fd());
  progress.OnEvent(Event(Kind::kStepStarted, 1, 0, "pull"));
  for (int i = 0; i < 100; ++i) {
    progress.OnEvent(TransferEvent(1, i * 60, i * 10'000, false));
  }
  progress.OnEvent(TransferEvent(1, 6100, 2'000'000, true));
  EXPECT_EQ(Split(capture.text(), '\n').size(), 4u) << capture.text();
  EXPECT_THAT(capture.text(), HasSubstr("#1 sha256:ab 2"));
  EXPECT_THAT(capture.text(), HasSubstr("6.1s done\n"));
}

std::vector<nlohmann::json> JsonLines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  for (std::string_view line : Split(text, '\n')) {
    if (!line.empty()) lines.push_back(ParseJson(line).value());
  }
  return lines;
}

TEST(JsonProgressTest, WritesBuildKitsSolveStatus) {
  Capture capture;
  JsonProgress progress(capture.fd());
  progress.OnEvent(Event(Kind::kStepStarted, 1, 0, "[1/1] RUN x"));
  progress.OnEvent(Event(Kind::kLog, 1, 10, "out\xff\n"));
  progress.OnEvent(TransferEvent(1, 20, 5, false));
  progress.OnEvent(Event(Kind::kWarning, 1, 25, "careful"));
  progress.OnEvent(Event(Kind::kStepFailed, 1, 30, "exit code: 1"));
  auto lines = JsonLines(capture.text());
  ASSERT_EQ(lines.size(), 5u);
  const auto& vertex = lines[0]["vertexes"][0];
  EXPECT_EQ(vertex["name"], "[1/1] RUN x");
  EXPECT_THAT(vertex["digest"].get<std::string>(),
              testing::StartsWith("sha256:"));
  EXPECT_FALSE(vertex.contains("completed"));
  EXPECT_EQ(lines[1]["logs"][0]["data"], Base64Encode("out\xff\n"));
  EXPECT_EQ(lines[1]["logs"][0]["vertex"], vertex["digest"]);
  EXPECT_EQ(lines[2]["statuses"][0]["current"], 5);
  EXPECT_EQ(lines[2]["statuses"][0]["total"], 2'000'000);
  EXPECT_EQ(lines[3]["warnings"][0]["short"], Base64Encode("careful"));
  EXPECT_EQ(lines[4]["vertexes"][0]["error"], "exit code: 1");
  EXPECT_TRUE(lines[4]["vertexes"][0].contains("completed"));
}

TEST(JsonProgressTest, MarksCachedSteps) {
  Capture capture;
  JsonProgress progress(capture.fd());
  progress.OnEvent(Event(Kind::kStepCached, 1, 0, "x"));
  auto lines = JsonLines(capture.text());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["vertexes"][0]["cached"], true);
}

TEST(JsonProgressTest, ErrorsAreJsonToo) {
  auto line = ParseJson(JsonError(NotFound("no \"x\""))).value();
  EXPECT_EQ(line["error"]["message"], "no \"x\"");
}

class NullProgress final : public builder::ProgressSink {
 public:
  void OnEvent(const ProgressEvent&) override { ++count; }
  int count = 0;
};

TEST(EventRecorderTest, KeepsTheLastLinesOfTheFirstFailure) {
  NullProgress next;
  EventRecorder recorder(next);
  recorder.OnEvent(Event(Kind::kStepStarted, 1, 0, "[2/2] RUN make"));
  for (int i = 0; i < 100; ++i) {
    recorder.OnEvent(
        Event(Kind::kLog, 1, i, "line " + std::to_string(i) + "\n"));
  }
  recorder.OnEvent(Event(Kind::kLog, 1, 200, "unfinished"));
  recorder.OnEvent(Event(Kind::kStepFailed, 1, 300, "exit code: 1"));
  recorder.OnEvent(Event(Kind::kStepStarted, 2, 0, "[1/1] RUN later"));
  recorder.OnEvent(Event(Kind::kLog, 2, 0, "later\n"));
  recorder.OnEvent(Event(Kind::kStepFailed, 2, 300, "exit code: 1"));
  EXPECT_EQ(next.count, 106);
  EXPECT_THAT(recorder.failure(), HasSubstr(" > [2/2] RUN make:\nline 81\n"));
  EXPECT_THAT(recorder.failure(), HasSubstr("line 99\nunfinished\n------\n"));
  EXPECT_THAT(recorder.failure(), Not(HasSubstr("later")));
}

TEST(EventRecorderTest, RemembersWarnings) {
  NullProgress next;
  EventRecorder recorder(next);
  recorder.OnEvent(Event(Kind::kWarning, 0, 0, "w"));
  EXPECT_TRUE(recorder.WarningWasShown("w"));
  EXPECT_FALSE(recorder.WarningWasShown("v"));
}

TEST(LogLinesTest, KeepsStreamsApart) {
  LogLines lines;
  EXPECT_THAT(lines.Add(1, "out"), testing::IsEmpty());
  EXPECT_THAT(lines.Add(2, "err\n"), ElementsAre("err"));
  EXPECT_THAT(lines.Add(1, "put\n\nx"), ElementsAre("output", ""));
  EXPECT_THAT(lines.Finish(), ElementsAre("x"));
  EXPECT_THAT(lines.Finish(), testing::IsEmpty());
}

TEST(LogLinesTest, CutsEndlessLines) {
  LogLines lines;
  size_t pieces = 0;
  for (int i = 0; i < 64; ++i) {
    pieces += lines.Add(1, std::string(4096, 'x')).size();
  }
  EXPECT_GE(pieces, 3u);
}

TEST(TerminalProgressTest, LeavesTheStepsAndAClosingTitle) {
  Capture capture;
  {
    TerminalProgressOptions options;
    options.fd = capture.fd();
    options.color = false;
    TerminalProgress progress(options);
    progress.OnEvent(Event(Kind::kStepStarted, 1, 0, "[1/1] RUN x"));
    progress.OnEvent(Event(Kind::kStepDone, 1, 2000));
  }
  std::string text = capture.text();
  EXPECT_THAT(text, HasSubstr(" => [1/1] RUN x"));
  EXPECT_THAT(text, HasSubstr("2.0s"));
  EXPECT_THAT(text, HasSubstr("(1/1) FINISHED"));
  EXPECT_THAT(text, Not(HasSubstr("\033[34m")));
}

TEST(TerminalProgressTest, LeavesNoTitleWhereNoneIsWanted) {
  Capture capture;
  {
    TerminalProgressOptions options;
    options.fd = capture.fd();
    options.keep_title = false;
    TerminalProgress progress(options);
  }
  EXPECT_THAT(capture.text(), Not(HasSubstr("[+]")));
}

}  // namespace
}  // namespace strake::cli
