// What `strake pack` tells of what it has measured.

#ifndef STRAKE_CLI_PACK_REPORT_H_
#define STRAKE_CLI_PACK_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "builder/pack.h"

namespace strake::cli {

struct PackReport {
  std::string input;        // path
  std::string description;  // "folder"
  uint64_t input_bytes = 0;
  std::vector<builder::PackResult> results;
};

// "gzip", "zstd", "estargz", "uncompressed".
std::string PackFormName(const oci::LayerForm& form);

// For people: of one result everything, of several a line each.
std::string PackTable(const PackReport& report);
// One object, with all runs and stages. The form is specified in
// docs/performance.md, as is that of `PackCsv`.
std::string PackJson(const PackReport& report);
// A line with the titles, then one for each result.
std::string PackCsv(const PackReport& report);

}  // namespace strake::cli

#endif  // STRAKE_CLI_PACK_REPORT_H_
