// Text within XML. Pure.

#ifndef STRAKE_CLI_XML_TEXT_H_
#define STRAKE_CLI_XML_TEXT_H_

#include <string>
#include <string_view>

namespace strake::cli {

// `text` as the content of an element, or of an attribute in double quotes.
// Control characters are not for XML, whatever a path may hold: they become
// "?".
std::string XmlText(std::string_view text);

}  // namespace strake::cli

#endif  // STRAKE_CLI_XML_TEXT_H_
