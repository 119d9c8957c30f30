#include "cli/go_template.h"

#include <utility>

#include "tasks/file/template.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {

Result<std::string> FormatGoTemplate(std::string_view pattern,
                                     std::string_view json) {
  tasks::file::TemplateOptions options;
  options.name = "--format";
  options.functions = tasks::file::TemplateFunctions::kDocker;
  options.nothing = "<no value>";
  options.fields_of_nothing = true;
  std::string text = ReplaceAll(ReplaceAll(pattern, "\\n", "\n"), "\\t", "\t");
  ASSIGN_OR_RETURN(tasks::file::RenderedTemplate rendered,
                   tasks::file::RenderTemplate(text, json, options));
  return std::move(rendered.text);
}

}  // namespace strake::cli
