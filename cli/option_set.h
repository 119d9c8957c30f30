// The options and arguments of one command: declared once, and from there
// parsed, shown by --help and completed by shells.
//
// Options are written as docker's are: `--name value`, `--name=value`, `-n
// value`, `-nvalue`, `-n=value`, flags also `--flag=false`, in any order and
// mixed with arguments; "--" ends them. What is given twice counts the last
// time, unless it is a list.

#ifndef STRAKE_CLI_OPTION_SET_H_
#define STRAKE_CLI_OPTION_SET_H_

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "util/result.h"

namespace strake::cli {

// What a shell may offer in place of a value.
enum class Completes { kNothing, kFiles, kFolders, kImages };

// How the value of an option looks.
struct ValueStyle {
  std::string name = "VALUE";  // as --help shows it
  Completes completes = Completes::kNothing;
  std::vector<std::string> choices = {};  // empty: anything
};

class OptionSet {
 public:
  // Where a parsed option goes; borrowed.
  using Target = std::variant<bool*, std::string*, std::optional<std::string>*,
                              std::vector<std::string>*>;
  struct Option {
    char short_name = '\0';
    std::string long_name;  // without "--"
    Target target;
    ValueStyle value;             // not for flags
    bool value_optional = false;  // "--sbom" and "--sbom=X"
    bool supported = true;
    std::string help;

    bool is_flag() const { return std::holds_alternative<bool*>(target); }
    bool is_list() const {
      return std::holds_alternative<std::vector<std::string>*>(target);
    }
  };
  struct Arguments {
    std::string name;  // "CONTEXT", "IMAGE..."
    size_t min = 0;
    size_t max = 0;
    Completes completes = Completes::kNothing;
    // The first argument ends the options: all that follows is a command.
    bool end_options = false;
    std::vector<std::string> choices = {};  // for completion
  };
  static constexpr size_t kAnyNumber = std::numeric_limits<size_t>::max();

  // `names` is "--long" or "-s,--long". Targets keep their value where the
  // option is not given.
  void Flag(std::string_view names, bool& target, std::string help);
  void Value(std::string_view names, std::string& target, ValueStyle style,
             std::string help);
  void Value(std::string_view names, std::optional<std::string>& target,
             ValueStyle style, std::string help);
  void List(std::string_view names, std::vector<std::string>& target,
            ValueStyle style, std::string help);
  // `--name` stores "true", `--name=x` stores x; never takes a second word.
  void OptionalValue(std::string_view names, std::optional<std::string>& target,
                     std::string help);
  // An option that others have: giving it is an error which says so.
  void NotYetFlag(std::string_view names);
  void NotYetValue(std::string_view names);

  void SetArguments(Arguments arguments) { arguments_ = std::move(arguments); }

  const std::vector<Option>& options() const { return options_; }
  const Arguments& arguments() const { return arguments_; }
  // Whether "-h" asks for help: it does where no option has that name.
  bool ShortHelp() const;

  struct Parsed {
    bool help = false;  // nothing else was looked at
    std::vector<std::string> arguments;
  };
  // Fills the targets. `kInvalidArgument` names the option or argument that is
  // unknown (and the nearest one), lacks its value, or is one too many;
  // `kUnsupported` an option that is not there yet.
  Result<Parsed> Parse(const std::vector<std::string>& words) const;

 private:
  Option& Add(std::string_view names, Target target, std::string help);

  std::vector<Option> options_;
  Arguments arguments_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_OPTION_SET_H_
