// `strake du`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "builder/build.h"
#include "builder/store_usage.h"
#include "cli/command.h"
#include "cli/storage_values.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using builder::StoreUsage;
using nlohmann::json;

std::string Json(const StoreUsage& usage) {
  json kinds = json::array();
  for (const StoreUsage::Kind& kind : usage.kinds) {
    kinds.push_back({{"kind", kind.name},
                     {"count", kind.count},
                     {"size_bytes", kind.size_bytes},
                     {"reclaimable_bytes", kind.reclaimable_bytes}});
  }
  return DumpJson({{"kinds", std::move(kinds)},
                   {"total_bytes", usage.total_bytes}}) +
         "\n";
}

std::string Text(const StoreUsage& usage) {
  std::vector<std::vector<std::string>> rows = {
      {"KIND", "COUNT", "SIZE", "RECLAIMABLE"}};
  for (const StoreUsage::Kind& kind : usage.kinds) {
    rows.push_back({kind.name, std::to_string(kind.count),
                    HumanBytes(kind.size_bytes),
                    HumanBytes(kind.reclaimable_bytes)});
  }
  rows.push_back({"total", "", HumanBytes(usage.total_bytes), ""});
  return FormatTable(rows);
}

class DuCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.Value("--format", format_,
                  {"FORMAT", Completes::kNothing, {"table", "json"}},
                  "How the answer is written");
  }
  Status Resolve(const Environment&, std::vector<std::string>) override {
    return {};
  }
  void Prepare() override { builder::PrepareProcess(); }
  Result<int> Run(Session& session) override {
    ASSIGN_OR_RETURN(std::string store, StoreDirectory(session.environment));
    ASSIGN_OR_RETURN(StoreUsage usage, builder::MeasureStore(store));
    RETURN_IF_ERROR(PrintOut(format_ == "json" ? Json(usage) : Text(usage)));
    return kExitOk;
  }

 private:
  std::string format_ = "table";
};

}  // namespace

std::unique_ptr<Command> MakeDuCommand() {
  return std::make_unique<DuCommand>();
}

}  // namespace strake::cli
