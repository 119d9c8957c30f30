// YAML values to C++ ones as yaml.v2 of Go does it, whose rules and wording
// task files were written against (acr-tasks 1.2): the booleans of YAML 1.1, a
// string is any scalar, null is the zero value, keys may be unknown or stand
// twice.

#ifndef STRAKE_TASKS_FILE_DECODER_H_
#define STRAKE_TASKS_FILE_DECODER_H_

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/file/mapped_text.h"
#include "tasks/file/problems.h"
#include "tasks/file/yaml_scalar.h"
#include "util/yaml.h"

namespace strake::tasks::file {

// Each function takes null for a value that is absent, gives the zero value
// for what has the wrong type, and then records "yaml: unmarshal errors: ...".
class Decoder {
 public:
  //   prefix  before the text of each error
  Decoder(const Locator& locator, Problems& problems, std::string prefix = "")
      : locator_(locator), problems_(problems), prefix_(std::move(prefix)) {}

  // Whether keys beyond those of ACR Tasks mean something.
  void set_is_strake(bool is_strake) { is_strake_ = is_strake; }
  bool is_strake() const { return is_strake_; }

  Place At(const YamlNode& node) const;
  Place At(const YamlMark& mark) const;

  std::string String(const YamlNode* node);
  bool Bool(const YamlNode* node);
  int Int(const YamlNode* node);
  std::vector<std::string> Strings(const YamlNode* node);
  std::vector<int> Ints(const YamlNode* node);
  std::map<std::string, std::string> StringMap(const YamlNode* node);
  // The items of a list, of which `go_type` says what it should be.
  std::vector<const YamlNode*> List(const YamlNode* node,
                                    std::string_view go_type);
  // Whether there is a map to look into.
  bool IsMap(const YamlNode* node, std::string_view go_type);

  using Keys = std::initializer_list<std::string_view>;
  // Warns of keys of a map that mean nothing or stand twice; those that begin
  // with "x-" are there for YAML's anchors.
  //   beyond  those that only strake's own version knows
  void CheckKeys(const YamlNode& map, Keys known, Keys beyond);

 private:
  void WrongType(const YamlNode& node, std::string_view go_type);

  const Locator& locator_;
  Problems& problems_;
  std::string prefix_;
  bool is_strake_ = false;
};

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_DECODER_H_
