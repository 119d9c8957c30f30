// `strake pack`.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "builder/pack.h"
#include "cli/command.h"
#include "cli/pack_chart.h"
#include "cli/pack_report.h"
#include "cli/result_file.h"
#include "util/atomic_file.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

constexpr int kMaxThreads = 256;
constexpr int kMaxRepeat = 1000;
constexpr int kMaxLayer = 1'000'000;

int Processors() {
  return static_cast<int>(
      std::clamp(std::thread::hardware_concurrency(), 1U, unsigned{64}));
}

Result<int> ParseNumber(const std::string& option, std::string_view text,
                        int least, int most) {
  auto number = ParseInt(text);
  if (!number || *number < least || *number > most) {
    return InvalidArgument(option + " " + std::string(text) +
                           ": expected a number from " + std::to_string(least) +
                           " to " + std::to_string(most));
  }
  return static_cast<int>(*number);
}

// "1,3,6"; nothing: none.
Result<std::vector<int>> ParseNumbers(const std::string& option,
                                      std::string_view text, int least,
                                      int most) {
  std::vector<int> numbers;
  if (text.empty()) return numbers;
  for (std::string_view part : Split(text, ',')) {
    ASSIGN_OR_RETURN(int number, ParseNumber(option, part, least, most));
    numbers.push_back(number);
  }
  return numbers;
}

Result<oci::LayerForm> ParseForm(std::string_view name) {
  oci::LayerForm form;
  form.estargz = name == "estargz";
  if (form.estargz) return form;
  auto algorithm = oci::ParseCompression(name);
  if (!algorithm) {
    return InvalidArgument("--compression " + std::string(name) +
                           ": there are gzip, zstd, estargz and uncompressed");
  }
  form.compression.algorithm = *algorithm;
  return form;
}

Status CheckLevel(const oci::LayerForm& form, int level) {
  const std::string name = PackFormName(form);
  if (form.compression.algorithm == oci::Compression::kNone) {
    return InvalidArgument("--level has no meaning for uncompressed layers");
  }
  const bool zstd = form.compression.algorithm == oci::Compression::kZstd;
  if (level <= (zstd ? 22 : 9)) return {};
  return InvalidArgument("--level " + std::to_string(level) + ": " + name +
                         " has levels from 1 to 9");
}

bool SameKind(const oci::LayerForm& a, const oci::LayerForm& b) {
  return a.compression.algorithm == b.compression.algorithm &&
         a.estargz == b.estargz;
}

// A file that takes its name when it is finished.
class PublishedFile final : public ByteSink {
 public:
  explicit PublishedFile(AtomicFile file) : file_(std::move(file)) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    return WriteFully(file_.fd(), data);
  }
  Status Finish() override { return file_.Commit(); }

 private:
  AtomicFile file_;
};

class PackCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.Value("--compare", compare_, {"FILE", Completes::kFiles},
                  "Pack in many forms (those that the other options name; "
                  "without these a choice of all), and draw time against size "
                  "to FILE, as SVG");
    options.Value(
        "--compression", compression_, {"NAME", Completes::kNothing, {}},
        "gzip (default), zstd, estargz or uncompressed; with --compare "
        "several with commas");
    options.Value("--format", format_,
                  {"FORMAT", Completes::kNothing, {"table", "json", "csv"}},
                  "How the measurements are written");
    options.Value("--layer", layer_, {"N"},
                  "Which layer of an image, from 1 on, the lowest");
    options.Value("--level", level_, {"N"},
                  "gzip, estargz 1-9; zstd 1-22; with --compare several with "
                  "commas");
    options.Value(
        "-o,--output", output_, {"FILE", Completes::kFiles},
        "Write the layer blob to FILE (default: it is only measured)");
    options.Value("--repeat", repeat_, {"N"},
                  "Pack so many times, and tell of the run with the median "
                  "time (default: 1)");
    options.Value("--threads", threads_, {"N"},
                  "Threads that compress, beside the one that does all else; "
                  "0: that one, too (default: one a CPU); with --compare "
                  "several with commas");
    options.SetArguments({"PATH", 1, 1, Completes::kFiles});
  }

  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    path_ = arguments[0];
    if (!layer_.empty()) {
      ASSIGN_OR_RETURN(number_, ParseNumber("--layer", layer_, 1, kMaxLayer));
    }
    if (!repeat_.empty()) {
      ASSIGN_OR_RETURN(options_.repeat,
                       ParseNumber("--repeat", repeat_, 1, kMaxRepeat));
    }
    if (!compare_.empty() && !output_.empty()) {
      return InvalidArgument(
          "--compare and --output: a comparison has no blob to be written");
    }
    ASSIGN_OR_RETURN(forms_, ResolveForms());
    if (compare_.empty() && forms_.size() != 1) {
      return InvalidArgument(
          "several values of --compression, --level or --threads: only "
          "--compare packs in several forms");
    }
    return {};
  }

  Result<int> Run(Session& session) override {
    RETURN_IF_ERROR(PrepareResultFile("--compare", compare_));
    options_.stop = session.interrupt.token();
    if (!output_.empty())
      options_.open_output = [this] { return OpenOutput(); };
    ASSIGN_OR_RETURN(std::unique_ptr<builder::PackSource> source,
                     builder::OpenPackSource(path_, number_));
    PackReport report{path_, source->description(), source->input_bytes(), {}};
    for (const oci::LayerForm& form : forms_) {
      auto result = builder::MeasurePack(*source, form, options_);
      if (!result)
        return std::move(result).error().Wrap("cannot pack " + path_);
      report.results.push_back(*std::move(result));
    }
    builder::MarkParetoFront(report.results);
    if (!compare_.empty()) {
      RETURN_IF_ERROR(WriteResultFile(compare_, PackChart(report)));
    }
    RETURN_IF_ERROR(PrintOut(format_ == "json"  ? PackJson(report)
                             : format_ == "csv" ? PackCsv(report)
                                                : PackTable(report)));
    return kExitOk;
  }

 private:
  Result<std::vector<oci::LayerForm>> ResolveForms() const {
    ASSIGN_OR_RETURN(std::vector<int> levels,
                     ParseNumbers("--level", level_, 1, 22));
    ASSIGN_OR_RETURN(std::vector<int> threads,
                     ParseNumbers("--threads", threads_, 0, kMaxThreads));
    if (threads.empty()) threads = {Processors()};
    std::vector<oci::LayerForm> forms;
    for (int count : threads) {
      ASSIGN_OR_RETURN(std::vector<oci::LayerForm> some,
                       FormsOf(levels, count));
      forms.insert(forms.end(), some.begin(), some.end());
    }
    return forms;
  }

  // Those with `threads` threads.
  Result<std::vector<oci::LayerForm>> FormsOf(const std::vector<int>& levels,
                                              int threads) const {
    std::vector<oci::LayerForm> choice = builder::FormsToCompare(threads);
    const bool comparing = !compare_.empty();
    if (comparing && compression_.empty() && levels.empty()) return choice;
    std::vector<oci::LayerForm> forms;
    const std::string names = compression_.empty() ? "gzip" : compression_;
    for (std::string_view name : Split(names, ',')) {
      ASSIGN_OR_RETURN(oci::LayerForm form, ParseForm(name));
      form.compression.threads = threads;
      for (int level : levels) {
        RETURN_IF_ERROR(CheckLevel(form, level));
        form.compression.level = level;
        forms.push_back(form);
      }
      if (!levels.empty()) continue;
      if (!comparing) {
        forms.push_back(form);
        continue;
      }
      for (const oci::LayerForm& known : choice) {
        if (SameKind(known, form)) forms.push_back(known);
      }
    }
    return forms;
  }

  Result<std::unique_ptr<ByteSink>> OpenOutput() const {
    ASSIGN_OR_RETURN(AtomicFile file,
                     AtomicFile::Create(output_, {.sync = true}));
    return std::unique_ptr<ByteSink>(
        std::make_unique<PublishedFile>(std::move(file)));
  }

  std::string compare_;
  std::string compression_;
  std::string format_ = "table";
  std::string layer_;
  std::string level_;
  std::string output_;
  std::string repeat_;
  std::string threads_;

  std::string path_;
  int number_ = 0;  // of the layer
  builder::PackOptions options_;
  std::vector<oci::LayerForm> forms_;
};

}  // namespace

std::unique_ptr<Command> MakePackCommand() {
  return std::make_unique<PackCommand>();
}

}  // namespace strake::cli
