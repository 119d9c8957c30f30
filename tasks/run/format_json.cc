#include "tasks/run/format_json.h"

#include <utility>

#include "tasks/file/template.h"
#include "util/result_macros.h"

namespace strake::tasks::run {

Result<std::string> FormatJson(std::string_view format,
                               const std::string& object) {
  if (format == "json") return object;
  if (format == "table" || format.starts_with("table ")) {
    return Unsupported("--format " + std::string(format) +
                       ": tables are not made; leave \"table\" out");
  }
  file::TemplateOptions options;
  options.name = "--format";
  options.functions = file::TemplateFunctions::kDocker;
  ASSIGN_OR_RETURN(file::RenderedTemplate rendered,
                   file::RenderTemplate(format, object, options));
  return std::move(rendered.text);
}

}  // namespace strake::tasks::run
