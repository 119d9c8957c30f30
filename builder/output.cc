#include "builder/output.h"

#include <optional>
#include <utility>

#include "util/csv.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder {
namespace {

struct KindName {
  std::string_view name;
  Output::Kind kind;
};
constexpr KindName kKinds[] = {
    {"image", Output::Kind::kStore},       {"store", Output::Kind::kStore},
    {"oci", Output::Kind::kOci},           {"docker", Output::Kind::kDocker},
    {"registry", Output::Kind::kRegistry}, {"local", Output::Kind::kLocal},
    {"tar", Output::Kind::kTar},
};

Result<Output::Kind> ParseKind(std::string_view name) {
  std::vector<std::string> names;
  for (const KindName& kind : kKinds) {
    if (kind.name == name) return kind.kind;
    names.emplace_back(kind.name);
  }
  return InvalidArgument("unknown type \"" + std::string(name) + "\"" +
                         DidYouMean(name, names) + "; there are " +
                         Join(names, ", "));
}

Result<bool> ParseBool(std::string_view key, std::string_view value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return InvalidArgument(std::string(key) + "=" + std::string(value) +
                         ": expected true or false");
}

// What buildx knows and strake does not do yet: an error, not a silence.
constexpr std::string_view kNotYet[] = {"compression",
                                        "compression-level",
                                        "force-compression",
                                        "annotation",
                                        "name-canonical",
                                        "push-by-digest",
                                        "platform-split",
                                        "oci-mediatypes",
                                        "unpack",
                                        "dangling-name-prefix",
                                        "registry.insecure",
                                        "attestation-prefix",
                                        "mode",
                                        "store"};

struct Flags {
  bool push = false;
};

Status ApplyField(std::string_view field, Output& output, Flags& flags) {
  auto pair = SplitOnce(field, '=');
  if (!pair) {
    return InvalidArgument("\"" + std::string(field) +
                           "\" is not of the form key=value");
  }
  auto [key, value] = *pair;
  if (key == "type") {
    ASSIGN_OR_RETURN(output.kind, ParseKind(value));
  } else if (key == "dest") {
    output.dest = value;
  } else if (key == "name") {
    for (std::string_view name : Split(value, ',')) {
      output.names.emplace_back(Trim(name));
    }
  } else if (key == "tar") {
    ASSIGN_OR_RETURN(output.tar, ParseBool(key, value));
  } else if (key == "rewrite-timestamp") {
    ASSIGN_OR_RETURN(output.rewrite_timestamp, ParseBool(key, value));
  } else if (key == "push") {
    ASSIGN_OR_RETURN(flags.push, ParseBool(key, value));
  } else {
    std::string_view stem = key.substr(0, key.find_first_of(".[-"));
    for (std::string_view known : kNotYet) {
      if (key == known || (stem == "annotation" && known == "annotation")) {
        return Unsupported("\"" + std::string(key) +
                           "\" is not supported yet; leave it out");
      }
    }
    return InvalidArgument("unknown key \"" + std::string(key) + "\"" +
                           DidYouMean(key, {"type", "dest", "name", "tar",
                                            "push", "rewrite-timestamp"}));
  }
  return {};
}

Status Check(const Output& output) {
  switch (output.kind) {
    case Output::Kind::kLocal:
      if (output.dest.empty()) {
        return InvalidArgument("type=local needs dest=FOLDER");
      }
      if (output.dest == "-") {
        return InvalidArgument(
            "type=local writes a folder, not standard output; use type=tar");
      }
      break;
    case Output::Kind::kOci:
      if (!output.tar && (output.dest.empty() || output.dest == "-")) {
        return InvalidArgument("type=oci,tar=false needs dest=FOLDER");
      }
      break;
    case Output::Kind::kStore:
    case Output::Kind::kRegistry:
      if (!output.dest.empty()) {
        return InvalidArgument("dest= has no meaning for this type");
      }
      break;
    case Output::Kind::kDocker:
    case Output::Kind::kTar:
      break;
  }
  bool is_image =
      output.kind != Output::Kind::kLocal && output.kind != Output::Kind::kTar;
  if (output.rewrite_timestamp && !is_image) {
    return Unsupported("rewrite-timestamp=true is for images only");
  }
  if (output.kind != Output::Kind::kOci && !output.tar) {
    return InvalidArgument("tar=false goes with type=oci only");
  }
  return {};
}

}  // namespace

Result<Output> ParseOutput(std::string_view text) {
  auto context = [&](Error error) {
    return std::move(error).Wrap("--output \"" + std::string(text) + "\"");
  };
  Output output;
  if (text.empty()) return context(InvalidArgument("is empty"));
  // buildx's short form: a folder, or "-" for a tar to standard output.
  if (text.find('=') == std::string_view::npos) {
    output.kind = text == "-" ? Output::Kind::kTar : Output::Kind::kLocal;
    output.dest = text;
    return output;
  }
  auto fields = SplitCsv(text);
  if (!fields) return context(std::move(fields).error());
  Flags flags;
  bool has_type = false;
  for (const std::string& field : *fields) {
    if (auto applied = ApplyField(field, output, flags); !applied) {
      return context(std::move(applied).error());
    }
    has_type = has_type || field.starts_with("type=");
  }
  if (!has_type) return context(InvalidArgument("type= is missing"));
  if (flags.push) {
    if (output.kind != Output::Kind::kStore) {
      return context(InvalidArgument("push=true goes with type=image only"));
    }
    output.kind = Output::Kind::kRegistry;
  }
  if (auto checked = Check(output); !checked) {
    return context(std::move(checked).error());
  }
  // A tar with no destination goes to standard output, as buildx does it.
  bool writes_tar = output.kind == Output::Kind::kTar ||
                    output.kind == Output::Kind::kDocker ||
                    (output.kind == Output::Kind::kOci && output.tar);
  if (writes_tar && output.dest.empty()) output.dest = "-";
  return output;
}

}  // namespace strake::builder
