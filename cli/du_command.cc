// `strake du`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "builder/store_usage.h"
#include "cli/storage_values.h"
#include "cli/store_command.h"
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

class DuCommand final : public StoreCommand {
 public:
  DuCommand() : StoreCommand("table") {}
  void Declare(OptionSet& options) override { DeclareFormat(options); }

 private:
  Result<int> RunOn(const std::string& store) override {
    ASSIGN_OR_RETURN(StoreUsage usage, builder::MeasureStore(store));
    RETURN_IF_ERROR(PrintOut(wants_json() ? Json(usage) : Text(usage)));
    return kExitOk;
  }
};

}  // namespace

std::unique_ptr<Command> MakeDuCommand() {
  return std::make_unique<DuCommand>();
}

}  // namespace strake::cli
