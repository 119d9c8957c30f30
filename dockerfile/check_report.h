// The findings of build checks as people and programs read them: text, the
// JSON of buildx (`--call=check,format=json`), and SARIF 2.1.0 for
// code-scanning tools. Each form ends with a newline.

#ifndef STRAKE_DOCKERFILE_CHECK_REPORT_H_
#define STRAKE_DOCKERFILE_CHECK_REPORT_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/diagnostic.h"

namespace strake::dockerfile {

// A Dockerfile and what was found in it, mistakes included.
struct CheckedFile {
  std::string filename;  // as the user knows it; in SARIF a relative path
  std::string text;
  std::vector<Diagnostic> found;
};

// Every finding with its rule and its line, then how many there are:
// "Check complete, 2 warnings have been found!".
std::string FormatCheckReport(std::span<const CheckedFile> files);

// One file's findings as buildx prints them: `warnings`, `sources` and, where
// the file cannot be parsed, `buildError`. Pretty-printed.
std::string CheckReportJson(const CheckedFile& file);

// All files as one SARIF run of `tool_version` of strake. Pretty-printed.
std::string SarifReport(std::span<const CheckedFile> files,
                        std::string_view tool_version);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_CHECK_REPORT_H_
