// The language of `{{...}}` in task files: Go's text/template with all of
// sprig 2.22's text functions (acr-tasks 1.10).
//
// Pure but for what functions are asked for: the clock, random bytes, keys,
// names of hosts. Safe to call from any thread.

#ifndef STRAKE_TASKS_FILE_TEMPLATE_H_
#define STRAKE_TASKS_FILE_TEMPLATE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::tasks::file {

// Which functions there are beside Go's own.
enum class TemplateFunctions {
  kSprig,   // all of sprig's
  kDocker,  // those of docker's --format: json, join, split, upper, lower,
            // title, pad, truncate
};

struct TemplateOptions {
  std::string name = "task";  // in errors
  // Fields of the data (no leading ".") that will be known only later: an
  // action that reads one, and the whole of an `if`, `with` or `range` that
  // does anywhere, stays in the text, byte for byte.
  // The text is to be rendered again, then; what a value holds is no action
  // there either.
  std::vector<std::string> later;
  // What `env` and `expandenv` see; null: nothing is set.
  std::function<std::optional<std::string>(const std::string&)> environment;
  // How much may be done, in nodes executed and values made; a template that
  // takes more fails, as does one that makes more than 16 MiB of text.
  int64_t work = 5'000'000;
  TemplateFunctions functions = TemplateFunctions::kSprig;
  // What nothing is printed as.
  std::string nothing;
  // Whether a field of nothing is nothing, too, rather than an error.
  bool fields_of_nothing = false;
};

struct RenderedTemplate {
  std::string text;
  // For each line of `text`, the line of the template (from 1) that its first
  // byte came from, or would have.
  std::vector<int> source_lines;
};

// Renders `text` with `data`, a JSON object: "." and "$" at the top. Whole
// numbers are Go's int, others its float64, what a map lacks is nothing
// (printed as "", as ACR's engine does with "<no value>", unless `options` say
// otherwise). `kInvalidArgument`:
// "failed to parse template: NAME:LINE:COLUMN: what is wrong", or "failed to
// execute template: ..." in the same form.
Result<RenderedTemplate> RenderTemplate(std::string_view text,
                                        std::string_view data,
                                        const TemplateOptions& options = {});

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_TEMPLATE_H_
