// What lies outside of the template: the environment, names of hosts.

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <memory>

#include "tasks/gotmpl/sprig.h"
#include "util/c_handle.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

std::string Variable(const Context& context, const std::string& name) {
  if (!context.environment) return "";
  return context.environment(name).value_or("");
}

bool NameCharacter(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

// The name behind a "$" at the front of `text`, and how many bytes it takes:
// none where there is no name. `{}` and `{` eat what Go's os.Expand does.
struct VariableName {
  std::string name;
  size_t length = 0;
};

VariableName TakeName(std::string_view text) {
  if (text.starts_with('{')) {
    size_t close = text.find('}');
    if (close == std::string_view::npos) return {"", 1};
    return {std::string(text.substr(1, close - 1)), close + 1};
  }
  constexpr std::string_view kSpecial = "*#$@!?-0123456789";
  if (!text.empty() && kSpecial.find(text[0]) != std::string_view::npos) {
    return {std::string(text.substr(0, 1)), 1};
  }
  size_t length = 0;
  while (length < text.size() && NameCharacter(text[length])) ++length;
  return {std::string(text.substr(0, length)), length};
}

// os.ExpandEnv.
Result<std::string> Expand(Context& context, const std::string& text) {
  std::string out;
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t dollar = rest.find('$');
    if (dollar == std::string_view::npos || dollar + 1 == rest.size()) {
      out += rest;
      break;
    }
    out += rest.substr(0, dollar);
    rest.remove_prefix(dollar + 1);
    VariableName variable = TakeName(rest);
    rest.remove_prefix(variable.length);
    if (!variable.name.empty()) {
      out += Variable(context, variable.name);
    } else if (variable.length == 0) {
      out += '$';
    }
    RETURN_IF_ERROR(CheckTextSize(out.size()));
  }
  return out;
}

Result<std::string> AddressOfHost(const std::string& name) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failure = getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (failure != 0) {
    return InvalidArgument("host " + name + ": " + gai_strerror(failure));
  }
  std::unique_ptr<addrinfo, FreeWith<freeaddrinfo>> addresses(found);
  char address[NI_MAXHOST];
  failure = getnameinfo(addresses->ai_addr, addresses->ai_addrlen, address,
                        sizeof address, nullptr, 0, NI_NUMERICHOST);
  if (failure != 0) {
    return InvalidArgument("host " + name + ": " + gai_strerror(failure));
  }
  return std::string(address);
}

}  // namespace

void AddSprigSystem(Functions& functions) {
  AddFunction(functions, "env", [](Context& context, std::string name) {
    return Variable(context, name);
  });
  AddFunction(functions, "expandenv", [](Context& context, std::string text) {
    return Expand(context, text);
  });
  AddFunction(functions, "getHostByName", AddressOfHost);
  AddFunction(functions, "hello", [] { return "Hello!"; });
}

}  // namespace strake::tasks::gotmpl
