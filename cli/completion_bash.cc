// bash splits the line at ":" and "=" too and replaces only the piece after
// them, so the script looks at the raw word and takes what comes before the
// piece off its answers.

#include <string>
#include <utility>
#include <vector>

#include "cli/completion.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

constexpr std::string_view kHead = R"(# bash completion for strake
_strake_offer() {
    local IFS=$'\n'
    COMPREPLY=($(compgen "$@" -- "$want"))
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}
_strake_words() { _strake_offer -W "${*// /$'\n'}"; }
_strake_files() { compopt -o filenames 2>/dev/null; _strake_offer -f; }
_strake_folders() { compopt -o filenames 2>/dev/null; _strake_offer -d; }
)";

constexpr std::string_view kBody = R"(
_strake() {
    local current="${COMP_WORDS[COMP_CWORD]}" previous="" command="" word i
    local line="${COMP_LINE:0:COMP_POINT}"
    local want="${line##*[[:space:]]}" kept=""
    COMPREPLY=()
    if [[ $current == [=:] ]]; then current=""; fi
    if ((COMP_CWORD > 0)); then previous="${COMP_WORDS[COMP_CWORD - 1]}"; fi
    if [[ $want == --*=* ]]; then
        previous="${want%%=*}"
        want="${want#*=}"
    fi
    kept="${want%"$current"}"
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${command:+$command }${COMP_WORDS[i]}"
        case "$word" in
            @NAMES@) command="$word" ;;
            *) break ;;
        esac
    done
    case "$command" in
        '') _strake_words '@COMMANDS@' ;;
)";

constexpr std::string_view kTail = R"(    esac
}
complete -F _strake strake
)";

std::string Action(Completes completes, const std::vector<std::string>& words) {
  if (!words.empty()) return "_strake_words '" + Join(words, " ") + "'";
  switch (completes) {
    case Completes::kFiles:
      return "_strake_files";
    case Completes::kFolders:
      return "_strake_folders";
    case Completes::kImages:
      return "_strake_images";
    case Completes::kNothing:
      break;
  }
  return ":";
}

std::string Quoted(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back("'" + name + "'");
  return Join(quoted, "|");
}

std::string CommandCase(const CompletedCommand& command) {
  std::string text = "        " + Quoted(command.names) + ")\n";
  std::vector<std::string> options = {"--help"};
  std::string values;
  for (const OptionSet::Option& option : command.options.options()) {
    if (!option.supported) continue;
    options.push_back("--" + option.long_name);
    if (option.is_flag() || option.value_optional) continue;
    values += "                ";
    if (option.short_name != '\0') values += {'-', option.short_name, '|'};
    values += "--" + option.long_name + ") " +
              Action(option.value.completes, option.value.choices) +
              "; return ;;\n";
  }
  if (!values.empty()) {
    text +=
        "            case \"$previous\" in\n" + values + "            esac\n";
  }
  text += "            if [[ $want == -* ]]; then _strake_words '" +
          Join(options, " ") + "'; else " +
          Action(command.options.arguments().completes,
                 command.options.arguments().choices) +
          "; fi ;;\n";
  return text;
}

}  // namespace

std::string BashCompletion() {
  std::vector<std::string> names = CommandNames();
  std::vector<std::string> first_words = {"help"};
  std::string cases;
  for (const CommandFamily& family : CommandFamilies()) {
    names.push_back(family.name);
    first_words.push_back(family.name);
    cases += "        '" + family.name + "') _strake_words '" +
             Join(family.members, " ") + "' ;;\n";
  }
  for (const CompletedCommand& command : CompletedCommands()) {
    if (command.names[0].find(' ') == std::string::npos) {
      first_words.push_back(command.names[0]);
    }
    cases += CommandCase(command);
  }
  std::string body = ReplaceAll(kBody, "@NAMES@", Quoted(names));
  body = ReplaceAll(body, "@COMMANDS@", Join(first_words, " "));
  return std::string(kHead) + "_strake_images() { _strake_offer -W \"$(" +
         std::string(kListImages) + ")\"; }\n" + body + cases +
         std::string(kTail);
}

}  // namespace strake::cli
