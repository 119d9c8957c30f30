// Spans of time in the Trace Event Format ("JSON Object Format", complete
// events), which chrome://tracing, Perfetto and speedscope read.

#ifndef STRAKE_CLI_CHROME_TRACE_H_
#define STRAKE_CLI_CHROME_TRACE_H_

#include <span>
#include <string>

#include "cli/build_timings.h"

namespace strake::cli {

// Steps, phases and transfers as three processes; within one, spans that
// overlap are in different threads. Times are microseconds since the first
// span began. `detail` is an argument of the event.
std::string ChromeTrace(std::span<const TimeSpan> spans);

}  // namespace strake::cli

#endif  // STRAKE_CLI_CHROME_TRACE_H_
