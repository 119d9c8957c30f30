// `strake cache ls` and `strake cache prune`.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/prune.h"
#include "builder/store_usage.h"
#include "cli/storage_values.h"
#include "cli/store_command.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using builder::CacheEntry;
using nlohmann::json;

constexpr size_t kShortId = 12;
constexpr size_t kShortText = 60;

json EntryJson(const CacheEntry& entry) {
  return {{"kind", builder::KindName(entry.kind)},
          {"id", entry.id},
          {"size_bytes", entry.size_bytes},
          {"last_used", oci::FormatTimestamp(entry.last_used)},
          {"description", entry.description}};
}

std::string Rows(const std::vector<CacheEntry>& entries) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "KIND", "SIZE", "LAST USED", "DESCRIPTION"}};
  for (const CacheEntry& entry : entries) {
    // Up to the second.
    std::string time = oci::FormatTimestamp(entry.last_used).substr(0, 19);
    std::string text = entry.description.substr(0, kShortText);
    for (char& c : text) {
      if (static_cast<unsigned char>(c) < ' ') c = ' ';
    }
    rows.push_back({entry.id.substr(0, kShortId),
                    std::string(builder::KindName(entry.kind)),
                    HumanBytes(entry.size_bytes), std::move(time),
                    std::move(text)});
  }
  return FormatTable(rows);
}

class CacheListCommand final : public StoreCommand {
 public:
  CacheListCommand() : StoreCommand("table") {}
  void Declare(OptionSet& options) override {
    DeclareFormat(options, "json: an object a line");
  }

 private:
  Result<int> RunOn(const std::string& store) override {
    ASSIGN_OR_RETURN(std::vector<CacheEntry> entries,
                     builder::ListCache(store));
    std::string text;
    if (wants_json()) {
      for (const CacheEntry& entry : entries) {
        text += DumpJson(EntryJson(entry)) + "\n";
      }
    } else {
      text = Rows(entries);
    }
    RETURN_IF_ERROR(PrintOut(text));
    return kExitOk;
  }
};

class CachePruneCommand final : public StoreCommand {
 public:
  CachePruneCommand() : StoreCommand("text") {}
  void Declare(OptionSet& options) override {
    options.Flag("-a,--all", prune_.all, "Everything but images");
    options.Value("--older-than", older_than_, {"TIME"},
                  "What was not used for so long: 90s, 24h, 7d");
    options.Value("--keep-storage", keep_storage_, {"SIZE"},
                  "What was not used for longest, until the cache takes no "
                  "more than this: 500MB, 10GiB");
    options.Flag("--dry-run", prune_.dry_run, "Only say what would go");
    DeclareFormat(options);
    options.Flag("-f,--force", force_,
                 "Taken for docker's sake: nothing is asked anyway");
  }
  Status Resolve(const Environment&, std::vector<std::string>) override {
    if (!older_than_.empty()) {
      ASSIGN_OR_RETURN(prune_.older_than,
                       ParseDuration("--older-than", older_than_));
    }
    if (!keep_storage_.empty()) {
      ASSIGN_OR_RETURN(prune_.keep_bytes,
                       ParseBytes("--keep-storage", keep_storage_));
    }
    return {};
  }

 private:
  Result<int> RunOn(const std::string& store) override {
    ASSIGN_OR_RETURN(builder::PruneResult result,
                     builder::PruneCache(store, prune_));
    RETURN_IF_ERROR(PrintOut(wants_json() ? Json(result) : Text(result)));
    if (result.files_kept) {
      PrintError(
          "Other strakes are using the store: the files stay until the next "
          "prune.\n");
    }
    return kExitOk;
  }

  static std::string Json(const builder::PruneResult& result) {
    json removed = json::array();
    for (const CacheEntry& entry : result.removed) {
      removed.push_back(EntryJson(entry));
    }
    return DumpJson({{"removed", std::move(removed)},
                     {"freed_bytes", result.freed_bytes},
                     {"files_kept", result.files_kept}}) +
           "\n";
  }

  std::string Text(const builder::PruneResult& result) const {
    std::string text;
    if (!result.removed.empty()) text = Rows(result.removed) + "\n";
    return text + (prune_.dry_run ? "Would free: " : "Freed: ") +
           HumanBytes(result.freed_bytes) + "\n";
  }

  builder::PruneOptions prune_;
  std::string older_than_;
  std::string keep_storage_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeCacheListCommand() {
  return std::make_unique<CacheListCommand>();
}

std::unique_ptr<Command> MakeCachePruneCommand() {
  return std::make_unique<CachePruneCommand>();
}

}  // namespace strake::cli
