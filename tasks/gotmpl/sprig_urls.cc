// Addresses as Go's package net/url reads and writes them.

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/gotmpl/sprig.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

enum class Part { kPath, kHost, kUser, kFragment };

bool Plain(char c, Part part) {
  bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9');
  auto in = [c](std::string_view set) {
    return set.find(c) != std::string_view::npos;
  };
  if (word || in("-_.~")) return true;
  switch (part) {
    case Part::kPath:
      return in("$&+,/:;=@");
    case Part::kHost:
      return in("!$&'()*+,;=:[]<>\"");
    case Part::kUser:
      return in("$&+,;=");
    case Part::kFragment:
      return in("$&+,/:;=?@!()*");
  }
  return false;
}

std::string Escape(std::string_view text, Part part) {
  std::string out;
  for (char c : text) {
    if (Plain(c, part)) {
      out += c;
      continue;
    }
    char buffer[8];
    std::snprintf(buffer, sizeof buffer, "%%%02X",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += buffer;
  }
  return out;
}

Result<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    auto byte = ParseUint(text.substr(i + 1, 2), 16);
    if (!byte || i + 2 >= text.size()) {
      return InvalidArgument("invalid URL escape " +
                             GoQuote(text.substr(i, 3)));
    }
    out += static_cast<char>(*byte);
    i += 2;
  }
  return out;
}

struct Url {
  std::string scheme;
  std::string opaque;
  std::string user;  // written
  std::string host;
  std::string path;
  std::string query;
  std::string fragment;
};

// Consumes "scheme:".
Result<std::string> TakeScheme(std::string_view& rest) {
  for (size_t i = 0; i < rest.size(); ++i) {
    char c = rest[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) continue;
    bool later = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (later && i > 0) continue;
    if (c != ':') return std::string();
    if (i == 0) return InvalidArgument("missing protocol scheme");
    std::string scheme = ToLower(rest.substr(0, i));
    rest.remove_prefix(i + 1);
    return scheme;
  }
  return std::string();
}

Result<std::string> ReadUser(std::string_view written) {
  constexpr std::string_view kOthers = "-._:~!$&'()*+,;=%@";
  for (char c : written) {
    bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                (c >= '0' && c <= '9');
    if (!word && kOthers.find(c) == std::string_view::npos) {
      return InvalidArgument("net/url: invalid userinfo");
    }
  }
  size_t colon = written.find(':');
  ASSIGN_OR_RETURN(std::string name, Unescape(written.substr(0, colon)));
  std::string user = Escape(name, Part::kUser);
  if (colon == std::string_view::npos) return user;
  ASSIGN_OR_RETURN(std::string password, Unescape(written.substr(colon + 1)));
  return user + ":" + Escape(password, Part::kUser);
}

bool GoodPort(std::string_view port) {
  return port.empty() ||
         (port[0] == ':' &&
          port.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

Result<std::string> ReadHost(std::string_view written) {
  std::string_view port;
  if (written.starts_with('[')) {
    size_t close = written.rfind(']');
    if (close == std::string_view::npos) {
      return InvalidArgument("missing ']' in host");
    }
    port = written.substr(close + 1);
  } else if (size_t colon = written.rfind(':');
             colon != std::string_view::npos) {
    port = written.substr(colon);
  }
  if (!GoodPort(port)) {
    return InvalidArgument("invalid port " + GoQuote(port) + " after host");
  }
  return Unescape(written);
}

Result<Url> ReadAfterScheme(Url url, std::string_view rest) {
  if (size_t mark = rest.find('?'); mark != std::string_view::npos) {
    url.query = std::string(rest.substr(mark + 1));
    rest = rest.substr(0, mark);
  }
  if (!rest.starts_with('/')) {
    if (!url.scheme.empty()) {
      url.opaque = std::string(rest);
      return url;
    }
    if (rest.substr(0, rest.find('/')).find(':') != std::string_view::npos) {
      return InvalidArgument("first path segment in URL cannot contain colon");
    }
  }
  bool authority = rest.starts_with("//") &&
                   (!url.scheme.empty() || !rest.starts_with("///"));
  if (authority) {
    rest.remove_prefix(2);
    std::string_view written = rest.substr(0, rest.find('/'));
    rest.remove_prefix(written.size());
    if (size_t at = written.rfind('@'); at != std::string_view::npos) {
      ASSIGN_OR_RETURN(url.user, ReadUser(written.substr(0, at)));
      written.remove_prefix(at + 1);
    }
    ASSIGN_OR_RETURN(url.host, ReadHost(written));
  }
  ASSIGN_OR_RETURN(url.path, Unescape(rest));
  return url;
}

Result<Url> ReadUrl(std::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return InvalidArgument("net/url: invalid control character in URL");
    }
  }
  Url url;
  if (size_t hash = text.find('#'); hash != std::string_view::npos) {
    ASSIGN_OR_RETURN(url.fragment, Unescape(text.substr(hash + 1)));
    text = text.substr(0, hash);
  }
  ASSIGN_OR_RETURN(url.scheme, TakeScheme(text));
  return ReadAfterScheme(std::move(url), text);
}

