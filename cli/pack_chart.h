// The picture of a comparison of packings: time against size.

#ifndef STRAKE_CLI_PACK_CHART_H_
#define STRAKE_CLI_PACK_CHART_H_

#include <string>

#include "cli/pack_report.h"

namespace strake::cli {

// An SVG 1.1 document that needs nothing else. One point for each result, the
// time on a logarithmic scale, joined where they are on the Pareto front; the
// pointer over one tells its numbers. Equal reports give equal bytes.
// REQUIRES: there are results
std::string PackChart(const PackReport& report);

}  // namespace strake::cli

#endif  // STRAKE_CLI_PACK_CHART_H_
