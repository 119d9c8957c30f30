// Templates that are rendered when a step starts, on their way through YAML:
// to it they are letters, so that one may begin a value or have quotes in it.

#ifndef STRAKE_TASKS_FILE_LATE_TEXT_H_
#define STRAKE_TASKS_FILE_LATE_TEXT_H_

#include <string>
#include <vector>

#include "tasks/file/mapped_text.h"
#include "util/yaml.h"

namespace strake::tasks::file {

struct HiddenActions {
  MappedText text;
  std::vector<std::string> actions;  // "{{...}}", as the text has them
};

// `text` with a mark in the place of each action.
HiddenActions HideActions(const MappedText& text);

// Puts the actions back into all strings of a document.
void ShowActions(const HiddenActions& hidden, YamlNode& node);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_LATE_TEXT_H_
