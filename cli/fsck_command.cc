// `strake fsck`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "builder/fsck.h"
#include "cli/store_command.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using builder::FsckReport;
using nlohmann::json;

std::string Json(const FsckReport& report) {
  json problems = json::array();
  for (const FsckReport::Problem& problem : report.problems) {
    problems.push_back(
        {{"what", problem.what}, {"repaired", problem.repaired}});
  }
  return DumpJson({{"blobs", report.blobs},
                   {"blob_bytes", report.blob_bytes},
                   {"images", report.images},
                   {"index_entries", report.index_entries},
                   {"snapshots", report.snapshots},
                   {"problems", std::move(problems)},
                   {"notes", report.notes},
                   {"sound", report.sound()}}) +
         "\n";
}

std::string Text(const FsckReport& report) {
  std::string text = std::to_string(report.blobs) + " blobs (" +
                     HumanBytes(report.blob_bytes) + "), " +
                     std::to_string(report.images) + " images, " +
                     std::to_string(report.index_entries) + " index entries, " +
                     std::to_string(report.snapshots) + " snapshots\n";
  for (const FsckReport::Problem& problem : report.problems) {
    text +=
        (problem.repaired ? "repaired: " : "problem: ") + problem.what + "\n";
  }
  for (const std::string& note : report.notes) text += "note: " + note + "\n";
  return text + (report.sound() ? "The store is sound.\n"
                                : "The store is not sound.\n");
}

class FsckCommand final : public StoreCommand {
 public:
  FsckCommand() : StoreCommand("text") {}
  void Declare(OptionSet& options) override {
    options.Flag("--repair", fsck_.repair,
                 "Remove what is damaged or left over; what builds can make "
                 "again, they make again");
    DeclareFormat(options);
  }

 private:
  Result<int> RunOn(const std::string& store) override {
    ASSIGN_OR_RETURN(FsckReport report, builder::CheckStore(store, fsck_));
    RETURN_IF_ERROR(PrintOut(wants_json() ? Json(report) : Text(report)));
    return report.sound() ? kExitOk : kExitFailed;
  }

  builder::FsckOptions fsck_;
};

}  // namespace

std::unique_ptr<Command> MakeFsckCommand() {
  return std::make_unique<FsckCommand>();
}

}  // namespace strake::cli
