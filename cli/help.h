// The texts of --help.

#ifndef STRAKE_CLI_HELP_H_
#define STRAKE_CLI_HELP_H_

#include <string>

#include "cli/command.h"
#include "cli/option_set.h"

namespace strake::cli {

// All commands, each with a line.
std::string Overview();

// "strake build [OPTIONS] CONTEXT".
std::string UsageLine(const CommandEntry& entry, const OptionSet& options);

// One command: usage, description, options, examples. 80 columns at the most.
std::string CommandHelp(const CommandEntry& entry, const OptionSet& options);

}  // namespace strake::cli

#endif  // STRAKE_CLI_HELP_H_