// Without the port, and without the brackets of an IPv6 address.
std::string HostName(std::string_view host) {
  if (host.starts_with('[')) {
    if (size_t close = host.find(']'); close != std::string_view::npos) {
      return std::string(host.substr(1, close - 1));
    }
  }
  size_t colon = host.rfind(':');
  bool port = colon != std::string_view::npos && GoodPort(host.substr(colon));
  return std::string(port ? host.substr(0, colon) : host);
}

Result<Value> ParseUrl(const std::string& text) {
  auto url = ReadUrl(text);
  if (!url) {
    return std::move(url).error().Wrap("unable to parse url: parse " +
                                       GoQuote(text));
  }
  DictPtr dict = MakeDict();
  auto& items = dict->items();
  items["scheme"] = url->scheme;
  items["host"] = url->host;
  items["hostname"] = HostName(url->host);
  items["path"] = url->path;
  items["query"] = url->query;
  items["opaque"] = url->opaque;
  items["fragment"] = url->fragment;
  items["userinfo"] = url->user;
  return Value(dict);
}

Result<std::string> TextOf(Dict& dict, const std::string& key) {
  auto found = dict.items().find(key);
  if (found == dict.items().end()) return std::string();
  if (found->second.kind() != Kind::kString) {
    return InvalidArgument("unable to parse " + key +
                           " key, must be of type string, but " +
                           KindName(found->second) + " found");
  }
  return found->second.String();
}

std::string WritePath(const Url& url, bool authority) {
  std::string path = url.path == "*" ? "*" : Escape(url.path, Part::kPath);
  if (!path.empty() && path[0] != '/' && !url.host.empty()) return "/" + path;
  // Else the colon would end a scheme.
  bool ambiguous =
      url.scheme.empty() && !authority &&
      path.substr(0, path.find('/')).find(':') != std::string::npos;
  return ambiguous ? "./" + path : path;
}

std::string WriteUrl(const Url& url) {
  std::string text = url.scheme.empty() ? "" : url.scheme + ":";
  if (!url.opaque.empty()) {
    text += url.opaque;
  } else {
    bool named = !url.scheme.empty() || !url.host.empty() || !url.user.empty();
    bool authority =
        named && (!url.host.empty() || !url.path.empty() || !url.user.empty());
    if (authority) text += "//";
    if (!url.user.empty()) text += url.user + "@";
    text += Escape(url.host, Part::kHost);
    text += WritePath(url, authority);
  }
  if (!url.query.empty()) text += "?" + url.query;
  if (!url.fragment.empty())
    text += "#" + Escape(url.fragment, Part::kFragment);
  return text;
}

Result<std::string> JoinUrl(DictPtr dict) {
  Url url;
  ASSIGN_OR_RETURN(url.scheme, TextOf(*dict, "scheme"));
  ASSIGN_OR_RETURN(url.host, TextOf(*dict, "host"));
  ASSIGN_OR_RETURN(url.path, TextOf(*dict, "path"));
  ASSIGN_OR_RETURN(url.query, TextOf(*dict, "query"));
  ASSIGN_OR_RETURN(url.opaque, TextOf(*dict, "opaque"));
  ASSIGN_OR_RETURN(url.fragment, TextOf(*dict, "fragment"));
  ASSIGN_OR_RETURN(std::string user, TextOf(*dict, "userinfo"));
  auto read = ReadUser(user);
  if (!read) {
    return std::move(read).error().Wrap("unable to parse userinfo in dict");
  }
  url.user = *std::move(read);
  return WriteUrl(url);
}

}  // namespace

void AddSprigUrls(Functions& functions) {
  AddFunction(functions, "urlParse", ParseUrl);
  AddFunction(functions, "urlJoin", JoinUrl);
}

}  // namespace strake::tasks::gotmpl
