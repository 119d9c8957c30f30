#include "tasks/file/template.h"

#include <utility>

#include "tasks/gotmpl/deferral.h"
#include "tasks/gotmpl/docker_functions.h"
#include "tasks/gotmpl/evaluator.h"
#include "tasks/gotmpl/json_value.h"
#include "tasks/gotmpl/parser.h"
#include "tasks/gotmpl/sprig.h"
#include "util/result_macros.h"

namespace strake::tasks::file {

Result<RenderedTemplate> RenderTemplate(std::string_view text,
                                        std::string_view data,
                                        const TemplateOptions& options) {
  const gotmpl::Functions& functions =
      options.functions == TemplateFunctions::kDocker
          ? gotmpl::DockerFunctions()
          : gotmpl::SprigFunctions();
  ASSIGN_OR_RETURN(
      gotmpl::SyntaxTree tree,
      gotmpl::ParseTemplate(text, options.name, gotmpl::NamesOf(functions)));
  auto value = gotmpl::FromJson(data);
  if (!value) {
    return std::move(value).error().Wrap("data of the template " +
                                         options.name);
  }
  std::set<const gotmpl::Node*> deferred =
      gotmpl::FindDeferred(tree, options.later);

  gotmpl::Execution execution;
  execution.text = text;
  execution.name = options.name;
  execution.tree = &tree;
  execution.functions = &functions;
  execution.deferred = &deferred;
  execution.nothing = options.nothing;
  execution.fields_of_nothing = options.fields_of_nothing;
  execution.read_again = !options.later.empty();
  gotmpl::Context context;
  context.environment = options.environment;
  context.budget = options.work;
  ASSIGN_OR_RETURN(gotmpl::Output::Rendered rendered,
                   gotmpl::Execute(execution, *value, context));
  return RenderedTemplate{std::move(rendered.text),
                          std::move(rendered.source_lines)};
}

}  // namespace strake::tasks::file
