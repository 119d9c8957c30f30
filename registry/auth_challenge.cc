#include "registry/auth_challenge.h"

#include "util/strings.h"

namespace strake::registry {
namespace {

bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// A reader of one field: schemes are told from parameters by what follows the
// token, "=" for a parameter and anything else for a scheme.
class FieldReader {
 public:
  explicit FieldReader(std::string_view field) : rest_(field) {}

  void ReadInto(std::vector<AuthChallenge>& challenges) {
    while (true) {
      SkipSeparators();
      std::string_view name = TakeToken();
      if (name.empty()) return;
      SkipBlanks();
      if (!rest_.starts_with('=')) {
        challenges.push_back({ToLower(name), {}});
        continue;
      }
      // "Basic YWJj==" is a token68, not a parameter; nobody sends one to us.
      if (challenges.empty()) return;
      rest_.remove_prefix(1);
      SkipBlanks();
      challenges.back().parameters.emplace(ToLower(name), TakeValue());
    }
  }

 private:
  void SkipBlanks() { rest_ = TrimLeft(rest_); }
  void SkipSeparators() {
    size_t start = rest_.find_first_not_of(" \t,");
    rest_.remove_prefix(start == std::string_view::npos ? rest_.size() : start);
  }
  std::string_view TakeToken() {
    size_t length = 0;
    while (length < rest_.size() && IsTokenChar(rest_[length])) ++length;
    std::string_view token = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return token;
  }
  std::string TakeValue() {
    if (!rest_.starts_with('"')) return std::string(TakeToken());
    rest_.remove_prefix(1);
    std::string value;
    while (!rest_.empty() && rest_[0] != '"') {
      if (rest_[0] == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      value += rest_[0];
      rest_.remove_prefix(1);
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    return value;
  }

  std::string_view rest_;
};

}  // namespace

std::string AuthChallenge::Get(std::string_view name) const {
  auto it = parameters.find(std::string(name));
  return it == parameters.end() ? "" : it->second;
}

std::vector<AuthChallenge> ParseAuthChallenges(
    std::span<const std::string> fields) {
  std::vector<AuthChallenge> challenges;
  for (const std::string& field : fields) {
    FieldReader(field).ReadInto(challenges);
  }
  return challenges;
}

}  // namespace strake::registry
